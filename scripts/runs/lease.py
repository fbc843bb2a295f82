"""The lease: one operator at a time acts on a target, and the others are told who it is.

A lease expires, so that a dead operator blocks nobody for long. Clocks differ: a holder stops
trusting its lease `CLOCK_SKEW` before it expires, and others wait `CLOCK_SKEW` longer. Whoever is
stopped between the two (a paused process) is fenced off: each new holder has a higher token, and a
store takes an entry only with the token in force.

A clock can be off by more than that: a lease that is to last for longer than leases do is taken
over once it was not renewed for as long as they last, by the time that passed here.
"""

import os
import secrets
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from math import ceil
from pathlib import Path
from time import sleep
from typing import Final, Protocol

from pydantic import BaseModel, ConfigDict

from scripts.exits import CommandError, ExitCode
from scripts.runs.times import CLOCK_SKEW, Clock, Timestamp, stamp, utc_now

LEASE_TIME: Final = timedelta(seconds=60)
"""How long a lease holds without being renewed."""
TAKEN_OVER: Final = LEASE_TIME + 3 * CLOCK_SKEW
"""How long a lease that nobody renews may keep others out: the clock of who held it is ahead, that
of who waits behind, and waits for longer."""
_RENEWALS: Final = 4
"""How often it is renewed in that time."""
_BETWEEN: Final = 5.0
"""The seconds between two looks at a lease that may be a dead operator's."""


class LeaseHeldError(CommandError):
    """Somebody else acts on the target now; nothing was changed."""

    code = ExitCode.PENDING


class LeaseLostError(CommandError):
    """The lease ran out or somebody else took it: this run must not act any more."""


class Owner(BaseModel):
    """Who holds a lease: an operator's process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    operator: str
    host: str
    process: int
    machine: str
    """Where `process` means this very process; empty where that is not known."""

    @classmethod
    def here(cls, operator: str) -> "Owner":
        """`operator` in this process."""
        return cls(
            operator=operator, host=socket.gethostname(), process=os.getpid(), machine=_machine()
        )

    def is_gone(self) -> bool:
        """Whether it is sure that the process has ended, as only its own machine can be."""
        if not self.machine or self.machine != _machine():
            return False
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False

    def __str__(self) -> str:
        return f"{self.operator} on {self.host} (process {self.process})"


class Lease(BaseModel):
    """A lease on a target: in force until `expires`, or until another has a higher token."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str
    owner: Owner
    acquired: Timestamp
    expires: Timestamp
    id: str
    """Tells two of the same process apart."""
    token: int
    """Rises with every holder and every release."""
    released: bool = False


class LeaseStore(Protocol):
    """What leases ask of a store."""

    def lease(self, target: str) -> Lease | None:
        """The last lease on `target`, in force or not."""
        ...

    def replace_lease(self, old: Lease | None, new: Lease) -> bool:
        """Put `new` in the place of `old`; False, and no change, where `old` is not there."""
        ...


def acquire(
    store: LeaseStore,
    target: str,
    owner: Owner,
    *,
    clock: Clock = utc_now,
    wait: Callable[[float], None] = sleep,
) -> Lease:
    """The lease on `target`, from now on `owner`'s.

    Only where somebody holds it whose clock is ahead does it `wait`, in seconds.

    Raises:
        LeaseHeldError: it is somebody else's; the message says whose, since when and until when.
    """
    last = store.lease(target)
    if (
        last
        and not last.released
        and clock() <= last.expires + CLOCK_SKEW
        and not last.owner.is_gone()
        and not _is_still(store, last, clock, wait)
    ):
        raise _held(last)
    now = clock()
    new = Lease(
        target=target,
        id=secrets.token_hex(8),
        owner=owner,
        acquired=now,
        expires=now + LEASE_TIME,
        token=last.token + 1 if last else 1,
    )
    if not store.replace_lease(last, new):
        winner = store.lease(target)
        raise _held(winner) if winner else LeaseHeldError(f"{target}: another operator was faster")
    return new


def _is_still(store: LeaseStore, lease: Lease, clock: Clock, wait: Callable[[float], None]) -> bool:
    """Whether `lease`, made by a clock that is ahead, is renewed no more: its holder is gone."""
    if lease.expires <= clock() + LEASE_TIME + 2 * CLOCK_SKEW:
        return False
    for _ in range(ceil((LEASE_TIME + CLOCK_SKEW).total_seconds() / _BETWEEN)):
        wait(_BETWEEN)
        if store.lease(lease.target) != lease:
            return False
    return True


def renew(store: LeaseStore, lease: Lease, *, clock: Clock = utc_now) -> Lease:
    """`lease`, for longer.

    Raises:
        LeaseLostError: it is not the one in force any more.
    """
    longer = lease.model_copy(update={"expires": clock() + LEASE_TIME})
    if not store.replace_lease(lease, longer):
        raise lost(lease.target, store.lease(lease.target))
    return longer


def release(store: LeaseStore, lease: Lease) -> None:
    """Give `lease` back; nothing happens where it was lost already."""
    store.replace_lease(
        lease, lease.model_copy(update={"released": True, "token": lease.token + 1})
    )


class Keeper:
    """Holds a lease while a run acts, renewing it in the background."""

    def __init__(self, store: LeaseStore, lease: Lease, clock: Clock) -> None:
        self._store: Final = store
        self._clock: Final = clock
        self._lease = lease
        self._lock: Final = threading.Lock()
        self._over: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._renew_until_over, daemon=True)

    @property
    def lease(self) -> Lease:
        """The lease as last renewed."""
        with self._lock:
            return self._lease

    def check(self) -> None:
        """Go on only while the lease is surely held; called before anything that cannot be undone.

        Raises:
            LeaseLostError: it may be somebody else's by now.
        """
        if self._clock() >= self.lease.expires - CLOCK_SKEW:
            self.renew()

    def renew(self) -> None:
        """Renew it now.

        Raises:
            LeaseLostError: it is somebody else's by now.
        """
        with self._lock:
            self._lease = renew(self._store, self._lease, clock=self._clock)

    def start(self) -> None:
        """Renew it from now on, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Renew it no longer, and give it back."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        release(self._store, self.lease)

    def _renew_until_over(self) -> None:
        while not self._over.wait(LEASE_TIME.total_seconds() / _RENEWALS):
            # A store that is away for a moment is asked again; `check` sees it when time is up.
            with suppress(Exception):
                self.renew()


@contextmanager
def held(  # noqa: PLR0913 - who, of what, and what a simulation brings of its own
    store: LeaseStore,
    target: str,
    owner: Owner,
    *,
    clock: Clock = utc_now,
    wait: Callable[[float], None] = sleep,
    background: bool = True,
) -> Generator[Keeper]:
    """Hold the lease on `target`, with `background` renewed in a thread, and give it back after.

    Raises:
        LeaseHeldError: it is somebody else's.
    """
    keeper = Keeper(store, acquire(store, target, owner, clock=clock, wait=wait), clock)
    if background:
        keeper.start()
    try:
        yield keeper
    finally:
        keeper.stop()


def lost(target: str, now: Lease | None) -> LeaseLostError:
    """What to say to whom the lease on `target` was taken from."""
    taken = f": {now.owner} has it since {stamp(now.acquired)}" if now and not now.released else ""
    return LeaseLostError(
        f"the lease on {target} was lost{taken}. This run stopped; run it again to resume it."
    )


def _held(lease: Lease) -> LeaseHeldError:
    return LeaseHeldError(
        f"{lease.target} is being worked on by {lease.owner} since {stamp(lease.acquired)};"
        f" nothing was changed. The lease runs out at {stamp(lease.expires)} unless renewed."
    )


@cache
def _machine() -> str:
    """This boot of this machine and its process numbers, where the system tells."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""
