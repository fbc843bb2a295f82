"""The steps of a database change around a cutover."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from scripts.cutover.database.change import Change
from scripts.cutover.database.copies import Copies, Moment, Snapshot
from scripts.cutover.database.lint import Phase
from scripts.cutover.database.planned import Planned
from scripts.cutover.database.schema import Move, Schema
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Step, StepFailedError, Timeout, World
from scripts.runs.times import Clock, stamp, utc_now
from standards import figure

SNAPSHOT: Final = Timeout("snapshot", 1800)
_READING: Final = Timeout("reading the database", 90)
_STARTING: Final = 60.0
"""How long a task may take to start and to be seen ended, beside the migration itself."""
_POLL: Final = 5.0
_TRIES: Final = 5
_AGAIN: Final = "Mend what it says, and run the command again: it goes on."


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What the steps of a change act on."""

    change: Change
    print_sql: Callable[[], Planned]
    """Has the SQL printed; what a way back needs it does without, which waits for nothing."""
    schema: Schema
    copies: Copies | None
    """None where nothing is backed up or restored, as in development."""
    backs_up: bool
    """Whether a full backup comes before any change (BAK-04)."""
    sleep: Callable[[float], None] = time.sleep
    clock: Clock = utc_now

    @cached_property
    def planned(self) -> Planned:
        """The change with its SQL."""
        return self.print_sql()

    def id(self, phase: Phase) -> str:
        """What marks the steps of a phase: of this very change, and on the way there of its SQL.

        So who approves a plan approves these.
        """
        return (self.change if phase is Phase.REVERSE else self.planned).hash[:8]

    @property
    def prefix(self) -> str:
        """What the names of its backups begin with."""
        name = f"{self.copies.database}-" if self.copies else ""
        return f"{name}{self.change.name}-{self.change.hash[:8]}-"

    @property
    def is_backed_up(self) -> bool:
        """Whether a full backup comes first: where the standards say so, or a restore may come."""
        return self.copies is not None and (self.backs_up or self.change.is_restored)

    def snapshot(self) -> Snapshot | None:
        """The newest backup of this change."""
        found = self.copies.snapshots() if self.copies else ()
        own = [each for each in found if each.name.startswith(self.prefix)]
        return max(own, key=lambda each: each.at, default=None)

    def moment(self) -> Moment | None:
        """When the database was last as the old release needs it."""
        found = self.snapshot()
        return found.moment if found else None


def check(stage: Stage) -> Step[World]:
    """The schema is where the change begins, or on its way."""
    change = stage.change
    known = {change.from_revision, change.to_revision, change.contract}

    def is_done(_world: object) -> bool:
        return stage.schema.status().revision in known

    def run(_world: object, _acting: Acting) -> Mapping[str, Json]:
        revision = stage.schema.status(anew=True).revision
        if revision not in known:
            raise StepFailedError(
                f"the schema is at {revision}; {change.name} begins at {change.from_revision}"
            )
        return {"revision": revision}

    return Step(
        id=f"database-check-{stage.id(Phase.BEFORE)}",
        title="Read the schema's revision",
        does=f"Asks the database for it; {change.name} begins at {change.from_revision}.",
        is_done=is_done,
        run=run,
        timeout=_READING,
        on_failure="Declare a change that begins where the schema is. Nothing was changed.",
        requirements=("ROLL-13",),
    )


def fresh(copies: Copies, prefix: str, now: datetime) -> Snapshot | None:
    """The newest backup whose name begins with `prefix`, unless it is too old (BAK-01)."""
    own = [each for each in copies.snapshots() if each.name.startswith(prefix)]
    found = max(own, key=lambda each: each.at, default=None)
    hours = figure("BAK-01", "backup_interval_hours").hours
    return found if found and now - found.at <= timedelta(hours=hours) else None


def taken(
    copies: Copies, prefix: str, acting: Acting, *, clock: Clock, sleep: Callable[[float], None]
) -> Mapping[str, Json]:
    """Take a backup whose name begins with `prefix`, or go on with a fresh one; it is whole."""
    found = fresh(copies, prefix, clock())
    name = found.name if found else f"{prefix}{clock():%Y%m%d%H%M%S}"
    while found is None or not found.is_complete:
        acting.check()
        if found is None:
            _patiently(lambda: copies.take(name))
        sleep(_POLL)
        found = next((each for each in copies.snapshots() if each.name == name), None)
    if not found.is_encrypted:
        raise StepFailedError(f"the backup {name} is not encrypted (DB-05)")
    return {"snapshot": name, "taken": stamp(found.at)}


def back_up(stage: Stage, phase: Phase) -> Step[World]:
    """A full backup, right before a phase changes anything."""
    change = stage.change
    target = change.contract if phase is Phase.CONTRACT else change.to_revision

    def is_done(_world: object) -> bool:
        if stage.schema.status().revision in {target, change.contract}:
            return True
        found = fresh(copies_of(stage), stage.prefix, stage.clock())
        return found is not None and found.is_complete and found.is_encrypted

    def run(_world: object, acting: Acting) -> Mapping[str, Json]:
        copies = copies_of(stage)
        return taken(copies, stage.prefix, acting, clock=stage.clock, sleep=stage.sleep)

    return Step(
        id=f"database-backup-{phase.value}-{stage.id(phase)}",
        title=f"Back the database up before {_named(stage, phase)}",
        does="Takes a full, encrypted backup, and sees it complete.",
        is_done=is_done,
        run=run,
        timeout=SNAPSHOT,
        on_failure=f"{_AGAIN} Nothing of the schema was changed.",
        requirements=("BAK-04",),
    )


def migrate(stage: Stage, phase: Phase) -> Step[World]:
    """The schema at the revision that a phase is for."""
    change = stage.change
    target = {
        Phase.BEFORE: change.to_revision,
        Phase.CONTRACT: change.contract or "",
        Phase.REVERSE: change.from_revision,
    }[phase]
    limits = change.limits
    indexes = [] if phase is Phase.REVERSE else stage.planned.indexes(phase)
    seconds = limits.reverse_seconds if phase is Phase.REVERSE else limits.migration_seconds
    does = "takes" if phase is Phase.REVERSE else "brings"

    def is_done(_world: object) -> bool:
        status = stage.schema.status()
        if phase is Phase.BEFORE and status.revision == change.contract:
            return True
        return status.revision == target and not set(status.invalid) & set(indexes)

    def run(_world: object, acting: Acting) -> Mapping[str, Json]:
        # The agent reads the revision again itself, and does nothing where it is there already.
        before = stage.schema.status(anew=change.is_restored or phase is Phase.CONTRACT)
        if phase is Phase.CONTRACT and before.revision != change.to_revision:
            raise StepFailedError(f"the schema is at {before.revision}, not {change.to_revision}")
        if change.is_restored and phase is Phase.BEFORE and before.revision != target:
            # A moment that is too early costs some rows; none at all would cost the way back.
            _remember(stage, before.now, before.written)
        move = Move(
            action="back" if phase is Phase.REVERSE else "to",
            revision=target,
            limits=limits,
            seconds=seconds,
            indexes=indexes,
        )
        after = stage.schema.migrate(move, acting)
        if change.is_restored and after.began:
            _remember(stage, after.began.now, after.began.written)
        return {
            "revision": after.revision,
            "from": before.revision,
            **({} if phase is Phase.REVERSE else {"sql": stage.planned.hash}),
            "finished": stamp(after.now),
        }

    return Step(
        id=f"database-{phase.value}-{stage.id(phase)}",
        title=f"{_named(stage, phase).capitalize()}",
        does=(
            f"{does.capitalize()} the schema to {target}. A statement waits at most "
            f"{limits.lock_timeout_seconds:g} s for a lock and runs at most "
            f"{limits.statement_timeout_seconds:g} s; without a lock it is tried "
            f"{limits.attempts} times."
        ),
        is_done=is_done,
        run=run,
        timeout=Timeout("migration", seconds + _STARTING),
        on_failure=_AGAIN,
        requirements=_requirements(phase),
    )


def contracted(stage: Stage) -> Step[World]:
    """No way back to the old release is left once the old form is gone."""
    change = stage.change

    def is_done(_world: object) -> bool:
        return stage.schema.status().revision != change.contract

    def run(_world: object, _acting: Acting) -> Mapping[str, Json]:
        raise StepFailedError(
            f"the schema was contracted to {change.contract}: the old release cannot use it"
        )

    return Step(
        id=f"database-contracted-{stage.id(Phase.REVERSE)}",
        title="See that the old form is still there",
        does=f"Reads that {change.contract} was not applied: expanded, the schema stays.",
        is_done=is_done,
        run=run,
        timeout=_READING,
        on_failure=(
            "Release the new version again with the error mended. The backup from before the "
            "contraction is there; what was written since then is not in it."
        ),
        requirements=("ROLL-13",),
    )


def _remember(stage: Stage, at: datetime, written: Mapping[str, int]) -> None:
    """Write down when the database was last as the old release needs it."""
    loses, found = stage.change.loses, stage.snapshot()
    if loses is None or found is None:
        raise StepFailedError("there is no backup to write the moment down with")
    moment = Moment(at, {each: written.get(each, 0) for each in loses.tables})
    for _ in range(_TRIES):
        _patiently(lambda: copies_of(stage).remember(found.name, moment))
        if stage.moment() == moment:
            return
        stage.sleep(_POLL)
    raise StepFailedError(f"the moment of the change was not written down with {found.name}")


def _named(stage: Stage, phase: Phase) -> str:
    change = stage.change
    match phase:
        case Phase.CONTRACT:
            return f"contract {change.name}"
        case Phase.REVERSE:
            return f"undo {change.name}"
        case Phase.BEFORE:
            return f"expand {change.name}" if change.contract else f"migrate {change.name}"


def _requirements(phase: Phase) -> tuple[str, ...]:
    if phase is Phase.REVERSE:
        return ("ROLL-13",)
    return ("DB-11", "PIPE-13") if phase is Phase.BEFORE else ("DB-11",)


def copies_of(stage: Stage) -> Copies:
    """Where copies are made."""
    if stage.copies is None:
        raise StepFailedError("nothing here can be backed up or restored")
    return stage.copies


def _patiently(act: Callable[[], None]) -> None:
    """Do what may have happened after a time-out: who calls looks."""
    try:
        act()
    except TimeoutError:
        return
