"""What a rule can say of a resource: pass, fail, not applicable, not evaluated.

A rule that meets a value it cannot know yet is not evaluated, and that is reported: never a pass.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from plan.values import Path, path_text

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Pass:
    """The resource is as the rule wants it."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong, and the input where it stands (none where something is missing)."""

    message: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Fail:
    """The resource breaks the rule, in one place or several."""

    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """The rule does not concern this resource."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotEvaluated:
    """The rule cannot be decided before an apply, or from what the plan holds."""

    reason: str

    def __post_init__(self) -> None:
        """Cut a reason that quotes an input of any length."""
        object.__setattr__(self, "reason", _cut(self.reason))


Outcome: TypeAlias = Pass | Fail | NotApplicable | NotEvaluated

PASS: Final = Pass()
LONGEST: Final = 500
"""The most characters of a violation's sentence."""


def fail(message: str, path: str = "") -> Fail:
    """A violation of one sentence; `path` names the input it concerns.

    A sentence that quotes an input of any length is cut to what somebody may read.
    """
    return Fail((Violation(_cut(message), path),))


def require(condition: object, message: str, path: str = "") -> Outcome:
    """Pass if `condition` holds, else fail with `message`."""
    return PASS if condition else fail(message, path)


MISS: Final = Fail((Violation(""),))
"""A failure without a word, of one thing that `some` tries: it has words of its own."""


def met(condition: object) -> Outcome:
    """Pass if `condition` holds, else a `MISS`."""
    return PASS if condition else MISS


def _cut(sentence: str) -> str:
    return sentence if len(sentence) <= LONGEST else f"{sentence[:LONGEST]}…"


class UndecidedError(Exception):
    """A rule cannot be decided from what the plan holds; the message says why."""


class UnknownValueError(UndecidedError):
    """A rule asked for a value that exists only after an apply."""

    def __init__(self, path: Path, *, secret: bool = False) -> None:
        what = "secret" if secret else "known after apply"
        super().__init__(f"{path_text(path)} is {what}")


class WrongTypeError(Exception):
    """An input holds a value of a type that it cannot have."""

    def __init__(self, path: Path, expected: str, value: object) -> None:
        self.path = path_text(path)
        found = type(value).__name__ if value is not None else "null"
        super().__init__(f"{self.path} should be {expected}, not {found}")


def attempt(check: Callable[[], Outcome]) -> Outcome:
    """What `check` says; a value that is not known or of a wrong type is an outcome, too."""
    try:
        return check()
    except UndecidedError as undecided:
        return NotEvaluated(str(undecided))
    except WrongTypeError as wrong:
        return fail(str(wrong), wrong.path)


def every(items: Iterable[Item], check: Callable[[Item], Outcome]) -> Outcome:
    """Fail if `check` fails for any item, with all violations; else undecided if any item is.

    An unknown item cannot hide another item's violation. No items at all pass.
    """
    return all_of(*(attempt(lambda item=item: check(item)) for item in items))


def some(items: Iterable[Item], check: Callable[[Item], Outcome], message: str = "") -> Outcome:
    """Pass if `check` passes for one item at least; else undecided if any item is; else fail.

    Only one that another `some` tries goes without a `message`.
    """
    undecided: NotEvaluated | None = None
    for item in items:
        outcome = attempt(lambda item=item: check(item))
        if isinstance(outcome, Pass):
            return PASS
        if isinstance(outcome, NotEvaluated):
            undecided = outcome
    return undecided or fail(message)


def all_of(*checks: Outcome | Callable[[], Outcome]) -> Outcome:
    """Every outcome as one: all violations, else the first undecided one, else pass.

    A check that reads an input is given as a function, so that an unknown hides no other violation.
    """
    outcomes = [attempt(check) if callable(check) else check for check in checks]
    violations = [
        violation
        for outcome in outcomes
        if isinstance(outcome, Fail)
        for violation in outcome.violations
    ]
    if violations:
        return Fail(tuple(violations))
    return next((outcome for outcome in outcomes if isinstance(outcome, NotEvaluated)), PASS)
