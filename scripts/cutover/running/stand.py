"""Where the steps of a cutover stand: the world, the plan, and what their run has done so far.

What is so is read from the world. Weights count once they were set and read back; a reading alone
may be an old one, and counts together with the journal only.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import Final, TypeVar

from scripts.cutover.judgement.observations import Observations
from scripts.cutover.planning.request import Cutover
from scripts.cutover.running.answers import Answers
from scripts.cutover.running.record import Past, past
from scripts.cutover.world import Sides, World
from scripts.runs.journal import Journal
from scripts.runs.steps import Acting

Seen = TypeVar("Seen")

BETWEEN_READS: Final = 5.0
"""Seconds until something is read again, where polls are not closer together."""
_SOON: Final = 0.1


@dataclass(kw_only=True)
class Stand:
    """What the steps of one run are given."""

    world: World
    cutover: Cutover
    journal: Callable[[], Journal]
    """Where its run is written down; read once the run has begun, under its lease."""
    answers: Answers
    """What people elsewhere say."""
    background: bool = False
    """Whether threads may run; a simulation does without."""
    here: set[str] = field(default_factory=set[str])
    """The steps that this very process did: what has to be seen again after a kill."""

    seen: dict[str, Observations] = field(default_factory=dict[str, Observations])
    """What was seen of each stage last: it counts on until it is too old."""

    @cached_property
    def past(self) -> Past:
        """What this run has done so far, also before a kill."""
        return past(self.journal().entries())

    @property
    def between(self) -> float:
        """Seconds until something is read again that is not yet so."""
        return min(BETWEEN_READS, self.cutover.settings.poll)

    def sides(self, service: str) -> Sides:
        """The sides of `service`."""
        return self.world.sides[service]

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.world.clock.now()

    def full(self, service: str) -> int:
        """How many instances of the old side of `service` carry all its traffic."""
        return self.past.full.get(service, self.cutover.sizes[service])

    def weight(self, service: str) -> int:
        """What the load balancer says, asked again where it does not answer."""
        return self.patient(self.sides(service).weight)

    def healthy(self, service: str, *, is_new: bool) -> int:
        """How many instances are healthy, asked again where nobody answers."""
        return self.patient(lambda: self.sides(service).healthy(is_new=is_new))

    def is_retired(self, service: str, *, is_new: bool) -> bool:
        """Whether a side is gone, asked again where nobody answers."""
        return self.patient(lambda: self.sides(service).is_retired(is_new=is_new))

    def patient(self, read: Callable[[], Seen]) -> Seen:
        """What `read` says, within the time that reading back may take."""
        end = self.now() + self.cutover.settings.read_back
        while True:
            try:
                return read()
            except TimeoutError:
                if self.now() >= end:
                    raise
                self.world.clock.sleep(self.between)

    def until(
        self,
        is_so: Callable[[], bool],
        seconds: float,
        acting: Acting,
        due: Callable[[], float] = lambda: inf,
    ) -> bool:
        """Whether `is_so` within `seconds`; what times out may have happened, and is asked again.

        The lease is checked before each try: nobody acts who may not. In `due` seconds it is asked
        again at the latest.
        """
        end = self.now() + seconds
        while True:
            acting.check()
            try:
                if is_so():
                    return True
            except TimeoutError:
                pass
            left = end - self.now()
            if left <= 0:
                return False
            self.world.clock.sleep(min(self.between, left, max(due(), _SOON)))
