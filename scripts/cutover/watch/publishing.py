"""The baselines, published each minute while traffic is moved: what alarms compare with (MON-14).

The alarms of a rollout have no data without them, and are silent (`stacks/rollout.py`).
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from math import inf
from typing import Final

from scripts.cutover.judgement.gates import Baseline
from scripts.cutover.watch.cloudwatch import CloudWatch, Query
from scripts.runs.aws import Api, AwsError

ERRORS: Final = "BaselineErrorPercent"
P50: Final = "BaselineP50Milliseconds"
P99: Final = "BaselineP99Milliseconds"
QUEUE: Final = "BaselineQueueDepth"
PERMISSION: Final = "cloudwatch:PutMetricData"
_MINUTE: Final = 60.0
_ARRIVING: Final = 5 * _MINUTE
_AT_ONCE: Final = 1000
"""As many values as one request takes."""


class Publisher:
    """Publishes the baselines of an environment's services."""

    def __init__(
        self,
        api: Api,
        environment: str,
        baselines: Mapping[str, Baseline],
        denied: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self._api: Final = api
        self._environment: Final = environment
        self._namespace: Final = namespace(environment)
        self._baselines: Final = baselines
        self._denied: Final = denied
        self._last, self._first = -_MINUTE, inf
        self.trouble: str | None = None
        """Why the last attempt failed: alarms are blind meanwhile, gates are not."""

    def tick(self, now: float) -> None:
        """Publish, where the last time was in another minute; what fails is tried at the next."""
        if now // _MINUTE == self._last // _MINUTE:
            return
        at = datetime.fromtimestamp(now // _MINUTE * _MINUTE, UTC)
        data = [
            {
                "MetricName": name,
                "Dimensions": [{"Name": "Service", "Value": service}],
                "Timestamp": at,
                "Value": value,
                "Unit": unit,
            }
            for service, baseline in self._baselines.items()
            for name, value, unit in _values(baseline)
        ]
        try:
            for first in range(0, len(data), _AT_ONCE):
                self._api(
                    "put_metric_data",
                    on=self._namespace,
                    Namespace=self._namespace,
                    MetricData=data[first : first + _AT_ONCE],
                )
        except (AwsError, TimeoutError) as error:
            self.trouble = str(error)
            return
        self._last, self.trouble = now, None
        self._first = min(self._first, now)

    def lost(self, cloudwatch: CloudWatch, now: float) -> list[str]:
        """The services whose baselines were published for minutes, and did not arrive."""
        if now - self._first < _ARRIVING:
            return []
        arrived = published(cloudwatch, self._environment, self._baselines, now)
        return [service for service in self._baselines if service not in arrived]

    def refusals(self) -> Iterable[str]:
        """Why nothing can be published: nothing is written to find out."""
        return self._denied()


def namespace(environment: str) -> str:
    """Where the metrics of an environment's own are."""
    return f"Slipway/{environment}"


def published(
    cloudwatch: CloudWatch, environment: str, services: Iterable[str], now: float
) -> Mapping[str, Mapping[str, float]]:
    """What was published last for each of `services` within the last minutes, as it is read back.

    A service is missing of which nothing arrived.
    """
    queries = {
        (service, name): Query(namespace(environment), name, "Maximum", (("Service", service),))
        for service in services
        for name in (ERRORS, P50, P99, QUEUE)
    }
    cloudwatch.poll(dict.fromkeys(queries.values(), now - 10 * _MINUTE), now)
    arrived: dict[str, dict[str, float]] = {}
    for (service, name), query in queries.items():
        if values := cloudwatch.found(query).values:
            arrived.setdefault(service, {})[name] = values[max(values)]
    return arrived


def _values(baseline: Baseline) -> Iterable[tuple[str, float, str]]:
    yield ERRORS, 100 * baseline.errors / max(baseline.requests, 1.0), "Percent"
    yield P50, baseline.p50_ms, "Milliseconds"
    yield P99, baseline.p99_ms, "Milliseconds"
    if baseline.queue is not None:
        yield QUEUE, max(baseline.queue, 1.0), "Count"
