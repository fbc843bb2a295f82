"""Rules for logs and alarms."""

from collections.abc import Callable
from typing import Final, TypeVar

from pydantic import Field

from policies.nodes import Subject
from policies.outcomes import NotApplicable, Outcome, all_of, fail, require
from policies.registry import AnyRule, Controls, Given, Inputs, Ref, rule
from policies.remediation import with_input
from policies.settings import Settings, Severity
from standards import figure

LOG_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"
METRIC_ALARM: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"
COMPOSITE_ALARM: Final = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
TOPIC: Final = "aws:sns/topic:Topic"

_CLASS_TAG: Final = "LogClass"
_CLASSES: Final = ("application", "access", "audit", "deployment")
_PERIODS: Final = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""The days that CloudWatch can keep logs for."""
_APPLICATION: Final = figure("LOG-02", "retention_days").days
_ACCESS: Final = figure("LOG-03", "retention_days").days
_AUDIT: Final = figure("LOG-04", "retention_days").days
_DEPLOYMENT: Final = figure("LOG-05", "retention_days").days


class Kept(Settings):
    """How many days logs of one class are kept, at least as long as the standards say."""

    min_days: int


K = TypeVar("K", bound=Kept)


class ApplicationLogs(Kept):
    """How many days application logs are kept, at least as long as the standards say."""

    min_days: int = Field(default=_APPLICATION, ge=_APPLICATION)


class AccessLogs(Kept):
    """How many days access logs are kept, at least as long as the standards say."""

    min_days: int = Field(default=_ACCESS, ge=_ACCESS)


class AuditLogs(Kept):
    """How many days audit logs are kept, at least as long as the standards say."""

    min_days: int = Field(default=_AUDIT, ge=_AUDIT)


class DeploymentLogs(Kept):
    """How many days deployment logs are kept, at least as long as the standards say."""

    min_days: int = Field(default=_DEPLOYMENT, ge=_DEPLOYMENT)


def _tagged(class_: str, days: object) -> Given:
    return Given(LOG_GROUP, class_, {"tags": {_CLASS_TAG: class_}, "retentionInDays": days})


def _kept(group: Subject, class_: str, least: int) -> Outcome:
    """Whether `group`, if it holds logs of `class_`, keeps them for `least` days."""
    own = group.node("tags").text(_CLASS_TAG) or _CLASSES[0]
    if own != class_ and (own in _CLASSES or class_ != _CLASSES[0]):
        return NotApplicable(f"it holds {own} logs")
    days = group.number("retentionInDays")
    if not days:
        return fail("keeps logs for ever: no retention period is set", "retentionInDays")
    if own != class_:
        known = ", ".join(_CLASSES)
        return fail(f"tag {_CLASS_TAG} is {own!r}, not one of: {known}", f"tags.{_CLASS_TAG}")
    return require(
        days >= least,
        f"keeps {class_} logs for {days:g} days, fewer than {least}",
        "retentionInDays",
    )


def _keeping(group: Subject, least: int) -> Inputs:
    """The inputs of a group that holds logs of a class it names right, kept for `least` days.

    CloudWatch takes only some periods: the next longer one is taken, if there is one.
    """
    period = next((days for days in _PERIODS if days >= least), None)
    known = (group.node("tags").text(_CLASS_TAG) or _CLASSES[0]) in _CLASSES
    inputs = group.resource.inputs
    return with_input(inputs, ("retentionInDays",), period) if period and known else inputs


def _retention(
    class_: str, days: int, requirement: str, settings: type[K]
) -> Callable[[Callable[[Subject, K], Outcome]], AnyRule]:
    """What makes a rule of logs of one class, which `requirement` wants kept for `days`."""
    by_default = class_ == _CLASSES[0]
    untagged = Given(LOG_GROUP, "api", {"retentionInDays": days - 1})
    return rule(
        types=[LOG_GROUP],
        severity=Severity.MEDIUM,
        requirements=[requirement, "COMP-02"],
        controls=Controls(fsbp=("CloudWatch.16",), checkov=("CKV_AWS_66", "CKV_AWS_338")),
        settings=settings,
        remediation=f"""
            Say what the group holds, and keep it as long as the standard for that says:

                aws.cloudwatch.LogGroup("{class_}", tags={{"LogClass": "{class_}"}},
                                        retention_in_days={days})
            """,
        passing=[
            (_tagged(class_, days),),
            (_tagged(class_, str(days + 1)),),
        ],
        failing=[
            (_tagged(class_, days - 1),),
            (_tagged(class_, 0),),
            (_tagged(class_, None),),
            *([(untagged,), (_tagged("misc", days),)] if by_default else []),
        ],
        absence_is_safe=not by_default,
        remedy=lambda group, settings: _keeping(group, settings.min_days),
    )


@_retention("application", _APPLICATION, "LOG-02", ApplicationLogs)
def log_retention(group: Subject, settings: ApplicationLogs) -> Outcome:
    """Application logs are kept as long as the standard says.

    The tag `LogClass` names what a group holds: application, access, audit or deployment logs; one
    without it holds application logs. A group without a period keeps everything for ever, which is
    no period at all.
    """
    return _kept(group, "application", settings.min_days)


@_retention("access", _ACCESS, "LOG-03", AccessLogs)
def access_log_retention(group: Subject, settings: AccessLogs) -> Outcome:
    """Access logs are kept as long as the standard says.

    They say who came, from where and for what, and a break-in is usually found weeks later. Groups
    that hold such logs have the tag `LogClass` with the value access.
    """
    return _kept(group, "access", settings.min_days)


@_retention("audit", _AUDIT, "LOG-04", AuditLogs)
def audit_log_retention(group: Subject, settings: AuditLogs) -> Outcome:
    """Audit logs are kept as long as the standard says.

    They are the evidence of who changed what, and an audit looks a year back. Groups that hold such
    logs have the tag `LogClass` with the value audit.
    """
    return _kept(group, "audit", settings.min_days)


@_retention("deployment", _DEPLOYMENT, "LOG-05", DeploymentLogs)
def deployment_log_retention(group: Subject, settings: DeploymentLogs) -> Outcome:
    """Deployment logs are kept as long as the standard says.

    They tell which release was where at a time, which is what an investigation asks first. Groups
    that hold such logs have the tag `LogClass` with the value deployment.
    """
    return _kept(group, "deployment", settings.min_days)


@rule(
    types=[LOG_GROUP],
    severity=Severity.LOW,
    controls=Controls(checkov=("CKV_AWS_158",)),
    remediation="""
        Encrypt it with a key of your own, whose policy lets CloudWatch Logs of this region use it:

            aws.cloudwatch.LogGroup("api", kms_key_id=key.arn, ...)
        """,
    passing=[
        (Given("aws:kms/key:Key", "key"), Given(LOG_GROUP, "api", {"kmsKeyId": Ref("key")})),
        (Given(LOG_GROUP, "api", {"kmsKeyId": "arn:aws:kms:eu-central-1:1:key/1"}),),
    ],
    failing=[(Given(LOG_GROUP, "api", {"retentionInDays": _APPLICATION}),)],
)
def log_kms(group: Subject) -> Outcome:
    """Log groups are encrypted with a key of one's own.

    Logs hold what a service was asked and what it answered. Who may read them is then also a matter
    of the key's policy, and each reading leaves a trace.
    """
    return require(group.has_text("kmsKeyId"), "is not encrypted with a key of its own", "kmsKeyId")


@rule(
    types=[METRIC_ALARM, COMPOSITE_ALARM],
    severity=Severity.HIGH,
    requirements=["NOTE-07"],
    controls=Controls(fsbp=("CloudWatch.15", "CloudWatch.17"), checkov=("CKV_AWS_319",)),
    remediation="""
        Send it to the topic of its severity:

            aws.cloudwatch.MetricAlarm("errors", alarm_actions=[topics.critical.arn], ...)
        """,
    passing=[
        (
            Given(TOPIC, "critical"),
            Given(METRIC_ALARM, "errors", {"alarmActions": [Ref("critical")]}),
        ),
        (
            Given(
                COMPOSITE_ALARM,
                "down",
                {"alarmActions": ["arn:aws:sns:eu-central-1:123456789012:critical"]},
            ),
        ),
    ],
    failing=[
        (Given(METRIC_ALARM, "errors", {"alarmActions": []}),),
        (
            Given(TOPIC, "critical"),
            Given(
                METRIC_ALARM,
                "muted",
                {"alarmActions": [Ref("critical")], "actionsEnabled": False},
            ),
        ),
    ],
)
def alarm_actions(alarm: Subject) -> Outcome:
    """An alarm notifies somebody.

    One that only turns red on a console is seen the day after.
    """
    return all_of(
        lambda: require(alarm.has_texts("alarmActions"), "notifies nobody", "alarmActions"),
        lambda: require(
            alarm.flag("actionsEnabled") is not False, "its actions are off", "actionsEnabled"
        ),
    )
