"""Every figure that a release is held to has its gate, or a reason why it has none."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

import pytest

from scripts.cutover.judgement.gates import Gate
from scripts.cutover.judgement.limits import Period, gates
from scripts.cutover.watch.chain import TRADES, UNUSUAL, asked
from scripts.cutover.watch.places import place
from scripts.cutover.watch.recipes import recipe
from stacks.prometheus import market, services
from stacks.prometheus.chain import INVALID_PROOFS, TRANSACTIONS, UNITS_LIMIT, UNITS_USED
from standards import Tier, requirement
from tests.conftest import PROJECT
from tests.scripts.cutover import worlds
from tests.scripts.cutover.watch.scene import ENVIRONMENT, published

JUDGED: Final = ("MON-09", "MON-10", "MON-11", "MON-12", "ROLL-07", "ROLL-08", "ROLL-09", "PM-06")
PAGE: Final = (PROJECT / "docs" / "cutover-observations.md").read_text(encoding="utf-8")
ROWS: Final = re.findall(r"^\| ([A-Z]+-\d+:? [^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)
WATCHED: Final = replace(
    worlds.watched(), has_canary=True, usual_per_second=100.0, peak_per_second=200.0
)
HELD: Final[Sequence[Gate]] = [
    gate for period in Period for gate in gates(period, WATCHED, Tier.PRODUCTION, 1e-4)
]


def test_the_page_names_every_figure_once() -> None:
    """A figure that is added to a sentence wants a gate or a reason."""
    named = [row for row, _ in ROWS if ":" not in row]
    wanted = {f"{id_} {key}" for id_ in JUDGED for key in requirement(id_).values}
    assert len(named) == len({*named})
    assert wanted <= {*named}
    assert all(row.partition(" ")[2] in requirement(row.partition(" ")[0]).values for row in named)


@pytest.mark.parametrize(("row", "gate"), ROWS)
def test_the_page_says_what_is_so(row: str, gate: str) -> None:
    """The gate is there, of that series, and does that."""
    if gate.startswith("no gate: "):
        return
    series, action = re.fullmatch(r"`([a-z ]+)` (rolls back|asks|warns)", gate).groups()  # pyright: ignore[reportOptionalMemberAccess] - or it fails
    id_, _, key = row.replace(":", "").partition(" ")
    own = [
        each
        for each in HELD
        if each.requirement == id_
        and each.series.partition("/")[2].startswith(series)
        and each.action.startswith(action)
    ]
    assert own
    if key in requirement(id_).values:
        assert any(_rests_on(each, id_, key) for each in own)


def _rests_on(gate: Gate, id_: str, key: str) -> bool:
    """Whether its limit or its window is that figure, or it allows none where the figure is 0."""
    amount = requirement(id_).values[key]
    return (
        gate.cited == f"{id_} {key}"
        or (key.endswith("minutes") and gate.window == 60 * amount)
        or amount == 0
    )


def test_every_series_of_every_gate_has_a_source() -> None:
    """A gate that nothing feeds would hold each cutover."""
    where = place(ENVIRONMENT, published(), "api", "green")
    sourced = {
        gate.series: recipe(gate.series.partition("/")[2], where)
        or asked(gate.series.partition("/")[2], {})
        for gate in HELD
    }
    assert {series for series, found in sourced.items() if found is None} == {"api/queue"}
    worker = place(ENVIRONMENT, published(), "prover", "green")
    assert recipe("queue", worker) is not None


def test_metrics_are_called_what_services_are_told_to_call_them() -> None:
    """`stacks/prometheus` and docs/metrics.md have the names; scripts may not import them."""
    queries = {
        name: asked(name, {})
        for name in (
            *("errors", "transactions", "compute units", "oracle", "breakers", "trading"),
            *("database connections", "invalid proofs", "security alerts"),
        )
    }
    told = {name: found.query for name, found in queries.items() if found is not None}
    for name, metrics in {
        "errors": [services.DURATION],
        "transactions": [TRANSACTIONS],
        "compute units": [UNITS_USED, UNITS_LIMIT],
        "oracle": [market.ORACLE],
        "breakers": [market.BREAKER],
        "database connections": [services.DATABASE_FAILURES],
        "invalid proofs": [INVALID_PROOFS],
        "security alerts": [market.SECURITY],
    }.items():
        assert all(metric in told[name] for metric in metrics)
    rules = list(chain.from_iterable([market.market_group().rules]))
    (alert,) = (rule for rule in rules if rule.name == "TradingUnusual")
    assert f"> {UNUSUAL} * stddev_over_time({TRADES}[1w])" in alert.expression
    assert TRADES in {rule.name for rule in rules}
