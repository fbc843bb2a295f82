"""Who is told when the MCP server is down, fails, is slow, or wants another pod."""

from collections.abc import Iterator
from dataclasses import dataclass

from pulumi import Input, Output, Resource

from environments import Environment
from stacks.kubernetes.pods import NAME
from stacks.metrics import Alarm, Comparison, Formula, Limit, Metric, Missing, declare_alarm
from stacks.naming import Names
from stacks.topics import Topics
from standards import Figure, figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What CloudWatch knows the MCP server by."""

    load_balancer: Output[str]
    target_group: Output[str]


def declare_alarms(
    environment: Environment, watched: Watched, topics: Topics, parent: Resource
) -> None:
    """Make every alarm that a requirement of the environment asks for."""
    names = Names(environment)
    for topic, alarm in _table(watched, topics):
        if environment.must(alarm.limit.requirement):
            declare_alarm(
                alarm,
                physical_name=names.of(alarm.name, limit=255),
                actions=[topic],
                parent=parent,
            )


def _table(watched: Watched, topics: Topics) -> Iterator[tuple[Input[str], Alarm]]:
    critical, warning = topics.critical_arn, topics.warning_arn
    yield critical, _down(watched)
    yield (
        critical,
        _failing(watched, "critical", figure("MON-12", "critical_error_rate_above_percent")),
    )
    yield (
        warning,
        _failing(watched, "warning", figure("MON-12", "warning_error_rate_above_percent")),
    )
    slow = figure("MON-12", "warning_response_time_above_ms")
    yield warning, _slow(watched, f"{NAME}-slow", slow, "slow")
    more = figure("SCALE-01", "latency_p95_above_ms")
    # The autoscaler sees CPU; latency only the load balancer does.
    yield topics.info_arn, _slow(watched, f"{NAME}-more-for-latency", more, "scaling")


def _down(watched: Watched) -> Alarm:
    return Alarm(
        name=f"{NAME}-down",
        summary=f"No pod of {NAME} is healthy",
        watched=_metric(watched, "HealthyHostCount", "Maximum"),
        limit=Limit(Comparison.BELOW, 1, "MON-12"),
        missing=Missing.TROUBLE,
        runbook="down",
    )


def _failing(watched: Watched, severity: str, limit: Figure) -> Alarm:
    percent = limit.percent
    return Alarm(
        name=f"{NAME}-errors-{severity}",
        summary=f"{percent:g} % of the requests to {NAME} fail",
        watched=Formula(
            text="100 * errors / requests",
            metrics={
                "errors": _metric(watched, "HTTPCode_Target_5XX_Count", "Sum"),
                "requests": _metric(watched, "RequestCount", "Sum"),
            },
        ),
        limit=Limit.of(percent),
        runbook="errors",
    )


def _slow(watched: Watched, name: str, limit: Figure, runbook: str) -> Alarm:
    milliseconds = limit.milliseconds
    return Alarm(
        name=name,
        summary=f"P95 response time of {NAME} is above {milliseconds} ms",
        watched=Formula(
            text="1000 * seconds",
            metrics={"seconds": _metric(watched, "TargetResponseTime", "p95")},
        ),
        limit=Limit.of(milliseconds),
        runbook=runbook,
    )


def _metric(watched: Watched, name: str, statistic: str) -> Metric:
    return Metric(
        namespace="AWS/ApplicationELB",
        name=name,
        statistic=statistic,
        dimensions={"LoadBalancer": watched.load_balancer, "TargetGroup": watched.target_group},
    )
