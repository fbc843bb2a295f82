"""What a cutover acts on and looks at, as protocols: AWS's, a rehearsal's, a simulation's."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from scripts.cutover.judgement.judge import Stage
from scripts.cutover.judgement.observations import Observations


class Sides(Protocol):
    """The old side and the new side of one service, and the traffic that each gets.

    Every call may fail with `TimeoutError`: an act that does may have happened or not. What a
    person has to mend (a permission, a side that is not there) is a `CommandError`.
    """

    @property
    def releases(self) -> tuple[str, str]:
        """What the old side runs and the new side is to run, by digest or by release name."""
        ...

    def size(self) -> int:
        """How many instances the old side is meant to have: what carries all traffic."""
        ...

    def scale(self, instances: int) -> None:
        """Let the new side run its release on so many instances, and keep the old one full."""
        ...

    def healthy(self, *, is_new: bool) -> int:
        """How many instances of a side are seen healthy; of the new one, of its release alone."""
        ...

    def set_weight(self, weight: int) -> None:
        """Send so many percent of the traffic to the new side, and the rest to the old one."""
        ...

    def weight(self) -> int:
        """How many percent the new side gets, by what the load balancer itself says."""
        ...

    def retire(self, *, is_new: bool) -> None:
        """Take a side's instances away; it has to be without traffic."""
        ...

    def is_retired(self, *, is_new: bool) -> bool:
        """Whether a side has no instances and is to have none."""
        ...

    def refusals(self) -> Sequence[str]:
        """Why a cutover cannot start here, each with what to do: reads only."""
        ...


class Watch(Protocol):
    """What is seen of the services: series, alarms, events."""

    def observe(self, stage: Stage) -> Observations:
        """What is seen now of the series of the gates of `stage`, since a while before it began.

        The answer to a question is not looked for here. What cannot be read is left out.
        """
        ...

    def refusals(self) -> Sequence[str]:
        """Why nothing can be watched here, such as a missing permission, each with what to do."""
        ...


class Clock(Protocol):
    """Time, which a simulation makes itself."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class World(Protocol):
    """All that a cutover stands in."""

    @property
    def sides(self) -> Mapping[str, Sides]:
        """The sides of each service, by name."""
        ...

    @property
    def watch(self) -> Watch:
        """What is seen."""
        ...

    @property
    def clock(self) -> Clock:
        """What time it is."""
        ...
