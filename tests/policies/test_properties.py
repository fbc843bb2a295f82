"""Property values of the analyzer protocol: read as a plan's, written back unharmed."""

from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2
from pulumi_policy import proxy

from plan.values import SECRET, UNKNOWN, UNKNOWN_SECRET, Value
from policies.properties import decoded, encoded

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET_MARK = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the protocol's mark
ASSET_MARK = "c44067f5952c0a294b673a41bacd8c17"


def struct(properties: dict[str, Any]) -> struct_pb2.Struct:
    """What the engine sends."""
    made = struct_pb2.Struct()
    made.update(properties)
    return made


def secret(value: object) -> dict[str, object]:
    """A secret, as the engine wraps it."""
    return {SIGNATURE: SECRET_MARK, "value": value}


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("a", "a"),
        (3.0, 3),
        (0.5, 0.5),
        (True, True),
        (None, None),
        ([1, "a", [False]], [1, "a", [False]]),
        ({"a": {"b": 1}}, {"a": {"b": 1}}),
        (proxy.UNKNOWN_STRING_VALUE, UNKNOWN),
        (proxy.UNKNOWN_BOOLEAN_VALUE, UNKNOWN),
        (secret("hush"), SECRET),
        (secret({"a": proxy.UNKNOWN_STRING_VALUE}), SECRET),
        (secret(proxy.UNKNOWN_STRING_VALUE), UNKNOWN_SECRET),
        ({SIGNATURE: SECRET_MARK}, SECRET),
        ({SIGNATURE: ASSET_MARK, "text": "a"}, {SIGNATURE: ASSET_MARK, "text": "a"}),
    ],
)
def test_a_value_is_read_as_a_plan_holds_it(sent: object, read: Value) -> None:
    """Unknowns are marked and secrets dropped; whole numbers are whole."""
    (found,) = decoded(struct({"x": sent})).values()
    assert type(found) is type(read)
    assert found == read


@pytest.mark.parametrize(
    ("sent", "after", "written"),
    [
        ({"a": 1}, {"a": 1}, {"a": 1}),
        ({"a": 1}, {"a": True}, {"a": True}),
        ({"a": 0}, {"a": False}, {"a": False}),
        ({"a": "x"}, {"a": "y", "b": ["z"]}, {"a": "y", "b": ["z"]}),
        ({"a": "x", "b": 1}, {"a": "x"}, {"a": "x"}),
        ({"a": "x"}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": [2]}}, {"a": {"b": 1, "c": [2]}}),
        ({"a": ["x", "y"]}, {"a": ["x"]}, {"a": ["x"]}),
        ({"a": [1]}, {"a": [[1], 2]}, {"a": [[1], 2]}),
        ({"a": "xy"}, {"a": ["x", "z"]}, {"a": ["x", "z"]}),
    ],
)
def test_a_change_is_written(
    sent: dict[str, Any], after: dict[str, Value], written: dict[str, Any]
) -> None:
    """Of whatever type the value was before."""
    message = struct(sent)
    assert json_format.MessageToDict(encoded(message, decoded(message), after)) == written


def test_what_stands_beside_a_change_reaches_the_provider_whole() -> None:
    """A secret is written as it came, not as the mark that a plan holds for it."""
    sent = {
        "rules": [{"password": secret("hush"), "days": 1}, secret("all")],
        "token": secret("hush"),
        "name": proxy.UNKNOWN_STRING_VALUE,
    }
    message = struct(sent)
    before = decoded(message)
    after: dict[str, Value] = {**before, "rules": [{"password": SECRET, "days": 7}, SECRET]}
    assert json_format.MessageToDict(encoded(message, before, after)) == {
        **sent,
        "rules": [{"password": secret("hush"), "days": 7}, secret("all")],
    }
