"""Dashboards show what MON-13 names, with the limits of the standards drawn in."""

import json
import re
from collections.abc import Callable
from typing import Any, cast

import pytest

from environments import Environment
from plan import Plan
from standards import figure
from tests.stacks.reading import of_type, only

NAMES = {"deployment", "application", "infrastructure", "business", "chain"}
SEARCH = re.compile(r"SEARCH\('(?P<query>[^']*)', '(?P<statistic>[A-Za-z0-9]+)', 60\)")


def widgets(plan: Plan, name: str) -> list[dict[str, Any]]:
    """The widgets of a dashboard."""
    body = json.loads(only(plan, "cloudwatch/dashboard", name).text("dashboardBody") or "")
    return cast("list[dict[str, Any]]", body["widgets"])


@pytest.mark.parametrize("name", ["staging", "production"])
def test_there_are_four_and_one_for_the_chain(plan_of: Callable[[str], Plan], name: str) -> None:
    """Known before an apply, under the environment's name."""
    dashboards = {one.name: one for one in of_type(plan_of(name), "cloudwatch/dashboard")}
    assert set(dashboards) == NAMES
    for one in dashboards.values():
        assert one.text("dashboardName") == f"{name}-{one.name}"


@pytest.mark.parametrize("dashboard", sorted(NAMES))
def test_a_dashboard_is_one_that_cloudwatch_draws(
    plan_of: Callable[[str], Plan], dashboard: str
) -> None:
    """Graphs lie beside each other on the grid, each searches for something and says what."""
    taken: set[tuple[int, int]] = set()
    for widget in widgets(plan_of("production"), dashboard):
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
        if widget["type"] == "metric":
            assert widget["properties"]["title"]
            expressions = [it[0]["expression"] for it in widget["properties"]["metrics"]]
            assert expressions
            for expression in expressions:
                assert SEARCH.search(expression) or expression.startswith("TIME_SERIES(")


@pytest.mark.parametrize(
    ("dashboard", "identifier", "key"),
    [
        ("deployment", "ROLL-06", "first_period_minutes"),
        ("deployment", "ROLL-07", "error_rate_above_percent"),
        ("deployment", "MON-10", "error_rate_below_percent"),
        ("deployment", "MON-10", "latency_p95_below_ms"),
        ("deployment", "MON-10", "cpu_below_percent"),
        ("deployment", "MON-10", "memory_below_percent"),
        ("infrastructure", "MON-10", "disk_below_percent"),
        ("application", "ROLL-06", "first_week_days"),
        ("application", "MON-11", "error_rate_below_percent"),
        ("application", "MON-11", "latency_p95_below_ms"),
        ("infrastructure", "MON-11", "cpu_mean_below_percent"),
        ("infrastructure", "MON-11", "memory_mean_below_percent"),
        ("infrastructure", "MON-11", "database_size_below_gigabytes"),
    ],
)
def test_a_limit_is_drawn_from_its_figure(
    plan_of: Callable[[str], Plan], dashboard: str, identifier: str, key: str
) -> None:
    """The plan says of the dashboard which sentence each line comes from."""
    found = only(plan_of("production"), "cloudwatch/dashboard", dashboard).resource
    assert figure(identifier, key).key == key
    assert (identifier, key) in {(one.requirement, one.key) for one in found.figures}


def test_a_search_finds_what_there_is(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment]
) -> None:
    """The names in searches are those of target groups, of the cluster, the database and queues."""
    plan = plan_of("production")
    named = {
        one.text(key)
        for type_, key in (
            ("lb/targetGroup", "name"),
            ("ecs/cluster", "name"),
            ("rds/cluster", "clusterIdentifier"),
            ("sqs/queue", "name"),
            ("synthetics/canary", "name"),
        )
        for one in of_type(plan, type_)
    }
    for dashboard in ("deployment", "application", "infrastructure"):
        for term in re.findall(r'\\" \\"([^"\\]+)\\"', json.dumps(widgets(plan, dashboard))):
            assert term in named, term
    assert record_of("production").solana.program_id in json.dumps(widgets(plan, "chain"))


def test_the_business_is_what_the_product_publishes(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment]
) -> None:
    """Each name of the environment's file has a graph."""
    metrics = record_of("production").metrics
    assert metrics is not None
    text = json.dumps(widgets(plan_of("production"), "business"))
    for name in metrics.business:
        assert name in text
