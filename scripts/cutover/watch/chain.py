"""What is asked of Prometheus for each series: metrics of services, of the chain, of a market.

The names are those of docs/metrics.md. Where a task is known by its revision, only those of one
side are asked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from scripts.cutover.judgement.observations import Counts, Series
from scripts.cutover.watch import counters
from scripts.cutover.watch.prometheus import Line

REQUESTS: Final = "http_server_request_duration_seconds"
TRANSACTIONS: Final = "solana_transactions_total"
UNITS_USED: Final = "solana_compute_units_used"
UNITS_LIMIT: Final = "solana_compute_units_limit"
ORACLE: Final = "market_oracle_updated_timestamp_seconds"
BREAKER: Final = "market_circuit_breaker_tripped"
TRADES: Final = "market:trades:rate5m"
UNUSUAL: Final = 4
"""Deviations from the mean of a week, as the alert on unusual trading has them."""
EVENTS: Final = {
    "database connections": "database_connection_failures_total",
    "invalid proofs": "zk_proofs_invalid_total",
    "security alerts": "security_alerts_total",
}
"""Counters of which none may grow."""
REVISION: Final = "aws_ecs_task_revision"
"""The label that tells the tasks of one side: the revision of their task definition."""
_TASK: Final = "aws_ecs_task_arn"
_STATUS: Final = "http_response_status_code"
_FRESH: Final = "90s"
"""What no task said within this is not taken for what is so now; tasks are asked every 15 s."""
_SLOWER: Final = "slower than "
_LASTING: Final = "5m:1m"

Make = Callable[[list[Line], float], Series]
"""The series, of lines and of the time at which their range begins."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What to ask for a series, what to look for where there is nothing, and what to make of it."""

    query: str
    selector: str
    make: Make


def asked(series: str, labels: Mapping[str, str]) -> Asked | None:
    """What to ask for `series`, of the tasks with `labels`; None where Prometheus has it not."""
    if series in EVENTS:
        return _counted(EVENTS[series], "", labels, counters.events)
    if series.startswith(_SLOWER):
        seconds = float(series.removeprefix(_SLOWER)) / 1000
        return _counted(
            f"{REQUESTS}_bucket",
            "le",
            labels,
            lambda lines, first: counters.slower(lines, first, seconds),
        )
    made = _ASKED.get(series)
    return made(labels) if made else None


def _requests(make: Make) -> Callable[[Mapping[str, str]], Asked]:
    return lambda labels: _counted(f"{REQUESTS}_count", _STATUS, labels, make)


def _units(labels: Mapping[str, str]) -> Asked:
    by = "max by (program, instruction)"
    used, limit = _fresh(UNITS_USED, labels), _fresh(UNITS_LIMIT, labels)
    query = f"max(100 * {by} ({used}) / {by} ({limit}))"
    return Asked(query, _selector(UNITS_USED, labels), counters.levels)


def _oracle(labels: Mapping[str, str]) -> Asked:
    updated = f"max by (oracle) ({_fresh(ORACLE, labels)})"
    return Asked(f"max(time() - {updated})", _selector(ORACLE, labels), counters.levels)


def _breakers(labels: Mapping[str, str]) -> Asked:
    tripped = f"max by (breaker) ({_fresh(BREAKER, labels)})"
    return Asked(f"sum({tripped})", _selector(BREAKER, labels), counters.levels)


def _trading(_: Mapping[str, str]) -> Asked:
    """1 where trading was unusual for all of the last minutes, as the alert on it has it."""
    usual = f"avg_over_time({TRADES}[1w])"
    spread = f"stddev_over_time({TRADES}[1w])"
    is_so = f"abs({TRADES} - {usual}) > bool ({UNUSUAL} * {spread})"
    return Asked(f"min_over_time(({is_so})[{_LASTING}])", TRADES, counters.levels)


def _counted(metric: str, told_by: str, labels: Mapping[str, str], make: Make) -> Asked:
    by = ", ".join(name for name in (_TASK, told_by) if name)
    return Asked(f"sum by ({by}) ({_fresh(metric, labels)})", _selector(metric, labels), make)


def _fresh(metric: str, labels: Mapping[str, str]) -> str:
    return f"last_over_time({_selector(metric, labels)}[{_FRESH}])"


def _selector(metric: str, labels: Mapping[str, str]) -> str:
    told = ",".join(f"{name}={_quoted(value)}" for name, value in sorted(labels.items()))
    return f"{metric}{{{told}}}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _errors(lines: list[Line], first: float) -> Counts:
    return counters.shares(lines, first, lambda labels: labels.get(_STATUS, "").startswith("5"))


def _transactions(lines: list[Line], first: float) -> Counts:
    return counters.shares(lines, first, lambda labels: labels.get("outcome") != "succeeded")


_ASKED: Final[dict[str, Callable[[Mapping[str, str]], Asked]]] = {
    "errors": _requests(_errors),
    "throughput": _requests(lambda lines, first: counters.served(_errors(lines, first))),
    "transactions": lambda labels: _counted(TRANSACTIONS, "outcome", labels, _transactions),
    "compute units": _units,
    "oracle": _oracle,
    "breakers": _breakers,
    "trading": _trading,
}
