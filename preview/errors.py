"""What can go wrong while a program is evaluated, worded for the person who wrote it."""

from collections.abc import Iterator
from typing import Final

from plan import Source


class ProgramError(Exception):
    """The program cannot be evaluated: it raised, or asked for what the engine refuses.

    `source` is the line of the project to look at, where one is known; the exception that the
    program raised is the cause.
    """

    def __init__(self, message: str, *, source: Source | None = None) -> None:
        super().__init__(message)
        self.message: Final = message
        self.source: Final = source

    def __str__(self) -> str:
        return f"{self.source}: {self.message}" if self.source else self.message


class ProjectError(Exception):
    """The project's or the stack's settings file is missing or malformed."""


def chain(error: BaseException) -> Iterator[BaseException]:
    """`error` and what led to it; the SDK makes some exceptions their own cause."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
