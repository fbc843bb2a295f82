"""Backups of a database that a release leaves as it is: there before anything changes (BAK-04)."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from environments import Environment
from environments.published import Published
from scripts.cutover.database.copies import Copies
from scripts.cutover.database.rds import RdsCopies
from scripts.cutover.database.steps import SNAPSHOT, fresh, taken
from scripts.cutover.planning.request import Cutover, Releases
from scripts.cutover.running.hooks import Database
from scripts.cutover.running.stand import Stand
from scripts.exits import CommandError
from scripts.runs.aws import Api, client
from scripts.runs.canonical import Json, digest
from scripts.runs.steps import Acting, Step
from scripts.runs.times import Clock, stamp, utc_now
from standards import figure, requirement


def unchanged(environment: Environment, published: Published, cutover: Cutover) -> Database:
    """The database of `environment`, which `cutover` does not change."""
    if environment.tier not in requirement("ROLL-05").environments:
        return Database()
    copies = RdsCopies(
        Api(client("rds", region=published.region, is_impatient=True)), published.database
    )
    takes = environment.tier in requirement("BAK-04").environments
    return Database(
        before=[back_up(copies, cutover.releases)] if takes else [],
        refusals=lambda: [*unusable(copies)],
    )


def unusable(copies: Copies, *, clock: Clock = utc_now) -> Iterator[str]:
    """Why there is no backup to return to (ROLL-05)."""
    hours = figure("BAK-01", "backup_interval_hours").hours
    try:
        _, last = copies.restorable()
    except (CommandError, TimeoutError) as error:
        yield f"whether {copies.database} could be restored is not known: {error}"
        return
    if clock() - last > timedelta(hours=hours):
        yield (
            f"{copies.database} can be restored as it was at {stamp(last)} at the latest, which is "
            f"more than {hours} hours ago (BAK-01): see to its backups first (ROLL-05)"
        )


def back_up(
    copies: Copies,
    releases: Mapping[str, Releases],
    *,
    clock: Clock = utc_now,
    sleep: Callable[[float], None] = time.sleep,
) -> Step[Stand]:
    """A full backup before any traffic moves to `releases`; its name is in the journal."""
    mark = digest({name: each.new for name, each in releases.items()})[:8]
    prefix = f"{copies.database}-release-{mark}-"

    def is_done(stand: Stand) -> bool:
        # Whoever goes on with users on a new side has them looked at, and backs nothing up again.
        if any(" weight " in step for step in stand.past.started):
            return True
        found = fresh(copies, prefix, clock())
        return found is not None and found.is_complete and found.is_encrypted

    def run(_: Stand, acting: Acting) -> Mapping[str, Json]:
        return taken(copies, prefix, acting, clock=clock, sleep=sleep)

    return Step(
        id=f"database-backup-{mark}",
        title="Back the database up",
        does="Takes a full, encrypted backup, and sees it complete.",
        is_done=is_done,
        run=run,
        timeout=SNAPSHOT,
        on_failure="Mend what it says, and run it again: no traffic was moved.",
        requirements=("BAK-04", "ROLL-05"),
    )
