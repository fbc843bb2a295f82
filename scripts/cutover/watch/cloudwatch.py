"""CloudWatch, asked for many metrics at once, and again only for what is new.

What was read is kept: a poll asks for the periods that ended since, and for the last few again,
since late data still changes them. What CloudWatch gives in part, or not at all, does not count as
read.
"""

from array import array
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from scripts.cutover.judgement.observations import Alarm
from scripts.cutover.watch.samples import MINUTE, Found
from scripts.runs.aws import Api, AwsError

SETTLED: Final = 60.0
"""Seconds after the end of a period until its value is looked at: nodes report one by one."""
_LATE: Final = 300.0
"""Seconds of the newest values that are read again."""
_AGAIN: Final = 60.0
_STATES: Final = 120.0
"""Seconds for which an alarm is taken to be as it was, while nobody answers."""
_QUERIES: Final = 500
"""As many metrics as one request takes."""
_ALARMS: Final = 100


@dataclass(frozen=True, slots=True)
class Query:
    """One metric, its statistic, and its period in seconds."""

    namespace: str
    name: str
    statistic: str
    dimensions: tuple[tuple[str, str], ...]
    period: int = MINUTE
    is_worldwide: bool = False
    """Whether it is of CloudFront, whose metrics are in one region for all of the world."""


@dataclass(slots=True)
class _Read:
    """What was read of one metric, by the start of each period: a week has ten thousand."""

    since: float
    until: float
    at: "array[float]" = field(default_factory=lambda: array("d"))
    values: "array[float]" = field(default_factory=lambda: array("d"))

    def renewed(self, fresh: Mapping[float, float], start: float, until: float) -> "_Read":
        """With `fresh` in the place of what was known from `start` on."""
        before = bisect_left(self.at, start)
        at, values = self.at[:before], self.values[:before]
        for each, value in sorted(fresh.items()):
            if start <= each < until:
                at.append(each)
                values.append(value)
        return _Read(self.since, until, at, values)


class CloudWatch:
    """Metrics and alarms of one region, as of the last poll.

    Those of CloudFront are asked where it has them (`worldwide`).
    """

    def __init__(self, api: Api, worldwide: Api | None = None) -> None:
        self._api: Final = api
        self._worldwide: Final = worldwide or api
        self._read: Final[dict[Query, _Read]] = {}
        self._written: Final[set[Query]] = set()
        self._unwritten: Final[dict[Query, float]] = {}
        self._states: tuple[dict[str, Alarm], float] = ({}, 0.0)
        self.troubles: Final[dict[str, Exception]] = {}
        """What was not answered, or in part, at the last attempt, by the permission it takes."""

    def poll(self, wanted: Mapping[Query, float], now: float) -> None:
        """Read what there is of `wanted`, each since a time of its own, up to what has settled."""
        due: dict[tuple[float, float, bool], list[Query]] = {}
        for query, since in wanted.items():
            until = _aligned(now - SETTLED, query.period)
            read = self._read.get(query)
            if read is None or read.since > since:
                start = _aligned(since, query.period)
                self._read[query] = _Read(start, start)
            elif read.until >= until:
                continue
            else:
                start = max(read.since, _aligned(read.until - _LATE, query.period))
            if until > start:
                due.setdefault((start, until, query.is_worldwide), []).append(query)
        if due:
            self.troubles.pop("cloudwatch:GetMetricData", None)
        for (start, until, is_worldwide), queries in due.items():
            for first in range(0, len(queries), _QUERIES):
                some = queries[first : first + _QUERIES]
                self._fetch(self._worldwide if is_worldwide else self._api, some, start, until)

    def found(self, query: Query) -> Found:
        """What was read of `query`."""
        read = self._read.get(query)
        if read is None:
            return Found({}, -float("inf"), query.period)
        return Found(dict(zip(read.at, read.values, strict=True)), read.until, query.period)

    def is_written(self, query: Query, now: float) -> bool:
        """Whether somebody wrote this metric in the last two weeks, or it cannot be told.

        Where nobody did, it is asked again after a minute.
        """
        if self._unwritten.get(query, -_AGAIN) > now - _AGAIN:
            return False
        if query not in self._written:
            try:
                listed = (self._worldwide if query.is_worldwide else self._api)(
                    "list_metrics",
                    on=f"{query.namespace} {query.name}",
                    Namespace=query.namespace,
                    MetricName=query.name,
                    Dimensions=_dimensions(query),
                )
            except (AwsError, TimeoutError) as error:
                self.troubles["cloudwatch:ListMetrics"] = error
                return True
            self.troubles.pop("cloudwatch:ListMetrics", None)
            if not listed["Metrics"]:
                self._unwritten[query] = now
                return False
            self._written.add(query)
        return True

    def alarms(self, names: Collection[str], now: float) -> dict[str, Alarm]:
        """The states of those of `names` that there are.

        Where AWS is busy, an alarm is for a while what it was.
        """
        ordered = sorted(names)
        read: dict[str, Alarm] = {}
        try:
            for first in range(0, len(ordered), _ALARMS):
                for page in self._api.pages(
                    "describe_alarms",
                    on="alarms",
                    AlarmNames=ordered[first : first + _ALARMS],
                    AlarmTypes=["MetricAlarm", "CompositeAlarm"],
                ):
                    for each in (*page.get("MetricAlarms", ()), *page.get("CompositeAlarms", ())):
                        read[each["AlarmName"]] = Alarm(each["StateValue"])
        except (AwsError, TimeoutError) as error:
            self.troubles["cloudwatch:DescribeAlarms"] = error
            before, at = self._states
            return before if at > now - _STATES else {}
        self.troubles.pop("cloudwatch:DescribeAlarms", None)
        before, at = self._states
        self._states = ({**before, **read} if at > now - _STATES else read, now)
        return read

    def is_busy(self, wanted: Collection[Query]) -> str | None:
        """Why nothing at all is known yet, where AWS would tell it a moment later."""
        for permission, unknown in (
            ("cloudwatch:GetMetricData", any(self._is_unread(query) for query in wanted)),
            ("cloudwatch:DescribeAlarms", not self._states[1]),
        ):
            trouble = self.troubles.get(permission)
            if unknown and isinstance(trouble, TimeoutError):
                return f"{permission}: {trouble}"
        return None

    def _is_unread(self, query: Query) -> bool:
        read = self._read.get(query)
        return read is None or read.until <= read.since

    def _fetch(self, api: Api, queries: Sequence[Query], start: float, until: float) -> None:
        """Read `queries`; of those that were given whole, remember that they were."""
        by_id = {f"m{number}": query for number, query in enumerate(queries)}
        fresh: dict[str, dict[float, float]] = {id_: {} for id_ in by_id}
        status: dict[str, str] = {}
        try:
            for page in api.pages(
                "get_metric_data",
                on="metrics",
                MetricDataQueries=[_asked(id_, query) for id_, query in by_id.items()],
                StartTime=datetime.fromtimestamp(start, UTC),
                EndTime=datetime.fromtimestamp(until, UTC),
                ScanBy="TimestampAscending",
            ):
                for result in page["MetricDataResults"]:
                    values = zip(result["Timestamps"], result["Values"], strict=True)
                    fresh[result["Id"]] |= {at.timestamp(): float(value) for at, value in values}
                    status[result["Id"]] = result.get("StatusCode", "Complete")
        except (AwsError, TimeoutError, KeyError, ValueError) as error:
            self.troubles["cloudwatch:GetMetricData"] = error
            return
        for id_, query in by_id.items():
            if status.get(id_) != "Complete":
                self.troubles["cloudwatch:GetMetricData"] = TimeoutError(
                    f"{query.namespace} {query.name}: {status.get(id_, 'no answer')}"
                )
                continue
            self._read[query] = self._read[query].renewed(fresh[id_], start, until)


def _asked(id_: str, query: Query) -> dict[str, Any]:
    return {
        "Id": id_,
        "MetricStat": {
            "Metric": {
                "Namespace": query.namespace,
                "MetricName": query.name,
                "Dimensions": _dimensions(query),
            },
            "Period": query.period,
            "Stat": query.statistic,
        },
        "ReturnData": True,
    }


def _dimensions(query: Query) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in query.dimensions]


def _aligned(at: float, period: float) -> float:
    return at // period * period
