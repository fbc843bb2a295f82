"""Alarms as data: what to watch, which limit it must not pass, and for how long."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pulumi import Input, Resource, ResourceOptions
from pulumi_aws import cloudwatch

from standards import Bound, Ratio, Whole

MINUTE: Final = 60
"""The finest period of the metrics that AWS publishes, in seconds.

It is the one used wherever a standard gives a limit without a duration."""


class Comparison(StrEnum):
    """When a value has passed a limit, as CloudWatch names it."""

    ABOVE = "GreaterThanThreshold"
    AT_LEAST = "GreaterThanOrEqualToThreshold"
    BELOW = "LessThanThreshold"


class Missing(StrEnum):
    """What the absence of a metric means, as CloudWatch names it."""

    FINE = "notBreaching"
    """Nothing happened: no request, no error, no job."""
    TROUBLE = "breaching"
    """What should report has stopped to."""
    UNKNOWN = "missing"
    """Neither: the alarm says that it has no data."""


_COMPARISONS: Final = {
    Bound.ABOVE: Comparison.ABOVE,
    Bound.MAXIMUM: Comparison.ABOVE,
    Bound.BELOW: Comparison.AT_LEAST,
    Bound.MINIMUM: Comparison.BELOW,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric of CloudWatch; `statistic` is a name such as `Sum`, or a percentile: `p95`."""

    namespace: str
    name: str
    statistic: str
    dimensions: Mapping[str, Input[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """Metric math over metrics, which it calls by their keys."""

    text: str
    metrics: Mapping[str, Metric]


@dataclass(frozen=True, slots=True)
class Limit:
    """The threshold of an alarm, which side of it is bad, and the requirement that says so."""

    comparison: Comparison
    threshold: float
    requirement: str

    @classmethod
    def of(cls, number: Whole | Ratio) -> "Limit":
        """The limit that a figure of the standards sets, its bound deciding the comparison."""
        figure = number.figure
        return cls(_COMPARISONS[figure.bound], number, figure.requirement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An alarm: it goes off when `watched` is past `limit` in each of `periods` periods."""

    name: str
    summary: str
    """What has happened when it goes off, in one sentence without a full stop."""
    watched: Metric | Formula
    limit: Limit
    runbook: str
    """The page in `docs/runbooks/alarms` that says what to do, without its ending."""
    period: int = MINUTE
    """Seconds."""
    periods: int = 1
    missing: Missing = Missing.FINE


def described(summary: str, requirement: str, runbook: str) -> str:
    """What an alarm says of itself: what happened, why that matters, and where to read on."""
    return f"{summary} ({requirement}). Runbook: docs/runbooks/alarms/{runbook}.md"


def alarm_rule(names: Iterable[str]) -> str:
    """The rule of a composite alarm that goes off where one of the alarms `names` does."""
    return " OR ".join(f'ALARM("{name}")' for name in names)


def declare_alarm(
    alarm: Alarm,
    *,
    physical_name: str,
    actions: Sequence[Input[str]],
    parent: Resource,
    is_end_notified: bool = True,
) -> cloudwatch.MetricAlarm:
    """Make `alarm`; `actions` are the ARNs of what hears of its start, and of its end if told."""
    return cloudwatch.MetricAlarm(
        alarm.name,
        name=physical_name,
        alarm_description=described(alarm.summary, alarm.limit.requirement, alarm.runbook),
        comparison_operator=alarm.limit.comparison.value,
        threshold=alarm.limit.threshold,
        evaluation_periods=alarm.periods,
        datapoints_to_alarm=alarm.periods,
        treat_missing_data=alarm.missing.value,
        alarm_actions=actions,
        ok_actions=actions if is_end_notified else None,
        opts=ResourceOptions(parent=parent),
        **_watched(alarm),
    )


def _watched(alarm: Alarm) -> dict[str, Any]:
    """The arguments that say what `alarm` looks at: one metric, or a formula over several."""
    watched = alarm.watched
    if isinstance(watched, Formula):
        return {"metric_queries": _queries(watched, alarm)}
    is_percentile = watched.statistic.startswith("p")
    return {
        "namespace": watched.namespace,
        "metric_name": watched.name,
        "dimensions": watched.dimensions,
        "extended_statistic" if is_percentile else "statistic": watched.statistic,
        "period": alarm.period,
    }


def _queries(formula: Formula, alarm: Alarm) -> list[cloudwatch.MetricAlarmMetricQueryArgs]:
    result = cloudwatch.MetricAlarmMetricQueryArgs(
        id="result", expression=formula.text, label=alarm.name, return_data=True
    )
    metrics = [
        cloudwatch.MetricAlarmMetricQueryArgs(
            id=key,
            return_data=False,
            metric=cloudwatch.MetricAlarmMetricQueryMetricArgs(
                namespace=metric.namespace,
                metric_name=metric.name,
                stat=metric.statistic,
                period=alarm.period,
                dimensions=metric.dimensions,
            ),
        )
        for key, metric in formula.metrics.items()
    ]
    return [result, *metrics]
