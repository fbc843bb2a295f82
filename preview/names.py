"""URNs, as the engine makes them."""

from typing import Final

from plan.model import STACK_TYPE

PREFIX: Final = "urn:pulumi:"
DELIMITER: Final = "::"


def stack_urn(project: str, stack: str) -> str:
    """The URN of the root resource of `stack`."""
    return make_urn(stack, project, STACK_TYPE, f"{project}-{stack}")


def make_urn(stack: str, project: str, qualified_type: str, name: str) -> str:
    """The URN with these parts; `qualified_type` is the chain of types from the top."""
    return f"{PREFIX}{stack}{DELIMITER}{project}{DELIMITER}{qualified_type}{DELIMITER}{name}"


def child_urn(parent: str, kind: str, name: str) -> str:
    """The URN of a resource of type `kind` below `parent`."""
    stack, project, _, _ = split_urn(parent)
    return make_urn(stack, project, qualified(parent, kind), name)


def qualified(parent: str, kind: str) -> str:
    """The chain of types of a `kind` below `parent`; the stack itself is not part of it."""
    chain = split_urn(parent)[2]
    return kind if chain == STACK_TYPE else f"{chain}${kind}"


def split_urn(urn: str) -> tuple[str, str, str, str]:
    """The stack, project, qualified type and name of `urn`."""
    stack, project, chain, name = urn.removeprefix(PREFIX).split(DELIMITER, 3)
    return stack, project, chain, name
