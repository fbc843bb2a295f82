"""Which actions a statement of an IAM policy is about, and on how much."""

import re
from collections.abc import Collection
from typing import Final

from policies.audience import EQUALITIES
from policies.nodes import Node
from policies.patterns import fits
from policies.statements import any_text, is_anything, on_everything

_EVERY_ONE: Final = re.compile(
    r"arn:[^:]*:[^:]*:[^:]*:([^:]*:(\*+|\*+/\*+)|[^:]+:[0-9A-Za-z-]+[:/]\*+)"
)
"""An ARN that stands for all of one kind of a service, in one account and region or in all."""


def is_about(statement: Node, action: str) -> bool:
    """Whether the statement, if it allows, allows `action`, or denies it, if it denies.

    Raises:
        UnknownValueError: one of its actions is not known, and no known one decides.
    """
    if statement.has("NotAction"):
        return not any_text(statement.each("NotAction"), lambda one: matches(one, action))
    return any_text(statement.each("Action"), lambda one: matches(one, action))


def matches(pattern: str, action: str) -> bool:
    """Whether `pattern` stands for `action`: in any case, with `*` and `?`, as IAM reads it."""
    return fits(action.lower(), pattern.lower())


def on_every_one(statement: Node) -> bool:
    """Whether the statement concerns all resources, or all of one kind."""
    return on_everything(statement) or any_text(
        statement.each("Resource"), lambda one: bool(_EVERY_ONE.fullmatch(one))
    )


def is_narrowed(statement: Node, keys: Collection[str]) -> bool:
    """Whether a condition holds only for some values of one of `keys`.

    `keys` are in lower case; one that ends in `/` is any key that begins so, as tags have.
    """
    conditions = statement.node("Condition")
    return any(
        operator.lower().removeprefix("foranyvalue:") in EQUALITIES
        and any(
            _is_one_of(key.lower(), keys) and not any_text(tested.each(key), is_anything)
            for key in tested.names()
            if tested.has(key)
        )
        for operator in conditions.names()
        for tested in [conditions.node(operator)]
    )


def _is_one_of(key: str, keys: Collection[str]) -> bool:
    return any(key.startswith(one) if one.endswith("/") else key == one for one in keys)
