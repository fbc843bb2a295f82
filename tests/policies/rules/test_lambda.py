"""Rules for functions, where their examples do not reach."""

from plan.values import UNKNOWN
from policies.registry import Given, Ref
from policies.rules import (
    cloudwatch,
    lambda_,
)
from tests.policies.doors import FAIL, PASS, SILENT, UNDECIDED, says


def test_a_source_that_is_not_known_leaves_a_permission_open() -> None:
    """A reference to a resource is a source; a value from nowhere may be an asterisk."""
    inputs = {"principal": "sns.amazonaws.com", "sourceArn": UNKNOWN}
    assert says("lambda-not-public", Given(lambda_.PERMISSION, "called", inputs)) == UNDECIDED
    referring = Given(lambda_.PERMISSION, "called", {**inputs, "sourceArn": Ref("topic")})
    assert says("lambda-not-public", Given(cloudwatch.TOPIC, "topic"), referring) == PASS


def test_a_function_from_an_image_has_no_runtime_to_judge() -> None:
    """The image brings its own."""
    assert says("lambda-runtime", Given(lambda_.FUNCTION, "f", {"packageType": "Image"})) == SILENT


def test_runtimes_are_a_setting() -> None:
    """AWS retires and adds some each year."""
    one = lambda_.Runtimes(runtimes=("nodejs26.x",))
    function = Given(lambda_.FUNCTION, "f", {"runtime": "nodejs26.x"})
    assert says("lambda-runtime", function, settings=one) == PASS
    assert says("lambda-runtime", function) == FAIL
