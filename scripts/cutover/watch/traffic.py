"""What a service served at times like this: what is expected while it is moved, and at its peak."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from scripts.cutover.watch.baseline import PERIOD
from scripts.cutover.watch.cloudwatch import CloudWatch
from scripts.cutover.watch.recipes import Place, traffic

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY
_COMPARABLE: Final = (WEEK, DAY)
"""How long ago it was a comparable time."""
_LASTING: Final = 2 * HOUR
"""How much of a comparable time is looked at."""
_COMPLETE: Final = 0.8
"""A time counts where so much of it was measured."""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What a service served at times like this, in requests a second."""

    usual: float | None
    """The less of what it was a week and a day ago; none where neither is known."""
    peak: float | None
    """The most in five minutes, on the quietest whole day of the last week."""


def usual_traffic(where: Place, cloudwatch: CloudWatch, now: float) -> Traffic:
    """The traffic of both sides of a service, of which `where` is one, in the last week."""
    totals, failed = traffic(where, PERIOD)
    signs = dict.fromkeys(totals, 1) | dict.fromkeys(failed, -1)
    cloudwatch.poll(dict.fromkeys(signs, now - WEEK - _LASTING), now)
    served: dict[float, float] = {}
    for query, sign in signs.items():
        for at, count in cloudwatch.found(query).values.items():
            served[at] = served.get(at, 0.0) + sign * count
    spans = [_between(served, now - ago, now - ago + _LASTING) for ago in _COMPARABLE]
    usual = [sum(span) / _LASTING for span in spans if len(span) * PERIOD >= _COMPLETE * _LASTING]
    days = [_between(served, now - (ago + 1) * DAY, now - ago * DAY) for ago in range(7)]
    peaks = [max(day) / PERIOD for day in days if len(day) * PERIOD >= _COMPLETE * DAY]
    return Traffic(
        usual=min(usual) if usual and min(usual) > 0 else None,
        peak=min(peaks) if peaks else None,
    )


def _between(served: Mapping[float, float], since: float, until: float) -> list[float]:
    return [count for at, count in served.items() if since <= at < until]
