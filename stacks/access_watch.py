"""What is unusual in access logs, and who is told: CloudWatch learns what is usual by itself."""

from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Resource, ResourceOptions
from pulumi_aws import cloudwatch

from environments import Environment
from stacks.metrics import Alarm, Comparison, Limit, Metric, declare_alarm
from stacks.naming import Names
from stacks.topics import Topics

_EVALUATION: Final = "FIFTEEN_MIN"
_EVALUATION_SECONDS: Final = 900
_VISIBLE_DAYS: Final = 21  # after which what came again and again counts as usual


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessWatchArguments:
    """What the watch on access logs is made from."""

    environment: Environment
    topics: Topics
    log_groups: dict[str, str]
    """The physical names of the groups, by what they hold."""
    made_by: list[Resource]
    """What makes those groups."""


class AccessWatch(ComponentResource):
    """An anomaly in an access log raises an alert (LOG-03).

    Makes for each group a detector, which compares what comes with what came before, and an alarm
    on what it rates high.
    """

    def __init__(
        self, name: str, arguments: AccessWatchArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:logs:AccessWatch", name, opts=options)
        names = Names(arguments.environment)
        for what, group in arguments.log_groups.items():
            detector = names.of(what, "anomalies")
            cloudwatch.LogAnomalyDetector(
                f"{what}-anomalies",
                detector_name=detector,
                log_group_arn_lists=[names.arn("logs", f"log-group:{group}")],
                evaluation_frequency=_EVALUATION,
                anomaly_visibility_time=_VISIBLE_DAYS,
                enabled=True,
                opts=ResourceOptions(parent=self, depends_on=arguments.made_by),
            )
            self._alarm(what, detector, arguments)
        self.register_outputs({})

    def _alarm(self, what: str, detector: str, arguments: AccessWatchArguments) -> None:
        name = f"{what}-anomalies"
        declare_alarm(
            Alarm(
                name=name,
                summary=f"The access log {what} holds something that it never did",
                watched=Metric(
                    namespace="AWS/Logs",
                    name="AnomalyCount",
                    statistic="Sum",
                    dimensions={"LogAnomalyDetector": detector, "LogAnomalyPriority": "HIGH"},
                ),
                limit=Limit(Comparison.ABOVE, 0, "LOG-03"),
                period=_EVALUATION_SECONDS,
                runbook="access-anomaly",
            ),
            physical_name=Names(arguments.environment).of(name, limit=255),
            actions=[arguments.topics.warning_arn],
            parent=self,
        )
