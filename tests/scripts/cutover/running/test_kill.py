"""Cutovers that are killed at any write of their journal: resumed, they end the same."""

import os
from collections import Counter
from pathlib import Path

import pytest

from scripts.cutover.running.conductor import Outcome, carry_out
from scripts.cutover.running.record import decisions
from scripts.cutover.running.standing import State, readable, standing
from scripts.runs.journal import Entry, Journal
from scripts.runs.lease import CLOCK_SKEW, LEASE_TIME, Lease, LeaseHeldError
from scripts.runs.sqlite import SqliteStore
from tests.scripts.cutover.cloud import Cloud, cloud, cutover, setting

PLAN = cutover(("api",))
LEAST = {"good": 80, "bad": 60}
"""Each entry is written between two points."""
EVERY = 1 if os.environ.get("SLIPWAY_SOAK") else 17
GONE = (LEASE_TIME + 2 * CLOCK_SKEW).total_seconds()


class KilledError(BaseException):
    """The process is gone."""


class KillingStore(SqliteStore):
    """A store whose process dies at one of its writes, before or after it."""

    def __init__(self, path: Path, at: int) -> None:
        super().__init__(path)
        self._left = at
        self.is_dead = False

    def append(self, entry: Entry, *, token: int) -> None:
        """Write `entry`, if the process lives so long."""
        self._point()
        super().append(entry, token=token)
        self._point()

    def replace_lease(self, old: Lease | None, new: Lease) -> bool:
        """Who is dead gives no lease back."""
        if self.is_dead:
            raise KilledError
        return super().replace_lease(old, new)

    def _point(self) -> None:
        self._left -= 1
        if self._left < 0:
            self.is_dead = True
            raise KilledError


def _world(release: str) -> Cloud:
    found = cloud(("api",))
    if release == "bad":
        found.watch.errors["api"] = lambda sides: 0.05 if sides.share == 100 else 0.001
    return found


def _killed(folder: Path, world: Cloud, at: int) -> bool:
    """Whether a process that was to be killed at the write `at` was."""
    store = KillingStore(folder / "runs.sqlite", at)
    try:
        carry_out(PLAN, world, setting(world.clock, store))
    except KilledError:
        return True
    finally:
        store.close()
    return False


ENDED = {State.DONE: Outcome.DONE, State.TAKEN_BACK: Outcome.ROLLED_BACK}


def _resumed(folder: Path, world: Cloud) -> Outcome:
    """Somebody else goes on once the lease of the dead one is over, unless it has ended."""
    world.clock.at += GONE
    store = SqliteStore(folder / "runs.sqlite")
    there = standing(readable(store, PLAN.target)).state
    outcome = ENDED.get(there)
    if outcome is None:
        outcome = carry_out(PLAN, world, setting(world.clock, store, "ben")).outcome
    store.close()
    return outcome


def _check(folder: Path, world: Cloud, release: str) -> None:
    """The world is as it is without a kill, and so is the journal."""
    sides, store = world.sides["api"], SqliteStore(folder / "runs.sqlite")
    wanted = (0, 4, 100) if release == "good" else (4, 0, 0)
    assert (sides.old, sides.new, sides.share) == wanted
    journal = Journal(PLAN.target, store)
    assert journal.verify() == []
    entries = journal.entries()
    numbers = Counter((entry.run, entry.data["sequence"]) for entry in _decided(entries))
    assert set(numbers.values()) == {1}
    for run in {run for run, _ in numbers}:
        own = [each.sequence for each in decisions([each for each in entries if each.run == run])]
        assert own == list(range(1, len(own) + 1))
    ends = Counter(entry.kind for entry in entries if entry.kind == "run.done")
    assert ends == {"run.done": 1}
    store.close()


def _decided(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if "sequence" in entry.data]


OUTCOMES = {"good": Outcome.DONE, "bad": Outcome.ROLLED_BACK}


@pytest.mark.parametrize("release", OUTCOMES)
def test_a_cutover_killed_at_any_write_ends_the_same(tmp_path: Path, release: str) -> None:
    """Done where the release is good, back where it is bad; each decision has its own number."""
    at = 0
    for at in range(0, 1000, EVERY):
        world, folder = _world(release), tmp_path / str(at)
        if not _killed(folder, world, at):
            break
        assert _resumed(folder, world) is OUTCOMES[release], at
        _check(folder, world, release)
    assert at > LEAST[release]


@pytest.mark.parametrize("release", OUTCOMES)
def test_a_cutover_killed_again_and_again_ends_the_same(tmp_path: Path, release: str) -> None:
    """Whoever goes on is killed, too, until one gets through."""
    world, at = _world(release), 11
    while _killed(tmp_path, world, at):
        world.clock.at += GONE
        at += 5
    _check(tmp_path, world, release)


def test_a_killed_operators_lease_is_respected_until_it_is_over(tmp_path: Path) -> None:
    """Nobody acts beside one who may only be slow; the refusal says who it is, since when."""
    world = _world("good")
    assert _killed(tmp_path, world, 20)
    store = SqliteStore(tmp_path / "runs.sqlite")
    with pytest.raises(LeaseHeldError, match=r"worked on by ana on here .* since 1970-"):
        carry_out(PLAN, world, setting(world.clock, store, "ben"))
    assert world.log == ["api scale 2", "api weight 25"]
    store.close()
