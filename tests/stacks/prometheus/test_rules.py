"""Alerts fire at the standards' figures, are silent just below, and wait as long as they must."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from environments import Environment
from stacks.prometheus.rules import Alert, runbook
from stacks.prometheus.workspace import rules, text_of
from standards import figure, requirement
from tests.conftest import PROJECT
from tests.stacks.prometheus.promtool import check, fired, needs_promtool

FOR_HOURS = 4 * 4 * 60


@dataclass(frozen=True, slots=True)
class Case:
    """An alert, series that let it fire `at` a time and not `before`, and others that never do."""

    alert: str
    past: Mapping[str, str]
    at: str
    before: str | None = None
    below: Mapping[str, str] = field(default_factory=dict[str, str])


def histogram(name: str, labels: str, within: Mapping[str, int]) -> dict[str, str]:
    """A histogram that grows by these counts, for each bound, every second."""
    return {
        f'{name}_bucket{{{labels}, le="{bound}"}}': f"0+{15 * count}x40"
        for bound, count in within.items()
    }


def transactions(failed: int) -> dict[str, str]:
    """Of 10,000 transactions a second, how many fail."""
    counter, succeeded = "solana_transactions_total", 10_000 - failed
    return {
        f'{counter}{{program="p", outcome="failed", cause="c"}}': f"0+{15 * failed}x40",
        f'{counter}{{program="p", outcome="succeeded"}}': f"0+{15 * succeeded}x40",
    }


CASES = [
    Case("TransactionsFail", past=transactions(101), at="3m", below=transactions(100)),
    Case(
        "ComputeUnitsNearLimit",
        past={
            'solana_compute_units_used{program="p", instruction="i"}': "180001x20",
            'solana_compute_units_limit{program="p", instruction="i"}': "200000x20",
        },
        at="1m",
        below={
            'solana_compute_units_used{program="p", instruction="i"}': "180000x20",
            'solana_compute_units_limit{program="p", instruction="i"}': "200000x20",
        },
    ),
    Case(
        "OracleStale",  # at the first minute, last updated 31 and 30 seconds ago
        past={'market_oracle_updated_timestamp_seconds{oracle="o"}': "29x20"},
        at="1m",
        below={'market_oracle_updated_timestamp_seconds{oracle="o"}': "0+15x20"},
    ),
    Case(
        "OracleUnknown",
        past={},
        at="1m",
        before="0m",
        below={'market_oracle_updated_timestamp_seconds{oracle="o"}': "0x20"},
    ),
    Case(
        "CircuitBreakerTripped",
        past={'market_circuit_breaker_tripped{breaker="b"}': "0x7 1x20"},
        at="2m",
        before="1m",
        below={'market_circuit_breaker_tripped{breaker="b"}': "0x20"},
    ),
    Case(
        "TradingUnusual",
        past={"market_trades_total": "0+10x400 4000+500x40"},
        at="1h49m",
        before="1h41m",
        below={"market_trades_total": "0+10x440"},
    ),
    Case(
        "SecurityAlert",
        past={'security_alerts_total{job="api"}': "0x20 1x20"},
        at="6m",
        before="5m",
        below={'security_alerts_total{job="api"}': "0x40"},
    ),
    Case(
        "ProofInvalid",
        past={'zk_proofs_invalid_total{job="prover"}': "0x20 1x20"},
        at="6m",
        before="5m",
        below={'zk_proofs_invalid_total{job="prover"}': "3x20 3x40"},
    ),
    Case(
        "ChainMetricsMissing",
        past={},
        at="15m",
        before="14m",
        below=transactions(0),
    ),
    Case(
        "AccountBelowRent",
        past={
            'solana_account_lamports{program="p", account="a"}': "890879x20",
            'solana_account_rent_exempt_lamports{program="p", account="a"}': "890880x20",
        },
        at="1m",
        below={
            'solana_account_lamports{program="p", account="a"}': "890880x20",
            'solana_account_rent_exempt_lamports{program="p", account="a"}': "890880x20",
        },
    ),
    Case(
        "FinalityLate",
        past=histogram(
            "solana_transaction_finality_seconds",
            'program="p"',
            {"10": 50, "30": 95, "60": 100, "+Inf": 100},
        ),
        at="6m",
        below=histogram(
            "solana_transaction_finality_seconds",
            'program="p"',
            {"10": 50, "30": 96, "60": 100, "+Inf": 100},
        ),
    ),
    Case(
        "RpcEndpointDown",
        past={'solana_rpc_up{endpoint="e"}': "0x20", 'solana_rpc_up{endpoint="f"}': "1x20"},
        at="2m",
        before="0m",
        below={'solana_rpc_up{endpoint="e"}': "1x20"},
    ),
    Case(
        "RpcAllDown",
        past={'solana_rpc_up{endpoint="e"}': "0x40", 'solana_rpc_up{endpoint="f"}': "0x40"},
        at="5m",
        before="4m",
        below={'solana_rpc_up{endpoint="e"}': "0x40", 'solana_rpc_up{endpoint="f"}': "1x40"},
    ),
    Case(
        "RpcSlow",
        past={
            'solana_rpc_request_duration_seconds_sum{endpoint="e"}': "0+8x40",
            'solana_rpc_request_duration_seconds_count{endpoint="e"}': "0+16x40",
        },
        at="5m",
        below={
            'solana_rpc_request_duration_seconds_sum{endpoint="e"}': "0+7.96875x40",
            'solana_rpc_request_duration_seconds_count{endpoint="e"}': "0+16x40",
        },
    ),
    Case(
        "ServiceMetricsMissing",
        past={'up{job="api"}': "1x60", 'up{job="prover"}': "0x60"},
        at="5m",
        before="4m",
        below={'up{job="api"}': "1x60", 'up{job="prover"}': "1x60"},
    ),
    Case(
        "DatabaseConnectionsFail",
        past={'database_connection_failures_total{job="api"}': "0x20 1x20"},
        at="6m",
        before="5m",
        below={'database_connection_failures_total{job="api"}': "7x40"},
    ),
    Case(
        "MemoryGrows",
        past={'process_resident_memory_bytes{job="api"}': f"100+1x{FOR_HOURS + 80}"},
        at="4h",
        before="2h50m",
        below={  # what goes up comes down again, to the same floor
            'process_resident_memory_bytes{job="api"}': "100 150 200 250 " * (FOR_HOURS // 4 + 20)
        },
    ),
    Case(
        "GoroutinesGrow",
        past={'go_goroutines{job="api"}': f"100+1x{FOR_HOURS + 80}"},
        at="4h",
        before="2h50m",
        below={'go_goroutines{job="api"}': f"100x{FOR_HOURS + 80}"},
    ),
    Case("Watchdog", past={}, at="1m"),
]
NEVER_SILENT = {"Watchdog"}


def text(record_of: Callable[[str], Environment], name: str = "production") -> str:
    """The rules of all namespaces of an environment, as one file."""
    groups = [group for each in rules(record_of(name)).values() for group in each]
    return text_of(groups)


def alerts(record: Environment) -> list[Alert]:
    """The alerts of an environment."""
    groups = [group for each in rules(record).values() for group in each]
    return [rule for group in groups for rule in group.rules if isinstance(rule, Alert)]


@needs_promtool
@pytest.mark.parametrize("case", CASES, ids=[case.alert for case in CASES])
def test_an_alert_fires_past_its_limit_and_after_its_time(
    record_of: Callable[[str], Environment], tmp_path: Path, case: Case
) -> None:
    """Not a moment before, where it waits; never for what is on this side of its limit."""
    times = [time for time in (case.before, case.at) if time is not None]
    assert fired(tmp_path, text(record_of), case.past, case.alert, times) == {case.at}
    if case.alert not in NEVER_SILENT:
        assert fired(tmp_path, text(record_of), case.below, case.alert, times) == set()


@needs_promtool
@pytest.mark.parametrize("counter", ["security_alerts_total", "zk_proofs_invalid_total"])
def test_the_first_event_counts_though_its_counter_is_new(
    record_of: Callable[[str], Environment], tmp_path: Path, counter: str
) -> None:
    """A process that makes its counter with the first event shows no growth, only a number."""
    alert = {"security_alerts_total": "SecurityAlert", "zk_proofs_invalid_total": "ProofInvalid"}
    series = {f'{counter}{{job="prover"}}': "_x20 1x60"}
    found = fired(tmp_path, text(record_of), series, alert[counter], ["4m", "6m", "12m"])
    assert found == {"6m"}


@needs_promtool
@pytest.mark.parametrize("series", [{}, {'up{job="api"}': "1x60"}])
def test_a_service_that_reports_nothing_is_told_of(
    record_of: Callable[[str], Environment], tmp_path: Path, series: Mapping[str, str]
) -> None:
    """Silence of one service is not covered by another one that reports."""
    found = fired(tmp_path, text(record_of), series, "ServiceMetricsMissing", ["4m", "6m"])
    assert found == {"6m"}


@needs_promtool
def test_no_rpc_endpoint_at_all_is_as_bad_as_none_that_answers(
    record_of: Callable[[str], Environment], tmp_path: Path
) -> None:
    """The services stopped telling: nobody knows whether the chain can be reached."""
    assert fired(tmp_path, text(record_of), {}, "RpcAllDown", ["4m", "6m"]) == {"6m"}


@needs_promtool
@pytest.mark.parametrize("name", ["integration", "staging", "production"])
def test_the_rules_are_as_prometheus_wants_them(
    record_of: Callable[[str], Environment], tmp_path: Path, name: str
) -> None:
    """Expressions parse, names are valid and no rule stands twice."""
    for groups in rules(record_of(name)).values():
        assert check(tmp_path, text_of(groups)) == ""


def test_every_alert_has_a_case(record_of: Callable[[str], Environment]) -> None:
    """No alert of production goes untested."""
    assert {case.alert for case in CASES} == {
        alert.name for alert in alerts(record_of("production"))
    }


@pytest.mark.parametrize("name", ["integration", "staging", "production"])
def test_an_environment_has_the_alerts_that_the_standards_ask_of_it(
    record_of: Callable[[str], Environment], name: str
) -> None:
    """Each cites a requirement that names the tier."""
    record = record_of(name)
    for alert in alerts(record):
        assert record.tier in requirement(alert.requirement).environments, alert.name


def test_every_alert_links_a_runbook_that_exists(
    record_of: Callable[[str], Environment],
) -> None:
    """Whoever is told reads what to do."""
    for alert in alerts(record_of("production")):
        assert (PROJECT / runbook(alert.runbook)).is_file(), alert.name


@pytest.mark.parametrize(
    ("identifier", "key", "namespace"),
    [
        ("PM-06", "transaction_failure_rate_above_percent", "market"),
        ("PM-06", "compute_units_above_percent_of_limit", "market"),
        ("PM-06", "oracle_staleness_above_seconds", "market"),
        ("ZK-10", "invalid_proofs_max_count", "chain"),
        ("PERF-01", "finality_below_seconds", "chain"),
        ("PERF-01", "rpc_response_mean_below_ms", "chain"),
    ],
)
def test_a_limit_is_the_figure_of_its_requirement(
    record_of: Callable[[str], Environment], identifier: str, key: str, namespace: str
) -> None:
    """The text of the rules remembers each figure that it was written from."""
    assert figure(identifier, key) in text_of(rules(record_of("production"))[namespace]).figures
