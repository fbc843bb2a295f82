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


def test_the_state_of_a_rule_says_whether_it_sends() -> None:
    """One without a state sends; one that is off does not."""
    for state, expected in ((None, PASS), ("ENABLED", PASS), ("DISABLED", FAIL)):
        pattern = {"name": "findings", "eventPattern": '{"source": ["aws.guardduty"]}'}
        rule = Given(guardduty.EVENT_RULE, "findings", {**pattern, "state": state})
        target = Given(guardduty.EVENT_TARGET, "topic", {"rule": Ref("findings"), "arn": "arn"})
        detector = Given(guardduty.DETECTOR, "account")
        assert says("guardduty-alerts", detector, rule, target) == expected


def test_why_a_feature_is_not_decided_is_said() -> None:
    """By the resource that may be for another detector, and its input."""
    runtime = {"name": "RUNTIME_MONITORING", "status": "ENABLED", "detectorId": UNKNOWN}
    loose = Given(guardduty.FEATURE, "runtime", runtime)
    detector = Given(guardduty.DETECTOR, "account")
    (reason,) = messages("guardduty-on", detector, loose)
    assert reason == "runtime.detectorId is known after apply"
