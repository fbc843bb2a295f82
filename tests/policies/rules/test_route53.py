"""Rules for DNS, where their examples do not reach."""

import pytest

from plan.values import UNKNOWN
from policies.registry import Given
from policies.rules import route53
from tests.policies.doors import SILENT, UNDECIDED, messages, says


@pytest.mark.parametrize("rule", ["route53-query-log", "route53-dnssec"])
def test_a_private_zone_is_not_concerned(rule: str) -> None:
    """It answers inside its networks only; where they are unknown, so is whether it does."""
    assert says(rule, Given(route53.ZONE, "inside", {"vpcs": [{"vpcId": "vpc-1"}]})) == SILENT
    assert says(rule, Given(route53.ZONE, "inside", {"vpcs": UNKNOWN})) == UNDECIDED


def test_the_last_resort_of_a_failover_needs_no_health_check() -> None:
    """The primary record does, and so does each weighted one."""
    rule = "route53-failover-health"
    secondary = {"failoverRoutingPolicies": [{"type": "SECONDARY"}]}
    weighted = {"weightedRoutingPolicies": [{"weight": 1}]}
    assert says(rule, Given(route53.RECORD, "standby", secondary)) == SILENT
    assert says(rule, Given(route53.RECORD, "api", {"records": ["198.51.100.1"]})) == SILENT
    assert messages(rule, Given(route53.RECORD, "blue", weighted)) == ["has no health check"]
