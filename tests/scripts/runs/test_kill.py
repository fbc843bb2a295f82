"""Tests of runs whose process is killed: run again, they end as if nothing had happened."""

import multiprocessing
import os
import random
import signal
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scripts.exits import ExitCode
from scripts.runs.journal import Entry, Journal
from scripts.runs.lease import Owner
from scripts.runs.runner import Setting, execute
from scripts.runs.sqlite import SqliteStore
from tests.scripts.runs.ledger import IDS, TARGET, Ledger, plan

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])
# Before and after each of 14 entries (a start, three for each of four steps, an end) and four acts.
POINTS = 2 * (1 + 3 * len(IDS) + 1 + len(IDS))


@dataclass
class Killer:
    """Kills its own process at the point `at`, counted from 0."""

    at: int
    passed: int = field(default=0)

    def point(self, _what: object = None) -> None:
        """Be killed here, if it is the one."""
        if self.passed == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed += 1


class KillingStore(SqliteStore):
    """A store in which `killer` waits before and after each entry."""

    def __init__(self, path: Path, killer: Killer) -> None:
        super().__init__(path)
        self._killer = killer

    def append(self, entry: Entry, *, token: int) -> None:
        """Write `entry`, if the process lives so long."""
        self._killer.point()
        super().append(entry, token=token)
        self._killer.point()


def _child(folder: Path, at: int) -> None:
    killer = Killer(at)
    setting = Setting(
        store=KillingStore(folder / "runs.sqlite", killer),
        owner=Owner.here("Ana"),
        tell=lambda _: None,
        resume="the same again",
    )
    world = Ledger(folder / "ledger", before=killer.point, after=killer.point)
    raise SystemExit(execute(plan(), world, setting).code)


def run_killed_at(folder: Path, at: int) -> int | None:
    """How a process ended that ran the plan and was to be killed at the point `at`."""
    process = _CONTEXT.Process(target=_child, args=(folder, at))
    process.start()
    process.join()
    return process.exitcode


def check_end(folder: Path) -> None:
    """Everything was done once, by one run, and the journal is whole."""
    assert Ledger(folder / "ledger").lines() == list(IDS)
    store = SqliteStore(folder / "runs.sqlite")
    journal = Journal(TARGET, store)
    assert journal.verify() == []
    entries = journal.entries()
    assert [entry.kind for entry in entries].count("run.done") == 1
    assert entries[-1].kind == "run.done"
    assert len({entry.run for entry in entries}) == 1
    store.close()


@pytest.mark.parametrize("at", range(POINTS))
def test_a_run_killed_at_any_point_ends_the_same(tmp_path: Path, at: int) -> None:
    """Before and after each entry and each act; the journal verifies right after the kill, too."""
    assert run_killed_at(tmp_path, at) == -signal.SIGKILL
    store = SqliteStore(tmp_path / "runs.sqlite")
    assert Journal(TARGET, store).verify() == []
    store.close()
    if at < POINTS - 1:
        assert run_killed_at(tmp_path, POINTS) == ExitCode.DONE
    check_end(tmp_path)


def test_the_points_are_all_there_are(tmp_path: Path) -> None:
    """One later, and nobody is killed."""
    assert run_killed_at(tmp_path, POINTS) == ExitCode.DONE
    check_end(tmp_path)


@pytest.mark.parametrize("seed", range(5))
def test_a_run_killed_again_and_again_ends_the_same(tmp_path: Path, seed: int) -> None:
    """Each resumed run is killed, too, until one gets through."""
    draw = random.Random(seed)  # noqa: S311 - for repetition, not for secrecy
    for _ in range(8):
        run_killed_at(tmp_path, draw.randrange(14))
    ended = run_killed_at(tmp_path, 2 * POINTS)
    assert ended == ExitCode.DONE
    assert Ledger(tmp_path / "ledger").lines() == list(IDS)
    store = SqliteStore(tmp_path / "runs.sqlite")
    assert Journal(TARGET, store).verify() == []
    store.close()
