"""Alarms while a rollout runs: what is held against the baseline of before, and what rolls back.

The cutover measures a baseline before it shifts traffic (MON-14), and publishes it each minute
until its deployment window ends. Without one there is nothing to compare with: these alarms have no
data then, and are silent outside the window.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pulumi import Input, Resource, ResourceOptions
from pulumi_aws import cloudwatch

from environments import Environment
from stacks.metrics import (
    Alarm,
    Comparison,
    Formula,
    Limit,
    Metric,
    alarm_rule,
    declare_alarm,
    described,
)
from stacks.naming import Names
from stacks.severity import Severity
from stacks.sides import Side, error_percent, ids, named, response_ms, target_metrics
from stacks.topics import Topics
from standards import figure

BASELINES: Final = {
    "errors": "BaselineErrorPercent",
    "p50": "BaselineP50Milliseconds",
    "p99": "BaselineP99Milliseconds",
    "queue": "BaselineQueueDepth",
}
"""The metrics that the cutover publishes, in the environment's namespace, for each `Service`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """A service that is rolled out, as its alarms know it."""

    environment: Environment
    service: str
    balancer: Input[str]
    groups: Mapping[Side, Input[str]]
    """The target group of each side; none for a service without public traffic."""
    queue_name: Input[str] | None
    topics: Topics


def rollout_alarms(rollout: Rollout, parent: Resource) -> list[cloudwatch.MetricAlarm]:
    """Make the alarms of `rollout`, and give those that roll back (ROLL-07).

    They tell chat one by one; together they page, once, as the alarm `<service>-rollout`.
    """
    environment, names = rollout.environment, Names(rollout.environment)
    topics = rollout.topics.arns
    if environment.must("MON-09"):
        for alarm in _compared(rollout):
            declare_alarm(
                alarm,
                physical_name=names.of(alarm.name, limit=255),
                actions=[topics[Severity.WARNING]],
                parent=parent,
            )
    if not rollout.groups or not environment.must("ROLL-07"):
        return []
    made = [
        declare_alarm(
            alarm,
            physical_name=names.of(alarm.name, limit=255),
            actions=[topics[Severity.INFO]],
            parent=parent,
        )
        for alarm in _rolling_back(rollout)
    ]
    name = f"{rollout.service}-rollout"
    cloudwatch.CompositeAlarm(
        name,
        alarm_name=names.of(name, limit=255),
        alarm_description=described(
            f"The rollout of {rollout.service} goes wrong and is rolled back", "ROLL-07", "rollout"
        ),
        alarm_rule=alarm_rule(names.of(alarm.name, limit=255) for alarm in _rolling_back(rollout)),
        alarm_actions=[topics[Severity.CRITICAL]],
        ok_actions=[topics[Severity.CRITICAL]],
        opts=ResourceOptions(parent=parent, depends_on=made),
    )
    return made


def _baseline(rollout: Rollout, what: str) -> dict[str, Metric]:
    metric = Metric(
        namespace=f"Slipway/{rollout.environment.name}",
        name=BASELINES[what],
        statistic="Maximum",
        dimensions={"Service": rollout.service},
    )
    return {"baseline": metric}


def _compared(rollout: Rollout) -> Iterator[Alarm]:
    """What MON-09 allows beyond the baseline of before."""
    service = rollout.service
    if rollout.groups:
        points = figure("MON-09", "error_rate_above_baseline_percentage_points").percent
        errors = error_percent(rollout.balancer, rollout.groups)
        yield Alarm(
            name=f"{service}-rollout-more-errors",
            summary=f"Errors of {service} are {points:g} percentage points above their baseline",
            watched=Formula(
                text=f"{errors.text} - baseline",
                metrics={**errors.metrics, **_baseline(rollout, "errors")},
            ),
            limit=Limit.of(points),
            runbook="rollout",
        )
        for what in ("p50", "p99"):
            percent = figure("MON-09", f"latency_{what}_above_baseline_percent").percent
            yield Alarm(
                name=f"{service}-rollout-slower-{what}",
                summary=f"{what.upper()} of {service} is {percent:g} % above its baseline",
                watched=_relative(rollout, what, "- 100"),
                limit=Limit.of(percent),
                runbook="rollout",
            )
    if rollout.queue_name is not None:
        times = figure("MON-09", "queue_depth_above_times_normal").factor
        waiting = Metric(
            namespace="AWS/SQS",
            name="ApproximateNumberOfMessagesVisible",
            statistic="Maximum",
            dimensions={"QueueName": rollout.queue_name},
        )
        yield Alarm(
            name=f"{service}-rollout-longer-queue",
            summary=f"The queue of {service} is more than {times:g} times as long as normal",
            watched=Formula(
                text="waiting / baseline",
                metrics={"waiting": waiting, **_baseline(rollout, "queue")},
            ),
            limit=Limit.of(times),
            runbook="rollout",
        )


def _rolling_back(rollout: Rollout) -> Iterator[Alarm]:
    """What ROLL-07 rolls a rollout back for."""
    service = rollout.service
    percent = figure("ROLL-07", "error_rate_above_percent").percent
    errors = error_percent(rollout.balancer, rollout.groups)
    yield Alarm(
        name=f"{service}-rollout-errors",
        summary=f"More than {percent:g} % of the requests to {service} fail while it is rolled out",
        watched=Formula(
            text=f"IF(baseline >= 0, {errors.text}, 0)",
            metrics={**errors.metrics, **_baseline(rollout, "errors")},
        ),
        limit=Limit.of(percent),
        runbook="rollout",
    )
    slower = figure("ROLL-07", "latency_p99_above_percent_of_baseline").percent
    yield Alarm(
        name=f"{service}-rollout-slow",
        summary=f"P99 of {service} is above {slower:g} % of its baseline",
        watched=_relative(rollout, "p99"),
        limit=Limit.of(slower),
        runbook="rollout",
    )
    unhealthy = target_metrics("UnHealthyHostCount", "Maximum", rollout.balancer, rollout.groups)
    yield Alarm(
        name=f"{service}-rollout-unhealthy",
        summary=f"A health check of {service} fails while it is rolled out",
        watched=Formula(
            text=f"IF(baseline >= 0, SUM({ids('count')}), 0)",
            metrics={**named("count", unhealthy), **_baseline(rollout, "errors")},
        ),
        limit=Limit(Comparison.ABOVE, 0, "ROLL-07"),
        runbook="rollout",
    )


def _relative(rollout: Rollout, what: str, beyond: str = "") -> Formula:
    """Response time in percent of its baseline, or `beyond` it."""
    now = response_ms(what, rollout.balancer, rollout.groups)
    return Formula(
        text=f"100 * {now.text} / baseline {beyond}".rstrip(),
        metrics={**now.metrics, **_baseline(rollout, what)},
    )
