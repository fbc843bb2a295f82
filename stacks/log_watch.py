"""Telling somebody of a line in a log: a filter that counts it, and the alarm on the count."""

from dataclasses import dataclass

from pulumi import Input, Resource, ResourceOptions
from pulumi_aws import cloudwatch

from environments import Environment
from stacks.metrics import MINUTE, Alarm, Limit, Metric, Missing, declare_alarm
from stacks.naming import Names


@dataclass(frozen=True, slots=True, kw_only=True)
class LogWatch:
    """Lines of one log group that somebody is told of, or whose value must keep to a limit."""

    name: str
    summary: str
    """What has happened, in one sentence without a full stop."""
    log_group_name: Input[str]
    pattern: str
    """As CloudWatch filters: words, or a JSON path such as `{ $.event = "refused" }`."""
    limit: Limit
    runbook: str
    """The page under docs/runbooks/alarms that says what to do."""
    value: str = "1"
    """What a line counts: one, or a number that stands in it, such as `$.ageDays`."""
    statistic: str = "Sum"
    period: int = MINUTE
    periods: int = 1
    missing: Missing = Missing.FINE


def watch_log(
    watch: LogWatch, *, environment: Environment, topic_arn: Input[str], parent: Resource
) -> None:
    """Make the filter and the alarm of `watch`, whose start and end are told to the topic."""
    names = Names(environment)
    namespace = f"Slipway/{environment.name}"
    cloudwatch.LogMetricFilter(
        watch.name,
        name=names.of(watch.name),
        log_group_name=watch.log_group_name,
        pattern=watch.pattern,
        metric_transformation=cloudwatch.LogMetricFilterMetricTransformationArgs(
            namespace=namespace, name=watch.name, value=watch.value
        ),
        opts=ResourceOptions(parent=parent),
    )
    declare_alarm(
        Alarm(
            name=watch.name,
            summary=watch.summary,
            watched=Metric(
                namespace=namespace, name=watch.name, statistic=watch.statistic, dimensions={}
            ),
            limit=watch.limit,
            period=watch.period,
            periods=watch.periods,
            missing=watch.missing,
            runbook=watch.runbook,
        ),
        physical_name=names.of(watch.name, limit=255),
        actions=[topic_arn],
        parent=parent,
    )
