"""Every permission that a policy names is one that AWS has: a slip in its name grants nothing."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Final, cast

import botocore.session  # pyright: ignore[reportMissingTypeStubs] - it has none
import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from environments import stacks
from plan import Plan, Value
from tests.conftest import PROJECT

SERVICES: Final = {
    "access-analyzer": "accessanalyzer",
    "aps": "amp",
    "elasticloadbalancing": "elbv2",
    "tag": "resourcegroupstaggingapi",
}
"""The services that botocore calls otherwise than policies do."""
ELSEWHERE: Final = {"elasticache:Connect", "s3:BypassGovernanceRetention", "s3:ReplicateTags"}
"""Permissions for no call of the SDK: the Service Authorization Reference lists them."""


@pytest.mark.parametrize("stack", stacks(PROJECT))
def test_every_action_is_one_of_aws(stack: str, plan_of: Callable[[str], Plan]) -> None:
    """In roles, boundaries, and the policies of keys, buckets, queues, topics and endpoints."""
    named = {
        action
        for one in plan_of(stack).resources
        for text in _texts(one.inputs)
        for action in _actions(text)
    }
    assert len(named) > 30
    assert not sorted(action for action in named if not _is_known(action))


@cache
def _is_known(action: str) -> bool:
    if action == "*" or action in ELSEWHERE:
        return True
    service, _, name = action.lower().partition(":")
    return any(fnmatchcase(each, name) for each in _known(service))


@cache
def _known(service: str) -> frozenset[str]:
    """The permissions of `service`, by AWS's own policies and by the calls of its SDK."""
    session = cast("Any", botocore.session.Session())
    name = SERVICES.get(service, service)
    calls: list[str] = []
    if name in session.get_available_services():
        calls = session.get_service_model(name).operation_names
    return frozenset(each.lower() for each in calls) | _managed().get(service, frozenset())


@cache
def _managed() -> Mapping[str, frozenset[str]]:
    """The permissions that the policies which AWS keeps name, by their service."""
    found: dict[str, set[str]] = {}
    policies = cast("dict[str, Any]", json.loads(aws_managed_policies_data))
    for policy in policies.values():
        for action in _actions(json.dumps(policy["Document"])):
            service, _, name = action.lower().partition(":")
            if "*" not in name:
                found.setdefault(service, set()).add(name)
    return {service: frozenset(names) for service, names in found.items()}


def _texts(value: Value) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, Sequence):
        for item in value:
            yield from _texts(item)


def _actions(text: str) -> Iterator[str]:
    """The permissions that the statements of a policy name; nothing in what is no policy."""
    if not (text.startswith("{") and '"Statement"' in text):
        return
    statements = cast("list[dict[str, Any]] | dict[str, Any]", json.loads(text)["Statement"])
    for statement in statements if isinstance(statements, list) else [statements]:
        for key in ("Action", "NotAction"):
            named = cast("str | list[str]", statement.get(key, []))
            yield from [named] if isinstance(named, str) else named


@pytest.mark.parametrize(
    "action", ["s3:GetObjects", "kms:Decrpyt", "sqss:SendMessage", "ec2:Drop*"]
)
def test_a_slip_is_seen(action: str) -> None:
    """A name that is nearly one, and a pattern that fits none."""
    assert not _is_known(action)
