"""The database as steps see it: read through the agent, changed through the agent."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from scripts.cutover.database.change import Limits
from scripts.cutover.database.runners import Job, Runner
from scripts.runs.steps import Acting


class Status(BaseModel):
    """What there is."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

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

    def now(self) -> datetime:
        """The database's own time."""
        return self.status(anew=True).now

    def migrate(
        self,
        action: str,
        revision: str,
        acting: Acting,
        *,
        limits: Limits,
        indexes: Sequence[str] = (),
    ) -> Status:
        """Bring it `to` or `back` to the revision, or wait for the one that was begun for it.

        Raises:
            AgentError: it is not there.
        """
        if earlier := (acting.noted(acting.step) or {}).get("token"):
            self._runner.finish(str(earlier))
            if self.status(anew=True).revision == revision:
                return self.status()
        token = secrets.token_hex(8)
        acting.note({"token": token})
        acting.check()
        self._known = None
        told = {
            "--lock-timeout": limits.lock_timeout_seconds,
            "--statement-timeout": limits.statement_timeout_seconds,
            "--attempts": limits.attempts,
            "--pause": limits.pause_seconds,
            "--seconds": limits.migration_seconds,
        }
        options = [word for name, value in told.items() for word in (name, f"{value:g}")]
        options += [word for each in indexes for word in ("--index", each)]
        ran = self._runner.run(Job(arguments=[action, revision, *options], token=token), self._tell)
        self._known = Status.model_validate(ran.result())
        return self._known

    def _read(self, host: str | None, tables: Sequence[str]) -> Status:
        counted = [word for each in tables for word in ("--count", each)]
        job = Job(arguments=["status", *counted], host=host, token=secrets.token_hex(8))
        return Status.model_validate(self._runner.run(job, self._tell).result())
