"""Whom the policy of a resource admits: everyone, or somebody in particular."""

from typing import Final

from policies.nodes import Node
from policies.outcomes import Outcome, require
from policies.statements import any_text, is_anything, principals
from policies.traffic import is_worldwide

_CALLERS: Final = frozenset(
    {
        *("aws:principalaccount", "aws:principalarn", "aws:principalorgid"),
        *("aws:principalorgpaths", "aws:principalservicename", "aws:userid"),
        *("aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths"),
        *("aws:sourceowner", "aws:sourcevpc", "aws:sourcevpcarn", "aws:sourcevpce"),
        *("aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths", "aws:vpcsourceip"),
        *("kms:calleraccount", "lambda:eventsourcetoken"),
    }
)
"""Condition keys that tell who calls, or from where, in lower case as AWS compares them."""

_ADDRESS: Final = "aws:sourceip"
EQUALITIES: Final = frozenset(
    {"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"}
)
"""Operators that hold for what they name alone; one that ends in `IfExists` holds without it."""


def admits_somebody(statement: Node) -> Outcome:
    """Fail where a statement that allows something allows it to anyone in the world.

    A condition counts where it is about the caller: an account, organisation, network or source.
    """
    everyone = statement.has("NotPrincipal") or any_text(principals(statement), is_anything)
    return require(
        not everyone or _narrows(statement.node("Condition")),
        "allows something to everyone",
        statement.here,
    )


def _narrows(conditions: Node) -> bool:
    """Whether one of the conditions, all of which have to hold, is about the caller."""
    return any(
        _is_particular(operator.lower().removeprefix("foranyvalue:"), conditions.node(operator))
        for operator in conditions.names()
    )


def _is_particular(operator: str, tested: Node) -> bool:
    for key in tested.names():
        values = tested.each(key)
        if operator in EQUALITIES and key.lower() in _CALLERS:
            is_wide = any_text(values, is_anything)
        elif operator == "ipaddress" and key.lower() == _ADDRESS:
            is_wide = any(is_worldwide(value) for value in values)
        else:
            continue
        if values and not is_wide:
            return True
    return False
