"""The dashboards of the business and of the chain: what the product publishes of itself.

It arrives here by the collector's second way out (`stacks/prometheus/collector.py`).
"""

from collections.abc import Sequence

from environments import Environment
from environments.metrics import Metrics
from stacks.dashboards.widgets import MINUTE, Dashboard, Graph
from stacks.prometheus import chain, market


def _published(environment: Environment, metric: str, statistic: str) -> str:
    """A search for what the collector publishes under `metric`, whatever its dimensions."""
    return f"SEARCH('Slipway/{environment.name} MetricName=\"{metric}\"', '{statistic}', {MINUTE})"


def _each(environment: Environment, metrics: Sequence[str]) -> list[Graph]:
    """A graph for each metric: what a counter grew by, or what a gauge says."""
    return [
        Graph(
            title=metric,
            searches=[
                _published(environment, metric, "Sum" if metric.endswith("_total") else "Maximum")
            ],
        )
        for metric in metrics
    ]


def business(environment: Environment, metrics: Metrics) -> Dashboard:
    """What the business does (MON-07), and a market beside it (PM-05)."""
    of_market = (market.TRADES, market.USERS, market.LOCKED, market.REVENUE)
    shown = [*metrics.business, *(of_market if metrics.is_market else ())]
    return Dashboard(
        name="business",
        says="What does the business do: transactions, revenue, users? (MON-07)",
        graphs=[
            *_each(environment, [chain.TRANSACTIONS]),
            *_each(environment, shown),
        ],
    )


def of_chain(environment: Environment, metrics: Metrics) -> Dashboard:
    """How the program does on its cluster; what is told of it, Prometheus tells (MON-06)."""
    shown = [
        chain.TRANSACTIONS,
        chain.UNITS_USED,
        chain.UNITS_LIMIT,
        chain.FEE,
        chain.BALANCE,
        chain.RENT,
        chain.RPC_UP,
        chain.INVALID_PROOFS,
    ]
    if metrics.is_market:
        shown += [market.ORACLE, market.BREAKER, market.LIQUIDATIONS]
    return Dashboard(
        name="chain",
        says=(
            f"How does program `{environment.solana.program_id}` do on "
            f"{environment.solana.cluster}? (MON-06)"
        ),
        graphs=_each(environment, shown),
    )
