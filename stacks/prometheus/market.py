"""What is measured of a product that is a market: its trades, oracles and circuit breakers."""

from collections.abc import Iterator
from typing import Final

from stacks.prometheus.chain import TRANSACTIONS, UNITS_LIMIT, UNITS_USED
from stacks.prometheus.rules import Alert, Group, Recording, grew, past
from stacks.severity import Severity
from standards import figure

ORACLE: Final = "market_oracle_updated_timestamp_seconds"
BREAKER: Final = "market_circuit_breaker_tripped"
TRADES: Final = "market_trades_total"
SECURITY: Final = "security_alerts_total"
USERS: Final = "market_users_total"
LOCKED: Final = "market_value_locked_lamports"
REVENUE: Final = "market_fee_revenue_lamports_total"
LIQUIDATIONS: Final = "market_liquidations_total"

COLLECTED: Final = (TRANSACTIONS, UNITS_USED, ORACLE, BREAKER, LIQUIDATIONS, USERS, LOCKED, REVENUE)
"""What PM-05 wants of a market."""

_UNUSUAL: Final = 4  # deviations from the week's mean: once in 16,000 quiet evaluations
_QUIET: Final = 5  # minutes that it lasts, so that one large order is not unusual
_UNKNOWN: Final = 1  # minutes; an oracle that nothing is known of is as bad as a stale one


def market_group() -> Group:
    """The rules for a market: what PM-05 wants collected and PM-06 wants told."""
    return Group(name="market", rules=[*_recordings(), *_alerts()])


def _recordings() -> Iterator[Recording]:
    yield Recording(name="market:trades:rate5m", expression=f"sum(rate({TRADES}[5m]))")
    yield Recording(
        name="program:solana_transactions_succeeded:rate1m",
        expression=f'sum by (program) (rate({TRANSACTIONS}{{outcome="succeeded"}}[1m]))',
    )
    yield Recording(
        name="program:solana_compute_units_used:mean",
        expression=f"avg by (program) ({UNITS_USED})",
    )
    yield Recording(
        name="oracle:updates:per_minute",
        expression=f"max by (oracle) (changes({ORACLE}[5m])) / 5",
    )
    yield Recording(
        name="market:liquidations_accurate:percent",
        expression=(
            f'sum(rate({LIQUIDATIONS}{{outcome="accurate"}}[1h]))'
            f" / sum(rate({LIQUIDATIONS}[1h])) * 100"
        ),
    )
    yield Recording(
        name="market:circuit_breaker_trips:day", expression=f"sum(changes({BREAKER}[1d])) / 2"
    )
    yield Recording(name="market:users:growth_week", expression=f"sum(increase({USERS}[1w]))")
    yield Recording(name="market:value_locked_lamports:sum", expression=f"sum({LOCKED})")
    yield Recording(
        name="market:fee_revenue_lamports:day", expression=f"sum(increase({REVENUE}[1d]))"
    )


def _alerts() -> Iterator[Alert]:
    failed = figure("PM-06", "transaction_failure_rate_above_percent").percent
    yield Alert(
        name="TransactionsFail",
        severity=Severity.WARNING,
        requirement="PM-06",
        summary=f"More than {failed:g} % of the transactions of {{{{ $labels.program }}}} fail",
        expression=past(
            f'sum by (program) (rate({TRANSACTIONS}{{outcome="failed"}}[1m]))'
            f" / sum by (program) (rate({TRANSACTIONS}[1m])) * 100",
            failed,
        ),
        runbook="transactions-fail",
        figures=[failed],
    )
    units = figure("PM-06", "compute_units_above_percent_of_limit").percent
    yield Alert(
        name="ComputeUnitsNearLimit",
        severity=Severity.WARNING,
        requirement="PM-06",
        summary=f"{{{{ $labels.instruction }}}} uses more than {units:g} % of its compute units",
        expression=past(
            f"max by (program, instruction) ({UNITS_USED})"
            f" / max by (program, instruction) ({UNITS_LIMIT}) * 100",
            units,
        ),
        runbook="compute-units",
        figures=[units],
    )
    stale = figure("PM-06", "oracle_staleness_above_seconds").seconds
    yield Alert(
        name="OracleStale",
        severity=Severity.CRITICAL,
        requirement="PM-06",
        summary=f"Oracle {{{{ $labels.oracle }}}} was not updated for more than {stale} s",
        expression=past(f"time() - max by (oracle) ({ORACLE})", stale),
        runbook="oracle-stale",
        figures=[stale],
    )
    yield Alert(
        name="OracleUnknown",
        severity=Severity.CRITICAL,
        requirement="PM-06",
        summary="No service says when an oracle was updated",
        expression=f"absent({ORACLE})",
        runbook="oracle-stale",
        lasting=_UNKNOWN,
    )
    yield Alert(
        name="CircuitBreakerTripped",
        severity=Severity.CRITICAL,
        requirement="PM-06",
        summary="Circuit breaker {{ $labels.breaker }} tripped and halted what it guards",
        expression=f"max by (breaker) ({BREAKER}) == 1",
        runbook="circuit-breaker",
    )
    usual = "market:trades:rate5m"
    yield Alert(
        name="TradingUnusual",
        severity=Severity.WARNING,
        requirement="PM-06",
        summary="Trading is far from what it was in the last week",
        expression=(
            f"abs({usual} - avg_over_time({usual}[1w]))"
            f" > {_UNUSUAL} * stddev_over_time({usual}[1w])"
        ),
        runbook="trading-unusual",
        lasting=_QUIET,
    )
    yield Alert(
        name="SecurityAlert",
        severity=Severity.CRITICAL,
        requirement="PM-06",
        summary="{{ $labels.job }} raised a security alert",
        expression=grew(SECURITY, "job"),
        runbook="security",
    )
