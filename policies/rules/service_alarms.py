"""Rules for the alarms of services: on what they use, and on how they answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pydantic import Field

from plan.graph import Graph
from policies.nodes import Node, Subject
from policies.outcomes import NotApplicable, NotEvaluated, Outcome, every, met, some
from policies.registry import Given, Ref, rule
from policies.rules.cloudwatch import METRIC_ALARM
from policies.rules.ecs import SERVICE
from policies.settings import Settings, Severity
from standards import Tier, figure

TARGET_GROUPS: Final = ("aws:lb/targetGroup:TargetGroup", "aws:alb/targetGroup:TargetGroup")
TARGET_GROUP: Final = TARGET_GROUPS[0]

_ERRORS: Final = "HTTPCode_Target_5XX_Count"
_REQUESTS: Final = "RequestCount"
_DELAY: Final = "TargetResponseTime"
_HEALTHY: Final = ("HealthyHostCount", "UnHealthyHostCount")
_MS_A_SECOND: Final = 1000
_WATCHED_BY: Final = ("dimensions", "metricQueries")
_LIVE: Final = {Tier.STAGING, Tier.PRODUCTION}

_CPU: Final = figure("MON-09", "cpu_above_percent").percent
_MEMORY: Final = figure("MON-09", "memory_above_percent").percent
_CRITICAL_ERRORS: Final = figure("MON-12", "critical_error_rate_above_percent").percent
_WARNING_ERRORS: Final = figure("MON-12", "warning_error_rate_above_percent").percent
_SLOW: Final = figure("MON-12", "warning_response_time_above_ms").milliseconds


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An alarm that there has to be: what it is called, and what makes an alarm such a one."""

    what: str
    is_such: Callable[[Subject], bool]


def _has_each(subject: Subject, graph: Graph, *wanted: _Wanted) -> Outcome:
    """Whether each of the `wanted` alarms is among those that watch `subject`."""
    alarms = {
        alarm.urn: Subject(alarm)
        for key in _WATCHED_BY
        for alarm in graph.referrers(subject.resource, METRIC_ALARM, key=key)
    }
    unresolved = [
        NotEvaluated(f"what alarm {one.name} watches is known after apply")
        for key in _WATCHED_BY
        if (one := graph.unresolved(key, METRIC_ALARM))
    ]

    def has(one: _Wanted) -> Outcome:
        found = some(alarms.values(), lambda alarm: met(one.is_such(alarm)))
        return some([found, *unresolved], lambda outcome: outcome, f"has no alarm on {one.what}")

    return every(wanted, has)


def _metrics(alarm: Subject) -> set[str | None]:
    """The names of the metrics that the alarm watches, alone or through metric math."""
    queried = [query.node("metric").text("metricName") for query in alarm.nodes("metricQueries")]
    return {alarm.text("metricName"), *queried}


def _is_above(alarm: Subject, limit: float) -> bool:
    """Whether the alarm goes off at `limit` or earlier, on the way up."""
    threshold = alarm.number("threshold")
    is_rising = (alarm.text("comparisonOperator") or "").startswith("GreaterThan")
    return is_rising and threshold is not None and threshold <= limit


class Use(Settings):
    """How much of its CPU and memory a service may use before somebody is told."""

    cpu_percent: float = Field(default=_CPU, gt=0, le=_CPU)
    memory_percent: float = Field(default=_MEMORY, gt=0, le=_MEMORY)


def _alarm(metric: str, threshold: object, **dimensions: object) -> Given:
    """An alarm on one metric, for the examples."""
    return Given(
        METRIC_ALARM,
        f"{metric}-{threshold}",
        {
            "metricName": metric,
            "dimensions": dimensions,
            "comparisonOperator": "GreaterThanThreshold",
            "threshold": threshold,
        },
    )


_OF_SERVICE: Final = {"ClusterName": "services", "ServiceName": Ref("api")}


@rule(
    types=[SERVICE],
    severity=Severity.MEDIUM,
    requirements=["MON-09"],
    settings=Use,
    remediation="""
        Watch both, at the limits of the standard or below:

            aws.cloudwatch.MetricAlarm("api-cpu", namespace="AWS/ECS", metric_name="CPUUtilization",
                dimensions={"ClusterName": cluster.name, "ServiceName": service.name},
                statistic="Average", comparison_operator="GreaterThanThreshold",
                threshold=figure("MON-09", "cpu_above_percent").percent, period=60,
                evaluation_periods=1, alarm_actions=[topics.warning.arn])
        """,
    passing=[
        (
            Given(SERVICE, "api"),
            _alarm("CPUUtilization", _CPU, **_OF_SERVICE),
            _alarm("MemoryUtilization", "70", **_OF_SERVICE),
        ),
    ],
    failing=[
        (Given(SERVICE, "api"),),
        (Given(SERVICE, "api"), _alarm("CPUUtilization", _CPU, **_OF_SERVICE)),
        (
            Given(SERVICE, "api"),
            _alarm("CPUUtilization", _CPU + 1, **_OF_SERVICE),
            _alarm("MemoryUtilization", _MEMORY, **_OF_SERVICE),
        ),
        (
            Given(SERVICE, "api"),
            Given(SERVICE, "prover"),
            _alarm("CPUUtilization", _CPU, ServiceName=Ref("prover")),
            _alarm("MemoryUtilization", _MEMORY, ServiceName=Ref("prover")),
        ),
    ],
)
def ecs_service_alarms(service: Subject, settings: Use, graph: Graph) -> Outcome:
    """Somebody is told when a service runs out of CPU or memory.

    Both sides of a release run at once, on what one of them has otherwise. The limits are those of
    a deployment; what is compared with a baseline is watched by the release itself.
    """
    if settings.tier not in _LIVE:
        return NotApplicable("no release is rehearsed or made here")

    def watches(metric: str, limit: float) -> _Wanted:
        return _Wanted(
            f"{metric} above {limit:g} %",
            lambda alarm: metric in _metrics(alarm) and _is_above(alarm, limit),
        )

    return _has_each(
        service,
        graph,
        watches("CPUUtilization", settings.cpu_percent),
        watches("MemoryUtilization", settings.memory_percent),
    )


class Answers(Settings):
    """How badly a service may answer before somebody is told."""

    critical_error_percent: float = Field(default=_CRITICAL_ERRORS, gt=0, le=_CRITICAL_ERRORS)
    warning_error_percent: float = Field(default=_WARNING_ERRORS, gt=0, le=_WARNING_ERRORS)
    slow_ms: int = Field(default=_SLOW, ge=1, le=_SLOW)


def _query(key: str, metric: str) -> dict[str, object]:
    return {
        "id": key,
        "metric": {"metricName": metric, "dimensions": {"TargetGroup": Ref("api")}},
    }


def _error_rate(threshold: object) -> Given:
    """An alarm on the percentage of requests that fail, for the examples."""
    return Given(
        METRIC_ALARM,
        f"errors-{threshold}",
        {
            "metricQueries": [
                {"id": "rate", "expression": "100 * failed / all"},
                _query("failed", _ERRORS),
                _query("all", _REQUESTS),
            ],
            "comparisonOperator": "GreaterThanThreshold",
            "threshold": threshold,
        },
    )


_GROUP: Final = Given(TARGET_GROUP, "api")
_SLOW_ALARM: Final = _alarm(_DELAY, _SLOW / _MS_A_SECOND, TargetGroup=Ref("api"))
_DOWN_ALARM: Final = _alarm(_HEALTHY[1], 0, TargetGroup=Ref("api"))


@rule(
    types=TARGET_GROUPS,
    severity=Severity.MEDIUM,
    requirements=["MON-12"],
    settings=Answers,
    remediation="""
        Watch whether anything is healthy, how much fails and how long answers take:

            aws.cloudwatch.MetricAlarm("api-down", namespace="AWS/ApplicationELB",
                metric_name="HealthyHostCount", statistic="Maximum", threshold=1,
                dimensions={"LoadBalancer": edge.arn_suffix, "TargetGroup": group.arn_suffix},
                comparison_operator="LessThanThreshold", treat_missing_data="breaching",
                period=60, evaluation_periods=1, alarm_actions=[topics.critical.arn])
        """,
    passing=[
        (_GROUP, _error_rate(_CRITICAL_ERRORS), _error_rate("1.5"), _SLOW_ALARM, _DOWN_ALARM),
    ],
    failing=[
        (_GROUP,),
        (_GROUP, _error_rate(_CRITICAL_ERRORS), _SLOW_ALARM, _DOWN_ALARM),
        (_GROUP, _error_rate(_WARNING_ERRORS), _DOWN_ALARM),
        (_GROUP, _error_rate(_WARNING_ERRORS), _SLOW_ALARM),
        (
            _GROUP,
            _error_rate(_WARNING_ERRORS),
            _DOWN_ALARM,
            _alarm(_DELAY, 2 * _SLOW / _MS_A_SECOND, TargetGroup=Ref("api")),
        ),
        (
            _GROUP,
            _alarm(_ERRORS, _WARNING_ERRORS, TargetGroup=Ref("api")),
            _SLOW_ALARM,
            _DOWN_ALARM,
        ),
    ],
)
def target_group_alarms(group: Subject, settings: Answers, graph: Graph) -> Outcome:
    """Somebody is told when a service is down, fails or is slow.

    Users notice all three at once. Errors count as a percentage of the requests, by metric math:
    ten errors are nothing among a million requests, and everything among ten.
    """
    if settings.tier not in _LIVE:
        return NotApplicable("nobody is on call for this environment")

    def fails(limit: float) -> _Wanted:
        return _Wanted(
            f"more than {limit:g} % of its requests failing",
            lambda alarm: {_ERRORS, _REQUESTS} <= _metrics(alarm) and _is_above(alarm, limit),
        )

    def is_slow(alarm: Subject) -> bool:
        # Metric math may turn the seconds of the metric into milliseconds.
        unit = _MS_A_SECOND if any(map(_is_in_ms, alarm.nodes("metricQueries"))) else 1
        limit = settings.slow_ms / _MS_A_SECOND * unit
        return _DELAY in _metrics(alarm) and _is_above(alarm, limit)

    return _has_each(
        group,
        graph,
        _Wanted("whether anything is healthy", lambda alarm: bool(_metrics(alarm) & {*_HEALTHY})),
        fails(settings.critical_error_percent),
        fails(settings.warning_error_percent),
        _Wanted(f"answers slower than {settings.slow_ms} ms", is_slow),
    )


def _is_in_ms(query: Node) -> bool:
    """Whether metric math multiplies seconds by a thousand."""
    return str(_MS_A_SECOND) in (query.text("expression") or "")
