"""Rules for alarms on the audit log of an account: what CIS wants somebody to be told of."""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from plan.graph import Graph
from plan.model import Resource
from policies.log_alerts import alarms_on
from policies.nodes import Subject
from policies.outcomes import MISS, NotEvaluated, Outcome, every, fail, met, some
from policies.registry import Controls, Given, Ref, rule
from policies.relations import targets
from policies.rules.cloudtrail import TRAIL
from policies.rules.cloudwatch import LOG_GROUP, METRIC_ALARM
from policies.settings import Settings, Severity

FILTER: Final = "aws:cloudwatch/logMetricFilter:LogMetricFilter"

_LONGEST: Final = 16_384
"""More characters than any pattern has: AWS takes 1,024."""
_WORD: Final = re.compile(r"\w[\w.]*")
_GROUP_IN_ARN: Final = re.compile(r"arn:[^:]*:logs:[^:]*:[^:]*:log-group:([^:]+)(?::\*)?")

FAMILIES: Final = {
    "unauthorised calls": "UnauthorizedOperation AccessDenied",
    "sign-in without a second factor": "ConsoleLogin additionalEventData.MFAUsed",
    "use of the root user": "userIdentity.type Root",
    "changes of IAM policies": (
        "DeleteGroupPolicy DeleteRolePolicy DeleteUserPolicy PutGroupPolicy PutRolePolicy"
        " PutUserPolicy CreatePolicy DeletePolicy CreatePolicyVersion DeletePolicyVersion"
        " AttachRolePolicy DetachRolePolicy AttachUserPolicy DetachUserPolicy AttachGroupPolicy"
        " DetachGroupPolicy"
    ),
    "changes of CloudTrail": "CreateTrail UpdateTrail DeleteTrail StartLogging StopLogging",
    "failed sign-ins": "ConsoleLogin Failed authentication",
    "keys disabled or deleted": "DisableKey ScheduleKeyDeletion",
    "changes of bucket policies": (
        "PutBucketAcl PutBucketPolicy PutBucketCors PutBucketLifecycle PutBucketReplication"
        " DeleteBucketPolicy DeleteBucketCors DeleteBucketLifecycle DeleteBucketReplication"
    ),
    "changes of AWS Config": (
        "StopConfigurationRecorder DeleteDeliveryChannel PutDeliveryChannel"
        " PutConfigurationRecorder"
    ),
    "changes of security groups": (
        "AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress RevokeSecurityGroupIngress"
        " RevokeSecurityGroupEgress CreateSecurityGroup DeleteSecurityGroup"
    ),
    "changes of network ACLs": (
        "CreateNetworkAcl CreateNetworkAclEntry DeleteNetworkAcl DeleteNetworkAclEntry"
        " ReplaceNetworkAclEntry ReplaceNetworkAclAssociation"
    ),
    "changes of network gateways": (
        "CreateCustomerGateway DeleteCustomerGateway AttachInternetGateway CreateInternetGateway"
        " DeleteInternetGateway DetachInternetGateway"
    ),
    "changes of route tables": (
        "CreateRoute CreateRouteTable ReplaceRoute ReplaceRouteTableAssociation DeleteRouteTable"
        " DeleteRoute DisassociateRouteTable"
    ),
    "changes of networks": (
        "CreateVpc DeleteVpc ModifyVpcAttribute AcceptVpcPeeringConnection"
        " CreateVpcPeeringConnection DeleteVpcPeeringConnection RejectVpcPeeringConnection"
    ),
    "changes of the organisation": "organizations.amazonaws.com",
}
"""The fifteen kinds of events of CIS AWS 4.1 to 4.15, each with the words of a filter for it."""

_SUSPICIOUS: Final = (
    "failed sign-ins",
    "sign-in without a second factor",
    "unauthorised calls",
    "use of the root user",
)


def _watched(name: str, pattern: str, group: object) -> tuple[Given, Given]:
    """A filter on `group` and its alarm, for the examples."""
    made = {"name": name, "namespace": "Audit", "value": "1"}
    return (
        Given(
            FILTER, name, {"logGroupName": group, "pattern": pattern, "metricTransformation": made}
        ),
        Given(
            METRIC_ALARM,
            f"{name}-told",
            {"namespace": "Audit", "metricName": name, "alarmActions": ["arn:aws:sns:::audit"]},
        ),
    )


_SIGN_INS: Final = (
    '{ ($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*")'
    ' || (($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes"))'
    ' || (($.eventName = ConsoleLogin) && ($.errorMessage = "Failed authentication"))'
    ' || ($.userIdentity.type = "Root") || ($.eventSource = organizations.amazonaws.com) }'
)
_CHANGES: Final = " ".join(
    f"?{word}"
    for words in FAMILIES.values()
    for word in words.split()
    if word not in _WORD.findall(_SIGN_INS)
)
_GROUP: Final = Given(LOG_GROUP, "audit", {"name": "audit"})
_SENT: Final = Given(TRAIL, "trail", {"cloudWatchLogsGroupArn": Ref("audit")})
_ARN: Final = "arn:aws:logs:eu-central-1:123456789012:log-group:audit:*"


def _with(changes: tuple[Given, ...]) -> tuple[Given, ...]:
    """A trail whose sign-ins are watched, and what watches the changes, for the examples."""
    return (_GROUP, _SENT, *_watched("sign-ins", _SIGN_INS, Ref("audit")), *changes)


@rule(
    types=[TRAIL],
    severity=Severity.LOW,
    controls=Controls(cis=tuple(f"4.{number}" for number in range(1, len(FAMILIES) + 1))),
    remediation="""
        Count such events in the trail's log group, and alarm on the first:

            aws.cloudwatch.LogMetricFilter("keys", log_group_name=group.name,
                pattern="{ ($.eventSource = kms.amazonaws.com) && "
                        "(($.eventName = DisableKey) || ($.eventName = ScheduleKeyDeletion)) }",
                metric_transformation={"name": "keys", "namespace": "Audit", "value": "1"})
            aws.cloudwatch.MetricAlarm("keys", namespace="Audit", metric_name="keys",
                statistic="Sum", comparison_operator="GreaterThanOrEqualToThreshold", threshold=1,
                period=300, evaluation_periods=1, alarm_actions=[topic.arn])
        """,
    passing=[
        _with(_watched("changes", _CHANGES, Ref("audit"))),
        (
            Given(TRAIL, "trail", {"cloudWatchLogsGroupArn": _ARN}),
            *_watched("everything", _SIGN_INS + _CHANGES, "audit"),
        ),
    ],
    failing=[
        (Given(TRAIL, "trail", {"isMultiRegionTrail": True}),),
        (_GROUP, _SENT),
        _with(_watched("changes", _CHANGES.replace("?StopLogging", ""), Ref("audit"))),
        _with(_watched("changes", _CHANGES, "another-group")),
        _with(_watched("changes", _CHANGES, Ref("audit"))[:1]),
    ],
)
def cis_metric_alarms(trail: Subject, _: Settings, graph: Graph) -> Outcome:
    """Somebody is told of the events in an account's audit log that CIS names.

    A root user at work, a trail switched off, a gateway opened: each is one line among millions,
    and worth a call at night. The filters and alarms are looked for beside the trail; an account
    whose findings Security Hub or EventBridge reports may turn this rule off.
    """
    return _all_watched(trail, graph, FAMILIES)


@rule(
    types=[TRAIL],
    severity=Severity.HIGH,
    requirements=["SEC-16"],
    remediation="""
        Count failed sign-ins in the trail's log group, and alarm on them; likewise sign-ins without
        a second factor, calls that were refused, and the root user:

            aws.cloudwatch.LogMetricFilter("sign-ins", log_group_name=group.name,
                pattern='{ ($.eventName = ConsoleLogin) && '
                        '($.errorMessage = "Failed authentication") }',
                metric_transformation={"name": "sign-ins", "namespace": "Audit", "value": "1"})
            aws.cloudwatch.MetricAlarm("sign-ins", namespace="Audit", metric_name="sign-ins",
                statistic="Sum", comparison_operator="GreaterThanOrEqualToThreshold", threshold=1,
                period=300, evaluation_periods=1, alarm_actions=[topic.arn])
        """,
    passing=[_with(())],
    failing=[
        (_GROUP, _SENT),
        (Given(TRAIL, "trail", {"isMultiRegionTrail": True}),),
        (_GROUP, _SENT, *_watched("sign-ins", _SIGN_INS, Ref("audit"))[:1]),
        (
            _GROUP,
            _SENT,
            *_watched("some", _SIGN_INS.replace("Failed authentication", "*"), Ref("audit")),
        ),
    ],
)
def sign_in_alarms(trail: Subject, _: Settings, graph: Graph) -> Outcome:
    """Failed sign-ins, and what else looks like an intruder, alarm somebody.

    A stolen password is tried, and a stolen key refused, before either of them works.
    """
    return _all_watched(trail, graph, _SUSPICIOUS)


def _all_watched(trail: Subject, graph: Graph, families: Iterable[str]) -> Outcome:
    """Whether somebody is told of each of the `families` of events in the trail's log group."""
    if not trail.has_text("cloudWatchLogsGroupArn"):
        return fail("goes to no log group that a filter could watch", "cloudWatchLogsGroupArn")
    filters = _filters(trail, graph)

    def watched(family: str) -> Outcome:
        return some(
            filters,
            lambda one: _watches(one, FAMILIES[family], graph),
            f"no filter and alarm for {family}",
        )

    return every(families, watched)


def _filters(trail: Subject, graph: Graph) -> list[Subject]:
    """The metric filters on the log group that the trail goes to, and those that may be on it."""
    groups = targets(trail.resource, graph, "cloudWatchLogsGroupArn", [LOG_GROUP])
    if groups:
        found = [
            each
            for group in groups
            for each in graph.referrers(group.resource, FILTER, key="logGroupName")
        ]
    else:
        match = _GROUP_IN_ARN.fullmatch(trail.text("cloudWatchLogsGroupArn") or "")
        found = graph.once(_by_group)[match[1] if match else ""]
    unresolved = graph.unresolved("logGroupName", FILTER)
    return [Subject(each) for each in [*found, *([unresolved] if unresolved else [])]]


def _by_group(graph: Graph) -> defaultdict[str, list[Resource]]:
    """Metric filters by the known name of their log group."""
    found: defaultdict[str, list[Resource]] = defaultdict(list)
    for each in graph.of_type(FILTER):
        name = each.inputs.get("logGroupName")
        if isinstance(name, str):
            found[name].append(each)
    return found


def _watches(one: Subject, words: str, graph: Graph) -> Outcome:
    """Whether a filter counts what holds all of `words`, and an alarm tells of it."""
    if one.has("logGroupName") and graph.has_unresolved(one.resource, "logGroupName"):
        return NotEvaluated(f"the log group of {one.name} is known after apply")
    pattern = one.text("pattern") or ""
    counted = set(_WORD.findall(pattern)) if len(pattern) <= _LONGEST else set[str]()
    if not counted.issuperset(words.split()):
        return MISS
    alarms = alarms_on(one, graph)
    if not alarms and (unresolved := graph.unresolved("metricName", METRIC_ALARM)):
        return NotEvaluated(f"the metric of alarm {unresolved.name} is known after apply")
    return some(alarms, _tells)


def _tells(alarm: Subject) -> Outcome:
    """Whether somebody hears of an alarm."""
    is_on = alarm.flag("actionsEnabled") is not False
    return met(is_on and alarm.has_texts("alarmActions"))
