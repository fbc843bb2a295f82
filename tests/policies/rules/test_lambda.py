"""Rules for functions, where their examples do not reach."""

from plan.values import UNKNOWN
from policies.registry import Given, Ref
from policies.rules import (
    cloudwatch,
    lambda_,
)
from tests.policies.doors import FAIL, PASS, SILENT, UNDECIDED, messages, says


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


def test_a_service_calls_for_one_source() -> None:
    """An account, an organisation or a resource; none of them is everybody's."""
    for key, value in (
        ("sourceAccount", "123456789012"),
        ("principalOrgId", "o-a1b2c3"),
        ("sourceArn", "arn:aws:s3:::uploads"),
        ("sourceArn", Ref("uploads")),
    ):
        permission = Given(lambda_.PERMISSION, "s3", {"principal": "s3.amazonaws.com", key: value})
        uploads = Given("aws:s3/bucket:Bucket", "uploads")
        assert says("lambda-not-public", permission, uploads) == PASS
    for inputs in ({}, {"sourceArn": "*"}, {"sourceArn": " "}):
        permission = Given(lambda_.PERMISSION, "s3", {"principal": "s3.amazonaws.com", **inputs})
        assert messages("lambda-not-public", permission) == [
            "s3.amazonaws.com may call it on anybody's behalf: no source is named"
        ]
    anybody = Given(lambda_.PERMISSION, "all", {"principal": "*"})
    assert messages("lambda-not-public", anybody) == ["anybody may call it"]
    ours = Given(lambda_.PERMISSION, "all", {"principal": "*", "principalOrgId": "o-a1b2c3"})
    assert says("lambda-not-public", ours) == PASS
