"""What is measured on the chain: transactions, compute units, rent, finality and RPC endpoints.

Services that talk to the chain publish these; docs/metrics.md says under which names.
"""

from collections.abc import Iterator
from typing import Final

from stacks.prometheus.rules import Alert, Group, Recording, grew, past
from stacks.severity import Severity
from standards import figure

TRANSACTIONS: Final = "solana_transactions_total"
UNITS_USED: Final = "solana_compute_units_used"
UNITS_LIMIT: Final = "solana_compute_units_limit"
BALANCE: Final = "solana_account_lamports"
RENT: Final = "solana_account_rent_exempt_lamports"
FEE: Final = "solana_prioritization_fee_microlamports"
FINALITY: Final = "solana_transaction_finality_seconds"
RPC: Final = "solana_rpc_request_duration_seconds"
RPC_UP: Final = "solana_rpc_up"
INVALID_PROOFS: Final = "zk_proofs_invalid_total"

_GONE: Final = 15  # minutes without a transaction counted, in services that always try some
_MS_A_SECOND: Final = 1000


def chain_group() -> Group:
    """The rules for the chain: what MON-06 wants collected, and the limits that there are."""
    return Group(name="chain", rules=[*_recordings(), *_alerts(), *_endpoints()])


def _recordings() -> Iterator[Recording]:
    yield Recording(
        name="program:solana_transactions:rate1m",
        expression=f"sum by (program) (rate({TRANSACTIONS}[1m]))",
    )
    yield Recording(
        name="program_cause:solana_transactions_failed:rate1m",
        expression=f'sum by (program, cause) (rate({TRANSACTIONS}{{outcome="failed"}}[1m]))',
    )
    yield Recording(
        name="program_instruction:solana_compute_units_used:percent",
        expression=(
            f"max by (program, instruction) ({UNITS_USED})"
            f" / max by (program, instruction) ({UNITS_LIMIT}) * 100"
        ),
    )
    yield Recording(
        name=f"cluster:{FEE}:avg5m",  # what a transaction must pay to get in: congestion
        expression=f"avg(avg_over_time({FEE}[5m]))",
    )


def _alerts() -> Iterator[Alert]:
    yield Alert(
        name="ChainMetricsMissing",
        severity=Severity.WARNING,
        requirement="MON-06",
        summary=f"No service has counted transactions for {_GONE} minutes",
        expression=f"absent({TRANSACTIONS})",
        runbook="metrics-missing",
        lasting=_GONE,
    )
    yield Alert(
        name="AccountBelowRent",
        severity=Severity.CRITICAL,
        requirement="MON-06",
        summary="Account {{ $labels.account }} of the program is no longer exempt from rent",
        expression=(f"min by (program, account) ({BALANCE}) < max by (program, account) ({RENT})"),
        runbook="account-below-rent",
    )
    seconds = figure("PERF-01", "finality_below_seconds").seconds
    yield Alert(
        name="FinalityLate",
        severity=Severity.WARNING,
        requirement="PERF-01",
        summary=f"Transactions take {seconds} s to become final, at the 95th percentile",
        expression=past(
            f"histogram_quantile(0.95, sum by (program, le) (rate({FINALITY}_bucket[5m])))",
            seconds,
        ),
        runbook="chain-slow",
        figures=[seconds],
    )
    proofs = figure("ZK-10", "invalid_proofs_max_count").count
    yield Alert(
        name="ProofInvalid",
        severity=Severity.CRITICAL,
        requirement="ZK-10",
        summary="A proof of {{ $labels.job }} was invalid: an emergency rollback starts",
        expression=grew(INVALID_PROOFS, "job", proofs),
        runbook="invalid-proof",
        figures=[proofs],
    )


def _endpoints() -> Iterator[Alert]:
    """The RPC endpoints: one that is down leaves others, the last one leaves no chain at all."""
    yield Alert(
        name="RpcEndpointDown",
        severity=Severity.WARNING,
        requirement="NET-12",
        summary="RPC endpoint {{ $labels.endpoint }} does not answer",
        expression=f"max by (endpoint) ({RPC_UP}) == 0",
        runbook="rpc",
        lasting=1,
    )
    yield Alert(
        name="RpcAllDown",
        severity=Severity.CRITICAL,
        requirement="NET-12",
        summary="No RPC endpoint answers",
        expression=f"max({RPC_UP}) == 0 or absent({RPC_UP})",
        runbook="rpc",
        lasting=5,
    )
    mean = figure("PERF-01", "rpc_response_mean_below_ms").milliseconds
    yield Alert(
        name="RpcSlow",
        severity=Severity.WARNING,
        requirement="PERF-01",
        summary=f"Calls to RPC endpoint {{{{ $labels.endpoint }}}} take {mean} ms on average",
        expression=past(
            f"sum by (endpoint) (rate({RPC}_sum[1h]))"
            f" / sum by (endpoint) (rate({RPC}_count[1h])) * {_MS_A_SECOND}",
            mean,
        ),
        runbook="rpc",
        figures=[mean],
    )
