"""The metrics of a rehearsal: scraped from the load balancer and each instance, by interval."""

import asyncio
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil, nan
from typing import Final

from scripts.cutover.judgement.gates import Baseline
from scripts.cutover.judgement.limits import latencies
from scripts.cutover.judgement.observations import Counts, Levels, Series
from scripts.cutover.rehearse.cluster import SERVICE, Cluster
from scripts.cutover.rehearse.runtime import NEW, OLD, Side
from scripts.cutover.rehearse.service import BUCKETS_MS
from scripts.cutover.rehearse.wire import Client

SCRAPE_SECONDS: Final = 0.5
MEMORY_BYTES: Final = 128 << 20
"""What an instance may have: memory is told in percent of it."""
LOG_BYTES: Final = 64 << 20
"""What all processes may write."""
_WITHIN: Final = 1.0
_GRID_MS: Final = 20
"""Baselines are taken as whole multiples, so that the limits made of them are ends of buckets."""


@dataclass(frozen=True, slots=True)
class Interval:
    """What one side did since the scrape before."""

    at: float
    answered: int
    """By the load balancer, as are those that failed."""
    failed: int
    buckets: tuple[int, ...]
    """By the instances: how many requests took how long, each bucket for itself."""
    healthy: int
    failing: int
    """How many instances fail their health checks now."""
    cpu: float
    """Of the busiest instance, in percent of a processor."""
    memory: float
    """Of the largest, in percent of what it may have."""
    disk: float
    """What all of them have written, in percent of what they may."""


@dataclass(frozen=True, slots=True)
class _Scraped:
    """What one instance has counted since it began."""

    at: float
    buckets: tuple[int, ...]
    cpu_seconds: float
    memory_bytes: float


@dataclass
class Metrics:
    """All intervals of both sides so far."""

    sides: dict[str, list[Interval]] = field(
        default_factory=lambda: {OLD: list[Interval](), NEW: list[Interval]()}
    )
    weight: int = 0
    """What the load balancer says now."""

    def series(self, side: str, name: str, since: float) -> Series | None:
        """The series `name` of `side` since then; None where there is none of that name."""
        found = self._since(side, since)
        at = tuple(each.at for each in found)
        match name.removeprefix(f"{SERVICE}/").split(" than "):
            case ["errors"]:
                return Counts(
                    at,
                    tuple(float(each.answered) for each in found),
                    tuple(float(each.failed) for each in found),
                )
            case ["slower", ms] if float(ms) in BUCKETS_MS:
                first = BUCKETS_MS.index(int(float(ms))) + 1
                return Counts(
                    at,
                    tuple(float(sum(each.buckets)) for each in found),
                    tuple(float(sum(each.buckets[first:])) for each in found),
                )
            case ["health"]:
                return Levels(at, tuple(float(each.failing) for each in found))
            case ["cpu" | "memory" | "disk" as name]:
                return Levels(at, tuple(float(getattr(each, name)) for each in found))
            case _:
                return None

    def requests(self, side: str) -> int:
        """How many requests `side` has served, by its instances."""
        return sum(sum(each.buckets) for each in self.sides[side])

    def busy(self, side: str) -> int:
        """In how many intervals both the load balancer and instances of `side` had requests."""
        return sum(1 for each in self.sides[side] if each.answered and sum(each.buckets))

    def errors(self, side: str, seconds: float) -> float:
        """The share of its requests that failed lately; no number where it had none."""
        found = self._since(side, time.time() - seconds)
        answered = sum(each.answered for each in found)
        return sum(each.failed for each in found) / answered if answered else nan

    def rate(self, side: str, seconds: float) -> float:
        """Its requests a second lately, between the first scrape in that time and the last."""
        found = self._since(side, time.time() - seconds)
        if len(found) < 2:  # noqa: PLR2004 - a time has a beginning and an end
            return 0.0
        return sum(each.answered for each in found[1:]) / (found[-1].at - found[0].at)

    def percentile(self, side: str, share: float, seconds: float) -> float:
        """Within how many milliseconds `share` of its requests lately were served."""
        return _percentile(_sum(self._since(side, time.time() - seconds)), share)

    def baseline(self) -> Baseline:
        """What the old side was like so far, measured before anything changes (MON-14)."""
        mine = self.sides[OLD]
        buckets = _sum(mine)
        p50, p99 = (
            float(ceil(_percentile(buckets, share) / _GRID_MS) * _GRID_MS) for share in (0.5, 0.99)
        )
        total = float(min(sum(buckets), sum(each.answered for each in mine)))
        return Baseline(
            requests=total,
            errors=float(sum(each.failed for each in mine)),
            p50_ms=p50,
            p99_ms=p99,
            slower={
                ms: float(sum(buckets[BUCKETS_MS.index(int(ms)) + 1 :]))
                for ms in latencies(p50, p99)
                if ms in BUCKETS_MS
            },
        )

    def _since(self, side: str, since: float) -> Sequence[Interval]:
        mine = self.sides[side]
        return mine[bisect_left(mine, since, key=lambda each: each.at) :]


class Scraper:
    """Reads the metrics of a cluster at a steady pace."""

    def __init__(self, cluster: Cluster, metrics: Metrics) -> None:
        self._cluster: Final = cluster
        self._metrics: Final = metrics
        self._clients: Final[dict[int, Client]] = {}
        self._before: Final[dict[int, _Scraped]] = {}
        self._counted: Final = {OLD: (0, 0), NEW: (0, 0)}
        self._been_up: Final[dict[str, frozenset[int]]] = {OLD: frozenset(), NEW: frozenset()}

    async def scrape(self) -> None:
        """Read everything once; what does not answer has nothing new."""
        try:
            seen = await asyncio.to_thread(self._cluster.runtime.sides)
            self._metrics.weight = await asyncio.to_thread(self._cluster.runtime.weight)
        except TimeoutError:
            return  # the newest data grows old, and is not judged then
        now = time.time()
        for side, balanced in seen.items():
            ports = [each.port for each in self._cluster.running[side].values()]
            news = [
                each
                for each in await asyncio.gather(*(self._instance(port) for port in ports))
                if each
            ]
            answered, failed = self._counted[side]
            self._counted[side] = balanced.answered, balanced.failed
            self._metrics.sides[side].append(
                Interval(
                    at=now,
                    answered=balanced.answered - answered,
                    failed=balanced.failed - failed,
                    buckets=_sum(news),
                    healthy=balanced.healthy,
                    failing=self._failing(side, balanced),
                    cpu=max((each.cpu_seconds for each in news), default=0.0),
                    memory=max((each.memory_bytes for each in news), default=0.0),
                    disk=100 * self._cluster.log.stat().st_size / LOG_BYTES,
                )
            )

    def _failing(self, side: str, now: Side) -> int:
        """How many instances of `side` are down after they were healthy: none that starts."""
        meant = {each.number for each in now.instances if each.is_in}
        up = {each.number for each in now.instances if each.is_up}
        self._been_up[side] = (self._been_up[side] & meant) | up
        return sum(each.is_down for each in now.instances if each.number in self._been_up[side])

    async def _instance(self, port: int) -> _Scraped | None:
        """What the instance at `port` did since it was last asked, as a share of that time."""
        client = self._clients.setdefault(port, Client(port))
        try:
            answer = await client.get("/metrics", _WITHIN)
        except (OSError, TimeoutError, ValueError):
            return None
        now = parsed(answer.body.decode(), time.time())
        before = self._before.get(port, _Scraped(now.at - SCRAPE_SECONDS, _NOTHING, 0.0, 0.0))
        self._before[port] = now
        return _Scraped(
            at=now.at,
            buckets=tuple(a - b for a, b in zip(now.buckets, before.buckets, strict=True)),
            cpu_seconds=100 * (now.cpu_seconds - before.cpu_seconds) / max(now.at - before.at, 0.1),
            memory_bytes=100 * now.memory_bytes / MEMORY_BYTES,
        )


def parsed(text: str, at: float) -> _Scraped:
    """What an instance says of itself, in Prometheus' format."""
    values = dict(_values(text))
    ends = (*map(str, BUCKETS_MS), "+Inf")
    so_far = [int(values[f'request_milliseconds_bucket{{le="{end}"}}']) for end in ends]
    return _Scraped(
        at=at,
        buckets=tuple(b - a for a, b in zip((0, *so_far), so_far, strict=False)),
        cpu_seconds=values["process_cpu_seconds_total"],
        memory_bytes=values["process_resident_memory_bytes"],
    )


def _values(text: str) -> Iterator[tuple[str, float]]:
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            yield name, float(value)


def _sum(counted: Sequence[Interval] | Sequence[_Scraped]) -> tuple[int, ...]:
    return tuple(map(sum, zip(_NOTHING, *(each.buckets for each in counted), strict=True)))


def _percentile(buckets: Sequence[int], share: float) -> float:
    wanted, so_far = share * sum(buckets), 0
    if not wanted:
        return nan
    for end, count in zip(BUCKETS_MS, buckets, strict=False):
        so_far += count
        if so_far >= wanted:
            return end
    return float(BUCKETS_MS[-1])


_NOTHING: Final = (0,) * (len(BUCKETS_MS) + 1)
