"""Tests of changes whose process is killed at any point: run again, they end as if it had not."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from scripts.cutover.database.steps import Stage
from scripts.exits import ExitCode
from scripts.runs.journal import Entry, Journal
from scripts.runs.sqlite import SqliteStore
from scripts.runs.steps import Step
from tests.scripts.cutover.database.memory import LOSES, Memory, Process, planned, stage
from tests.scripts.cutover.database.world import around, carry_out
from tests.soak import amount

KINDS: dict[str, dict[str, Any]] = {
    "additive": {},
    "data": {},
    "breaking": {},
    "restored": {"loses": LOSES, "unread": ["orders.note"]},
}


class KilledError(BaseException):
    """The process is gone."""


@dataclass
class Killer:
    """Kills at the point `at`, counted from 0."""

    at: int
    passed: int = 0

    def point(self, _what: object = None) -> None:
        """Be killed here, if it is the one."""
        self.passed += 1
        if self.passed == self.at + 1:
            raise KilledError


class KillingStore(SqliteStore):
    """A store in which a process may be killed before and after each entry."""

    killer: Killer | None = None

    def append(self, entry: Entry, *, token: int) -> None:
        """Write `entry`, if the process lives so long."""
        if self.killer:
            self.killer.point()
        super().append(entry, token=token)
        if self.killer:
            self.killer.point()


Phase = Callable[[Stage], "list[Step[object]]"]
PHASES: dict[str, Phase] = {
    "before": lambda it: list(around(it).before),
    "after": lambda it: list(around(it).after),
    "back": lambda it: list(around(it).back),
}


def process(memory: Memory, kind: str, killer: Killer | None = None) -> Stage:
    """A new process."""
    of = planned("breaking" if kind == "restored" else kind, **KINDS[kind])
    return stage(Process(memory, killer.point if killer else lambda _: None), of)


def through(memory: Memory, store: KillingStore, kind: str, ways: str, at: int) -> bool:
    """Whether the phases go through in order, killed once at the point `at`."""
    killer = Killer(at)
    killed = False
    for way in ways.split():
        for _ in range(3):
            store.killer = None if killed else killer
            it = process(memory, kind, store.killer)
            try:
                outcome = carry_out(PHASES[way](it), store)
            except KilledError:
                killed = True
                memory.write()
                continue
            wanted = ExitCode.DONE
            if kind == "restored" and way == "back":
                wanted = ExitCode.PENDING
            assert outcome.code is wanted, outcome.message
            break
    store.killer = None
    return killed


def check(memory: Memory, store: KillingStore, kind: str, ways: str) -> None:
    """All is as after a run that nobody killed."""
    ends = {
        ("data", "before back"): "base1",
        ("breaking", "before after"): "after",
    }
    assert memory.revision == ends.get((kind, ways), "next1")
    assert Journal("test/database", store).verify() == []
    assert all(each.is_complete for each in memory.kept.values())
    assert len(memory.made) == (kind == "restored" and "back" in ways)
    assert len(memory.moved) <= 3
    if memory.made:
        # Not one row less than there was right before the change, and not one from after it.
        assert list(memory.states.values()) == [("base1", memory.rows_before)]


@pytest.mark.parametrize(
    ("kind", "ways"),
    [
        ("additive", "before back"),
        ("data", "before back"),
        ("breaking", "before back"),
        ("breaking", "before after"),
        ("restored", "before back"),
    ],
)
def test_killed_anywhere(tmp_path: Path, kind: str, ways: str) -> None:
    """Before and after each entry of the journal and each act, in every class."""
    for at in count(step=amount(3, 1)):
        memory = Memory()
        store = KillingStore(tmp_path / f"{at}.sqlite")
        killed = through(memory, store, kind, ways, at)
        check(memory, store, kind, ways)
        store.close()
        if not killed:
            assert at > 15  # as many points there were
            return


@pytest.mark.parametrize("seed", range(amount(10, 500)))
def test_time_outs(tmp_path: Path, seed: int) -> None:
    """A call that times out may have happened or not: the change ends the same."""
    store = KillingStore(tmp_path / "runs.sqlite")
    memory = Memory()
    draw = random.Random(seed)  # noqa: S311 - for repetition, not for secrecy
    of = planned("breaking", **KINDS["restored"])
    for way, wanted in (("before", ExitCode.DONE), ("back", ExitCode.PENDING)):
        codes: list[ExitCode] = []
        while wanted not in codes and len(codes) < 10:
            it = stage(Process(memory, draw=draw), of)
            codes.append(carry_out(PHASES[way](it), store).code)
            memory.write()
        assert wanted in codes
    check(memory, store, "restored", "before back")
    store.close()
