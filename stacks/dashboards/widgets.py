"""Dashboards as data: graphs with their limits, and the JSON that CloudWatch draws them from.

Metrics are found by search: by the names that the environment gave to its resources, so that a
dashboard is known before anything exists.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from environments import Environment
from stacks.naming import Names
from standards import Ratio, Text, Whole, written

MINUTE: Final = 60
_COLUMNS: Final = 24  # of CloudWatch's grid
_WIDTH, _HEIGHT = 12, 6

Number = Whole | Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """One graph: what is searched for, in which unit, and the limits that are drawn."""

    title: str
    searches: Sequence[str]
    """Expressions of metric math; most are searches."""
    limits: Sequence[tuple[str, Number]] = field(default_factory=tuple[tuple[str, Number], ...])
    """Each with what it means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """A dashboard: graphs, alarms by the beginning of their names, and how far back it looks."""

    name: str
    says: str
    """What it answers, in a sentence of Markdown."""
    graphs: Sequence[Graph]
    alarms: Sequence[str] = ()
    """Physical names."""
    start: str = "-PT3H"
    figures: Sequence[Number] = ()
    """What else stands in it."""


def body(dashboard: Dashboard, environment: Environment) -> Text:
    """The JSON that CloudWatch draws, which remembers the figures in it."""
    names = Names(environment)
    widgets: list[dict[str, Any]] = [
        {
            "type": "text",
            "x": 0,
            "y": 0,
            "width": _COLUMNS,
            "height": 2,
            "properties": {"markdown": f"# {names.of(dashboard.name)}\n{dashboard.says}"},
        }
    ]
    if dashboard.alarms:
        widgets.append(
            {
                "type": "alarm",
                "x": 0,
                "y": 2,
                "width": _COLUMNS,
                "height": 3,
                "properties": {
                    "title": "Alarms",
                    "alarms": [names.arn("cloudwatch", f"alarm:{it}") for it in dashboard.alarms],
                },
            }
        )
    for index, graph in enumerate(dashboard.graphs):
        widgets.append(
            {
                "type": "metric",
                "x": index % 2 * _WIDTH,
                "y": 5 + index // 2 * _HEIGHT,
                "width": _WIDTH,
                "height": _HEIGHT,
                "properties": _properties(graph, environment.aws.region),
            }
        )
    drawn = [number for graph in dashboard.graphs for _, number in graph.limits]
    content = {"start": dashboard.start, "periodOverride": "inherit", "widgets": widgets}
    return Text.of(json.dumps(content, indent=1), [*drawn, *dashboard.figures])


def _properties(graph: Graph, region: str) -> dict[str, Any]:
    lines = [
        {"label": f"{label}: {written(number)}", "value": number} for label, number in graph.limits
    ]
    return {
        "title": graph.title,
        "region": region,
        "view": "timeSeries",
        "period": MINUTE,
        "metrics": [
            [{"expression": found, "id": f"e{index}"}] for index, found in enumerate(graph.searches)
        ],
        **({"annotations": {"horizontal": lines}} if lines else {}),
    }


def search(schema: str, metric: str, statistic: str, *terms: str) -> str:
    """A search for the series of `metric` whose dimensions hold every one of `terms`."""
    wanted = " ".join([f'MetricName="{metric}"', *(f'"{term}"' for term in terms)])
    return f"SEARCH('{{{schema}}} {wanted}', '{statistic}', {MINUTE})"
