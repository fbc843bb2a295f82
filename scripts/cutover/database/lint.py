"""A change held against its own SQL: whether its class allows it, and whether it is safe to run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from scripts.cutover.database.change import Change, Class, Program
from scripts.cutover.database.ddl import Sql, Statement, statements
from scripts.cutover.database.effects import Does, Effect, Judged, Seen
from scripts.cutover.database.statements import judge


class Phase(StrEnum):
    """When SQL runs."""

    BEFORE = "before"
    """Both releases serve, or are about to."""
    CONTRACT = "contract"
    """The old release is gone."""
    REVERSE = "reverse"
    """The new release is without traffic; the old one serves."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What keeps a statement from being run."""

    place: str
    statement: str
    rule: str
    on: str
    why: str
    safe: str

    def __str__(self) -> str:
        return (
            f"{self.place}: {self.statement}\n"
            f"  {self.rule} ({self.on}): {self.why}.\n"
            f"  Instead: {self.safe}"
        )


_SAID: Final = {
    Effect.ADDS: "adds something",
    Effect.WRITES: "changes rows",
    Effect.LOOSENS: "changes what becomes of what the old release writes or reads",
    Effect.BREAKS: "takes something from the old release",
    Effect.HIDES: "cannot be judged",
}
_ANY: Final = frozenset(Effect) - {Effect.HIDES}
_EXPAND: Final = frozenset({Effect.ADDS, Effect.WRITES, Effect.LOOSENS})


def allowed(change: Change, phase: Phase) -> frozenset[Effect]:
    """What the class of `change` lets its statements do in `phase`."""
    match change.kind, phase:
        case _, Phase.CONTRACT:
            return _ANY
        case Class.DATA, Phase.REVERSE:
            return frozenset({Effect.ADDS, Effect.WRITES})
        case Class.ADDITIVE, _:
            return frozenset({Effect.ADDS})
        case Class.DATA, _:
            return frozenset({Effect.ADDS, Effect.WRITES})
        case Class.BREAKING, _:
            return _ANY if change.is_restored else _EXPAND


def lint(change: Change, phase: Phase, sql: Sql, *, made: Seen | None = None) -> list[Finding]:
    """What is wrong with `sql`; `made` is what the way there made, of which a way back disposes.

    Raises:
        SqlError: PostgreSQL would not read it.
    """
    return list(_findings(change, phase, sql, made or Seen()))


def what_it_makes(sql: Sql) -> Seen:
    """What there is after `sql` that was not before."""
    seen = Seen()
    for statement in statements(sql):
        list(judge(statement, seen))
    return seen


def _findings(change: Change, phase: Phase, sql: Sql, seen: Seen) -> Iterator[Finding]:
    # The transactions of the way there are not those of the way back.
    seen.locked.clear()
    seen.unchecked.clear()
    waived = {(each.rule, each.on) for each in change.allow}
    waits = isinstance(change.migrations, Program) and not change.migrations.heeds_pgoptions
    for statement in statements(sql):
        if waits:
            if _sets_lock_timeout(statement):
                waits = False
            elif statement.kind != "variable_set_stmt":
                waits = False
                yield Finding(
                    statement.place, statement.text, "require-lock-timeout", sql.name,
                    "the command does not read PGOPTIONS, so this may wait for a lock for ever, "
                    "and everybody else behind it",
                    f"SET lock_timeout = '{change.limits.lock_timeout_seconds:g}s'; first.",
                )  # fmt: skip
        for judged in judge(statement, seen):
            found = _finding(change, phase, statement, judged)
            if found and (found.rule, found.on) not in waived:
                yield found


def _finding(change: Change, phase: Phase, statement: Statement, judged: Judged) -> Finding | None:
    if not isinstance(judged, Does):
        return Finding(
            statement.place, statement.text, judged.rule, judged.on, judged.why, judged.safe
        )
    if judged.effect not in allowed(change, phase):
        return Finding(
            statement.place, statement.text, f"class-{change.kind.value}", judged.on,
            f"it {_SAID[judged.effect]}, which {_phase(change, phase)} may not: {judged.why}",
            _other_class(change, phase, judged.effect),
        )  # fmt: skip
    if judged.effect is Effect.BREAKS and phase is Phase.BEFORE and not _unread(change, judged.on):
        return Finding(
            statement.place, statement.text, "still-read", judged.on,
            f"the old release serves until all traffic is moved: {judged.why}",
            f"Release a version that does not use {judged.on} first, then say so here: "
            f"`unread: [{judged.on}]`; or expand now and contract later.",
        )  # fmt: skip
    return None


def _unread(change: Change, on: str) -> bool:
    return on in change.unread or on.partition(".")[0] in change.unread


def _phase(change: Change, phase: Phase) -> str:
    if phase is Phase.REVERSE:
        return "the way back of a data migration"
    kind = f"an {change.kind.value}" if change.kind is Class.ADDITIVE else f"a {change.kind.value}"
    return f"{kind} change before its contract phase" if change.contract else f"{kind} change"


def _other_class(change: Change, phase: Phase, effect: Effect) -> str:
    match effect:
        case Effect.HIDES:
            return "Write what it does as statements that can be read."
        case Effect.WRITES if phase is not Phase.REVERSE:
            return "Declare `class: data`, with a way back (downgrade) that undoes it."
        case _ if change.contract and phase is Phase.BEFORE:
            return f"Move it into the contract phase: a revision after {change.to_revision}."
        case _:
            return (
                "Declare `class: breaking`: expand first, and contract in a revision that runs "
                "when the old release is gone (`contract: REVISION`)."
            )


def _sets_lock_timeout(statement: Statement) -> bool:
    return getattr(statement.node, "name", "") == "lock_timeout"


def told(findings: Sequence[Finding]) -> str:
    """The findings for people."""
    return "\n".join(str(each) for each in findings)
