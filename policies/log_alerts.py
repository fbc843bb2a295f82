"""Whether somebody is told of a line in a log: a filter on its group, and an alarm on the count."""

from collections import defaultdict
from collections.abc import Callable
from typing import Final

from plan.graph import Graph
from plan.model import Resource
from policies.nodes import Subject
from policies.outcomes import NotEvaluated, Outcome, fail, require, some

FILTER: Final = "aws:cloudwatch/logMetricFilter:LogMetricFilter"
METRIC_ALARM: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"


def filters_on(name: str, graph: Graph) -> list[Subject]:
    """The metric filters on the log group called `name`, and one that may yet turn out to be."""
    unresolved = graph.unresolved("logGroupName", FILTER)
    found = graph.once(_by_group)[name]
    return [Subject(one) for one in [*found, *([unresolved] if unresolved else [])]]


def alarms_on(one: Subject, graph: Graph) -> list[Subject]:
    """The alarms on the metric that a filter counts."""
    made = one.node("metricTransformation")
    metric = (made.text("namespace"), made.text("name"))
    return [
        Subject(alarm)
        for alarm in [
            *graph.once(_by_metric)[metric],
            *graph.referrers(one.resource, METRIC_ALARM, key="metricName"),
        ]
    ]


def tells(one: Subject, graph: Graph, is_such: Callable[[str], bool]) -> Outcome:
    """Whether the filter's pattern `is_such`, and somebody hears of what it counts."""
    if graph.has_unresolved(one.resource, "logGroupName"):
        return NotEvaluated(f"the log group of {one.name} is known after apply")
    if not is_such(one.text("pattern") or ""):
        return fail("counts other lines")
    return some(alarms_on(one, graph), is_heard, "no alarm")


def is_heard(alarm: Subject) -> Outcome:
    """Whether somebody hears of an alarm."""
    is_on = alarm.flag("actionsEnabled") is not False
    return require(is_on and alarm.has_texts("alarmActions"), "tells nobody")


def _by_group(graph: Graph) -> defaultdict[str, list[Resource]]:
    """Metric filters by the known name of their log group."""
    found: defaultdict[str, list[Resource]] = defaultdict(list)
    for one in graph.of_type(FILTER):
        name = one.inputs.get("logGroupName")
        if isinstance(name, str):
            found[name].append(one)
        else:
            for group in graph.references(one, "logGroupName"):
                own = group.inputs.get("name")
                if isinstance(own, str):
                    found[own].append(one)
    return found


def _by_metric(graph: Graph) -> defaultdict[tuple[str | None, str | None], list[Resource]]:
    """Alarms on a single metric, by its namespace and name where both are known."""
    found: defaultdict[tuple[str | None, str | None], list[Resource]] = defaultdict(list)
    for alarm in graph.of_type(METRIC_ALARM):
        namespace, name = alarm.inputs.get("namespace"), alarm.inputs.get("metricName")
        if isinstance(namespace, str) and isinstance(name, str):
            found[namespace, name].append(alarm)
    return found
