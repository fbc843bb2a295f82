"""Rules for GuardDuty, where their examples do not reach."""

from plan.values import UNKNOWN
from policies.registry import Given, Ref
from policies.rules import guardduty
from tests.policies.doors import FAIL, PASS, UNDECIDED, messages, says


def test_the_older_switches_of_a_detector_count() -> None:
    """A detector may turn S3 off in its own inputs."""
    off = {"datasources": {"s3Logs": {"enable": False}}}
    needs = guardduty.Features(features=("S3_DATA_EVENTS",))
    detector = Given(guardduty.DETECTOR, "account", off)
    assert messages("guardduty-on", detector, settings=needs) == ["S3_DATA_EVENTS is off"]


def test_a_feature_of_an_unknown_detector_leaves_open_what_is_on() -> None:
    """It may be this detector's, and may turn a feature on or off."""
    runtime = {"name": "RUNTIME_MONITORING", "status": "ENABLED"}
    loose = Given(guardduty.FEATURE, "runtime", {**runtime, "detectorId": UNKNOWN})
    own = Given(guardduty.FEATURE, "own", {**runtime, "detectorId": Ref("account")})
    detector = Given(guardduty.DETECTOR, "account")
    assert says("guardduty-on", detector, loose) == UNDECIDED
    assert says("guardduty-on", detector, own) == PASS
    assert says("guardduty-on", detector, own, loose) == UNDECIDED


def test_findings_go_somewhere_once_the_rule_has_a_target() -> None:
    """A rule's target may name it, too."""
    pattern = {"name": "findings", "eventPattern": '{"source": "aws.guardduty"}'}
    detector, found = (
        Given(guardduty.DETECTOR, "account"),
        Given(guardduty.EVENT_RULE, "rule", pattern),
    )
    target = Given(guardduty.EVENT_TARGET, "target", {"rule": "findings"})
    other = Given(guardduty.EVENT_TARGET, "target", {"rule": UNKNOWN})
    assert says("guardduty-alerts", detector, found, target) == PASS
    assert says("guardduty-alerts", detector, found, other) == UNDECIDED
    assert says("guardduty-alerts", detector, found) == FAIL
