"""The database as steps see it: read through the agent, changed through the agent."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from scripts.cutover.database.change import Limits
from scripts.cutover.database.runners import Job, Runner
from scripts.runs.steps import Acting


class Began(BaseModel):
    """How it was right before a migration changed anything."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    now: AwareDatetime
    written: Mapping[str, int]


class Status(BaseModel):
    """What there is."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    revision: str
    now: AwareDatetime
    """By the database's own clock."""
    written: Mapping[str, int]
    """How many rows were ever written, by table."""
    rows: Mapping[str, int]
    """About how many rows each table has; -1 where nobody knows."""
    invalid: tuple[str, ...]
    """Indexes whose build was cut off."""
    counted: Mapping[str, int] = {}
    began: Began | None = None
    """What was there before, where it was just migrated."""


@dataclass(frozen=True, kw_only=True)
class Move:
    """The schema brought to another revision."""

    action: Literal["to", "back"]
    revision: str
    limits: Limits
    seconds: float
    """How long it may take in all."""
    indexes: Sequence[str] = ()
    """What it builds concurrently: a build that is cut off leaves an invalid one."""


class Schema:
    """One database."""

    def __init__(self, runner: Runner, tell: Callable[[str], None] = lambda _: None) -> None:
        self._runner: Final = runner
        self._tell: Final = tell
        self._known: Status | None = None

    def status(self, *, anew: bool = False) -> Status:
        """What there is; read once until something is changed, since a task takes its time."""
        if self._known is None or anew:
            self._known = self._read(None, ())
        return self._known

    def status_of(self, host: str, tables: Sequence[str]) -> Status:
        """What there is in another instance, with the rows of `tables` counted."""
        return self._read(host, tables)

    def migrate(self, move: Move, acting: Acting) -> Status:
        """Bring it to the revision, or wait for the one that was begun for it.

        Raises:
            AgentError: it is not there.
        """
        if earlier := (acting.noted(acting.step) or {}).get("job"):
            self._runner.finish(str(earlier))
            if self.status(anew=True).revision == move.revision:
                return self.status()
        job = secrets.token_hex(8)
        acting.note({"job": job})
        acting.check()
        self._known = None
        told = {
            "--lock-timeout": move.limits.lock_timeout_seconds,
            "--statement-timeout": move.limits.statement_timeout_seconds,
            "--attempts": move.limits.attempts,
            "--pause": move.limits.pause_seconds,
            "--seconds": move.seconds,
        }
        options = [word for name, value in told.items() for word in (name, f"{value:g}")]
        options += [word for each in move.indexes for word in ("--index", each)]
        ran = self._runner.run(
            Job(arguments=[move.action, move.revision, *options], name=job), self._tell
        )
        self._known = Status.model_validate(ran.result())
        return self._known

    def _read(self, host: str | None, tables: Sequence[str]) -> Status:
        counted = [word for each in tables for word in ("--count", each)]
        job = Job(arguments=["status", *counted], host=host, name=secrets.token_hex(8))
        return Status.model_validate(self._runner.run(job, self._tell).result())
