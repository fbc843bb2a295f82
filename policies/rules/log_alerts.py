"""Rules for what becomes of logs: somebody is told of what stands there, and they are kept."""

import json
from collections.abc import Mapping
from typing import Final

from plan.graph import Graph
from plan.model import STACK_TYPE
from policies.log_alerts import FILTER, METRIC_ALARM, filters_on, is_heard, tells
from policies.nodes import Subject
from policies.outcomes import (
    NotApplicable,
    NotEvaluated,
    Outcome,
    attempt,
    every,
    fail,
    require,
    some,
)
from policies.registry import Given, Ref, rule
from policies.relations import tag
from policies.rules.cloudwatch import LOG_GROUP
from policies.rules.ecs import SERVICE
from policies.settings import Settings, Severity
from policies.statements import any_text
from standards import requirement

DETECTOR: Final = "aws:cloudwatch/logAnomalyDetector:LogAnomalyDetector"
ACCOUNT_POLICY: Final = "aws:cloudwatch/logAccountPolicy:LogAccountPolicy"
SUBSCRIPTION: Final = "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter"

_TAG: Final = "LogClass"
_SHIPPED: Final = "LOG-06"
_ALERTS: Final[Mapping[str, tuple[str, str]]] = {
    "application": ("LOG-02", "an error"),
    "access": ("LOG-03", "an anomaly"),
    "audit": ("LOG-04", "a security event"),
    "deployment": ("LOG-05", "a failure"),
}
"""For each class of log: which requirement wants an alert on it, and on what."""
_STACK: Final = Given(STACK_TYPE, "production")
_API: Final = Given(SERVICE, "api")


def _group(class_: str) -> Given:
    return Given(LOG_GROUP, class_, {"name": class_, "tags": {_TAG: class_}})


def _alert(group: str) -> tuple[Given, Given]:
    """A filter on `group`, and the alarm on what it counts, for the examples."""
    made = {"namespace": "Logs", "name": group, "value": "1"}
    return (
        Given(
            FILTER,
            f"{group}-lines",
            {"logGroupName": Ref(group), "pattern": "ERROR", "metricTransformation": made},
        ),
        Given(
            METRIC_ALARM,
            f"{group}-told",
            {"namespace": "Logs", "metricName": group, "alarmActions": ["arn:aws:sns:::on-call"]},
        ),
    )


_DETECTED: Final = (
    Given(DETECTOR, "unusual", {"detectorName": "unusual", "logGroupArnLists": [Ref("access")]}),
    Given(
        METRIC_ALARM,
        "unusual",
        {
            "namespace": "AWS/Logs",
            "metricName": "AnomalyCount",
            "dimensions": {"LogAnomalyDetector": "unusual"},
            "alarmActions": ["arn:aws:sns:::on-call"],
        },
    ),
)


@rule(
    types=[STACK_TYPE],
    severity=Severity.MEDIUM,
    requirements=["LOG-02", "LOG-03", "LOG-04", "LOG-05"],
    remediation="""
        Count the lines that somebody must hear of, and alarm on the first:

            aws.cloudwatch.LogMetricFilter("errors", log_group_name=group.name, pattern="ERROR",
                metric_transformation={"name": "errors", "namespace": "Logs", "value": "1"})
            aws.cloudwatch.MetricAlarm("errors", namespace="Logs", metric_name="errors",
                statistic="Sum", comparison_operator="GreaterThanThreshold", threshold=0,
                period=60, evaluation_periods=1, alarm_actions=[topics.warning.arn])
        """,
    passing=[
        (_STACK, _API),
        (_STACK, _API, _group("application"), *_alert("application")),
        (_STACK, _API, _group("access"), *_DETECTED),
        (_STACK, _API, _group("audit"), *_alert("audit"), _group("access"), *_alert("access")),
    ],
    failing=[
        (_STACK, _API, _group("application")),
        (_STACK, _API, _group("audit"), _alert("audit")[0]),
        (_STACK, _API, _group("access"), _DETECTED[0]),
        (_STACK, _API, _group("deployment"), _group("audit"), *_alert("audit")),
    ],
    absence_is_safe=True,
)
def log_alerts(_: Subject, settings: Settings, graph: Graph) -> Outcome:
    """Somebody is told of what must not stand in the logs of services.

    Errors, anomalies, security events and failures: a log that nobody reads tells of them too late.
    For each class of log that a stack with services keeps (tag `LogClass`), a metric filter with an
    alarm is on one of its groups; for access logs CloudWatch's anomaly detector counts as well.
    """
    if not graph.of_type(SERVICE):
        return NotApplicable("runs no service")
    groups: dict[str, list[Subject]] = {}
    for group in map(Subject, graph.of_type(LOG_GROUP)):
        groups.setdefault(tag(group, graph, _TAG) or "application", []).append(group)
    wanted = [
        one
        for one, (cited, _) in _ALERTS.items()
        if one in groups and settings.tier in requirement(cited).environments
    ]

    def alerted(class_: str) -> Outcome:
        cited, event = _ALERTS[class_]
        return some(
            groups[class_],
            lambda group: _is_alerted(group, graph, is_access=class_ == "access"),
            f"nobody is told of {event} in its {class_} logs ({cited})",
        )

    return every(wanted, alerted)


def _is_alerted(group: Subject, graph: Graph, *, is_access: bool) -> Outcome:
    """Whether an alarm that somebody hears is on lines, or on anomalies, of a log group."""
    told = [
        attempt(lambda one=one: tells(one, graph, bool))
        for one in filters_on(group.text("name") or "", graph)
    ]
    detected = [_is_detected(group, graph)] if is_access else []
    return some([*told, *detected], lambda outcome: outcome, "")


def _is_detected(group: Subject, graph: Graph) -> Outcome:
    """Whether somebody hears of what a detector finds unusual in the group."""
    ending = f":log-group:{group.text('name')}"
    referring = graph.referrers(group.resource, DETECTOR, key="logGroupArnLists")
    detectors = [
        one
        for one in map(Subject, graph.of_type(DETECTOR))
        if one.resource in referring
        or any_text(
            one.each("logGroupArnLists"), lambda arn: arn.removesuffix(":*").endswith(ending)
        )
    ]

    def hears(detector: Subject) -> Outcome:
        name = detector.text("detectorName")

        def is_its(alarm: Subject) -> Outcome:
            if alarm.text("metricName") != "AnomalyCount":
                return fail("")
            of = alarm.node("dimensions").text("LogAnomalyDetector")
            return is_heard(alarm) if of == name else fail("")

        return some(map(Subject, graph.of_type(METRIC_ALARM)), is_its, "")

    return some(detectors, hears, "")


def _shipping(criteria: str | None = None) -> Given:
    """The account's policy that ships what `criteria` select, for the examples."""
    return Given(
        ACCOUNT_POLICY,
        "archive",
        {
            "policyType": "SUBSCRIPTION_FILTER_POLICY",
            "policyDocument": json.dumps({"DestinationArn": "arn:aws:firehose:::stream/logs"}),
            **({"selectionCriteria": criteria} if criteria else {}),
        },
    )


_STREAM: Final = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"


@rule(
    types=[LOG_GROUP],
    severity=Severity.MEDIUM,
    requirements=[_SHIPPED],
    remediation="""
        Ship every group of the account to a stream that fills a locked bucket:

            aws.cloudwatch.LogAccountPolicy("archive", policy_name="archive",
                policy_type="SUBSCRIPTION_FILTER_POLICY", policy_document=json.dumps({
                    "DestinationArn": stream_arn, "RoleArn": role_arn, "FilterPattern": ""}))
        """,
    passing=[
        (_API, _group("audit"), _shipping()),
        (_API, _group("audit"), _shipping('LogGroupName NOT IN ["other"]')),
        (
            _API,
            _group("audit"),
            Given(
                SUBSCRIPTION, "archive", {"logGroup": Ref("audit"), "destinationArn": "arn:aws:x"}
            ),
        ),
    ],
    failing=[
        (_API, _group("audit")),
        (_API, _group("audit"), _shipping('LogGroupName NOT IN ["audit", "other"]')),
        (
            _API,
            _group("audit"),
            Given(ACCOUNT_POLICY, "masks", {"policyType": "DATA_PROTECTION_POLICY"}),
        ),
    ],
    absence_is_safe=True,
)
def logs_shipped(group: Subject, settings: Settings, graph: Graph) -> Outcome:
    """The logs of services are copied to where no writer can change them.

    Whoever breaks into a service deletes its log next. A subscription of the account ships every
    group that it does not except; one of the group itself does, too. What the shipping stream
    writes of itself stays behind: shipped, it would go in circles.
    """
    if settings.tier not in requirement(_SHIPPED).environments:
        return NotApplicable(f"logs of {settings.tier} need no second place")
    if not graph.of_type(SERVICE):
        return NotApplicable("the stack runs no service")
    name = group.text("name")
    streams = map(Subject, graph.of_type(_STREAM))
    if any(
        stream.node("extendedS3Configuration").node("cloudwatchLoggingOptions").text("logGroupName")
        == name
        for stream in streams
    ):
        return NotApplicable("holds what the shipping stream says of itself")
    if graph.referrers(group.resource, SUBSCRIPTION, key="logGroup"):
        return require(condition=True, message="")
    if unresolved := graph.unresolved("logGroup", SUBSCRIPTION):
        return NotEvaluated(f"the log group of {unresolved.name} is known after apply")

    return _is_covered(name, graph)


def _is_covered(name: str | None, graph: Graph) -> Outcome:
    """Whether a subscription of the account ships the log group called `name`."""

    def ships(policy: Subject) -> Outcome:
        is_shipping = policy.text("policyType") == "SUBSCRIPTION_FILTER_POLICY"
        _, _, excepted = (policy.text("selectionCriteria") or "").partition("NOT IN")
        return require(is_shipping and f'"{name}"' not in excepted, "")

    policies = [Subject(one) for one in graph.of_type(ACCOUNT_POLICY)]
    if not policies:
        return fail("nothing copies its entries to another place")
    return some(policies, ships, "no subscription of the account covers it")
