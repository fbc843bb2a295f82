"""Rules of networks, where their examples do not reach."""

from plan.values import UNKNOWN
from policies.registry import Given, Ref
from policies.rules.vpc import FLOW_LOG, VPC
from policies.traffic import DEFAULT_GROUP
from tests.policies.doors import FAIL, PASS, UNDECIDED, says


def test_a_flow_log_of_another_network_does_not_count() -> None:
    """The relation is followed, not the mere presence of a log."""
    log = Given(FLOW_LOG, "log", {"vpcId": Ref("a"), "trafficType": "ALL"})
    assert says("vpc-flow-logs", Given(VPC, "a"), log) == PASS
    assert says("vpc-flow-logs", Given(VPC, "a"), Given(VPC, "b"), log) == FAIL


def test_a_flow_log_of_an_unknown_network_leaves_it_undecided() -> None:
    """It may be the one."""
    log = Given(FLOW_LOG, "log", {"vpcId": UNKNOWN, "trafficType": "ALL"})
    assert says("vpc-flow-logs", Given(VPC, "a"), log) == UNDECIDED
    known = Given(FLOW_LOG, "log", {"vpcId": "vpc-0123456789abcdef0", "trafficType": "ALL"})
    assert says("vpc-flow-logs", Given(VPC, "a"), known) == FAIL


def test_one_flow_log_of_rejected_traffic_is_enough() -> None:
    """A second one may record something else, or not be known yet."""
    kinds = ["ACCEPT", UNKNOWN, "REJECT"]
    logs = [
        Given(FLOW_LOG, f"log-{index}", {"vpcId": Ref("a"), "trafficType": kind})
        for index, kind in enumerate(kinds)
    ]
    assert says("vpc-flow-logs", Given(VPC, "a"), *logs) == PASS
    assert says("vpc-flow-logs", Given(VPC, "a"), *logs[:2]) == UNDECIDED
    assert says("vpc-flow-logs", Given(VPC, "a"), *logs[:1]) == FAIL


def test_rules_that_are_not_known_yet_leave_the_default_group_undecided() -> None:
    """They may turn out to be none."""
    group = Given(DEFAULT_GROUP, "default", {"vpcId": Ref("a"), "ingress": UNKNOWN})
    assert says("vpc-default-sg-closed", Given(VPC, "a"), group) == UNDECIDED
