"""Gates: what a release is held against. Each is one figure of the standards and one series."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from standards import Ratio, Whole


class Action(StrEnum):
    """What the standards want where a gate is breached."""

    ROLL_BACK = "rolls back"
    ASK = "asks a person"
    TELL = "warns"


class Source(StrEnum):
    """Where a series comes from."""

    CLOUDWATCH = "CloudWatch"
    PROMETHEUS = "Prometheus"
    COMMAND = "the product's command"


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One limit on one series of one service."""

    series: str
    """What is observed, such as `api/errors`."""
    what: str
    """The same in words."""
    requirement: str
    action: Action
    source: Source
    window: float = 0.0
    """For how many seconds it has to be breached; 0 for at once."""
    oldest: float = 0.0
    """How old its newest data may be, in seconds, where its source is slower than its stage has it
    that data is fresh."""

    @property
    def id(self) -> str:
        """What decisions and answers call it."""
        return f"{self.series} ({self.cited})"

    @property
    def cited(self) -> str:
        """What it comes from: the figure where there is one."""
        return self.requirement


@dataclass(frozen=True, kw_only=True)
class Share(Gate):
    """A limit on the share of requests that fail, or that are slower than something.

    "P99 above 900 ms" is more than 1 % of requests slower than 900 ms: percentiles are judged as
    shares, since shares can be counted, added and tested.
    """

    limit: float
    """The share that is too much, or how much above the baseline is, for `is_above_baseline`."""
    figure: Ratio | Whole
    """The number of the standards that it comes from."""
    is_above_baseline: bool = False
    recorded: tuple[float, float] = (0.0, 0.0)
    """Bad and all requests of the baseline that was recorded before (MON-14)."""
    alpha: float = 1e-6
    """The chance of a false alarm that it may spend in its stage."""

    @property
    def cited(self) -> str:
        """The figure that it comes from."""
        return str(self.figure.figure)


@dataclass(frozen=True, kw_only=True)
class Level(Gate):
    """A limit on something measured, such as CPU in percent."""

    limit: float
    figure: Ratio | Whole | None = None
    """The number of the standards that it comes from; none where the sentence has only words."""
    unit: str = " %"
    is_minimum: bool = False
    is_mean: bool = False
    """Whether its mean over the stage is judged, not each point."""
    reaches: bool = False
    """Whether the limit itself is a breach already: "under 70 %"."""

    @property
    def cited(self) -> str:
        """The figure that it comes from, or the sentence."""
        return self.requirement if self.figure is None else str(self.figure.figure)


@dataclass(frozen=True, kw_only=True)
class Event(Gate):
    """Something that must not happen once: a failing health check, an invalid proof."""


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What one service was like before the cutover, on the side that served (MON-14)."""

    requests: float
    errors: float
    p50_ms: float
    p99_ms: float
    slower: Mapping[float, float] = field(default_factory=dict[float, float])
    """How many requests were slower than so many milliseconds, for each limit on latency."""
    queue: float | None = None
    """The usual depth of its queue, where it has one."""
    transactions: float = 0.0
    failed_transactions: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Watched:
    """One service as it is watched: its baseline, and what it has."""

    service: str
    baseline: Baseline
    has_database: bool = False
    has_cache: bool = False
    has_proofs: bool = False
    sends_transactions: bool = False
    is_market: bool = False
    is_pages: bool = False
    """Whether it is the frontend: a CDN serves it, which measures errors and nothing else."""
    is_elsewhere: bool = False
    """Whether AWS measures nothing of it: it is held to what its `commands` measure."""
    is_public: bool = True
    """Whether the load balancer counts its requests; they count themselves otherwise."""
    has_canary: bool = False
    """Whether it is asked from outside at a fixed interval (MON-08)."""
    usual_per_second: float | None = None
    """The requests a second that it served at a comparable time."""
    peak_per_second: float | None = None
    """The most requests a second that it served in five minutes, on the quietest day before."""
    commands: tuple[str, ...] = ()
    """The series that a product's own command measures."""
