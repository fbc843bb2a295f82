"""How an environment's releases take over its traffic: weights, times, freezes, what is watched."""

from datetime import datetime
from typing import Annotated, Final, Self

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from environments.bounds import refused
from environments.record import Name, Record
from environments.watch import Watch, WatchCommand
from standards import Whole, figure

ALL: Final = 100
_STARTING: Final = figure("SVC-02", "healthy_wait_max_minutes").seconds


def _rising(weights: tuple[int, ...]) -> tuple[int, ...]:
    if weights[-1] != ALL or list(weights) != sorted(set(weights)):
        raise refused(f"weights {', '.join(map(str, weights))} do not rise to {ALL}")
    return weights


def _at_most(limit: Whole) -> AfterValidator:
    """Refuse what is above `limit`."""

    def check(value: float) -> float:
        if value > limit:
            cited = limit.figure.requirement
            raise refused(f"{value:g} is above {limit}, the most allowed ({cited})")
        return value

    return AfterValidator(check)


Weights = Annotated[
    tuple[Annotated[int, Field(ge=1, le=ALL)], ...], Field(min_length=1), AfterValidator(_rising)
]
Seconds = Annotated[float, Field(gt=0, le=7200)]


class Freeze(Record):
    """A time in which nothing is released but in an emergency; rollbacks always are."""

    since: Annotated[AwareDatetime, Field(alias="from")]
    until: AwareDatetime
    why: Annotated[str, StringConstraints(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until <= self.since:
            raise refused(f"until {self.until} is not after from {self.since}")
        return self

    def holds(self, at: datetime) -> bool:
        """Whether `at` lies in it."""
        return self.since <= at < self.until


class Cutover(Record):
    """How traffic moves from one release to the next; what is left out is as the standards ask."""

    weights: Weights = (1, 5, 10, 25, 50, 100)
    """The percent of a service's traffic that the new release gets, step by step (PIPE-03). Where
    there is too little traffic to judge a step, it is merged with the next."""
    order: tuple[Name, ...] = ()
    """The services that go first, in this order; the others follow as they are listed, and the
    pages come last (PIPE-13)."""
    bake_seconds: Seconds = 300
    """How long a step lasts at least."""
    longest_bake_seconds: Seconds = 1800
    """How long it may last where its traffic takes so long to decide."""
    poll_seconds: Annotated[float, Field(ge=1, le=60)] = 15
    """How often it is looked at, which is how soon a bad release is found."""
    ask_seconds: Seconds = 300
    """How long a person has to answer a question (ROLL-10); without an answer it goes back."""
    starting_seconds: Annotated[Seconds, _at_most(_STARTING)] = float(_STARTING)
    """How long a new instance may take until it is healthy (SVC-02)."""
    retain_minutes: Annotated[int, Field(ge=0, le=60 * 24 * 14)] = 0
    """How long the old side is kept, full, beyond the first minutes: as long as it is, one change
    of weights is the way back, and it costs what it costs. 0 takes it away after those."""
    freezes: tuple[Freeze, ...] = ()
    tell: WatchCommand | None = None
    """What tells people of a cutover where the stack publishes no topics: it reads a JSON object
    with id, severity, title and text."""
    watch: Watch = Field(default_factory=Watch)
    """What is watched beside what AWS measures."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.poll_seconds <= self.bake_seconds <= self.longest_bake_seconds:
            raise refused(
                f"pollSeconds {self.poll_seconds:g}, bakeSeconds {self.bake_seconds:g} and "
                f"longestBakeSeconds {self.longest_bake_seconds:g} do not rise"
            )
        return self

    def frozen(self, at: datetime) -> Freeze | None:
        """The freeze that `at` lies in."""
        return next((freeze for freeze in self.freezes if freeze.holds(at)), None)
