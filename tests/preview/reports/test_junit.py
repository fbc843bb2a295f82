"""Tests of the report as JUnit XML."""

from dataclasses import replace
from xml.etree import ElementTree as ET

from preview.reports.junit import render
from preview.verdict import Verdict
from standards import Tier
from tests.preview.plans import TODAY, VPC, alarm, resource, verdict, waiver
from tests.preview.reports.verdicts import HOSTILE, full


def suites(*verdicts: Verdict) -> list[ET.Element]:
    """The suites of the report, which is well-formed."""
    text = render(verdicts)
    assert all(each.isprintable() or each == "\n" for each in text)
    root = ET.fromstring(text.encode("utf-8"))  # noqa: S314 - our own text
    assert root.tag == "testsuites"
    for key in ("tests", "failures", "errors", "skipped"):
        assert root.get(key) == str(sum(int(suite.get(key) or "") for suite in root))
    return list(root)


def case(suite: ET.Element, rule: str, name: str) -> ET.Element:
    """The case of `rule` on the resource called `name`."""
    (found,) = (
        each
        for each in suite
        if each.get("classname") == rule and (each.get("name") or "").endswith(f" {name}")
    )
    return found


def test_a_suite_counts_what_is_in_it() -> None:
    """A suite an environment; a case a rule and resource, and one a waiver to look after."""
    first, second = suites(full(), replace(verdict(), title="staging"))
    assert first.attrib == {
        "name": "production",
        "tests": "10",
        "failures": "6",
        "errors": "1",
        "skipped": "2",
    }
    assert second.attrib["name"] == "staging"
    assert second.attrib["tests"] == "0"


def test_what_stops_an_update_fails() -> None:
    """With what is wrong, where it is declared, and what to do."""
    (suite,) = suites(verdict(resource(VPC, "vpc")))
    found = case(suite, "vpc-flow-logs", "vpc")
    (failure,) = found
    assert (found.get("file"), found.get("line")) == ("stacks/network.py", "7")
    assert failure.get("message") == "no flow log records the traffic of this VPC"
    assert failure.get("type") == "medium"
    for said in (resource(VPC, "vpc").urn, "aws.ec2.FlowLog", "docs/policies/vpc-flow-logs.md"):
        assert said in (failure.text or "")


def test_what_advises_passes_and_is_told() -> None:
    """A test report has no other place for it."""
    (suite,) = suites(verdict(resource(VPC, "vpc"), tier=Tier.DEVELOPMENT))
    (said,) = case(suite, "vpc-flow-logs", "vpc")
    assert said.tag == "system-out"
    assert "advisory" in (said.text or "")
    assert "no flow log" in (said.text or "")


def test_what_passes_is_an_empty_case() -> None:
    """And counts."""
    told = resource(alarm().type, "told", {"alarmActions": ["arn:aws:sns:::x"]})
    (suite,) = suites(verdict(told))
    assert len(case(suite, "alarm-actions", "told")) == 0
    assert (suite.get("tests"), suite.get("failures")) == ("1", "0")


def test_what_was_not_judged_is_skipped_with_the_reason() -> None:
    """Waived, with its end; not evaluated. A rule that raised is an error."""
    (suite,) = suites(full())
    (waived,) = case(suite, "alarm-actions", "near")
    (undecided,) = case(suite, "alarm-actions", "unknown")
    (broken,) = case(suite, "alarm-actions", "broken")
    assert waived.tag == undecided.tag == "skipped"
    assert "waived until 2026-05-11: The old network" in (waived.get("message") or "")
    assert "known after apply" in (undecided.get("message") or "")
    assert broken.tag == "error"


def test_waivers_that_end_soon_are_told_and_broken_ones_fail() -> None:
    """At the line of the file that holds them."""
    (suite,) = suites(full())
    told = {each.get("name"): each[0] for each in suite if each.get("classname") == "waivers"}
    assert told["policies/waivers.yaml:3"].tag == "system-out"
    assert "expires on" in (told["policies/waivers.yaml:3"].text or "")
    assert told["policies/waivers.yaml:11"].tag == "failure"


def test_hostile_text_is_escaped_wherever_it_stands() -> None:
    """Names, files, reasons, titles: markup, control characters, half of a character pair."""
    reason = f"{HOSTILE} goes away"
    odd = waiver("alarm-actions", alarm()).model_copy(update={"reason": reason})
    judged = replace(verdict(alarm(), resource(VPC, HOSTILE)), title=HOSTILE)
    (suite,) = suites(judged.with_waivers([odd], TODAY))
    (skipped,) = case(suite, "alarm-actions", "prover-cpu")
    assert "<x a='1'>" in (skipped.get("message") or "")
    assert "\\x00" in (suite.get("name") or "")
