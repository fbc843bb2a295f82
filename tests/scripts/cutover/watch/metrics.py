"""CloudWatch as it answers: a real client of boto3 over samples, computed as its user guide has it.

What is asked is checked by botocore against AWS's own model. moto knows neither trimmed counts nor
percentiles, gives no partial answers and never refuses.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, cast

from scripts.runs.aws import Api, client

Key = tuple[str, str, frozenset[tuple[str, str]]]
_CALLS: Final = ("GetMetricData", "ListMetrics", "DescribeAlarms", "PutMetricData")
_MOST: Final = 100_800
REGION: Final = "us-east-1"


@dataclass(frozen=True)
class Answer:
    """Of HTTP, what botocore looks at."""

    status_code: int


EMERGENCIES: Final = (
    "production-data-corrupt",
    "production-database-corrupt",
    "production-intrusion",
)
"""The alarms that production has for emergencies."""


@dataclass
class Metrics:
    """The metrics of one region: values with how often they came, by the time of their minute."""

    samples: dict[Key, dict[float, dict[float, float]]] = field(
        default_factory=dict[Key, dict[float, dict[float, float]]]
    )
    alarms: dict[str, str] = field(default_factory=lambda: dict.fromkeys(EMERGENCIES, "OK"))
    faults: dict[str, deque[str]] = field(default_factory=dict[str, deque[str]])
    """What happens to the next calls, by operation: an error's code, `partial` or `internal`."""
    always: dict[str, str] = field(default_factory=dict[str, str])
    """What happens to every call."""
    page: int = _MOST
    """Points on a page."""
    calls: list[tuple[str, Mapping[str, Any]]] = field(
        default_factory=list[tuple[str, Mapping[str, Any]]]
    )
    _call: threading.local = field(default_factory=threading.local)

    def api(self) -> Api:
        """A client whose calls are answered here."""
        made = client("cloudwatch", region=REGION)
        events = made.meta.events
        for call in _CALLS:
            events.register(f"provide-client-params.cloudwatch.{call}", self._note)
            events.register(f"before-call.cloudwatch.{call}", self._answer)
        return Api(made)

    def add(  # noqa: PLR0913, PLR0917 - as CloudWatch names a value
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        at: float,
        value: float,
        times: float = 1,
    ) -> None:
        """`value` came so many times in the minute of `at`."""
        key = (namespace, name, frozenset(dimensions.items()))
        minute = self.samples.setdefault(key, {}).setdefault(at // 60 * 60, {})
        minute[value] = minute.get(value, 0) + times

    def count(self, call: str) -> int:
        """How often `call` was made."""
        return sum(made == call for made, _ in self.calls)

    def _note(self, params: Mapping[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
        self._call.params = params
        self.calls.append((model.name, params))

    def _answer(self, model: Any, **_: object) -> tuple[Answer, Mapping[str, Any]]:  # noqa: ANN401 - botocore's
        call: str = model.name
        due = self.faults.get(call)
        fault = due.popleft() if due else self.always.get(call, "")
        if fault and fault not in {"partial", "internal", "absent"}:
            error = {"Code": fault, "Message": f"{fault} for {call}"}
            return Answer(400), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}
        match call:
            case "GetMetricData":
                body = self._data(fault)
            case "ListMetrics":
                key = _key(self._asked)
                body = {"Metrics": [{"MetricName": key[1]}] if key in self.samples else []}
            case "DescribeAlarms":
                body = self._states()
            case _:
                body = self._put()
        return Answer(200), {**body, "ResponseMetadata": {"HTTPStatusCode": 200}}

    @property
    def _asked(self) -> Mapping[str, Any]:
        """What this thread's call asks."""
        return self._call.params

    def _states(self) -> dict[str, Any]:
        names: Sequence[str] = self._asked["AlarmNames"]
        states = [
            {"AlarmName": name, "StateValue": self.alarms[name]}
            for name in names
            if name in self.alarms
        ]
        return {"MetricAlarms": states[::2], "CompositeAlarms": states[1::2]}

    def _put(self) -> dict[str, Any]:
        for each in self._asked["MetricData"]:
            self.add(
                self._asked["Namespace"],
                each["MetricName"],
                {one["Name"]: one["Value"] for one in each["Dimensions"]},
                cast("datetime", each["Timestamp"]).timestamp(),
                each["Value"],
            )
        return {}

    def _data(self, fault: str) -> dict[str, Any]:
        """A page: from the point that the token names on."""
        first = int(self._asked.get("NextToken", 0))
        points = [
            (query["Id"], at, value)
            for query in self._asked["MetricDataQueries"]
            for at, value in self._points(query)
        ]
        some = points[first : first + self.page]
        is_last = first + self.page >= len(points)
        results = [
            {
                "Id": query["Id"],
                "Label": query["Id"],
                "Timestamps": [at for id_, at, _ in some if id_ == query["Id"]],
                "Values": [value for id_, _, value in some if id_ == query["Id"]],
                "StatusCode": {"partial": "PartialData", "internal": "InternalError"}.get(
                    fault, "Complete" if is_last else "PartialData"
                ),
            }
            for query in self._asked["MetricDataQueries"]
        ]
        if fault == "partial":
            for each in results:
                each["Timestamps"], each["Values"] = each["Timestamps"][:1], each["Values"][:1]
        if fault == "absent":
            results = []
        token = {} if is_last or fault else {"NextToken": str(first + self.page)}
        return {"MetricDataResults": results, **token}

    def _points(self, query: Mapping[str, Any]) -> list[tuple[datetime, float]]:
        stat = query["MetricStat"]
        start: datetime = self._asked["StartTime"]
        end: datetime = self._asked["EndTime"]
        period = stat["Period"]
        periods: dict[float, dict[float, float]] = {}
        for minute, values in self.samples.get(_key(stat["Metric"]), {}).items():
            if start.timestamp() <= minute < end.timestamp():
                merged = periods.setdefault(minute // period * period, {})
                for value, times in values.items():
                    merged[value] = merged.get(value, 0) + times
        found = [(at, _statistic(stat["Stat"], values)) for at, values in sorted(periods.items())]
        return [(datetime.fromtimestamp(at, UTC), each) for at, each in found if each is not None]


def _key(metric: Mapping[str, Any]) -> Key:
    dimensions = frozenset((each["Name"], each["Value"]) for each in metric["Dimensions"])
    return metric["Namespace"], metric["MetricName"], dimensions


_PLAIN: Final[Mapping[str, Callable[[Mapping[float, float]], float]]] = {
    "Sum": lambda values: sum(value * times for value, times in values.items()),
    "SampleCount": lambda values: sum(values.values()),
    "Average": lambda values: _PLAIN["Sum"](values) / sum(values.values()),
    "Minimum": min,
    "Maximum": max,
}


def _statistic(name: str, values: Mapping[float, float]) -> float | None:
    """Of the values of a period; a trimmed count of nothing is not given."""
    if name in _PLAIN:
        return _PLAIN[name](values)
    if name.startswith("p"):
        left = float(name[1:]) / 100 * sum(values.values())
        for value, times in sorted(values.items()):
            left -= times
            if left <= 0:
                return value
        return max(values)
    assert name.startswith("TC(")
    low, _, high = name[3:-1].partition(":")
    least, most = float(low or "-inf"), float(high or "inf")
    return sum(times for value, times in values.items() if least < value <= most) or None
