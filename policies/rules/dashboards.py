"""Rules for what is watched live: the dashboards, and what a rollout leaves to look at."""

import json
from collections.abc import Mapping
from typing import Final

from pydantic import Field

from plan.graph import Graph
from plan.model import STACK_TYPE
from policies.nodes import Subject
from policies.outcomes import NotApplicable, Outcome, all_of, every, met, require, some
from policies.prometheus import WORKSPACE
from policies.registry import Given, Ref, rule
from policies.rules.cloudwatch import LOG_GROUP, METRIC_ALARM
from policies.rules.ecs import SERVICE
from policies.settings import Settings, Severity
from standards import Tier, figure

DASHBOARD: Final = "aws:cloudwatch/dashboard:Dashboard"
EVENT_RULE: Final = "aws:cloudwatch/eventRule:EventRule"
EVENT_TARGET: Final = "aws:cloudwatch/eventTarget:EventTarget"

_LIVE: Final = frozenset({Tier.STAGING, Tier.PRODUCTION})
_LEAST: Final = figure("MON-13", "dashboards_min_count").count
_DEPLOYMENTS: Final = "ECS Deployment State Change"

_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "deployment status": ("HealthyHostCount", "RequestCount"),
    "the application": ("TargetResponseTime", "5XX", "RequestCount"),
    "the infrastructure": ("CPUUtilization", "MemoryUtilization", "Network"),
    "the business": ("transactions", "revenue"),
}
"""The dashboards of MON-13, each with words that stand in what it shows."""

_STACK: Final = Given(STACK_TYPE, "production")
_API: Final = Given(SERVICE, "api")


class Shown(Settings):
    """How many dashboards there are at least, and what shows which of them one is."""

    least: int = Field(default=_LEAST, ge=_LEAST)
    kinds: Mapping[str, tuple[str, ...]] = _KINDS


def _dashboards(*kinds: str) -> tuple[Given, ...]:
    """The dashboards of these kinds, for the examples."""
    return tuple(
        Given(
            DASHBOARD,
            kind,
            {"dashboardName": kind, "dashboardBody": json.dumps({"widgets": _KINDS[kind]})},
        )
        for kind in kinds
    )


_ALL: Final = _dashboards(*_KINDS)


def _each(words: tuple[str, ...], what: str, graph: Graph) -> Outcome:
    """Whether one dashboard of the stack shows everything that `words` name."""

    def shows(dashboard: Subject) -> Outcome:
        body = (dashboard.text("dashboardBody") or "").lower()
        return met(all(word.lower() in body for word in words))

    dashboards = [Subject(each) for each in graph.of_type(DASHBOARD)]
    return some(dashboards, shows, f"no dashboard shows {what}: {', '.join(words)}")


@rule(
    types=[STACK_TYPE],
    severity=Severity.MEDIUM,
    requirements=["MON-13", "PERF-04"],
    settings=Shown,
    remediation="""
        Draw one of each kind from the names of the resources:

            aws.cloudwatch.Dashboard("application", dashboard_name="application",
                dashboard_body=json.dumps({"widgets": [...]}))
        """,
    passing=[(_STACK, _API, *_ALL)],
    failing=[
        (_STACK, _API),
        *((_STACK, _API, *_ALL[:index], *_ALL[index + 1 :]) for index in range(len(_ALL))),
        (_STACK, _API, *_ALL[:3], Given(DASHBOARD, "empty", {"dashboardBody": "{}"})),
    ],
    absence_is_safe=True,
)
def required_dashboards(_: Subject, settings: Shown, graph: Graph) -> Outcome:
    """A rollout, the application, its machines and the business have dashboards.

    Who is called at night opens one of four, and sees whether users are served, what is used, what
    changed and what it costs. Use and response times over weeks are what a review looks at.
    """
    if settings.tier not in _LIVE or not graph.of_type(SERVICE):
        return NotApplicable("no service is watched live here")
    count = len(graph.of_type(DASHBOARD))
    return all_of(
        require(count >= settings.least, f"has {count} dashboards, fewer than {settings.least}"),
        every(settings.kinds.items(), lambda kind: _each(kind[1], kind[0], graph)),
    )


class Business(Settings):
    """How a search in a dashboard shows that it is for metrics of one's own."""

    own: tuple[str, ...] = ("SEARCH('Slipway/",)
    revenue: tuple[str, ...] = ("revenue", "users")


def _business(*metrics: str) -> Given:
    searches = [
        f"SEARCH('Slipway/production MetricName=\"{metric}\"', 'Sum')" for metric in metrics
    ]
    return Given(DASHBOARD, "business", {"dashboardBody": json.dumps(searches)})


@rule(
    types=[STACK_TYPE],
    severity=Severity.LOW,
    requirements=["MON-07"],
    settings=Business,
    remediation="""
        Publish what the business counts as metrics of your own, and show them:

            {"type": "metric", "properties": {"metrics": [[{"expression":
                "SEARCH('Slipway/production MetricName=\\"fee_revenue_total\\"', 'Sum', 60)"}]]}}
        """,
    passing=[(_STACK, _API, _business("fee_revenue_total", "users_active"))],
    failing=[
        (_STACK, _API, *_ALL),
        (_STACK, _API, _business("fee_revenue_total")),
        (_STACK, _API, _business("users_active")),
    ],
    absence_is_safe=True,
)
def business_metrics(_: Subject, settings: Business, graph: Graph) -> Outcome:
    """What the business counts is collected as metrics of its own.

    Servers can be well while nobody buys: only the product knows its registrations, sales and
    revenue.
    """
    if not settings.is_production or not graph.of_type(SERVICE):
        return NotApplicable("no business is done here")
    return _each((*settings.own, *settings.revenue), "metrics of the business", graph)


@rule(
    types=[STACK_TYPE],
    severity=Severity.MEDIUM,
    requirements=["MON-01"],
    remediation="""
        Declare the three with the services that they watch:

            aws.amp.Workspace("metrics", alias="production", kms_key_arn=key.arn)
            aws.cloudwatch.Dashboard("application", ...)
            aws.cloudwatch.MetricAlarm("api-errors", ..., alarm_actions=[topics.critical.arn])
        """,
    passing=[
        (_STACK, _API, Given(WORKSPACE, "metrics"), *_ALL, Given(METRIC_ALARM, "errors")),
    ],
    failing=[
        (_STACK, _API),
        (_STACK, _API, Given(WORKSPACE, "metrics"), *_ALL),
        (_STACK, _API, Given(WORKSPACE, "metrics"), Given(METRIC_ALARM, "errors")),
        (_STACK, _API, *_ALL, Given(METRIC_ALARM, "errors")),
    ],
    absence_is_safe=True,
)
def monitoring_declared(_: Subject, settings: Settings, graph: Graph) -> Outcome:
    """What collects, shows and tells is declared with the services that it watches.

    What is switched on by hand after the release has not seen the release.
    """
    if settings.tier not in _LIVE or not graph.of_type(SERVICE):
        return NotApplicable("no service is released here")
    return all_of(
        require(graph.of_type(WORKSPACE), "collects no metrics of applications"),
        require(graph.of_type(DASHBOARD), "has no dashboard"),
        require(graph.of_type(METRIC_ALARM), "has no alarm"),
    )


_PATTERN: Final = json.dumps({"source": ["aws.ecs"], "detail-type": [_DEPLOYMENTS]})
_EVENTS: Final = (
    Given(EVENT_RULE, "deployments", {"eventPattern": _PATTERN}),
    Given(LOG_GROUP, "kept"),
)


def _target(arn: object) -> Given:
    return Given(EVENT_TARGET, "kept", {"rule": Ref("deployments"), "arn": arn})


@rule(
    types=[STACK_TYPE],
    severity=Severity.LOW,
    requirements=["MON-03"],
    remediation="""
        Keep the events of deployments beside telling them:

            rule = aws.cloudwatch.EventRule("deployments", event_pattern=json.dumps({
                "source": ["aws.ecs"], "detail-type": ["ECS Deployment State Change"]}))
            aws.cloudwatch.EventTarget("kept", rule=rule.name, arn=log_group.arn)
        """,
    passing=[
        (_STACK, _API, *_ALL[:1], *_EVENTS, _target(Ref("kept"))),
        (_STACK, _API, *_ALL[:1], *_EVENTS, _target("arn:aws:logs:us-east-1:1:log-group:kept")),
    ],
    failing=[
        (_STACK, _API, *_ALL[:1]),
        (_STACK, _API, *_EVENTS, _target(Ref("kept"))),
        (_STACK, _API, *_ALL[:1], *_EVENTS),
        (_STACK, _API, *_ALL[:1], *_EVENTS, _target("arn:aws:sns:us-east-1:1:info")),
    ],
    absence_is_safe=True,
)
def rollout_visible(_: Subject, settings: Settings, graph: Graph) -> Outcome:
    """A rollout can be watched live, and what happened is kept.

    Both versions and their health are on one dashboard; its events go to a log group, where they
    are still found when somebody asks months later what was released that night.
    """
    if settings.tier not in _LIVE or not graph.of_type(SERVICE):
        return NotApplicable("no release is rehearsed or made here")
    kind = "deployment status"
    return all_of(_each(_KINDS[kind], kind, graph), lambda: _is_kept(graph))


def _is_kept(graph: Graph) -> Outcome:
    rules = [
        each
        for each in map(Subject, graph.of_type(EVENT_RULE))
        if _DEPLOYMENTS in str(each.resource.inputs.get("eventPattern"))
    ]
    targets = [
        Subject(target)
        for each in rules
        for target in graph.referrers(each.resource, EVENT_TARGET, key="rule")
    ]

    def keeps(target: Subject) -> Outcome:
        groups = graph.references(target.resource, "arn")
        if any(group.type == LOG_GROUP for group in groups):
            return met(condition=True)
        return met(not groups and ":log-group:" in (target.text("arn") or ""))

    return some(targets, keeps, "keeps no events of deployments in a log group")
