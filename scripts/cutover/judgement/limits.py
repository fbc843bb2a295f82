"""The limits of the standards by period (ROLL-06), as gates of one service."""

from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from typing import Final

from scripts.cutover.judgement.gates import (
    Action,
    Baseline,
    Event,
    Gate,
    Level,
    Share,
    Source,
    Watched,
)
from standards import Ratio, Tier, Whole, figure, requirement


class Period(StrEnum):
    """The periods of a release; what is an emergency is one in each of them."""

    WINDOW = "deployment window"
    FIRST_MINUTES = "first 30 minutes"
    FIRST_WEEK = "first week"
    STEADY = "steady state"


MAIN: Final = 0.95
"""What the gate on errors that rolls back may spend of a service's false alarms in a stage."""
MINUTES: Final = 240.0
"""The age of the newest data of CloudWatch, in seconds: a period of a minute that has ended, the
time that late data gets to arrive, and the minute or two in which AWS publishes it."""
HOURS: Final = 4 * 3600.0
"""The same of the volume of a database, which Aurora measures every hour or so."""
_PEAK: Final = 300.0
"""A peak is one of five minutes."""
SERVED: Final = 0.5
"""The part of the usual traffic that has to be served: traffic itself varies by less than that."""
STRAIGHT: Final = 1.5
"""How much more a disk may grow in the later than in the earlier half of a time: once as much on a
straight line, twice as much where it grows by the square."""
_OF_PAGES: Final = ("errors", "health", "throughput", "peak", "availability")
"""What a CDN, and who asks it from outside, can say of a release."""
_SHARES: Final = {"P50": 0.5, "P95": 0.05, "P99": 0.01}
"""The share of requests that is slower than each percentile."""


def gates(period: Period, watched: Watched, tier: Tier, alpha: float) -> tuple[Gate, ...]:
    """What `watched` is held against in `period`.

    All shares together give at most `alpha` false alarms; of the requirements those count that are
    meant for environments of `tier`.
    """
    by_period = {
        Period.WINDOW: _window,
        Period.FIRST_MINUTES: _first_minutes,
        Period.FIRST_WEEK: _first_week,
        Period.STEADY: _steady,
    }
    found = [
        replace(gate, source=Source.COMMAND) if gate.series in watched.commands else gate
        for gate in (*by_period[period](watched), *_always(watched), *_emergency(watched))
        if tier in requirement(gate.requirement).environments and _is_measured(gate, watched)
    ]
    shares = [gate for gate in found if isinstance(gate, Share)]
    # The rarer what a gate counts, the more requests it takes to be sure.
    rarities = sum(1 / gate.limit for gate in shares[1:])
    parts = iter([MAIN, *((1 - MAIN) / gate.limit / rarities for gate in shares[1:])])
    return tuple(
        replace(gate, alpha=alpha * next(parts)) if isinstance(gate, Share) else gate
        for gate in found
    )


def latencies(p50_ms: float, p99_ms: float) -> frozenset[float]:
    """The milliseconds beyond which requests have to be counted for a baseline with these."""
    baseline = Baseline(requests=0, errors=0, p50_ms=p50_ms, p99_ms=p99_ms)
    watched = Watched(service="any", baseline=baseline)
    return frozenset(
        float(gate.series.rpartition(" ")[2])
        for period in Period
        for gate in gates(period, watched, Tier.PRODUCTION, 1e-3)
        if "slower" in gate.series
    )


def _window(watched: Watched) -> Iterator[Gate]:
    """ROLL-07 rolls back by itself; what MON-09 alarms for, a person decides (ROLL-10)."""
    baseline = watched.baseline
    yield _errors(watched, figure("ROLL-07", "error_rate_above_percent").percent, Action.ROLL_BACK)
    percent = figure("ROLL-07", "latency_p99_above_percent_of_baseline").percent
    yield _slow(watched, "P99", baseline.p99_ms * percent / 100, percent, Action.ROLL_BACK)
    yield _health(watched, "ROLL-07", 0)
    points = figure("MON-09", "error_rate_above_baseline_percentage_points").percent
    yield replace(_errors(watched, points, Action.ASK), is_above_baseline=True)
    for percentile, usual in (("P50", baseline.p50_ms), ("P99", baseline.p99_ms)):
        more = figure("MON-09", f"latency_{percentile.lower()}_above_baseline_percent").percent
        yield _slow(watched, percentile, usual * (1 + more / 100), more, Action.ASK)
    yield _level(watched, "cpu", "CPU", figure("MON-09", "cpu_above_percent").percent)
    yield _level(watched, "memory", "memory", figure("MON-09", "memory_above_percent").percent)
    if baseline.queue is not None:
        times = figure("MON-09", "queue_depth_above_times_normal").factor
        usual = max(baseline.queue, 1.0)
        deep = _level(watched, "queue", "jobs that wait", times)
        yield replace(deep, limit=times * usual, unit=" jobs")
    yield from _program(watched)


def _after_window(watched: Watched) -> Iterator[Gate]:
    """ROLL-08, which rolls back while the predecessor is retained."""
    percent = figure("ROLL-08", "error_rate_above_percent").percent
    window = figure("ROLL-08", "error_rate_window_minutes").seconds
    yield replace(_errors(watched, percent, Action.ROLL_BACK), window=window)
    ms = figure("ROLL-08", "response_time_above_ms").milliseconds
    window = figure("ROLL-08", "response_time_window_minutes").seconds
    yield replace(_slow(watched, "P95", ms, ms, Action.ROLL_BACK), window=window)
    yield _health(watched, "ROLL-08", figure("ROLL-08", "health_failure_above_minutes").seconds)
    yield from _program(watched)


def _first_minutes(watched: Watched) -> Iterator[Gate]:
    yield from _after_window(watched)
    yield _errors(watched, figure("MON-10", "error_rate_below_percent").percent, Action.ASK)
    ms = figure("MON-10", "latency_p95_below_ms").milliseconds
    yield _slow(watched, "P95", ms, ms, Action.ASK)
    for what in ("cpu", "memory", "disk"):
        yield _ceiling(watched, what, figure("MON-10", f"{what}_below_percent").percent)
    yield from _served(watched, "MON-10", "throughput", watched.usual_per_second)


def _first_week(watched: Watched) -> Iterator[Gate]:
    yield from _after_window(watched)
    yield _errors(watched, figure("MON-11", "error_rate_below_percent").percent, Action.ASK)
    ms = figure("MON-11", "latency_p95_below_ms").milliseconds
    yield _slow(watched, "P95", ms, ms, Action.ASK)
    for what in ("cpu", "memory"):
        percent = figure("MON-11", f"{what}_mean_below_percent").percent
        yield replace(_ceiling(watched, what, percent), is_mean=True)
    if watched.has_cache:
        least = figure("MON-11", "cache_hit_rate_min_percent").percent
        most = figure("MON-11", "cache_hit_rate_max_percent").percent
        hits = replace(_level(watched, "cache hits", "hits in the cache", least), is_mean=True)
        yield replace(hits, is_minimum=True)
        yield replace(hits, limit=most, figure=most)
    if watched.has_database:
        size = figure("MON-11", "database_size_below_gigabytes").bytes
        large = _ceiling(watched, "database size", size)
        yield replace(large, unit=" bytes", oldest=HOURS)
    yield Level(
        series=f"{watched.service}/disk growth",
        what="growth of the disk in the later half, over that in the earlier",
        requirement="MON-11",
        action=Action.ASK,
        source=Source.CLOUDWATCH,
        oldest=MINUTES,
        limit=STRAIGHT,
        unit=" times",
    )
    yield from _served(watched, "MON-11", "peak", watched.peak_per_second)
    if watched.has_canary:
        least = figure("POST-09", "availability_min_percent").percent
        outside = _level(watched, "availability", "availability from outside", least)
        yield replace(outside, is_mean=True, is_minimum=True)


def _steady(watched: Watched) -> Iterator[Gate]:
    yield from _after_window(watched)
    yield Event(
        series=f"{watched.service}/down",
        what="minutes without a healthy instance",
        requirement="MON-12",
        action=Action.ASK,
        source=Source.CLOUDWATCH,
        oldest=MINUTES,
    )
    critical = figure("MON-12", "critical_error_rate_above_percent").percent
    yield _errors(watched, critical, Action.ASK)
    warning = figure("MON-12", "warning_error_rate_above_percent").percent
    yield _errors(watched, warning, Action.TELL)
    ms = figure("MON-12", "warning_response_time_above_ms").milliseconds
    yield _slow(watched, "P95", ms, ms, Action.TELL)


def _always(watched: Watched) -> Iterator[Gate]:
    """Failing connections to the database, which no window excuses."""
    if watched.has_database:
        yield Event(
            series=f"{watched.service}/database connections",
            what="connections to the database that fail",
            requirement="ROLL-08",
            action=Action.ROLL_BACK,
            source=Source.PROMETHEUS,
        )


def _emergency(watched: Watched) -> Iterator[Gate]:
    """ROLL-09, at any time."""
    percent = figure("ROLL-09", "error_rate_above_percent").percent
    window = figure("ROLL-09", "error_rate_window_minutes").seconds
    yield replace(_errors(watched, percent, Action.ROLL_BACK), window=window)
    ms = figure("ROLL-09", "latency_p95_above_ms").milliseconds
    window = figure("ROLL-09", "latency_window_minutes").seconds
    yield replace(_slow(watched, "P95", ms, ms, Action.ROLL_BACK), window=window)
    yield _health(watched, "ROLL-09", figure("ROLL-09", "down_above_minutes").seconds)
    if watched.has_proofs:
        yield Event(
            series=f"{watched.service}/invalid proofs",
            what="proofs that are invalid",
            requirement="ROLL-09",
            action=Action.ROLL_BACK,
            source=Source.PROMETHEUS,
        )


def _program(watched: Watched) -> Iterator[Gate]:
    """What alarms of a program on the chain (PM-06); a person decides (ROLL-10)."""
    service, baseline = watched.service, watched.baseline
    if watched.sends_transactions:
        failing = figure("PM-06", "transaction_failure_rate_above_percent").percent
        yield Share(
            series=f"{service}/transactions",
            what="transactions that fail",
            requirement="PM-06",
            action=Action.ASK,
            source=Source.PROMETHEUS,
            limit=failing / 100,
            figure=failing,
            recorded=(baseline.failed_transactions, baseline.transactions),
        )
        units = figure("PM-06", "compute_units_above_percent_of_limit").percent
        yield _published(_level(watched, "compute units", "compute units of their limit", units))
    if watched.is_market:
        stale = figure("PM-06", "oracle_staleness_above_seconds").seconds
        late = _published(_level(watched, "oracle", "age of the oracle's price", stale))
        yield replace(late, unit=" s")
        yield from (
            Event(
                series=f"{service}/{series}",
                what=what,
                requirement="PM-06",
                action=Action.ASK,
                source=Source.PROMETHEUS,
            )
            for series, what in (
                ("breakers", "circuit breakers that tripped"),
                ("trading", "minutes of unusual trading"),
                ("security alerts", "security alerts"),
            )
        )


def _errors(watched: Watched, percent: Ratio, action: Action) -> Share:
    return Share(
        series=f"{watched.service}/errors",
        what="requests that fail",
        requirement=percent.figure.requirement,
        action=action,
        source=_counted_by(watched),
        oldest=MINUTES,
        limit=percent / 100,
        figure=percent,
        recorded=(watched.baseline.errors, watched.baseline.requests),
    )


def _slow(
    watched: Watched, percentile: str, ms: float, cited: Ratio | Whole, action: Action
) -> Share:
    baseline, ms = watched.baseline, round(ms, 3)
    return Share(
        series=f"{watched.service}/slower than {ms:.15g}",
        what=f"requests slower than {ms:g} ms ({percentile})",
        requirement=cited.figure.requirement,
        action=action,
        source=_counted_by(watched),
        oldest=MINUTES,
        limit=_SHARES[percentile],
        figure=cited,
        recorded=(baseline.slower.get(ms, 0.0), baseline.requests if ms in baseline.slower else 0),
    )


def _health(watched: Watched, cited: str, window: float) -> Event:
    return Event(
        series=f"{watched.service}/health",
        what="health checks that fail",
        requirement=cited,
        action=Action.ROLL_BACK,
        source=Source.CLOUDWATCH,
        oldest=MINUTES,
        window=window,
    )


def _level(watched: Watched, series: str, what: str, limit: Ratio | Whole) -> Level:
    return Level(
        series=f"{watched.service}/{series}",
        what=what,
        requirement=limit.figure.requirement,
        action=Action.ASK,
        source=Source.CLOUDWATCH,
        oldest=MINUTES,
        limit=limit,
        figure=limit,
    )


def _served(watched: Watched, cited: str, series: str, usual: float | None) -> Iterator[Level]:
    """The traffic that has to be served, where it is known what is usual."""
    if usual is not None:
        yield Level(
            series=f"{watched.service}/{series}",
            what=f"requests served a second ({series})",
            requirement=cited,
            action=Action.ASK,
            source=_counted_by(watched),
            oldest=MINUTES + (_PEAK if series == "peak" else 0),
            limit=SERVED * usual,
            unit="",
            is_minimum=True,
            is_mean=series == "throughput",
        )


def _is_measured(gate: Gate, watched: Watched) -> bool:
    """Whether there is anything of that kind to be measured."""
    if watched.is_elsewhere:
        return gate.series in watched.commands
    return not watched.is_pages or gate.series.partition("/")[2] in _OF_PAGES


def _counted_by(watched: Watched) -> Source:
    """What counts its requests."""
    return Source.CLOUDWATCH if watched.is_public else Source.PROMETHEUS


def _ceiling(watched: Watched, series: str, limit: Ratio | Whole) -> Level:
    """A level that has to stay under its limit: the limit itself is too much."""
    return replace(_level(watched, series, series, limit), reaches=True)


def _published(level: Level) -> Level:
    return replace(level, source=Source.PROMETHEUS, oldest=0.0)
