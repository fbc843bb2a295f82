"""Tests of what becomes of each rule on each resource."""

from policies.judgement import RuleError, Undecided
from preview.cases import State, cases
from tests.preview.plans import SUBNET, TODAY, VPC, alarm, resource, verdict, waiver


def test_every_rule_on_every_resource_of_its_types_has_one_state() -> None:
    """Failed, waived, and passed; a resource that no rule looks at is no case."""
    told = resource(alarm().type, "told", {"alarmActions": ["arn:aws:sns:::x"]})
    judged = verdict(alarm(), told, resource(VPC, "vpc"), resource(SUBNET, "subnet"))
    found = cases(
        judged.with_waivers([waiver("vpc-flow-logs", resource(VPC, "vpc"))], TODAY).judgement
    )
    assert [(each.rule.id, each.resource.name, each.state) for each in found] == [
        ("alarm-actions", "prover-cpu", State.FAILED),
        ("alarm-actions", "told", State.PASSED),
        ("vpc-default-sg-closed", "vpc", State.FAILED),
        ("vpc-flow-logs", "vpc", State.WAIVED),
    ]


def test_what_was_not_evaluated_says_why() -> None:
    """An error of a rule, too; neither is a pass."""
    judged = verdict(alarm("a"), alarm("b"), alarm("c")).judgement
    rule = judged.rules[0]
    judged.findings.clear()
    judged.concerned.clear()
    judged.errors.append(RuleError(rule=rule, resource=alarm("a"), message="KeyError: 1"))
    judged.not_evaluated.append(Undecided(rule=rule, resource=alarm("b"), reason="x is unknown"))
    assert [(each.state, each.reason, each.is_error) for each in cases(judged)] == [
        (State.NOT_EVALUATED, "KeyError: 1", True),
        (State.NOT_EVALUATED, "x is unknown", False),
        (State.NOT_APPLICABLE, "", False),
    ]
