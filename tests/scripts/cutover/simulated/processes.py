"""Simulated time, and the processes in it: each has a clock of its own, may pause, and may die."""

import heapq
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Final

from scripts.runs.lease import Owner

START: Final = 1_790_000_000.0


class ViolationError(BaseException):
    """What must never be. No `Exception`, so that no step takes it for a failure of its own."""


class KilledError(BaseException):
    """The process is dead, whatever it wanted to do next."""


class _TimeUpError(BaseException):
    """The time of a step is up."""


@dataclass
class Time:
    """The true time, and what happens in it."""

    now: float = START
    _events: list[tuple[float, int, Callable[[], None]]] = field(
        default_factory=list[tuple[float, int, Callable[[], None]]]
    )
    _numbers: "count[int]" = field(default_factory=count)

    def at(self, when: float, event: Callable[[], None]) -> None:
        """Let `event` happen at `when`."""
        heapq.heappush(self._events, (when, next(self._numbers), event))

    def pass_(self, seconds: float) -> None:
        """Let `seconds` pass, with all that happens in them."""
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            when, _, event = heapq.heappop(self._events)
            self.now = max(self.now, when)
            event()
        self.now = max(self.now, end)


@dataclass
class Process:
    """One process of one operator; the clock of the world that it acts in."""

    time: Time
    owner: Owner
    ahead: float = 0.0
    """How far its clock is ahead of the true time."""
    jump: tuple[float, float] | None = None
    """When its clock is set anew, and how far it is ahead from then on."""
    kill_at: int | None = None
    """The point, of its writes and acts, at which it is killed."""
    pause: tuple[int, float] | None = None
    """During which of its sleeps it stands still, and for how long."""
    paused: Callable[[], None] = lambda: None
    """Is told when that begins."""
    points: int = 0
    sleeps: int = 0
    is_dead: bool = False
    _deadlines: list[float] = field(default_factory=list[float])

    def now(self) -> float:
        """The time by its clock."""
        self._live()
        if self.jump and self.time.now >= self.jump[0]:
            return self.time.now + self.jump[1]
        return self.time.now + self.ahead

    def utc(self) -> datetime:
        """The same, as records have it."""
        return datetime.fromtimestamp(self.now(), UTC)

    def sleep(self, seconds: float) -> None:
        """Wait: the only place where anybody else gets on."""
        if seconds <= 0:
            raise ViolationError("it waits for nothing")
        self.sleeps += 1
        if self.pause and self.sleeps == self.pause[0]:
            self.paused()
            seconds += self.pause[1]
        self.spend(seconds)

    def spend(self, seconds: float) -> None:
        """What a call takes."""
        self._live()
        self.time.pass_(seconds)
        self._live()
        if any(self.time.now >= deadline for deadline in self._deadlines):
            raise _TimeUpError

    def point(self) -> None:
        """A point at which it may be killed: before and after each write and each act."""
        self._live()
        self.points += 1
        if self.points == self.kill_at:
            self.is_dead = True
            raise KilledError

    def _live(self) -> None:
        if self.is_dead:
            raise KilledError

    @contextmanager
    def limit(self, seconds: float) -> Generator[None]:
        """Hold a step to its time, as the alarm of a real process does."""
        deadline = self.time.now + seconds
        self._deadlines.append(deadline)
        try:
            yield
        except _TimeUpError:
            if self.time.now < deadline:
                raise  # it is an outer step's time that is up
            raise TimeoutError(f"not done within {seconds:g} s") from None
        finally:
            self._deadlines.remove(deadline)
