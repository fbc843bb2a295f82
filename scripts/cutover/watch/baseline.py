"""What one side of a service is like: measured over hours or days, and kept as a record (MON-14).

A percentile is found among those of the parts of that time, by counting over all of it: the lowest
that no more requests are slower than it allows.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from scripts.cutover.judgement.gates import Baseline
from scripts.cutover.judgement.limits import latencies
from scripts.cutover.judgement.observations import Counts
from scripts.cutover.watch.cloudwatch import SETTLED, CloudWatch, Query
from scripts.cutover.watch.prometheus import Prometheus
from scripts.cutover.watch.recipes import SLOWER, Place, recipe
from scripts.cutover.watch.samples import Found
from scripts.exits import CommandError, ExitCode

PERIOD: Final = 300
"""Seconds: a week has 2,016 of them."""
_ALLOWED: Final = {"p50": 0.5, "p99": 0.01}
"""The share of requests that may be slower than each percentile."""
_CANDIDATES: Final = 24
_BUCKET: Final = "http_server_request_duration_seconds_bucket"
_COUNT: Final = "http_server_request_duration_seconds_count"
_ALL: Final = "+Inf"
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class NoBaselineError(CommandError):
    """There is nothing to compare a release with."""

    code = ExitCode.USAGE


class BaselineRecord(BaseModel):
    """What one side of a service was like: for the journal and as evidence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: str
    side: str
    since: float
    until: float
    requests: Amount
    errors: Amount
    p50_ms: Amount
    p99_ms: Amount
    slower: dict[float, Amount]
    """How many requests were slower than so many milliseconds."""
    queue: Amount | None = None
    transactions: Amount = 0.0
    failed_transactions: Amount = 0.0

    @property
    def seconds(self) -> float:
        """Over how long it was measured."""
        return self.until - self.since

    @property
    def baseline(self) -> Baseline:
        """The same, to compare a release with."""
        return Baseline(
            requests=self.requests,
            errors=self.errors,
            p50_ms=self.p50_ms,
            p99_ms=self.p99_ms,
            slower=self.slower,
            queue=self.queue,
            transactions=self.transactions,
            failed_transactions=self.failed_transactions,
        )


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """One side of one service, and the time over which it is measured."""

    service: str
    side: str
    place: Place
    cloudwatch: CloudWatch
    prometheus: Prometheus | None
    sends_transactions: bool
    since: float
    until: float

    def record(self) -> BaselineRecord:
        """Measure it.

        Raises:
            NoBaselineError: it had no requests, or they cannot be read.
            UnreadableError: Prometheus does not answer.
        """
        is_counted = self.place.group or self.place.distribution
        counted = self._counts("errors") if is_counted else self._of_histogram()
        requests = sum(counted.total)
        if requests <= 0:
            why = self.cloudwatch.troubles.get("cloudwatch:GetMetricData")
            raise NoBaselineError(
                f"{self.service}: its {self.side} side, which serves, had no requests in "
                f"{(self.until - self.since) / 3600:g} hours{f': {why}' if why else ''}"
            )
        p50, p99, slower = 0.0, 0.0, dict[float, float]()
        if self.place.distribution is None:
            p50, p99 = (self._percentile(name) for name in _ALLOWED)
            slower = {ms: min(self._slower(ms), requests) for ms in sorted(latencies(p50, p99))}
        transactions, failed = self._transactions()
        return BaselineRecord(
            service=self.service,
            side=self.side,
            since=self.since,
            until=self.until,
            requests=requests,
            errors=sum(counted.bad),
            p50_ms=p50,
            p99_ms=p99,
            slower=slower,
            queue=self._queue(),
            transactions=transactions,
            failed_transactions=failed,
        )

    def _percentile(self, name: str) -> float:
        """In milliseconds."""
        allowed = _ALLOWED[name]
        if self.place.group is None:
            return self._quantile(1 - allowed)
        query = Query(
            "AWS/ApplicationELB",
            "TargetResponseTime",
            name,
            (("LoadBalancer", self.place.balancer), ("TargetGroup", self.place.group)),
            PERIOD,
        )
        values = sorted({round(1000 * each, 3) for each in self._values(query)})
        candidates = list(_spread([each for each in values if each > 0]))
        if not candidates:
            raise NoBaselineError(f"{self.service}: nobody measures how long its requests take")
        self._read([q for ms in candidates for q in self._queries(f"{SLOWER}{ms:.15g}")])
        for ms in candidates:
            counted = self._counts(f"{SLOWER}{ms:.15g}")
            if sum(counted.bad) <= allowed * sum(counted.total):
                return ms
        return candidates[-1]

    def _slower(self, ms: float) -> float:
        if self.place.group is not None:
            return sum(self._counts(f"{SLOWER}{ms:.15g}").bad)
        by_bound = self._increase(_BUCKET, "le")
        within = [le for le in by_bound if le != _ALL and float(le) <= ms / 1000]
        if not within or _ALL not in by_bound:
            raise NoBaselineError(
                f"{self.service}: its histogram has no bound within {ms:g} ms, so that slower "
                "requests cannot be counted: give it more buckets"
            )
        return max(by_bound[_ALL] - by_bound[max(within, key=float)], 0.0)

    def _queue(self) -> float | None:
        if self.place.queue is None:
            return None
        name = "ApproximateNumberOfMessagesVisible"
        of = (("QueueName", self.place.queue),)
        query = Query("AWS/SQS", name, "Average", of, PERIOD)
        values = self._values(query)
        if not values:
            raise NoBaselineError(f"{self.service}: nobody measures its queue {self.place.queue}")
        return fmean(values)

    def _transactions(self) -> tuple[float, float]:
        if not self.sends_transactions:
            return 0.0, 0.0
        by_outcome = self._increase("solana_transactions_total", "outcome")
        total = sum(by_outcome.values())
        return total, total - by_outcome.get("succeeded", 0.0)

    def _of_histogram(self) -> Counts:
        """What a service without public traffic counts itself, all of the time as one."""
        by_status = self._increase(_COUNT, "http_response_status_code")
        failed = sum(count for status, count in by_status.items() if status.startswith("5"))
        return Counts((self.until,), (sum(by_status.values()),), (failed,))

    def _quantile(self, quantile: float) -> float:
        window = f"[{self.until - self.since:.0f}s]"
        selector = f'{_BUCKET}{{job="{self.service}"}}{window}'
        query = f"histogram_quantile({quantile}, sum by (le) (increase({selector})))"
        values = [value for line in self._asked(query) for value in line.values()]
        if not values or not values[-1] > 0:
            raise NoBaselineError(f"{self.service}: nobody measures how long its requests take")
        return round(1000 * values[-1], 3)

    def _increase(self, metric: str, label: str) -> dict[str, float]:
        """By how much a counter grew, by the value of a label."""
        if self.prometheus is None:
            raise NoBaselineError(f"{self.service}: {metric} is in Prometheus, and there is none")
        window = f"[{self.until - self.since:.0f}s]"
        query = f'sum by ({label}) (increase({metric}{{job="{self.service}"}}{window}))'
        found = {
            line.labels.get(label, ""): line.samples[max(line.samples)]
            for line in self.prometheus.range(query, self.until, self.until)
            if line.samples
        }
        if not found:
            raise NoBaselineError(f"{self.service}: nobody writes {metric}")
        return found

    def _asked(self, query: str) -> Iterator[Mapping[float, float]]:
        if self.prometheus is not None:
            for line in self.prometheus.range(query, self.until, self.until):
                yield line.samples

    def _counts(self, series: str) -> Counts:
        found = recipe(series, self.place)
        made = None if found is None else found.make(self._read(found.queries), self.since)
        return made.between(self.since, self.until) if isinstance(made, Counts) else Counts()

    def _values(self, query: Query) -> list[float]:
        found = self._read([query])(query).values
        return [value for at, value in found.items() if self.since <= at < self.until]

    def _queries(self, series: str) -> Sequence[Query]:
        found = recipe(series, self.place)
        return () if found is None else found.queries

    def _read(self, queries: Sequence[Query]) -> Callable[[Query], Found]:
        coarse = [replace(query, period=PERIOD) for query in queries]
        self.cloudwatch.poll(dict.fromkeys(coarse, self.since), self.until + SETTLED)
        return lambda query: self.cloudwatch.found(replace(query, period=PERIOD))


def _spread(values: Sequence[float]) -> Iterator[float]:
    """Some of `values`, from the lowest to the highest, as far apart as can be."""
    if len(values) <= _CANDIDATES:
        yield from values
        return
    for number in range(_CANDIDATES):
        yield values[number * (len(values) - 1) // (_CANDIDATES - 1)]
