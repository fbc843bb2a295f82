"""Rules for logs and alarms."""

from typing import Final

from pydantic import Field

from policies.nodes import Subject
from policies.outcomes import Outcome, all_of, fail, require
from policies.registry import Controls, Given, Ref, rule
from policies.settings import Settings, Severity
from standards import figure

LOG_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"
METRIC_ALARM: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"
COMPOSITE_ALARM: Final = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
TOPIC: Final = "aws:sns/topic:Topic"

_CLASS_TAG: Final = "LogClass"
_APPLICATION: Final = figure("LOG-02", "retention_days").days
_ACCESS: Final = figure("LOG-03", "retention_days").days
_AUDIT: Final = figure("LOG-04", "retention_days").days
_DEPLOYMENT: Final = figure("LOG-05", "retention_days").days


class LogRetention(Settings):
    """How many days each class of logs is kept, at least as long as the standards say."""

    application: int = Field(default=_APPLICATION, ge=_APPLICATION)
    access: int = Field(default=_ACCESS, ge=_ACCESS)
    audit: int = Field(default=_AUDIT, ge=_AUDIT)
    deployment: int = Field(default=_DEPLOYMENT, ge=_DEPLOYMENT)

    @property
    def by_class(self) -> dict[str, int]:
        """The days by the value of the tag `LogClass`."""
        return self.model_dump(include={"application", "access", "audit", "deployment"})


def _tagged(class_: str, days: object) -> Given:
    return Given(LOG_GROUP, class_, {"tags": {_CLASS_TAG: class_}, "retentionInDays": days})


@rule(
    types=[LOG_GROUP],
    severity=Severity.MEDIUM,
    requirements=["LOG-02", "LOG-03", "LOG-04", "LOG-05", "COMP-02"],
    controls=Controls(fsbp=("CloudWatch.16",), checkov=("CKV_AWS_66", "CKV_AWS_338")),
    settings=LogRetention,
    remediation="""
        Say what the group holds, and keep it as long as the standard for that says:

            aws.cloudwatch.LogGroup("api", tags={"LogClass": "application"},
                retention_in_days=figure("LOG-02", "retention_days").days)
        """,
    passing=[
        (Given(LOG_GROUP, "api", {"retentionInDays": _APPLICATION}),),
        (_tagged("access", _ACCESS),),
        (_tagged("audit", _AUDIT),),
        (_tagged("deployment", str(_DEPLOYMENT)),),
    ],
    failing=[
        (Given(LOG_GROUP, "api", {"retentionInDays": _APPLICATION - 1}),),
        (_tagged("access", _APPLICATION),),
        (_tagged("audit", _ACCESS),),
        (_tagged("audit", 0),),
        (_tagged("misc", _AUDIT),),
    ],
)
def log_retention(group: Subject, settings: LogRetention) -> Outcome:
    """Log groups are kept as long as the standard for their class says.

    The tag `LogClass` names the class: application, access, audit or deployment; a group without it
    holds application logs. A group without a period keeps everything for ever, which is none.
    """
    days = group.number("retentionInDays")
    if not days:
        return fail("keeps logs for ever: no retention period is set", "retentionInDays")
    class_ = group.node("tags").text(_CLASS_TAG) or "application"
    if class_ not in settings.by_class:
        known = ", ".join(settings.by_class)
        return fail(f"tag {_CLASS_TAG} is {class_!r}, not one of: {known}", f"tags.{_CLASS_TAG}")
    least = settings.by_class[class_]
    return require(
        days >= least,
        f"keeps {class_} logs for {days:g} days, fewer than {least}",
        "retentionInDays",
    )


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
