"""Telling of intruders as an alarm, which whoever releases sees while traffic moves."""

import json
from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, ResourceOptions
from pulumi_aws import cloudwatch

from environments import Environment
from stacks.metrics import Alarm, Comparison, Limit, Metric, declare_alarm
from stacks.naming import Names
from stacks.topics import Topics

_GRAVE: Final = 7  # GuardDuty calls it high from here on


@dataclass(frozen=True, slots=True, kw_only=True)
class IntrusionWatchArguments:
    """What the watch on intruders is made from."""

    environment: Environment
    topics: Topics


class IntrusionWatch(ComponentResource):
    """A security breach is an alarm, as whatever starts a rollback at once is (ROLL-09).

    Makes a rule for the high findings of the account's GuardDuty, which the foundation has, with
    the topic for information as its target, and a critical alarm on how often that rule matched.
    """

    def __init__(
        self, name: str, arguments: IntrusionWatchArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:intrusion:IntrusionWatch", name, opts=options)
        names, topics = Names(arguments.environment), arguments.topics
        inside = ResourceOptions(parent=self)
        rule = names.of("intrusions")
        pattern = {
            "source": ["aws.guardduty"],
            "detail": {"severity": [{"numeric": [">=", _GRAVE]}]},
        }
        made = cloudwatch.EventRule(
            "intrusions",
            name=rule,
            description="High findings of GuardDuty (ROLL-09)",
            event_pattern=json.dumps(pattern),
            opts=inside,
        )
        cloudwatch.EventTarget("intrusions", rule=made.name, arn=topics.info_arn, opts=inside)
        declare_alarm(
            Alarm(
                name="intrusion",
                summary="GuardDuty found what it calls high: somebody may be inside",
                watched=Metric(
                    namespace="AWS/Events",
                    name="TriggeredRules",
                    statistic="Sum",
                    dimensions={"RuleName": rule},
                ),
                limit=Limit(Comparison.ABOVE, 0, "ROLL-09"),
                runbook="security",
            ),
            physical_name=names.of("intrusion", limit=255),
            actions=[topics.critical_arn],
            parent=self,
        )
        self.register_outputs({})
