"""Tests of the compliance matrix."""

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from preview.cases import State
from preview.reports.matrix import Control, controls, render
from preview.verdict import Verdict
from standards import requirements
from tests.preview.plans import TODAY, VPC, alarm, resource, verdict, waiver
from tests.preview.reports.verdicts import HOSTILE, full

FSBP = "AWS Foundational Security Best Practices"
CIS = "CIS AWS Foundations Benchmark v5"


def by_id(judged: Verdict) -> dict[tuple[str, str], Control]:
    """The controls by standard and id; each stands there once."""
    found = controls(judged)
    made = {(each.standard, each.id): each for each in found}
    assert len(made) == len(found)
    return made


def test_a_control_counts_what_its_rules_came_to() -> None:
    """Each resource of each of its rules in one state."""
    told = resource(alarm().type, "told", {"alarmActions": ["arn:aws:sns:::x"]})
    judged = verdict(alarm(), alarm("b"), told, resource(VPC, "vpc"))
    judged = judged.with_waivers([waiver("alarm-actions", alarm("b"))], TODAY)
    control = by_id(judged)[FSBP, "CloudWatch.15"]
    assert control.rules == ("alarm-actions",)
    assert {state: control.count(state) for state in State} == {
        State.PASSED: 1,
        State.FAILED: 1,
        State.WAIVED: 1,
        State.NOT_APPLICABLE: 0,
        State.NOT_EVALUATED: 0,
    }


def test_a_control_is_as_good_as_the_worst_of_its_cases() -> None:
    """Failed before not evaluated before waived before passed; nothing is not applicable."""
    told = resource(alarm().type, "told", {"alarmActions": ["arn:aws:sns:::x"]})
    accepted = waiver("alarm-actions", alarm())
    states = [
        by_id(judged)[FSBP, "CloudWatch.15"].state
        for judged in (
            full(),
            verdict(told, alarm()).with_waivers([accepted], TODAY),
            verdict(told),
            verdict(),
        )
    ]
    assert states == ["failed", "waived", "passed", "not_applicable"]


def test_what_was_not_evaluated_has_not_passed() -> None:
    """A rule that raised has not either."""
    judged = full()
    judged.judgement.findings.clear()
    control = by_id(judged)[FSBP, "CloudWatch.15"]
    assert control.state == "not_evaluated"
    assert control.count(State.NOT_EVALUATED) == 2


def test_every_section_of_the_documents_is_there() -> None:
    """With the rules that serve its requirements; without, where no rule does."""
    found = by_id(verdict(resource(VPC, "vpc")))
    sections = {source for each in requirements().values() for source in each.sources}
    documents = [key for key in found if key[0][:3].isdigit()]
    assert len(documents) == len(sections)
    assert {standard[:3] for standard, _ in documents} == {"000", "001", "002", "003", "004"}
    source = requirements()["AUD-03"].sources[0]
    (key,) = (key for key in documents if f"{key[0][:3]} {key[1]}" == source)
    assert "vpc-flow-logs" in found[key].rules
    assert found[key].state == "failed"
    assert {each.state for each in found.values()} == {"failed", "no_rule", "not_applicable"}


def test_published_standards_come_first_in_the_order_of_their_numbers() -> None:
    """3.10 behind 3.9, EC2.10 behind EC2.6; FSBP, CIS, then the documents."""
    listed = list(dict.fromkeys(each.standard for each in controls(verdict())))
    assert listed[:2] == [FSBP, CIS]
    ids = [each.id for each in controls(verdict()) if each.standard == FSBP]
    assert ids == ["CloudWatch.15", "CloudWatch.17", "EC2.2", "EC2.6"]


def test_the_json_names_every_resource_and_waiver() -> None:
    """By state; a waived one with its last day."""
    judged = full()
    (environment,) = json.loads(render([judged], ".json"))["environments"]
    assert environment["environment"] == "production"
    assert [each["expires"] for each in environment["waivers"]] == ["2026-05-11"]
    assert any("expires on 2026-05-11" in each for each in environment["waiver_problems"])
    (control,) = (each for each in environment["controls"] if each["control"] == "CloudWatch.15")
    assert control["waived"] == 1
    assert control["resources"]["waived"] == [f"{alarm('near').urn} (until 2026-05-11, soon)"]
    assert control["resources"]["not_evaluated"] == [alarm("unknown").urn, alarm("broken").urn]
    assert control["resources"]["failed"] == [alarm().urn]


def test_the_table_has_a_line_a_control_of_each_environment() -> None:
    """With the same counts as the JSON, and resources line by line in a cell."""
    lines = _table(render([full(), verdict()], ".csv"))
    (line, other) = (each for each in lines if each["control"] == "CloudWatch.15")
    assert (line["failed"], line["waived"], line["not_evaluated"]) == ("1", "1", "2")
    assert line["not_evaluated_resources"].split("\n") == [
        alarm("unknown").urn,
        alarm("broken").urn,
    ]
    assert (other["state"], other["passed"]) == ("not_applicable", "0")
    assert len(lines) == 2 * len(controls(verdict()))


def test_a_waiver_that_ends_soon_is_told_where_it_counts() -> None:
    """One that holds for longer is named with its last day alone."""
    near, far = alarm("near"), alarm("far")
    waivers = [
        waiver("alarm-actions", near, days=3).at("waivers.yaml:1"),
        waiver("alarm-actions", far, days=80).at("waivers.yaml:2"),
    ]
    judged = verdict(near, far).with_waivers(waivers, TODAY)
    (line,) = (
        each for each in _table(render([judged], ".csv")) if each["control"] == "CloudWatch.15"
    )
    assert line["waived_resources"].split("\n") == [
        f"{near.urn} (until {TODAY + timedelta(days=3)}, soon)",
        f"{far.urn} (until {TODAY + timedelta(days=80)})",
    ]


def test_a_spreadsheet_runs_no_name() -> None:
    """A title that looks like a formula is text, and a name stays on its line."""
    judged = replace(verdict(resource(VPC, HOSTILE)), title="=1+1")
    lines = _table(render([judged], ".csv"))
    assert {each["environment"] for each in lines} == {"'=1+1"}
    (line,) = (each for each in lines if each["control"] == "EC2.6")
    assert "\n" not in line["failed_resources"]
    assert "\x1b" not in line["failed_resources"]


def _table(text: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(text)))
