"""Tests of the report as text."""

import io
import re
from dataclasses import fields, replace

import pytest

from plan import SECRET, UNKNOWN
from policies.judgement import RuleError, Undecided
from policies.registry import Controls
from preview.reports.terminal import Paper, render
from preview.reports.wording import NAMES_OF_STANDARDS
from standards import Tier, requirement
from tests.preview.plans import SUBNET, TODAY, VPC, alarm, plan, resource, verdict, waiver

PLAIN = Paper()


def test_every_resource_stands_in_the_tree_with_its_type_as_pulumi_prints_it() -> None:
    """Below its component, with the figures it was built from, its protection, its findings."""
    text = render(verdict(resource(VPC, "vpc", protect=True), alarm()), PLAIN)
    lines = text.splitlines()
    assert "└─ slipway:network:Network  network" in lines
    (vpc,) = (line for line in lines if "─ aws:ec2/vpc:Vpc" in line)
    assert vpc.startswith("   └─ aws:ec2/vpc:Vpc  vpc  protected  ✗ ")
    assert (
        "   ├─ aws:cloudwatch/metricAlarm:MetricAlarm  prover-cpu  threshold 70 ← SCALE-01"
        "  evaluationPeriods 10 ← SCALE-01  ✗ alarm-actions" in lines
    )


def test_a_finding_says_what_where_why_and_what_to_do() -> None:
    """Severity, level, requirement with its sentence, controls, resource, line, remedy."""
    text = render(verdict(resource(VPC, "main")), PLAIN)
    block = _block(text, "vpc-flow-logs")
    assert block[0] == "✗ vpc-flow-logs  medium, mandatory"
    said = _flowing(block)
    assert f"AUD-03 “{requirement('AUD-03').text}”" in said
    assert "FSBP EC2.6 · CIS 3.7 · Checkov CKV2_AWS_11" in said
    assert "• aws:ec2/vpc:Vpc main stacks/network.py:7" in said
    assert "no flow log records the traffic of this VPC" in said
    assert "→ Add a flow log" in said


def test_every_standard_that_a_rule_can_name_has_a_name() -> None:
    """A control is never left out of a report because nobody thought of its standard."""
    assert set(NAMES_OF_STANDARDS) == {each.name for each in fields(Controls)}


def test_the_summary_counts_by_service() -> None:
    """And says how many values the standards gave."""
    text = render(verdict(resource(VPC, "a"), resource(SUBNET, "b"), alarm()), PLAIN)
    assert "3 resources by service" in text
    assert re.search(r"ec2 +2 +cloudwatch +1", text)
    assert "2 values built from the figures of 1 sentence of the standards" in text


def test_what_is_not_known_is_said_plainly() -> None:
    """Limits and warnings, and rules that could not be decided, by rule and reason."""
    judged = verdict(alarm())
    rule = judged.judgement.findings[0].rule
    judged.judgement.not_evaluated.extend(
        Undecided(rule=rule, resource=resource(VPC, name), reason="x is known after apply")
        for name in "abcde"
    )
    text = render(judged, PLAIN)
    assert "• a limit" in text
    assert "• a thing is unknown" in text
    assert "Not evaluated  5 checks" in text
    assert f"• {rule.id}: x is known after apply (a, b, c and 2 more)" in text


def test_a_clear_run_ends_with_its_verdict() -> None:
    """Its last line is all that a hurried reader needs."""
    text = render(verdict(), PLAIN)
    assert text.splitlines()[-1].startswith("✓ production: no mandatory finding")
    assert "Findings" not in text


def test_a_run_that_stops_counts_what_stops_it() -> None:
    """Findings, rules that raised and waivers to correct."""
    judged = verdict(alarm())
    error = RuleError(
        rule=judged.judgement.findings[0].rule, resource=alarm(), message="KeyError: 'x'"
    )
    judged.judgement.errors.append(error)
    unused = waiver("vpc-flow-logs", resource(VPC, "gone"))
    text = render(judged.with_waivers([unused], TODAY), PLAIN)
    assert re.fullmatch(
        r"✗ production: \d mandatory findings?, 1 rule error, 1 waiver to correct",
        text.splitlines()[-1],
    )
    assert "• alarm-actions on aws:cloudwatch/metricAlarm:MetricAlarm  prover-cpu" in text
    assert "KeyError: 'x'" in text
    assert "covers nothing" in _flowing(text.splitlines())


def test_a_waiver_in_force_is_shown_with_its_finding() -> None:
    """Reason, people and last day stand in the report; the tree marks the resource."""
    accepted = waiver("alarm-actions", alarm())
    text = render(verdict(alarm()).with_waivers([accepted], TODAY), PLAIN)
    assert "Waivers in force  1" in text
    assert "owner ada@example.com, approved by grace@example.com, until 2026-07-03" in text
    assert "waived until 2026-07-03: The old network goes away next month." in text
    assert "~ alarm-actions" in text


def test_an_advisory_finding_does_not_stop() -> None:
    """Development is told, not stopped."""
    text = render(verdict(resource(VPC, "vpc"), tier=Tier.DEVELOPMENT), PLAIN)
    assert "judged as development" in text
    assert "! vpc-default-sg-closed" in text


def test_names_cannot_steer_the_terminal() -> None:
    """A plan's file may hold anything: what is not printable is spelled out."""
    text = render(verdict(resource(VPC, "a\x1b[2Jb\n✓ clean")), PLAIN)
    assert "\x1b" not in text
    assert r"a\x1b[2Jb\n✓ clean" in text


def test_neither_a_secret_nor_an_unknown_value_breaks_the_report() -> None:
    """Both are words where they would be shown."""
    figures = alarm().figures
    odd = replace(alarm(), inputs={"threshold": SECRET, "evaluationPeriods": UNKNOWN})
    text = render(verdict(replace(odd, figures=figures)), PLAIN)
    assert "threshold [secret] ← SCALE-01" in text
    assert "evaluationPeriods known after apply ← SCALE-01" in text


def test_colours_are_for_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe gets none, nor does who sets NO_COLOR or has a terminal that knows none."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "72")
    assert Paper.of(io.StringIO()) == Paper(width=None, colours=False)
    assert Paper.of(_Terminal()) == Paper(width=72, colours=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not Paper.of(_Terminal()).colours
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("TERM", "dumb")
    assert not Paper.of(_Terminal()).colours


def test_colours_change_nothing_but_colours() -> None:
    """Without the marks, the text is the same."""
    judged = verdict(alarm(), resource(VPC, "vpc"))
    painted = render(judged, Paper(colours=True))
    assert re.sub(r"\x1b\[[\d;]*m", "", painted) == render(judged, PLAIN)


@pytest.mark.parametrize("width", [20, 40, 60, 200])
def test_text_keeps_to_the_width_of_the_terminal(width: int) -> None:
    """From forty columns on no sentence is wider, but for code and names that cannot be broken."""
    text = render(verdict(resource(VPC, "vpc"), alarm()), Paper(width=width))
    sentences = [line for line in text.splitlines() if line.startswith(("  “", "  One", "  AUD"))]
    assert sentences
    assert max(map(len, sentences)) <= max(width, 40)


def test_asides_of_the_tree_give_way_on_a_narrow_terminal() -> None:
    """The figures behind a resource are left out before its name would wrap."""
    text = render(verdict(alarm()), Paper(width=60))
    assert "prover-cpu  ✗ alarm-actions" in text


def test_a_check_leaves_the_tree_out() -> None:
    """Who has the plan's file has its resources."""
    assert "├─" not in render(verdict(alarm()), PLAIN, tree=False)


def test_a_plan_without_resources_has_a_report() -> None:
    """Nothing to count is no error."""
    empty = replace(verdict(), plan=replace(plan(), resources=()))
    assert "0 resources by service" in render(empty, PLAIN)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _block(text: str, rule: str) -> list[str]:
    """The lines about `rule`, up to the next rule's."""
    lines = text.splitlines()
    start = next(
        place for place, line in enumerate(lines) if line.startswith((f"✗ {rule} ", f"! {rule} "))
    )
    ends = (
        place
        for place, line in enumerate(lines)
        if place > start and line and not line.startswith(" ")
    )
    return lines[start : next(ends)]


def _flowing(lines: list[str]) -> str:
    """The lines as one text, whatever their breaks and gaps."""
    return " ".join(" ".join(lines).split())
