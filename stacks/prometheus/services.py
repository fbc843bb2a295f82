"""What is measured of every service: how much it does, how often it fails, how long it takes.

The names are OpenTelemetry's: a service that counts its requests as the semantic conventions say
needs nothing more. `job` is the service.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from stacks.prometheus.rules import Alert, Group, Recording, grew
from stacks.severity import Severity

DURATION: Final = "http_server_request_duration_seconds"
DATABASE_FAILURES: Final = "database_connection_failures_total"

_OPERATION: Final = "job, http_request_method, http_route"
_QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_GONE: Final = 5  # minutes without metrics: longer than any restart takes
_LEAK_HOURS: Final = 3  # of growth without a pause; what warms up is done by then

_LEVELS: Final = {
    "Memory": "process_resident_memory_bytes",
    "Goroutines": "go_goroutines",
}


def service_groups(services: Iterable[str]) -> Iterator[Group]:
    """The rules for `services`: recorded for dashboards (MON-04), and told of where they fail."""
    yield Group(name="services", rules=list(_recordings()))
    yield Group(name="services-alerts", rules=[_missing(services), _database(), *_leaks()])


def _recordings() -> Iterator[Recording]:
    yield Recording(
        name="job:http_server_requests:rate1m",
        expression=f"sum by (job) (rate({DURATION}_count[1m]))",
    )
    failed = f'{DURATION}_count{{http_response_status_code=~"5.."}}'
    yield Recording(
        name="job_operation:http_server_errors:percent",
        expression=(
            f"sum by ({_OPERATION}) (rate({failed}[1m]))"
            f" / sum by ({_OPERATION}) (rate({DURATION}_count[1m])) * 100"
        ),
    )
    for name, quantile in _QUANTILES.items():
        yield Recording(
            name=f"job:{DURATION}:{name}",
            expression=(
                f"histogram_quantile({quantile}, sum by (job, le) (rate({DURATION}_bucket[1m])))"
            ),
        )


def _missing(services: Iterable[str]) -> Alert:
    """Nobody can say how a service is that no instance reports of, or none can be asked."""
    silent = [f'absent(up{{job="{service}"}})' for service in services]
    return Alert(
        name="ServiceMetricsMissing",
        severity=Severity.WARNING,
        requirement="MON-01",
        summary=f"No instance of {{{{ $labels.job }}}} has reported metrics for {_GONE} minutes",
        expression=" or ".join([*silent, "max by (job) (up) == 0"]),
        runbook="metrics-missing",
        lasting=_GONE,
    )


def _database() -> Alert:
    return Alert(
        name="DatabaseConnectionsFail",
        severity=Severity.CRITICAL,
        requirement="ROLL-08",
        summary="{{ $labels.job }} cannot connect to its database",
        expression=grew(DATABASE_FAILURES, "job", window="1m"),
        runbook="database",
    )


def _leaks() -> Iterator[Alert]:
    """What the lowest level of ten minutes keeps rising for hours leaks.

    The floor, since a collector of garbage lets the level itself rise and fall all the time.
    """
    for what, metric in _LEVELS.items():
        floor = f"min_over_time({metric}[10m])"
        yield Alert(
            name=f"{what}Grow" if what.endswith("s") else f"{what}Grows",
            severity=Severity.WARNING,
            requirement="MON-15",
            summary=f"{what} of an instance of {{{{ $labels.job }}}} rose for {_LEAK_HOURS} hours",
            expression=f"deriv(({floor})[1h:10m]) > 0",
            runbook="leak",
            lasting=_LEAK_HOURS * 60,
        )
