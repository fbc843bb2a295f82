"""What was observed: series of counts and of levels, and whether a series can be judged at all."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite
from operator import ge, le
from typing import Final

CLOCKS: Final = 10.0
"""How far in the future a point may lie: clocks may be so many seconds apart."""


class Quality(StrEnum):
    """Why a series says nothing."""

    UNWRITTEN = "nobody has ever written this metric"
    MISSING = "no data"
    STALE = "the newest data is too old"
    BROKEN = "not a number"
    DISORDER = "not in the order of time"
    AHEAD = "from the future: clocks are apart"


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests, and how many of them were bad, by the end of the interval in which they came.

    A source that reports bad ones only when there are some fills in zeros where it knows of
    requests, and only there.
    """

    at: tuple[float, ...] = ()
    total: tuple[float, ...] = ()
    bad: tuple[float, ...] = ()

    def problem(self) -> Quality | None:
        """What is wrong with the points themselves."""
        is_sound = (
            len(self.at) == len(self.total) == len(self.bad)
            and isfinite(sum(self.total) + sum(self.bad))
            and all(map(le, self.bad, self.total))
            and min(self.bad, default=0) >= 0
        )
        return None if is_sound else Quality.BROKEN

    def between(self, since: float, until: float) -> "Counts":
        """The intervals that ended after `since`, up to `until`."""
        first, last = bisect_right(self.at, since), bisect_right(self.at, until)
        return Counts(self.at[first:last], self.total[first:last], self.bad[first:last])

    @property
    def looks(self) -> Iterable[tuple[float, float]]:
        """Requests and bad ones of each interval."""
        return zip(self.total, self.bad, strict=True)


@dataclass(frozen=True, slots=True)
class Levels:
    """Something measured, such as CPU in percent or a number of events, by interval."""

    at: tuple[float, ...] = ()
    value: tuple[float, ...] = ()

    def problem(self) -> Quality | None:
        """What is wrong with the points themselves."""
        sound = len(self.at) == len(self.value) and isfinite(sum(self.value))
        return None if sound else Quality.BROKEN

    def between(self, since: float, until: float) -> "Levels":
        """The points after `since`, up to `until`."""
        first, last = bisect_right(self.at, since), bisect_right(self.at, until)
        return Levels(self.at[first:last], self.value[first:last])


Series = Counts | Levels


class Alarm(StrEnum):
    """The state of an alarm, as CloudWatch has them."""

    OK = "OK"
    ALARM = "ALARM"
    UNKNOWN = "INSUFFICIENT_DATA"


class Answer(StrEnum):
    """What a person decided."""

    GO_ON = "go on"
    ROLL_BACK = "roll back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person was asked, when, and what they said."""

    at: float
    gates: frozenset[str]
    """The gates that it was asked for: an answer to these answers no other."""
    breached: frozenset[str] = frozenset()
    """Those of them that were beyond their limits: to go on without data accepts no breach."""
    answer: Answer | None = None
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """All that a judgement looks at: series by gate, of the new side and of the old one."""

    new: Mapping[str, Series]
    old: Mapping[str, Series] = field(default_factory=dict[str, Series])
    """The same of the old side while it takes traffic."""
    alarms: Mapping[str, Alarm] = field(default_factory=dict[str, Alarm])
    """The state of each alarm that guards the services."""
    events: tuple[str, ...] = ()
    """Named emergencies that somebody or something raised, such as a security breach."""
    question: Question | None = None


def problem(series: Series | None, now: float, oldest: float) -> Quality | None:
    """Why `series` says nothing now, where it does not; `oldest` is the age of data in seconds.

    Data that is not as it should be is never read as good news.
    """
    if series is None:
        return Quality.UNWRITTEN
    if not series.at:
        return Quality.MISSING
    if not isfinite(sum(series.at)):
        return Quality.BROKEN
    if any(map(ge, series.at, series.at[1:])):
        return Quality.DISORDER
    if series.at[-1] > now + CLOCKS:
        return Quality.AHEAD
    return Quality.STALE if series.at[-1] < now - oldest else series.problem()
