"""What a statement of a policy is about, in each way that IAM lets people write it."""

import pytest

from plan.values import UNKNOWN, Value
from policies.grants import is_about, is_narrowed, matches, on_every_one
from policies.nodes import Node
from policies.outcomes import UnknownValueError


@pytest.mark.parametrize(
    ("pattern", "action", "expected"),
    [
        ("iam:PassRole", "iam:passrole", True),
        ("iam:Pass*", "iam:PassRole", True),
        ("iam:?assRole", "iam:PassRole", True),
        ("IAM:*", "iam:PassRole", True),
        ("*", "iam:PassRole", True),
        ("iam:PassRol", "iam:PassRole", False),
        ("iam:Pass", "iam:PassRole", False),
        ("iam:[P]assRole*", "iam:PassRole", False),
        ("", "iam:PassRole", False),
    ],
)
def test_patterns_are_read_as_iam_does(pattern: str, action: str, *, expected: bool) -> None:
    """In any case, with its two wildcards and no others."""
    assert matches(pattern, action) is expected


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ("*", True),
        ("arn:aws:iam::123456789012:role/*", True),
        ("arn:aws:iam::*:role/*", True),
        ("arn:aws:kms:eu-central-1:123456789012:key/*", True),
        ("arn:aws:secretsmanager:eu-central-1:123456789012:secret:*", True),
        ("arn:aws:s3:::*", True),
        ("arn:aws:s3:::*/*", True),
        ("arn:aws:sqs:eu-central-1:123456789012:*", True),
        ("arn:aws:s3:::uploads/*", False),
        ("arn:aws:iam::123456789012:role/api-*", False),
        ("arn:aws:ssm:eu-central-1:123456789012:parameter/slipway/*", False),
    ],
)
def test_all_of_a_kind_is_told_from_some(resource: str, *, expected: bool) -> None:
    """A bucket's objects are one bucket's; every role of an account is every role."""
    assert on_every_one(Node({"Resource": ["arn:aws:s3:::one", resource]})) is expected


def test_not_action_is_about_all_others() -> None:
    """A list of exceptions leaves in what it does not name."""
    statement = Node({"NotAction": ["s3:*"]})
    assert is_about(statement, "iam:PassRole")
    assert not is_about(statement, "s3:GetObject")


def test_what_is_not_known_decides_nothing() -> None:
    """An unknown action is neither this one nor another one, unless a known one decides."""
    values: list[Value] = ["iam:*", UNKNOWN]
    assert is_about(Node({"Action": values}), "iam:PassRole")
    with pytest.raises(UnknownValueError):
        is_about(Node({"Action": values}), "s3:GetObject")


@pytest.mark.parametrize(
    ("operator", "key", "value", "expected"),
    [
        ("StringEquals", "aws:ResourceTag/Service", "api", True),
        ("ForAnyValue:StringLike", "AWS:resourcetag/Service", "api-*", True),
        ("StringEquals", "iam:PolicyARN", "arn:aws:iam::aws:policy/ReadOnlyAccess", True),
        ("StringEqualsIfExists", "aws:ResourceTag/Service", "api", False),
        ("ForAllValues:StringEquals", "aws:ResourceTag/Service", "api", False),
        ("StringNotEquals", "aws:ResourceTag/Service", "api", False),
        ("StringLike", "aws:ResourceTag/Service", "*", False),
        ("StringEquals", "aws:RequestedRegion", "eu-central-1", False),
        ("StringEquals", "iam:PolicyARN", [], False),
    ],
)
def test_a_condition_narrows_by_equality(
    operator: str, key: str, value: Value, *, expected: bool
) -> None:
    """One that also holds where the key is absent, or for every value, narrows nothing."""
    statement = Node({"Condition": {operator: {key: value}}})
    assert is_narrowed(statement, {"aws:resourcetag/", "iam:policyarn"}) is expected
