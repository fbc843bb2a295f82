"""What a policy document of AWS decides of one request, as IAM reads it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from policies.patterns import fits


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Who asks to do what, to which resource; `context` holds the values of condition keys."""

    action: str
    resource: str = "*"
    context: Mapping[str, str] = field(default_factory=dict[str, str])


def decision(policy: str, request: Request) -> str | None:
    """`Deny`, `Allow`, or nothing where no statement of `policy` is about the request."""
    effects = {one["Effect"] for one in _statements(policy) if _concerns(one, request)}
    return next((effect for effect in ("Deny", "Allow") if effect in effects), None)


def _statements(policy: str) -> Iterator[dict[str, Any]]:
    yield from json.loads(policy)["Statement"]


def _concerns(statement: dict[str, Any], request: Request) -> bool:
    return (
        _either(statement, "Action", request.action.lower(), lower=True)
        and _either(statement, "Resource", request.resource)
        and all(
            _holds(operator, key, _texts(values), request.context)
            for operator, tested in statement.get("Condition", {}).items()
            for key, values in tested.items()
        )
    )


def _either(statement: dict[str, Any], key: str, value: str, *, lower: bool = False) -> bool:
    """Whether the statement names `value`, or does not leave it out."""
    is_turned = f"Not{key}" in statement
    patterns = _texts(statement.get(f"Not{key}" if is_turned else key, "*"))
    matched = any(fits(value, one.lower() if lower else one) for one in patterns)
    return matched is not is_turned


def _holds(operator: str, key: str, values: list[str], context: Mapping[str, str]) -> bool:
    found = context.get(key)
    operator = operator.removeprefix("ForAnyValue:")
    match operator:
        case "StringEquals" | "Bool":
            return found in values
        case "StringNotEquals" | "ArnNotEquals":
            return found not in values
        case "StringLike" | "ArnLike":
            return found is not None and any(fits(found, one) for one in values)
        case "Null":
            return (found is None) is (values == ["true"])
        case _:
            raise NotImplementedError(operator)


def _texts(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
