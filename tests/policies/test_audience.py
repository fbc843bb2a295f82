"""Whom a statement of a resource's policy admits."""

import pytest

from plan.values import UNKNOWN, Value
from policies.audience import admits_somebody
from policies.nodes import Node
from policies.outcomes import PASS, Fail, NotEvaluated, attempt


def outcome(principal: Value, condition: Value = None, key: str = "Principal") -> object:
    """What is said of a statement with this principal and condition."""
    statement = Node({"Effect": "Allow", key: principal, "Condition": condition})
    return attempt(lambda: admits_somebody(statement))


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["1", "*"]}, {"Federated": "*"}])
def test_a_star_admits_everyone(principal: Value) -> None:
    """In each form that AWS takes."""
    assert isinstance(outcome(principal), Fail)


def test_all_but_some_are_everyone() -> None:
    """A statement for all but some principals admits strangers."""
    assert isinstance(outcome({"AWS": "123456789012"}, key="NotPrincipal"), Fail)


@pytest.mark.parametrize(
    "principal", [{"AWS": "arn:aws:iam::1:role/api"}, {"Service": "events.amazonaws.com"}]
)
def test_a_named_principal_is_somebody(principal: Value) -> None:
    """A role or a service of AWS."""
    assert outcome(principal) == PASS


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:SourceAccount": "123456789012"}},
        {"StringEquals": {"AWS:SourceOwner": "123456789012"}},
        {"ArnLike": {"aws:SourceArn": ["arn:aws:s3:::uploads"]}},
        {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-1/*"}},
        {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
        {"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:SourceVpce": "vpce-1"}},
        {"StringEquals": {"sqs:x": "y", "aws:PrincipalOrgID": "o-1"}},
    ],
)
def test_a_condition_on_the_caller_narrows(condition: Value) -> None:
    """An account, an organisation, a network or a source."""
    assert outcome("*", condition) == PASS


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"Bool": {"aws:SecureTransport": "true"}},
        {"StringNotEquals": {"aws:SourceAccount": "123456789012"}},
        {"StringEqualsIfExists": {"aws:SourceAccount": "123456789012"}},
        {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-1"}},
        {"ArnLike": {"aws:SourceArn": "*"}},
        {"StringLike": {"aws:SourceAccount": ["123456789012", "*"]}},
        {"StringEquals": {"aws:SourceAccount": []}},
        {"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "0.0.0.0/0"]}},
        {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
        {"StringEquals": {"aws:SourceIp": "192.0.2.1"}},
        {"IpAddress": {"aws:SourceAccount": "192.0.2.0/24"}},
    ],
)
def test_any_other_condition_does_not(condition: Value) -> None:
    """One that strangers meet, too, or that is about something else."""
    assert isinstance(outcome("*", condition), Fail)


def test_what_is_not_known_is_not_decided() -> None:
    """Neither an unknown principal nor an unknown value counts as somebody in particular."""
    assert isinstance(outcome(UNKNOWN), NotEvaluated)
    assert isinstance(outcome("*", {"StringEquals": {"aws:SourceAccount": UNKNOWN}}), NotEvaluated)
    assert outcome({"AWS": "1"}, UNKNOWN) == PASS
