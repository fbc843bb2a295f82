"""Which metrics of CloudWatch make the series of a gate, for one side of one service."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Final

from scripts.cutover.judgement.observations import Counts, Series
from scripts.cutover.watch import samples
from scripts.cutover.watch.cloudwatch import Query
from scripts.cutover.watch.samples import Found

BEFORE: Final = 900.0
"""Seconds before a stage that are seen, too."""
SLOWER: Final = "slower than "
_BALANCER: Final = "AWS/ApplicationELB"
_INSIGHTS: Final = "ECS/ContainerInsights"
_SYNTHETICS: Final = "CloudWatchSynthetics"
_CDN: Final = (("Requests", "Sum"), ("5xxErrorRate", "Average"))
_ANSWERS: Final = tuple(f"HTTPCode_Target_{code}XX_Count" for code in (2, 3, 4))
_PEAK_PERIOD: Final = 300
_A_DAY: Final = 86_400.0
_AN_HOUR: Final = 3600.0
_SIZES: Final = 4 * _AN_HOUR
"""Aurora measures the size of a volume every hour or so, and sometimes leaves one out."""

Read = Callable[[Query], Found]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one side of one service is measured, by the names that CloudWatch has for it."""

    balancer: str
    group: str | None
    """Its target group; none for a service without public traffic."""
    other_group: str | None
    """That of the other side."""
    cluster: str
    task_service: str
    """The name of its ECS service."""
    queue: str | None
    database: str
    cache_nodes: tuple[str, ...] = ()
    canary: str | None = None
    distribution: str | None = None
    """The CDN's, where it is the frontend; it has no sides but in time."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a series is made of."""

    queries: tuple[Query, ...]
    witness: Query
    """The metric that is written for sure where anything is: without it, nobody writes these."""
    make: Callable[[Read, float], Series]
    """The series, of what was read and the moment at which the stage began."""
    before: float = BEFORE
    """Seconds before the stage that are looked at, too."""


def recipe(series: str, place: Place) -> Recipe | None:
    """How to make `series`, named without its service; None where CloudWatch does not have it."""
    if series.startswith(SLOWER):
        return _slower(place, float(series.removeprefix(SLOWER)))
    made = _RECIPES.get(series)
    return made(place) if made else None


def requests(place: Place) -> Recipe | None:
    """Requests, and those that failed."""
    counted = _counted(place)
    if counted is None:
        return None
    queries, made = counted
    return Recipe(queries=queries, witness=queries[0], make=lambda read, _: made(read))


def _throughput(place: Place) -> Recipe | None:
    counted = _counted(place)
    if counted is None:
        return None
    queries, made = counted
    return Recipe(
        queries=queries,
        witness=queries[0],
        make=lambda read, _: samples.served(made(read), samples.MINUTE),
    )


def _counted(place: Place) -> tuple[tuple[Query, ...], Callable[[Read], Counts]] | None:
    if place.distribution is not None:
        total, percent = (_of_cdn(place.distribution, *each) for each in _CDN)
        return (total, percent), lambda read: samples.failed_percent(read(total), read(percent))
    return _requests(place, place.group) if place.group is not None else None


def _requests(place: Place, group: str) -> tuple[tuple[Query, ...], Callable[[Read], Counts]]:
    of = _of_group(place, group)
    total = Query(_BALANCER, "RequestCount", "Sum", of)
    codes = tuple(Query(_BALANCER, name, "Sum", of) for name in _ANSWERS)
    failed = Query(_BALANCER, "HTTPCode_Target_5XX_Count", "Sum", of)
    balancer = (("LoadBalancer", place.balancer),)
    unanswered = Query(_BALANCER, "HTTPCode_ELB_5XX_Count", "Sum", balancer)

    def made(read: Read) -> Counts:
        return samples.requests(
            read(total), [read(code) for code in codes], read(failed), read(unanswered)
        )

    return (total, *codes, failed, unanswered), made


def _slower(place: Place, ms: float) -> Recipe | None:
    """`TC(:x)` counts the values up to x seconds, `TC(x:)` those above it."""
    if place.group is None:
        return None
    seconds = f"{ms / 1000:.10f}".rstrip("0").rstrip(".")
    group = _of_group(place, place.group)
    within = Query(_BALANCER, "TargetResponseTime", f"TC(:{seconds})", group)
    beyond = Query(_BALANCER, "TargetResponseTime", f"TC({seconds}:)", group)
    return Recipe(
        queries=(within, beyond),
        witness=within,
        make=lambda read, _: samples.slower(read(within), read(beyond)),
    )


def _health(place: Place) -> Recipe:
    if place.distribution is not None:
        asked = Query(
            _SYNTHETICS, "SuccessPercent", "Average", (("CanaryName", place.canary or ""),)
        )
        return Recipe(
            queries=(asked,),
            witness=asked,
            make=lambda read, _: samples.outside(read(asked)),
        )
    wanted = _insight(place, "DesiredTaskCount", "Minimum")
    if place.group is None:
        running = _insight(place, "RunningTaskCount", "Minimum")
        return Recipe(
            queries=(wanted, running),
            witness=running,
            make=lambda read, _: samples.health(None, read(running), read(wanted)),
        )
    group = _of_group(place, place.group)
    unhealthy = Query(_BALANCER, "UnHealthyHostCount", "Maximum", group)
    healthy = Query(_BALANCER, "HealthyHostCount", "Minimum", group)
    return Recipe(
        queries=(wanted, unhealthy, healthy),
        witness=healthy,
        make=lambda read, _: samples.health(read(unhealthy), read(healthy), read(wanted)),
    )


def _down(place: Place) -> Recipe:
    there = (
        _insight(place, "RunningTaskCount", "Maximum")
        if place.group is None
        else Query(_BALANCER, "HealthyHostCount", "Maximum", _of_group(place, place.group))
    )
    return Recipe(queries=(there,), witness=there, make=lambda read, _: samples.down(read(there)))


def _disk(place: Place) -> Recipe:
    used = _insight(place, "EphemeralStorageUtilized", "Maximum")
    reserved = _insight(place, "EphemeralStorageReserved", "Maximum")
    return Recipe(
        queries=(used, reserved),
        witness=used,
        make=lambda read, _: samples.share(read(used), read(reserved)),
    )


def _growth(place: Place) -> Recipe:
    used = _insight(place, "EphemeralStorageUtilized", "Maximum")
    reserved = _insight(place, "EphemeralStorageReserved", "Maximum")
    return Recipe(
        queries=(used, reserved),
        witness=used,
        make=lambda read, since: samples.growth(samples.share(read(used), read(reserved)), since),
    )


def _peak(place: Place) -> Recipe | None:
    totals, failed = traffic(place, _PEAK_PERIOD)
    if not totals:
        return None
    return Recipe(
        queries=(*totals, *failed),
        witness=totals[0],
        make=lambda read, since: samples.highest(
            [read(each) for each in totals], [read(each) for each in failed], _A_DAY
        ).between(since - BEFORE, inf),
        before=_A_DAY + BEFORE,
    )


def traffic(place: Place, period: int) -> tuple[list[Query], list[Query]]:
    """What counts the requests of both sides, and those that failed: all, but what a CDN failed."""
    if place.distribution is not None:
        return [_of_cdn(place.distribution, "Requests", "Sum", period)], []
    totals, failed = (
        [
            Query(_BALANCER, name, "Sum", _of_group(place, group), period)
            for group in (place.group, place.other_group)
            if group is not None
        ]
        for name in ("RequestCount", "HTTPCode_Target_5XX_Count")
    )
    return totals, failed


def _of_cdn(distribution: str, name: str, statistic: str, period: int = samples.MINUTE) -> Query:
    of = (("DistributionId", distribution), ("Region", "Global"))
    return Query("AWS/CloudFront", name, statistic, of, period, is_worldwide=True)


def _queue(place: Place) -> Recipe | None:
    if place.queue is None:
        return None
    name = "ApproximateNumberOfMessagesVisible"
    return _plain(Query("AWS/SQS", name, "Maximum", (("QueueName", place.queue),)))


def _database(place: Place) -> Recipe:
    of = (("DBClusterIdentifier", place.database),)
    return _plain(Query("AWS/RDS", "VolumeBytesUsed", "Maximum", of), before=_SIZES)


def _cache(place: Place) -> Recipe | None:
    """Over an hour: a rate over fewer look-ups swings by itself."""
    if not place.cache_nodes:
        return None
    hits, misses = (
        [
            Query("AWS/ElastiCache", name, "Sum", (("CacheClusterId", node),))
            for node in place.cache_nodes
        ]
        for name in ("CacheHits", "CacheMisses")
    )
    return Recipe(
        queries=(*hits, *misses),
        witness=hits[0],
        make=lambda read, since: samples.hit_rate(
            [read(each) for each in hits], [read(each) for each in misses], _AN_HOUR
        ).between(since - BEFORE, inf),
        before=_AN_HOUR + BEFORE,
    )


def _availability(place: Place) -> Recipe | None:
    if place.canary is None:
        return None
    of = (("CanaryName", place.canary),)
    return _plain(Query(_SYNTHETICS, "SuccessPercent", "Average", of))


def _used(name: str) -> Callable[[Place], Recipe]:
    """What the tasks of a side use of what they have, in percent."""
    return lambda place: _plain(Query("AWS/ECS", name, "Average", _of_tasks(place)))


def _plain(query: Query, before: float = BEFORE) -> Recipe:
    return Recipe(
        queries=(query,),
        witness=query,
        make=lambda read, _: samples.levels(read(query)),
        before=before,
    )


def _insight(place: Place, name: str, statistic: str) -> Query:
    return Query(_INSIGHTS, name, statistic, _of_tasks(place))


def _of_tasks(place: Place) -> tuple[tuple[str, str], ...]:
    return (("ClusterName", place.cluster), ("ServiceName", place.task_service))


def _of_group(place: Place, group: str) -> tuple[tuple[str, str], ...]:
    return (("LoadBalancer", place.balancer), ("TargetGroup", group))


_RECIPES: Final[dict[str, Callable[[Place], Recipe | None]]] = {
    "errors": requests,
    "health": _health,
    "down": _down,
    "cpu": _used("CPUUtilization"),
    "memory": _used("MemoryUtilization"),
    "disk": _disk,
    "disk growth": _growth,
    "throughput": _throughput,
    "peak": _peak,
    "queue": _queue,
    "database size": _database,
    "cache hits": _cache,
    "availability": _availability,
}
