"""The way back from a change that nothing undoes: the moment before it, in a new instance."""

from collections.abc import Mapping
from typing import Final

from scripts.cutover.database.copies import Restored
from scripts.cutover.database.lint import Phase
from scripts.cutover.database.steps import Stage, copies_of
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Step, StepFailedError, StepPendingError, Timeout, World
from scripts.runs.times import stamp
from standards import figure

_POLL: Final = 5.0
_READING: Final = 90.0


def instance(stage: Stage) -> str:
    """What the instance is called that holds the moment before the change.

    Raises:
        StepFailedError: the moment is not known.
    """
    moment = stage.moment()
    if moment is None:
        raise StepFailedError(
            f"no backup of {stage.change.name} has the moment before it written down"
        )
    return f"{copies_of(stage).database}-restored-{moment.at:%Y%m%d%H%M%S}"


def restore(stage: Stage, seconds: float, *, is_rehearsal: bool = False) -> Step[World]:
    """A new instance that holds what the database held right before the change.

    A rollback needs none where the database is as the old release needs it; a rehearsal does.
    """

    def run(_world: object, acting: Acting) -> Mapping[str, Json]:
        copies, name, moment = copies_of(stage), instance(stage), stage.moment()
        assert moment is not None  # noqa: S101 - the name is made of it
        while copies.restored(name) is None:
            acting.check()
            first, last = copies.restorable()
            if moment.at < first:
                raise StepFailedError(
                    f"the database can be restored from {stamp(first)} on, and the change was at "
                    f"{stamp(moment.at)}: restore the backup instead"
                )
            # What was written last is restorable some minutes later.
            if moment.at <= last:
                _begin(stage, name)
            else:
                stage.sleep(_POLL)
        while not (found := _found(stage, name)).is_ready:
            acting.check()
            _begin(stage, name)
            stage.sleep(_POLL)
        return {"instance": found.name, "at": stamp(moment.at)}

    def is_done(_world: object) -> bool:
        if _is_back(stage) and not is_rehearsal:
            return True
        found = _looked_up(stage)
        return found is not None and found.is_ready

    return Step(
        id=f"database-restore-{stage.id(Phase.REVERSE)}",
        title="Restore the moment before the change",
        does="Makes a new instance beside the one that serves, with what that held at the moment "
        f"before {stage.change.name}; the one that serves is not touched.",
        is_done=is_done,
        run=run,
        timeout=Timeout("restore", seconds),
        on_failure="AWS goes on restoring: run the command again, it looks and waits.",
        requirements=("ROLL-13",),
    )


def verify(stage: Stage, *, is_rehearsal: bool = False) -> Step[World]:
    """The new instance holds what it should."""
    change = stage.change
    seen: set[str] = set()

    def is_done(_world: object) -> bool:
        return "verified" in seen or (_is_back(stage) and not is_rehearsal)

    def run(_world: object, acting: Acting) -> Mapping[str, Json]:
        found = _found(stage, instance(stage))
        acting.check()
        tables = change.loses.tables if change.loses else ()
        there = stage.schema.status_of(found.host, tables)
        if there.revision != change.from_revision:
            raise StepFailedError(
                f"{found.name} is at {there.revision}, not at {change.from_revision}"
            )
        served = stage.schema.status(anew=True)
        if gone := [
            each for each in tables if not there.counted.get(each) and served.rows.get(each, 0) > 0
        ]:
            raise StepFailedError(f"{found.name} has no rows in {', '.join(gone)}")
        seen.add("verified")
        return {"instance": found.name, "revision": there.revision, "counted": there.counted}

    return Step(
        id=f"database-verify-{stage.id(Phase.REVERSE)}",
        title="Read the restored instance",
        does=f"Sees that it is at {change.from_revision}, and counts the rows of its tables.",
        is_done=is_done,
        run=run,
        timeout=Timeout("reading the database", _READING),
        on_failure="The instance that serves was not touched; the backup from before is there.",
        requirements=("ROLL-13",),
    )


def switch(stage: Stage) -> Step[World]:
    """People decide whether the services go over to the restored instance."""
    change = stage.change

    def is_done(_world: object) -> bool:
        return _is_back(stage, anew=True)

    def run(_world: object, acting: Acting) -> Mapping[str, Json]:
        said = what_is_lost(stage)
        acting.note({"asked": said})
        raise StepPendingError(
            f"people decide. {said}\n"
            f"  {instance(stage)} holds the database at {change.from_revision}. Let the services "
            "use it (docs/database-changes.md, The switch), or mend the new release.\n"
            "  This step is done once the database that serves is at "
            f"{change.from_revision} again."
        )

    return Step(
        id=f"database-switch-{stage.id(Phase.REVERSE)}",
        title="Decide on the restored instance",
        does="Says what would be lost, and waits until the database that serves is at "
        f"{change.from_revision} again. Nothing is switched by itself.",
        is_done=is_done,
        run=run,
        timeout=Timeout("asking", _READING),
        on_failure="Decide, then run the command again.",
        requirements=("ROLL-13",),
    )


def discard(stage: Stage) -> Step[World]:
    """The restored instance gone: it was a rehearsal's."""

    def is_done(_world: object) -> bool:
        return stage.moment() is not None and _looked_up(stage) is None

    def run(_world: object, acting: Acting) -> Mapping[str, Json]:
        name = instance(stage)
        while copies_of(stage).restored(name) is not None:
            acting.check()
            copies_of(stage).discard(name)
            stage.sleep(_POLL)
        return {"instance": name}

    return Step(
        id=f"database-discard-{stage.id(Phase.REVERSE)}",
        title="Take the restored instance away",
        does="Deletes the instance that the rehearsal restored; the one that serves stays.",
        is_done=is_done,
        run=run,
        timeout=Timeout("discard", 900),
        on_failure="Run the command again, or delete the instance: it costs money.",
    )


def what_is_lost(stage: Stage) -> str:
    """What the services would lose by going over to the restored instance, in words."""
    moment, loses = stage.moment(), stage.change.loses
    if moment is None or loses is None:
        return "What would be lost is not known."
    lost = moment.lost(stage.schema.status(anew=True).written, loses.tables)
    known = [number for number in lost.values() if number is not None]
    tables = ", ".join(
        f"{table}: {'unknown' if number is None else f'at most {number:,}'}"
        for table, number in lost.items()
    )
    said = f"Lost would be what was written since {stamp(moment.at)}: rows of {tables}."
    if len(known) < len(lost) or sum(known) > loses.at_most_rows:
        return f"{said} That is more than was approved ({loses.at_most_rows:,} rows)."
    return f"{said} Approved were {loses.at_most_rows:,} rows."


def limit() -> float:
    """How long a rollback may take (ROLL-01), in seconds."""
    return figure("ROLL-01", "duration_below_minutes").seconds


def _is_back(stage: Stage, *, anew: bool = False) -> bool:
    """Whether the database that serves is as the old release needs it."""
    return stage.schema.status(anew=anew).revision == stage.change.from_revision


def _looked_up(stage: Stage) -> Restored | None:
    """The restored instance; none before the change was made."""
    return copies_of(stage).restored(instance(stage)) if stage.moment() else None


def _begin(stage: Stage, name: str) -> None:
    moment = stage.moment()
    if moment is not None:
        try:
            copies_of(stage).restore(name, moment.at)
        except TimeoutError:
            return  # it was begun or not: who calls looks


def _found(stage: Stage, name: str) -> Restored:
    found = copies_of(stage).restored(name)
    if found is None:
        raise StepFailedError(f"the restored instance {name} is gone")
    return found
