"""The two sides of a simulated service: tasks that start, die, and are healthy or not."""

from dataclasses import dataclass, field
from typing import Final

GRACE: Final = 90.0
"""A task that died so many seconds ago may not have been missed yet."""


@dataclass
class Fleet:
    """The tasks of one side."""

    starts_after: float
    wanted: int = 0
    ready: list[float] = field(default_factory=list[float])
    """Since when each is healthy."""
    died: list[float] = field(default_factory=list[float])

    def scale(self, wanted: int, now: float) -> None:
        """Have so many tasks from now on; the newest go first."""
        self.wanted = wanted
        self.ready = self.ready[:wanted]
        self.ready += [now + self.starts_after] * (wanted - len(self.ready))

    def die(self, count: int, now: float) -> None:
        """Let some tasks die; others start in their place."""
        there = [at for at in self.ready if at <= now][:count]
        for at in there:
            self.ready.remove(at)
            self.died.append(now)
        self.ready += [now + self.starts_after] * len(there)

    def healthy(self, now: float) -> int:
        """How many are healthy."""
        return sum(at <= now for at in self.ready)

    def was_healthy(self, now: float) -> int:
        """The same, with those whose death may not have been seen yet."""
        return self.healthy(now) + sum(now - at <= GRACE for at in self.died)


@dataclass
class Service:
    """One service: its sides, and the weights that the new one had."""

    name: str
    full: int
    old: Fleet
    new: Fleet
    weights: list[tuple[float, int]]
    retired: set[str] = field(default_factory=set[str])
    failures: list[float] = field(default_factory=list[float])
    """When health checks of its new side failed."""

    @property
    def weight(self) -> int:
        """The percentage that goes to the new side now."""
        return self.weights[-1][1]

    @property
    def back_since(self) -> float:
        """Since when nobody is on the new side."""
        on = [place for place, (_, weight) in enumerate(self.weights) if weight]
        return self.weights[on[-1] + 1 if on else 0][0]

    def weight_at(self, when: float) -> int:
        """The percentage that went there then."""
        return next((weight for at, weight in reversed(self.weights) if at <= when), 0)
