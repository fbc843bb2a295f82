"""Tests of what reports tell of a plan."""

from dataclasses import replace

import pytest

from plan import Cited
from policies.judgement import Undecided
from preview.verdict import Verdict, reach_verdict, service, value_at
from standards import Tier
from tests.preview.plans import (
    ALARM,
    SUBNET,
    TODAY,
    VPC,
    alarm,
    plan,
    resource,
    verdict,
    waiver,
)


@pytest.mark.parametrize(
    ("type_", "name"),
    [
        ("aws:ec2/vpc:Vpc", "ec2"),
        ("aws:s3/bucketPolicy:BucketPolicy", "s3"),
        ("kubernetes:apps/v1:Deployment", "kubernetes apps"),
        ("random:index/randomPassword:RandomPassword", "random"),
        ("odd", "odd"),
    ],
)
def test_a_service_is_named_as_in_the_type(type_: str, name: str) -> None:
    """AWS's are so well known that its own name is left out."""
    assert service(resource(type_, "x")) == name


def test_only_what_a_provider_makes_is_counted() -> None:
    """Components, providers and the stack exist in the state alone."""
    judged = verdict(resource(VPC, "vpc"), resource(SUBNET, "a"), alarm())
    assert judged.services == {"ec2": 2, "cloudwatch": 1}
    assert len(judged.managed) == 3


def test_what_stops_the_update_comes_first() -> None:
    """Then the gravest; the reader of the first finding knows the worst."""
    judged = verdict(resource(VPC, "vpc"), alarm())
    stops = [group.stops for group in judged.groups]
    assert stops == sorted(stops, reverse=True)
    assert stops[0]
    assert judged.failed


def test_findings_of_a_rule_are_told_together_by_resource() -> None:
    """Two networks without flow log are one rule's findings on two resources."""
    judged = verdict(resource(VPC, "b"), resource(VPC, "a"))
    (group,) = (group for group in judged.groups if group.rule.id == "vpc-flow-logs")
    assert [each.name for each, _ in group.by_resource] == ["a", "b"]


def test_a_waived_finding_stays_and_no_longer_stops() -> None:
    """It counts as waived, and its waiver is in force."""
    judged = _without_other_rules(verdict(alarm()), "alarm-actions")
    assert judged.failed
    accepted = waiver("alarm-actions", alarm())
    waived = judged.with_waivers([accepted], TODAY)
    assert (waived.counts["mandatory"], waived.counts["waived"]) == (0, 1)
    assert waived.waivers == (accepted,)
    assert not waived.failed


def test_a_value_leads_back_to_its_sentence() -> None:
    """Each value that holds a figure is listed under its requirement."""
    uses = verdict(alarm("a"), alarm("b")).uses
    assert [(use.resource.name, use.cited.path, use.value) for use in uses["SCALE-01"]] == [
        ("a", "threshold", 70),
        ("a", "evaluationPeriods", 10),
        ("b", "threshold", 70),
        ("b", "evaluationPeriods", 10),
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [("rules[0].days", 90), ("rules[3].days", None), ("rules.days", None), ("absent", None)],
)
def test_a_value_is_found_by_its_path(path: str, value: object) -> None:
    """Where a plan's file names a path that is not there, there is no value."""
    assert value_at(resource(VPC, "x", {"rules": [{"days": 90}]}), path) == value


def test_doubts_of_one_kind_are_told_together() -> None:
    """One line says for how many resources a rule could not be decided, and why."""
    judged = verdict(alarm())
    rule = judged.judgement.findings[0].rule
    judged.judgement.not_evaluated.extend(
        Undecided(rule=rule, resource=resource(ALARM, name), reason="x is known after apply")
        for name in ("a", "b")
    )
    (found,) = judged.doubts
    assert [each.name for each in found.resources] == ["a", "b"]


def test_what_the_plan_warns_of_comes_behind_the_limits() -> None:
    """Both are told as what is not visible."""
    judged = reach_verdict(
        plan(warnings=("a thing is unknown",)),
        title="production",
        tier=Tier.PRODUCTION,
        limits=("a limit",),
    )
    assert judged.limits == ("a limit", "a thing is unknown")


def test_a_figure_of_no_known_requirement_is_listed_all_the_same() -> None:
    """A plan's file may come from a version with other standards."""
    foreign = replace(alarm(), figures=(Cited("threshold", "OLD-01", "x"),))
    assert list(verdict(foreign).uses) == ["OLD-01"]


def _without_other_rules(judged: Verdict, rule: str) -> Verdict:
    findings = [each for each in judged.judgement.findings if each.rule.id == rule]
    return replace(judged, judgement=replace(judged.judgement, findings=findings))
