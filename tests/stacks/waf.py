"""Judging a request by the rules of a firewall, as far as AWS WAF does without knowing the past.

Rules that count or that AWS keeps are not judged; their statements can be.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any, Final
from urllib.parse import unquote

_LIMIT: Final = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client sends."""

    path: str = "/"
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


def verdict(rules: Sequence[Mapping[str, Any]], request: Request, invites: Sequence[str]) -> str:
    """The name of the rule that refuses `request`, or nothing."""
    for rule in sorted(rules, key=lambda one: one["priority"]):
        statement = rule["statement"]
        is_own = not {"rateBasedStatement", "managedRuleGroupStatement"} & {*statement}
        if is_own and "block" in rule["action"] and matches(statement, request, invites):
            return str(rule["name"])
    return ""


def matches(  # noqa: PLR0911 - a case for each kind of statement
    statement: Mapping[str, Any], request: Request, invites: Sequence[str] = ()
) -> bool:
    """Whether `statement` matches `request`, where `invites` are patterns of a set."""
    ((kind, said),) = statement.items()
    match kind:
        case "andStatement":
            return all(matches(one, request, invites) for one in said["statements"])
        case "orStatement":
            return any(matches(one, request, invites) for one in said["statements"])
        case "notStatement":
            return not matches(said["statement"], request, invites)
        case "byteMatchStatement":
            compare = _COMPARISONS[said["positionalConstraint"]]
            return any(compare(text, said["searchString"]) for text in _texts(said, request))
        case "regexPatternSetReferenceStatement":
            texts = list(_texts(said, request))
            return any(re.search(one, text) for one in invites for text in texts)
        case "sizeConstraintStatement":
            assert said["comparisonOperator"] == "GT"
            body = said["fieldToMatch"].get("body")
            if body is not None and len(request.body) > _LIMIT:
                return bool(body["oversizeHandling"] == "MATCH")
            return any(len(text) > said["size"] for text in _texts(said, request))
        case _:
            message = f"a statement that this does not know: {kind}"
            raise AssertionError(message)


_COMPARISONS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "EXACTLY": str.__eq__,
    "STARTS_WITH": str.startswith,
}
_TRANSFORMATIONS: Final[Mapping[str, Callable[[str], str]]] = {
    "NONE": str,
    "LOWERCASE": str.lower,
    "URL_DECODE": unquote,
    "NORMALIZE_PATH": lambda text: (
        posixpath.normpath(re.sub("/+", "/", text))
        + ("/" if text.endswith("/") and text != "/" else "")
    ),
}


def _texts(said: Mapping[str, Any], request: Request) -> Iterator[str]:
    """The parts of `request` that a statement looks at, as it transforms them."""
    ((kind, how),) = said["fieldToMatch"].items()
    found: list[str]
    match kind:
        case "uriPath":
            found = [request.path]
        case "method":
            found = [request.method]
        case "body":
            found = [request.body.decode("latin-1")]
        case "singleHeader":
            found = [text for name, text in request.headers.items() if name == how["name"]]
        case "cookies":
            jar = SimpleCookie(request.headers.get("cookie", ""))
            (pattern,) = how["matchPatterns"]
            named = pattern["includedCookies"]
            found = [morsel.value for name, morsel in jar.items() if name in named]
        case _:
            message = f"a part of requests that this does not know: {kind}"
            raise AssertionError(message)
    for text in found:
        changed = text
        for step in sorted(said["textTransformations"], key=lambda one: one["priority"]):
            changed = _TRANSFORMATIONS[step["type"]](changed)
        yield changed
