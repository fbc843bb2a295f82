"""Tests of the report as SARIF."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest

from plan import Source
from policies.configuration import settings_by_rule
from policies.judgement import judge
from policies.registry import rules
from preview.reports.sarif import Places, render
from preview.verdict import Verdict
from standards import Tier
from tests.preview.plans import TODAY, VPC, alarm, plan, resource, verdict, waiver
from tests.preview.reports.verdicts import HOSTILE, full

SCHEMA: Final = json.loads(
    (Path(__file__).parent / "data" / "sarif-schema-2.1.0.json").read_text(encoding="utf-8")
)
PLACES: Final = Places(files={"production": "Pulumi.production.yaml"})


def log(*verdicts: Verdict, places: Places = PLACES) -> list[dict[str, Any]]:
    """The runs of the log of `verdicts`, which is valid by the standard's schema."""
    text = render(verdicts, places)
    content = json.loads(text)
    jsonschema.validate(content, SCHEMA)
    json.dumps(content, ensure_ascii=False).encode("utf-8")  # no half of a character pair
    return content["runs"]


def results(judged: Verdict, places: Places = PLACES) -> dict[str, dict[str, Any]]:
    """The results by rule; the last of each."""
    return {each["ruleId"]: each for each in log(judged, places=places)[0]["results"]}


def test_a_log_of_all_rules_and_of_everything_that_can_happen_is_valid() -> None:
    """By the schema that OASIS publishes; with no environment and with several, too."""
    pack = rules().values()
    made = plan(resource(VPC, "vpc"), alarm())
    whole = replace(verdict(), judgement=judge(made, pack, settings_by_rule(pack, Tier.PRODUCTION)))
    assert log() == []
    first, second = log(whole, replace(full(), title="staging"))
    assert len(first["tool"]["driver"]["rules"]) == len(rules())
    assert first["automationDetails"]["id"] != second["automationDetails"]["id"]


def test_the_schema_refuses_what_is_no_log() -> None:
    """Or the test above would show nothing."""
    content = json.loads(render([full()], PLACES))
    content["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, SCHEMA)


def test_a_rule_is_described_with_its_severity_controls_and_help() -> None:
    """What it says, the sentences behind it, what to do; ids as tags; a score for its severity."""
    (run,) = log(verdict(resource(VPC, "vpc")))
    described = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}["vpc-flow-logs"]
    assert described["shortDescription"]["text"] == rules()["vpc-flow-logs"].title
    assert "**AUD-03**" in described["help"]["markdown"]
    assert "aws.ec2.FlowLog" in described["help"]["text"]
    assert described["defaultConfiguration"]["level"] == "warning"
    assert 4 <= float(described["properties"]["security-severity"]) < 7
    assert {"security", "AUD-03", "FSBP EC2.6", "CIS 3.7", "CKV2_AWS_11"} <= set(
        described["properties"]["tags"]
    )
    assert "helpUri" not in described


def test_a_rule_links_to_its_page_where_the_address_is_known() -> None:
    """Whether or not that ends in a slash."""
    for docs in ("https://example.org/blob/main", "https://example.org/blob/main/"):
        (run,) = log(verdict(), places=replace(PLACES, docs=docs))
        assert next(rule["helpUri"] for rule in run["tool"]["driver"]["rules"]) == (
            "https://example.org/blob/main/docs/policies/alarm-actions.md"
        )


def test_a_finding_stands_at_its_line() -> None:
    """Relative to the root of the repository, also where the project is a folder below it."""
    for project, uri in (("", "stacks/network.py"), ("infra/a b", "infra/a%20b/stacks/network.py")):
        found = results(verdict(resource(VPC, "vpc")), replace(PLACES, project=project))
        (location,) = found["vpc-flow-logs"]["locations"]
        assert location["physicalLocation"] == {
            "artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 7},
        }
        (logical,) = location["logicalLocations"]
        assert logical["fullyQualifiedName"] == resource(VPC, "vpc").urn


def test_a_finding_without_a_line_stands_at_the_file_that_it_comes_from() -> None:
    """Code scanning takes no result without a place; what came through a pipe has none."""
    bare = replace(resource(VPC, "vpc"), source=None)
    (location,) = results(verdict(bare))["vpc-flow-logs"]["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "Pulumi.production.yaml"
    (location,) = results(verdict(bare), Places(files={}))["vpc-flow-logs"]["locations"]
    assert "physicalLocation" not in location
    (location,) = results(verdict(bare), Places(files={"production": "/a/plan.json"}))[
        "vpc-flow-logs"
    ]["locations"]
    assert location["physicalLocation"]["artifactLocation"] == {"uri": "file:///a/plan.json"}


def test_what_stops_an_update_is_an_error() -> None:
    """What only advises is a warning at most."""
    tiers = {
        tier: results(verdict(resource(VPC, "vpc"), tier=tier))
        for tier in (Tier.PRODUCTION, Tier.DEVELOPMENT)
    }
    levels = {
        tier: (found["vpc-flow-logs"]["level"], found["vpc-default-sg-closed"]["level"])
        for tier, found in tiers.items()
    }
    assert levels[Tier.PRODUCTION] == ("error", "error")
    assert levels[Tier.DEVELOPMENT][0] == "warning"


def test_a_fingerprint_survives_what_moves() -> None:
    """Another line or another finding before it; not another resource or rule."""
    before = _fingerprints(verdict(resource(VPC, "vpc")))
    moved = replace(resource(VPC, "vpc"), source=Source("stacks/elsewhere.py", 99))
    after = _fingerprints(verdict(alarm(), resource(VPC, "a"), moved))
    assert before.items() <= after.items()
    assert len(set(after.values())) == len(after) == 5


def test_a_finding_that_is_there_twice_keeps_two_fingerprints() -> None:
    """Two violations at one input are two alerts."""
    judged = verdict(resource(VPC, "vpc"))
    judged.judgement.findings.append(judged.judgement.findings[0])
    (run,) = log(judged)
    prints = [each["partialFingerprints"]["primaryLocationLineHash"] for each in run["results"]]
    assert len(set(prints)) == len(prints) == 3


def test_a_waived_finding_is_suppressed_with_its_reason() -> None:
    """Who stands for it, until when, and where that is written; any other is not suppressed."""
    accepted = waiver("alarm-actions", alarm()).at("policies/waivers.yaml:3")
    judged = verdict(alarm(), resource(VPC, "vpc")).with_waivers([accepted], TODAY)
    found = results(judged, replace(PLACES, project="infra"))
    (suppression,) = found["alarm-actions"]["suppressions"]
    assert suppression["status"] == "accepted"
    for said in (accepted.reason, "ada@example.com", "grace@example.com", "2026-07-03"):
        assert said in suppression["justification"]
    place = suppression["location"]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "infra/policies/waivers.yaml"
    assert place["region"]["startLine"] == 3
    assert found["vpc-flow-logs"]["suppressions"] == []


def test_what_could_not_be_judged_is_a_notification() -> None:
    """A rule that failed, a rule that was not evaluated; waivers to look after; what is unseen."""
    (run,) = log(full())
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    executed = invocation["toolExecutionNotifications"]
    assert [(each["level"], each["associatedRule"]["id"]) for each in executed] == [
        ("error", "alarm-actions"),
        ("note", "alarm-actions"),
    ]
    assert "KeyError" in executed[0]["message"]["text"]
    assert "not evaluated" in executed[1]["message"]["text"]
    told = invocation["toolConfigurationNotifications"]
    assert sorted(each["level"] for each in told) == ["error", "note", "note", "warning"]
    (near,) = (each["message"]["text"] for each in told if each["level"] == "warning")
    assert "expires on 2026-05-11" in near


def test_a_clean_run_is_successful() -> None:
    """And has an empty list of results, which says that all was looked at."""
    (run,) = log(verdict())
    assert run["results"] == []
    assert run["invocations"][0]["executionSuccessful"] is True


def test_hostile_names_are_valid_text() -> None:
    """Control characters, quotes and half of a character pair, in names and in files."""
    odd = replace(resource(VPC, HOSTILE), source=Source(HOSTILE, 0))
    (run,) = log(replace(verdict(odd), title=HOSTILE))
    text = json.dumps(run, ensure_ascii=False)
    assert "\x1b" not in text
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 1


def _fingerprints(judged: Verdict) -> dict[tuple[str, str], str]:
    (run,) = log(judged)
    return {
        (
            each["ruleId"],
            each["locations"][0]["logicalLocations"][0]["fullyQualifiedName"],
        ): each["partialFingerprints"]["primaryLocationLineHash"]
        for each in run["results"]
    }
