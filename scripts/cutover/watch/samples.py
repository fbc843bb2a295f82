"""Series for gates, made of the periods in which a source measured: pure, and never hopeful.

A period counts when it has ended, what is late has had its time to arrive, and everything that its
value is made of was read. A metric that is written only when there is something to count is zero
where requests are known, and unknown everywhere else.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isfinite, nan
from statistics import median
from typing import Final

from scripts.cutover.judgement.observations import Counts, Levels

MINUTE: Final = 60
"""The shortest period of the metrics that AWS publishes, in seconds."""
_STEADY: Final = 5
"""For how many minutes a task has to be wanted before it counts as failing: longer than one takes
to start (SVC-02), so that scaling out is not taken for a failing health check."""
_SMALLEST: Final = 1.0
"""Growth of less than this, in percent of the disk, is not compared: it is noise."""
_ALL: Final = 100
_HOUR: Final = 3600.0
_FIRST: Final = 24
"""Growth is compared from so many hours on."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of one metric: values by the start of their period, and up to when."""

    values: Mapping[float, float]
    until: float
    """Up to here all of it was read: a period that ended before and has no value has none."""
    period: float = MINUTE


def requests(total: Found, codes: Sequence[Found], failed: Found, unanswered: Found) -> Counts:
    """Requests and those that failed: the target's own 5xx, and the load balancer's for it.

    The load balancer does not say for which target it answered 502, 503 or 504. At most those are
    this target's that the target gave no answer to (`codes` count its answers); none is left out.
    """
    parts = (total, *codes, failed, unanswered)

    def bad(start: float, count: float) -> float:
        own, others = failed.values.get(start, 0.0), unanswered.values.get(start, 0.0)
        silent = count - own - sum(code.values.get(start, 0.0) for code in codes)
        for_it = min(max(silent, 0.0), others) + 0 * others  # what is no number stays none
        return own if own < 0 else min(own + for_it, count)

    return _counts(total, parts, bad)


def failed_percent(total: Found, percent: Found) -> Counts:
    """Requests, and those that failed by a share that is given of each period, in percent."""

    def bad(start: float, count: float) -> float:
        failed = count * percent.values.get(start, 0.0) / 100
        return round(failed) if isfinite(failed) else nan

    return _counts(total, (total, percent), bad)


def outside(succeeded: Found) -> Levels:
    """1 where somebody asked from outside, and was not answered well."""
    return _levels(succeeded, (succeeded,), lambda _, percent: (percent < _ALL) + 0 * percent)


def slower(within: Found, beyond: Found) -> Counts:
    """Requests that were answered, and those of them that took too long.

    Of what nobody met, CloudWatch may give no count or a count of 0: it is the same.
    """
    starts = {*within.values, *beyond.values}
    total = Found(
        {at: within.values.get(at, 0.0) + beyond.values.get(at, 0.0) for at in starts},
        min(within.until, beyond.until),
    )
    return _counts(total, (total,), lambda start, _: beyond.values.get(start, 0.0))


def levels(found: Found) -> Levels:
    """A metric as it is."""
    return _levels(found, (found,), lambda _, value: value)


def share(part: Found, whole: Found) -> Levels:
    """One metric in percent of another; nothing where there is nothing to share."""

    def percent(start: float, value: float) -> float | None:
        of = part.values.get(start)
        return 100 * of / value if of is not None and value else None

    return _levels(whole, (part, whole), percent)


def hit_rate(hits: Sequence[Found], misses: Sequence[Found], window: float) -> Levels:
    """Hits in percent of look-ups, over the `window` seconds before each period's end."""
    parts = (*hits, *misses)
    starts = sorted({start for each in parts for start in each.values})
    per: dict[float, tuple[float, float]] = {}
    for start in starts:
        hit = sum(each.values.get(start, 0.0) for each in hits)
        per[start] = (hit, hit + sum(each.values.get(start, 0.0) for each in misses))
    rates: dict[float, float] = {}
    first, hit, asked = 0, 0.0, 0.0
    for start in starts:
        hit, asked = hit + per[start][0], asked + per[start][1]
        while starts[first] <= start - window:
            hit, asked = hit - per[starts[first]][0], asked - per[starts[first]][1]
            first += 1
        if asked > 0:
            rates[start] = 100 * hit / asked
    return levels(Found(rates, min(each.until for each in parts), parts[0].period))


def health(unhealthy: Found | None, healthy: Found, wanted: Found) -> Levels:
    """How many instances fail: by their health checks, or since they are wanted and not there.

    A task that died is no longer counted as unhealthy; it is missing among the healthy ones.
    """

    def failing(start: float, there: float) -> float | None:
        earlier = (wanted.values.get(start - MINUTE * each) for each in range(_STEADY))
        known = [value for value in earlier if value is not None]
        ill = 0.0 if unhealthy is None else unhealthy.values.get(start)
        if ill is None or not known:
            return None
        is_sound = all(isfinite(each) and each >= 0 for each in (ill, there, *known))
        return max(ill, min(known) - there, 0.0) if is_sound else nan

    parts = (healthy,) if unhealthy is None else (healthy, unhealthy)
    return _levels(healthy, parts, failing)


def down(healthy: Found) -> Levels:
    """1 where no instance is healthy."""
    return _levels(healthy, (healthy,), lambda _, there: (there <= 0) + 0 * there)


def served(counted: Counts, seconds: float) -> Levels:
    """Requests a second that did not fail."""
    per = (max(total - bad, 0.0) / seconds for total, bad in counted.looks)
    return Levels(counted.at, tuple(per))


def highest(totals: Sequence[Found], failed: Sequence[Found], window: float) -> Levels:
    """The most requests served a second, in one period of the `window` before each period's end.

    Both sides together: what one no longer serves the other has to.
    """
    until = min(each.until for each in (*totals, *failed))
    period = totals[0].period
    starts = sorted({start for each in totals for start in each.values if start + period <= until})
    per = {
        start: (
            sum(each.values.get(start, 0.0) for each in totals)
            - sum(each.values.get(start, 0.0) for each in failed)
        )
        / period
        for start in starts
    }
    best = [max(per[each] for each in starts if start - window < each <= start) for start in starts]
    return Levels(tuple(start + period for start in starts), tuple(best))


def growth(used: Levels, since: float) -> Levels:
    """How much more a disk grew in the later half of the time since `since`, as a ratio.

    Measured between the medians of the first, the middle and the last third. In the first day, and
    where it hardly grew, it is 0; where less than half of the hours were seen, it is unknown. What
    was before `since` is 0, too: whoever asks so early wants to know whether anybody measures it.
    """
    points = used.between(since, float("inf"))
    if not points.at:
        return Levels(used.at, (0.0,) * len(used.at))
    hours: dict[int, list[float]] = {}
    ends: dict[int, float] = {}
    for at, value in zip(points.at, points.value, strict=True):
        hour = ceil((at - since) / _HOUR) - 1
        hours.setdefault(hour, []).append(value)
        ends[hour] = at
    typical = {hour: median(values) for hour, values in hours.items()}
    found = [
        (end, ratio)
        for hour, end in ends.items()
        if (ratio := _growth(typical, hour + 1) if hour >= _FIRST else 0.0) is not None
    ]
    return Levels(tuple(end for end, _ in found), tuple(ratio for _, ratio in found))


def _growth(typical: Mapping[int, float], hours: int) -> float | None:
    thirds: list[list[float]] = [[], [], []]
    for hour, value in typical.items():
        if hour < hours:
            thirds[3 * hour // hours].append(value)
    if sum(map(len, thirds)) * 2 < hours or not all(thirds):
        return None
    first, middle, last = map(median, thirds)
    later, earlier = last - middle, middle - first
    return later / max(earlier, _SMALLEST) if later > _SMALLEST else 0.0


def _counts(total: Found, parts: Sequence[Found], bad: Callable[[float, float], float]) -> Counts:
    ended = list(_ended(total, parts))
    return Counts(
        tuple(start + total.period for start, _ in ended),
        tuple(count for _, count in ended),
        tuple(bad(start, count) for start, count in ended),
    )


def _levels(
    of: Found, parts: Sequence[Found], value: Callable[[float, float], float | None]
) -> Levels:
    found = [
        (start + of.period, made)
        for start, each in _ended(of, parts)
        if (made := value(start, each)) is not None
    ]
    return Levels(tuple(at for at, _ in found), tuple(made for _, made in found))


def _ended(of: Found, parts: Sequence[Found]) -> Iterator[tuple[float, float]]:
    """The periods of `of`, in order, that all of `parts` were read beyond."""
    until = min(part.until for part in parts)
    return ((at, value) for at, value in sorted(of.values.items()) if at + of.period <= until)
