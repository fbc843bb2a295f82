"""The dashboards of a rollout and of the application: what the services answer."""

from collections.abc import Sequence
from typing import Final

from environments import Environment
from stacks.canaries.component import canary_name, endpoints
from stacks.dashboards.infrastructure import INSIGHTS, TASKS, tasks
from stacks.dashboards.widgets import MINUTE, Dashboard, Graph, search
from stacks.naming import Names
from stacks.sides import Side
from standards import figure

_TARGETS: Final = "AWS/ApplicationELB,LoadBalancer,TargetGroup"


def _targets(environment: Environment, metric: str, statistic: str) -> list[str]:
    """One search for each side of each public service."""
    names = Names(environment)
    return [
        search(_TARGETS, metric, statistic, names.of(service, side, limit=32))
        for service, record in environment.services.items()
        if record.is_public
        for side in Side
    ]


def _milliseconds(searches: Sequence[str]) -> list[str]:
    return [f"1000 * {search}" for search in searches]


def deployment(environment: Environment) -> Dashboard:
    """How a rollout goes: both sides beside each other, under the limits of its periods."""
    names = Names(environment)
    minutes = figure("ROLL-06", "first_period_minutes").minutes
    rolled_back = figure("ROLL-07", "error_rate_above_percent").percent
    return Dashboard(
        name="deployment",
        says="How far is the rollout, and are old and new version well? (MON-03)",
        start=f"-PT{minutes}M",
        figures=[minutes],
        alarms=[
            names.of(f"{service}-rollout", limit=255)
            for service, record in environment.services.items()
            if record.is_public
        ],
        graphs=[
            Graph(
                title="Progress: requests by side",
                searches=_targets(environment, "RequestCount", "Sum"),
            ),
            Graph(
                title="Progress: tasks by side",
                searches=[
                    *tasks(environment, INSIGHTS, "RunningTaskCount", "Average"),
                    *tasks(environment, INSIGHTS, "DesiredTaskCount", "Average"),
                ],
            ),
            Graph(
                title="Health: targets that are well, and that are not",
                searches=[
                    *_targets(environment, "HealthyHostCount", "Minimum"),
                    *_targets(environment, "UnHealthyHostCount", "Maximum"),
                ],
            ),
            Graph(
                title="Errors in percent, by side",
                searches=_error_percent(environment),
                limits=[
                    ("rolls back in the window", rolled_back),
                    ("first half hour", figure("MON-10", "error_rate_below_percent").percent),
                ],
            ),
            Graph(
                title="P95 in milliseconds, by side",
                searches=_milliseconds(_targets(environment, "TargetResponseTime", "p95")),
                limits=[("first half hour", figure("MON-10", "latency_p95_below_ms").milliseconds)],
            ),
            Graph(
                title="CPU and memory in percent, by side",
                searches=[
                    *tasks(environment, TASKS, "CPUUtilization", "Average"),
                    *tasks(environment, TASKS, "MemoryUtilization", "Average"),
                ],
                limits=[
                    ("CPU, first half hour", figure("MON-10", "cpu_below_percent").percent),
                    ("memory, first half hour", figure("MON-10", "memory_below_percent").percent),
                ],
            ),
        ],
    )


def _error_percent(environment: Environment) -> list[str]:
    errors = _targets(environment, "HTTPCode_Target_5XX_Count", "Sum")
    requests = _targets(environment, "RequestCount", "Sum")
    return [
        f"100 * SUM({failed}) / SUM({all_})" for failed, all_ in zip(errors, requests, strict=True)
    ]


def application(environment: Environment) -> Dashboard:
    """How users are served, in the first week after a release and ever since."""
    names = Names(environment)
    days = figure("ROLL-06", "first_week_days").days
    load = [
        f"TIME_SERIES({value:g})"
        for service in environment.services.values()
        if service.is_public and service.demand is not None
        for value in (service.demand.expected * MINUTE, service.demand.peak * MINUTE)
    ]
    return Dashboard(
        name="application",
        says="How are users served: latency, errors, traffic? (PERF-04)",
        start=f"-P{days}D",
        figures=[days],
        alarms=[names.of(f"{service}-critical", limit=255) for service in environment.services],
        graphs=[
            Graph(
                title="Response time in milliseconds: P50, P95, P99",
                searches=[
                    found
                    for statistic in ("p50", "p95", "p99")
                    for found in _milliseconds(
                        _targets(environment, "TargetResponseTime", statistic)
                    )
                ],
                limits=[
                    ("P95, first week", figure("MON-11", "latency_p95_below_ms").milliseconds),
                    ("warning", figure("MON-12", "warning_response_time_above_ms").milliseconds),
                ],
            ),
            Graph(
                title="Errors in percent",
                searches=_error_percent(environment),
                limits=[
                    ("first week", figure("MON-11", "error_rate_below_percent").percent),
                    ("critical", figure("MON-12", "critical_error_rate_above_percent").percent),
                ],
            ),
            Graph(
                title="Requests a minute; what capacity is declared for (SVC-05)",
                searches=[*_targets(environment, "RequestCount", "Sum"), *load],
            ),
            Graph(
                title="Answers from outside, in percent of the runs (MON-08)",
                searches=[
                    search(
                        "CloudWatchSynthetics,CanaryName",
                        "SuccessPercent",
                        "Average",
                        canary_name(endpoint, names),
                    )
                    for endpoint in endpoints(environment)
                ],
            ),
        ],
    )
