"""Tests of the lease: one operator at a time, and everybody else knows who."""

import multiprocessing
import os
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from scripts.runs.journal import Store
from scripts.runs.lease import (
    LEASE_TIME,
    TAKEN_OVER,
    Keeper,
    Lease,
    LeaseHeldError,
    LeaseLostError,
    Owner,
    acquire,
    held,
    release,
    renew,
)
from scripts.runs.sqlite import SqliteStore
from scripts.runs.times import CLOCK_SKEW

TARGET = "production/program"
START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Clock:
    """A clock that goes when it is told."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        """What it shows."""
        return self.time

    def wait(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self.time += timedelta(seconds=seconds)


def elsewhere(operator: str) -> Owner:
    """`operator` on a machine that nothing is known of."""
    return Owner(operator=operator, host=f"{operator.lower()}-laptop", process=7, machine="")


def test_the_second_operator_is_told_who_and_since_when(store: Store) -> None:
    """And gets it once it is given back."""
    first = acquire(store, TARGET, elsewhere("Ana"), clock=Clock())
    with pytest.raises(
        LeaseHeldError, match=r"by Ana on ana-laptop .* since 2026-11-21T12:00:00\.000Z"
    ):
        acquire(store, TARGET, elsewhere("Ben"), clock=Clock())
    release(store, first)
    second = acquire(store, TARGET, elsewhere("Ben"), clock=Clock())
    assert second.token > first.token
    acquire(store, "staging/program", elsewhere("Ana"), clock=Clock())


def test_a_lease_lapses_only_when_every_clock_agrees(store: Store) -> None:
    """Others wait for the skew on top; a renewed lease lasts longer."""
    clock = Clock()
    first = acquire(store, TARGET, elsewhere("Ana"), clock=clock)
    clock.time = first.expires + CLOCK_SKEW
    with pytest.raises(LeaseHeldError):
        acquire(store, TARGET, elsewhere("Ben"), clock=clock)
    first = renew(store, first, clock=clock)
    clock.time += LEASE_TIME
    with pytest.raises(LeaseHeldError):
        acquire(store, TARGET, elsewhere("Ben"), clock=clock)
    clock.time = first.expires + CLOCK_SKEW + timedelta(milliseconds=1)
    taken = acquire(store, TARGET, elsewhere("Ben"), clock=clock)
    assert taken.token == first.token + 1
    with pytest.raises(LeaseLostError, match="Ben on ben-laptop"):
        renew(store, first, clock=clock)
    release(store, first)
    assert store.lease(TARGET) == taken


def test_a_dead_holder_whose_clock_was_ahead_is_waited_out(store: Store) -> None:
    """Its lease says hours; it is gone once it has not renewed it for as long as leases last."""
    ahead, clock = Clock(), Clock()
    ahead.time += timedelta(hours=2)
    dead = acquire(store, TARGET, elsewhere("Ana"), clock=ahead)
    began = clock.time
    taken = acquire(store, TARGET, elsewhere("Ben"), clock=clock, wait=clock.wait)
    assert taken.token == dead.token + 1
    assert LEASE_TIME < clock.time - began <= TAKEN_OVER


def test_a_living_holder_whose_clock_is_ahead_keeps_its_lease(store: Store) -> None:
    """It renews it, which is seen by who waits."""
    ahead, clock = Clock(), Clock()
    ahead.time += timedelta(hours=2)
    keeper = Keeper(store, acquire(store, TARGET, elsewhere("Ana"), clock=ahead), ahead)

    def wait(seconds: float) -> None:
        clock.wait(seconds)
        ahead.wait(seconds)
        if (clock.time - Clock().time) % timedelta(seconds=15) == timedelta(0):
            keeper.renew()

    with pytest.raises(LeaseHeldError, match="Ana"):
        acquire(store, TARGET, elsewhere("Ben"), clock=clock, wait=wait)
    assert store.lease(TARGET) == keeper.lease


def test_a_holder_asks_again_before_its_lease_is_in_doubt(store: Store) -> None:
    """From the skew before its end on, each check renews it, or stops the run."""
    clock = Clock()
    keeper = Keeper(store, acquire(store, TARGET, elsewhere("Ana"), clock=clock), clock)
    before = keeper.lease.expires
    clock.time = before - CLOCK_SKEW - timedelta(seconds=1)
    keeper.check()
    assert keeper.lease.expires == before
    clock.time = before - CLOCK_SKEW
    keeper.check()
    assert keeper.lease.expires > before
    clock.time = keeper.lease.expires + CLOCK_SKEW + timedelta(seconds=1)
    acquire(store, TARGET, elsewhere("Ben"), clock=clock)
    with pytest.raises(LeaseLostError):
        keeper.check()


@pytest.mark.parametrize("used", [False, True])
def test_of_two_that_read_the_same_lease_one_gets_it(store: Store, *, used: bool) -> None:
    """The write is on condition of what was read, the first as well as any later one."""
    if used:
        release(store, acquire(store, TARGET, elsewhere("Ana")))
    behind = _Behind(store)
    acquire(store, TARGET, elsewhere("Ben"))
    with pytest.raises(LeaseHeldError, match="Ben"):
        acquire(behind, TARGET, elsewhere("Cem"))


class _Behind:
    """A store whose first read of a lease is from when it was made."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: list[Lease | None] = [store.lease(TARGET)]

    def lease(self, target: str) -> Lease | None:
        """What was there, then what is."""
        return self._seen.pop() if self._seen else self._store.lease(target)

    def replace_lease(self, old: Lease | None, new: Lease) -> bool:
        """As the store does."""
        return self._store.replace_lease(old, new)


def test_a_dead_process_of_this_machine_holds_nothing(sqlite: SqliteStore) -> None:
    """A killed run can be resumed at once; where nobody can tell, the lease has to lapse."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    dead = Owner.here("Ana").model_copy(update={"process": child})
    acquire(sqlite, TARGET, dead)
    acquire(sqlite, TARGET, Owner.here("Ben"))
    with pytest.raises(LeaseHeldError, match="Ben"):
        acquire(sqlite, TARGET, Owner.here("Cem"))
    assert not dead.model_copy(update={"machine": "another"}).is_gone()
    assert not dead.model_copy(update={"process": 1}).is_gone()


def test_a_held_lease_is_given_back_at_the_end(store: Store) -> None:
    """Also after an error."""
    with suppress(ZeroDivisionError), held(store, TARGET, elsewhere("Ana")):
        raise ZeroDivisionError
    with held(store, TARGET, elsewhere("Ben"), background=False) as keeper:
        assert keeper.lease.owner.operator == "Ben"


def test_of_many_threads_exactly_one_gets_it(sqlite: SqliteStore) -> None:
    """The others are told its name."""
    barrier = threading.Barrier(8)
    won: list[str] = []
    told: list[str] = []

    def contend(name: str) -> None:
        barrier.wait()
        try:
            won.append(acquire(sqlite, TARGET, elsewhere(name)).owner.operator)
        except LeaseHeldError as error:
            told.append(str(error))

    threads = [threading.Thread(target=contend, args=(f"Operator{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert len(told) == 7
    assert all(f"by {won[0]} on" in line for line in told)


def test_of_many_processes_exactly_one_gets_it(tmp_path: Path) -> None:
    """Each with the file open for itself, ten times over."""
    context = multiprocessing.get_context("forkserver")
    for attempt in range(10):
        barrier = context.Barrier(2)
        results: Queue[str] = context.Queue()
        path = tmp_path / f"{attempt}.sqlite"
        SqliteStore(path).close()
        processes = [
            context.Process(target=_contend, args=(path, name, barrier, results))
            for name in ("Ana", "Ben")
        ]
        for process in processes:
            process.start()
        said = sorted(results.get(timeout=60) for _ in processes)
        for process in processes:
            process.join()
        winner = said[1].removeprefix("won ")
        assert winner in {"Ana", "Ben"}
        assert f"by {winner} on" in said[0]


def _contend(path: Path, name: str, barrier: Barrier, results: "Queue[str]") -> None:
    store = SqliteStore(path)
    barrier.wait()
    try:
        acquire(store, TARGET, elsewhere(name))
        results.put(f"won {name}")
    except LeaseHeldError as error:
        results.put(f"told: {error}")
