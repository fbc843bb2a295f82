"""The process inside the network that reads and migrates the database.

    python -m scripts.cutover.database.agent status [--count TABLE]...
    python -m scripts.cutover.database.agent to REVISION [limits] [--index NAME]...
    python -m scripts.cutover.database.agent back REVISION [limits]

It is the entry point of the one-off task `migrate`, and a local process in development. The
environment says where the database is (DATABASE_HOST and the like) and what migrates it: alembic
(MIGRATE_ALEMBIC, its command line) or the product's own command (MIGRATE_PROGRAM), each as a list
in JSON. It writes JSON lines; the last one says what there is now.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType
from typing import Final, NoReturn, cast

import psycopg
from pydantic import SecretStr

from scripts.cutover.database import guard
from scripts.cutover.database.child import run, without_rows
from scripts.cutover.database.connection import MIGRATION, Connection, close
from scripts.exits import CommandError
from scripts.runs.times import stamp

_NO_LOCK: Final = re.compile(r"lock timeout|LockNotAvailable|55P03|deadlock detected|40P01")
"""What drivers say when a statement got no lock in time; trying again may help."""
_ALONE_SECONDS: Final = 20
_STOPPED: Final = 128 + signal.SIGTERM


class MigrationError(CommandError):
    """The migration did not reach its revision."""


@dataclass(frozen=True, slots=True)
class Migrations:
    """What changes the schema."""

    program: Sequence[str]
    is_alembic: bool
    table: str

    @classmethod
    def told(cls, variables: Mapping[str, str]) -> "Migrations":
        """What the environment names."""
        if own := variables.get("MIGRATE_PROGRAM"):
            return cls(cast("list[str]", json.loads(own)), is_alembic=False, table="")
        return cls(
            cast("list[str]", json.loads(variables.get("MIGRATE_ALEMBIC", '["alembic"]'))),
            is_alembic=True,
            table=variables.get("MIGRATE_ALEMBIC_TABLE", "alembic_version"),
        )

    def command(self, action: str, revision: str) -> list[str]:
        """The command line of an action."""
        names = {"to": "upgrade", "back": "downgrade"} if self.is_alembic else {}
        return [*self.program, names.get(action, action), revision]

    def revision(self, variables: Mapping[str, str]) -> str:
        """The schema's revision, as the product's command tells it."""
        done = subprocess.run(  # noqa: S603 - the product's own, from reviewed configuration
            [*self.program, "status"],
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        for line in reversed(done.stdout.splitlines()):
            try:
                told = cast("object", json.loads(line))
            except ValueError:
                continue
            if isinstance(told, dict) and "revision" in told:
                return str(cast("dict[str, object]", told)["revision"])
        raise MigrationError(f"`status` of {self.program[0]} wrote no line with a revision")


class Agent:
    """One action on the database."""

    def __init__(self, arguments: Namespace, variables: Mapping[str, str]) -> None:
        self._arguments: Final = arguments
        self._connection: Final = Connection.told(variables)
        self._migrations: Final = Migrations.told(variables)
        self._session: Final = self._connection.open()
        self._secrets: Final[list[SecretStr]] = []

    def close(self) -> None:
        """End the session, and with it the lock."""
        close(self._session)

    def status(self, revision: str | None = None) -> None:
        """Say what there is; the revision, where it was read already."""
        say(
            "database",
            revision=revision or self._revision(),
            now=stamp(self._now()),
            written=guard.rows_written(self._session),
            rows=guard.rows_there(self._session),
            invalid=guard.invalid_indexes(self._session),
            counted={each: guard.count(self._session, each) for each in self._arguments.count},
        )

    def migrate(self) -> None:
        """Bring the schema to the revision, forwards or backwards."""
        told = self._arguments
        deadline = time.monotonic() + told.seconds
        guard.alone(self._session, time.monotonic() + min(told.seconds, _ALONE_SECONDS))
        if ended := guard.end_orphans(self._session):
            say("migration", message=f"ended {ended} sessions of a migration that was cut off")
        self._debris()
        there = self._revision()
        for attempt in range(1, told.attempts + 1):
            if there == told.revision:
                break
            if self._attempt(deadline):
                there = self._revision()
                break
            say(
                "migration",
                message=f"no lock within {told.lock_timeout:g} s, attempt {attempt} of "
                f"{told.attempts}",
                blocked_by=guard.who_blocks(self._session),
            )
            if attempt < told.attempts:
                time.sleep(max(0.0, min(told.pause, deadline - time.monotonic())))
                self._debris()
        if there != told.revision:
            raise MigrationError(f"the schema is at {there}, not at {told.revision}")
        if left := [each for each in guard.invalid_indexes(self._session) if each in told.index]:
            raise MigrationError(f"invalid indexes are left: {', '.join(left)}")
        self.status(there)

    def _debris(self) -> None:
        """Drop what a build left that was cut off, or the next one would take it as built."""
        if debris := guard.drop_debris(self._session, self._arguments.index):
            say("migration", message=f"dropped what builds left: {', '.join(debris)}")

    def _attempt(self, deadline: float) -> bool:
        """Run the migration once; False if it got no lock."""
        told = self._arguments
        left = deadline - time.monotonic()
        if left <= 0:
            raise MigrationError(f"not done within {told.seconds:g} s")
        command = self._migrations.command(told.action, told.revision)
        settings = {
            "lock_timeout": f"{round(told.lock_timeout * 1000)}ms",
            "statement_timeout": f"{round(told.statement_timeout * 1000)}ms",
        }
        # Up to here nothing is changed: what a restore to this moment holds, the old release knows.
        say("began", now=stamp(self._now()), written=guard.rows_written(self._session))
        ended = run(command, self._variables(settings), seconds=left, secrets=self._secrets)
        if ended.is_cut_off:
            guard.end_orphans(self._session)
            raise MigrationError(f"cut off: not done within {told.seconds:g} s")
        if ended.code == 0:
            return True
        if any(_NO_LOCK.search(line) for line in ended.lines):
            return False
        raise MigrationError("\n".join([f"{command[0]} ended with {ended.code}:", *ended.lines]))

    def _variables(self, settings: Mapping[str, str]) -> dict[str, str]:
        password = self._connection.password()
        if password:
            self._secrets.append(password)
        return {**os.environ, **self._connection.variables(MIGRATION, settings, password)}

    def _revision(self) -> str:
        migrations = self._migrations
        if migrations.is_alembic:
            return guard.revision(self._session, migrations.table)
        return migrations.revision(self._variables({}))

    def _now(self) -> datetime:
        row = self._session.execute("SELECT clock_timestamp()").fetchone()
        return cast("datetime", row[0]) if row else datetime.now(UTC)


def say(event: str, level: str = "info", **more: object) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps({"level": level, "event": event, **more}) + "\n")
    sys.stdout.flush()


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Leave in an orderly way: the child goes, too."""
    sys.exit(_STOPPED)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="migrate", description="Read or migrate the database.")
    actions = parser.add_subparsers(dest="action", required=True)
    status = actions.add_parser("status", help="say what there is")
    for action, text in (("to", "bring the schema to REVISION"), ("back", "take it back")):
        one = actions.add_parser(action, help=text)
        one.add_argument("revision")
        one.add_argument("--lock-timeout", type=float, default=2.0)
        one.add_argument("--statement-timeout", type=float, default=300.0)
        one.add_argument("--attempts", type=int, default=10)
        one.add_argument("--pause", type=float, default=5.0)
        one.add_argument("--seconds", type=float, default=480.0)
        one.add_argument("--index", action="append", default=[])
        one.set_defaults(count=[])
    status.add_argument("--count", action="append", default=[])
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one action; the exit code."""
    told = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _stop)
    try:
        agent = Agent(told, os.environ)
        try:
            (agent.status if told.action == "status" else agent.migrate)()
        finally:
            agent.close()
    except (CommandError, psycopg.Error, subprocess.SubprocessError) as error:
        said = "\n".join(without_rows(str(error))) or type(error).__name__
        say("migration", level="error", message=said)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
