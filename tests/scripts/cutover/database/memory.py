"""A database and its copies in memory, where each act can be a process's last or time out."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from scripts.cutover.database.change import Change
from scripts.cutover.database.copies import Moment, Restored, Snapshot
from scripts.cutover.database.ddl import Sql
from scripts.cutover.database.planned import Planned
from scripts.cutover.database.runners import Job, Line, Ran
from scripts.cutover.database.schema import Schema
from scripts.cutover.database.steps import Stage
from tests.scripts.cutover.database.verdicts import change

LOSES: dict[str, Any] = {"tables": ["orders"], "atMostRows": 100, "why": "no room for two columns"}
SQL = {
    "before": "ALTER TABLE orders ADD COLUMN status text;",
    "contract": "ALTER TABLE orders DROP COLUMN note;",
    "reverse": "ALTER TABLE orders DROP COLUMN status;",
}


@dataclass
class Memory:
    """What there is, outside of any process."""

    revision: str = "base1"
    rows: int = 1000
    written: int = 1000
    now: datetime = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    kept: dict[str, Snapshot] = field(default_factory=dict[str, Snapshot])
    made: dict[str, int] = field(default_factory=dict[str, int])
    """The restored instances, and how often they were looked at."""
    states: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    """What each restored instance holds."""
    history: list[tuple[datetime, str, int]] = field(
        default_factory=list[tuple[datetime, str, int]]
    )
    rows_before: int = 0
    """How many rows there were when the change was made."""
    moved: list[str] = field(default_factory=list[str])
    """The revisions that it was brought to, in order."""

    def write(self, rows: int = 10) -> None:
        """Services write."""
        self.rows += rows
        self.written += rows
        self.history.append((self.now, self.revision, self.rows))


@dataclass
class Process:
    """One process that acts on it, until it is killed."""

    memory: Memory
    point: Callable[[str], None] = lambda _: None
    """Told before and after each act."""
    draw: random.Random | None = None
    """What decides which calls time out."""

    def _act(self, what: str, act: Callable[[], None]) -> None:
        self.point(what)
        chance = self.draw.random() if self.draw else 1.0
        if chance < 0.1:
            raise TimeoutError(what)
        act()
        self.memory.now += timedelta(seconds=1)
        self.point(what)
        if chance < 0.2:
            raise TimeoutError(what)

    # The agent.

    def run(self, job: Job, tell: Callable[[str], None]) -> Ran:
        """Read or migrate."""
        tell("runs")
        memory = self.memory
        action, *rest = job.arguments
        lines: list[Line] = []
        if action in {"to", "back"}:

            def act() -> None:
                if rest[0] == "next1" and memory.revision == "base1":
                    memory.rows_before = memory.rows
                memory.revision = rest[0]
                memory.moved.append(rest[0])
                memory.write()

            self.point("migrate")
            if memory.revision != rest[0]:
                began = {"now": memory.now.isoformat(), "written": {"orders": memory.written}}
                lines.append({"event": "began", **began})
                memory.now += timedelta(seconds=1)
                act()
            self.point("migrate")
        held, rows = (memory.revision, memory.rows)
        if job.host:
            held, rows = memory.states[job.host]
        told: Line = {
            "event": "database",
            "revision": held,
            "now": memory.now.isoformat(),
            "written": {"orders": memory.written},
            "rows": {"orders": rows},
            "invalid": [],
            "counted": {"orders": rows} if "--count" in rest else {},
        }
        return Ran(0, [*lines, told], "memory")

    def finish(self, job: str) -> None:
        """Nothing goes on."""
        del job

    # Its copies.

    @property
    def database(self) -> str:
        """What it is called."""
        return "slipway-test-database"

    def snapshots(self) -> Sequence[Snapshot]:
        """The backups; each is complete a little later."""
        every = self.memory.kept
        shown = list(every.values())
        for each in shown:
            every[each.name] = replace(each, is_complete=True)
        return shown

    def take(self, name: str) -> None:
        """Begin one."""

        def act() -> None:
            self.memory.kept.setdefault(
                name,
                Snapshot(name, self.memory.now, False, True, None),  # noqa: FBT003 - incomplete, encrypted
            )

        self._act("take", act)

    def remember(self, snapshot: str, moment: Moment) -> None:
        """Write the moment down."""

        def act() -> None:
            self.memory.kept[snapshot] = replace(self.memory.kept[snapshot], moment=moment)

        self._act("remember", act)

    def restorable(self) -> tuple[datetime, datetime]:
        """Until a while ago."""
        self.memory.now += timedelta(seconds=30)
        return self.memory.now - timedelta(days=1), self.memory.now - timedelta(minutes=5)

    def restored(self, name: str) -> Restored | None:
        """The instance, ready at the third look."""
        if name not in self.memory.made:
            return None
        self.memory.made[name] += 1
        return Restored(name, name, self.memory.made[name] > 2, "creating")

    def restore(self, name: str, at: datetime) -> None:
        """Begin it."""

        def act() -> None:
            self.memory.made.setdefault(name, 0)
            held = [state for state in self.memory.history if state[0] <= at]
            self.memory.states[name] = (held[-1][1], held[-1][2]) if held else ("base1", 1000)

        self._act("restore", act)

    def discard(self, name: str) -> None:
        """Take it away."""
        self._act("discard", lambda: self.memory.made.pop(name, None))  # pyright: ignore[reportArgumentType] - what it gives is not used


def planned(kind: str = "additive", **more: Any) -> Planned:  # noqa: ANN401 - any key of a change
    """A change with its SQL."""
    of: Change = change(kind, **more)
    sql = {name: Sql(f"{name}.sql", text) for name, text in SQL.items()}
    return Planned(
        of,
        sql["before"],
        sql["contract"] if of.contract else None,
        sql["reverse"] if of.kind == "data" else None,
    )


def stage(process: Process, of: Planned, *, backs_up: bool = True) -> Stage:
    """What the steps act on, in one process."""
    return Stage(
        change=of.change,
        print_sql=lambda: of,
        schema=Schema(process),
        copies=process,
        backs_up=backs_up,
        sleep=lambda _: None,
        clock=lambda: process.memory.now,
    )
