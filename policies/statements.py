"""Reading IAM policy documents: statements, and the wildcards in them."""

import re
from collections.abc import Callable, Iterable
from typing import Final

from policies.nodes import Node
from policies.outcomes import UnknownValueError, WrongTypeError

_EVERY_RESOURCE: Final = re.compile(r"\*+|arn:(\*+|[^:]*(:\*+)+)")


def statements(document: Node, effect: str) -> list[Node]:
    """The statements of `document` whose effect is `effect`, `Allow` or `Deny`.

    Raises:
        WrongTypeError: there are none, or one has another effect, which AWS refuses.
    """
    found: list[Node] = []
    if document.names() and not document.has("Statement"):
        raise WrongTypeError((*document.path, "Statement"), "a list of statements", None)
    for statement in document.nodes("Statement"):
        own = statement.text("Effect")
        if own not in {"Allow", "Deny"}:
            raise WrongTypeError((*statement.path, "Effect"), "Allow or Deny", own)
        if own == effect:
            found.append(statement)
    return found


def any_text(items: Iterable[Node], wanted: Callable[[str], bool]) -> bool:
    """Whether one of the texts `items` is as `wanted`.

    Raises:
        UnknownValueError: none of the known ones is, and one is not known.
    """
    unknown: UnknownValueError | None = None
    for item in items:
        try:
            if wanted(item.as_text()):
                return True
        except UnknownValueError as error:
            unknown = error
    if unknown:
        raise unknown
    return False


def is_anything(pattern: str) -> bool:
    """Whether an action or a resource pattern matches everything."""
    return bool(pattern) and not pattern.strip("*:?")


def on_everything(statement: Node) -> bool:
    """Whether the statement concerns every resource."""
    if statement.has("NotResource"):
        return True
    return any_text(statement.each("Resource"), lambda one: bool(_EVERY_RESOURCE.fullmatch(one)))


def principals(statement: Node) -> list[Node]:
    """Every principal that the statement names, of whatever kind."""
    named = statement.nodes("Principal")
    if len(named) == 1 and named[0].is_object:
        return [one for kind in named[0].names() for one in named[0].each(kind)]
    return named
