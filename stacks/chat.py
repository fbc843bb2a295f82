"""Alarms in chat: a channel for each severity, where Amazon Q Developer posts them (NOTE-07)."""

from dataclasses import dataclass

from pulumi import ComponentResource, ResourceOptions
from pulumi_aws import chatbot, iam

from environments import Environment
from environments.alerts import Slack
from stacks.naming import Names
from stacks.severity import Severity
from stacks.statements import assumed_by, document
from stacks.topics import Topics


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatArguments:
    """What the channels of an environment are made from."""

    environment: Environment
    slack: Slack
    topics: Topics


class Chat(ComponentResource):
    """The channels of an environment: each hears of the topic of its severity.

    Makes a channel configuration for each severity, and the role that they share: it may look at
    alarms and draw their metrics, and nobody in a channel can do more by it.
    """

    def __init__(
        self, name: str, arguments: ChatArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:chat:Chat", name, opts=options)
        names = Names(arguments.environment)
        inside = ResourceOptions(parent=self)
        role = iam.Role(
            "chat",
            name=names.of("chat"),
            description="What may be seen of alarms in chat",
            assume_role_policy=assumed_by("chatbot.amazonaws.com", names),
            opts=inside,
        )
        iam.RolePolicy("chat", name="chat", role=role.name, policy=_looks(), opts=inside)
        slack = arguments.slack
        channels = {
            Severity.CRITICAL: slack.alerts,
            Severity.WARNING: slack.monitoring,
            Severity.INFO: slack.deployments,
        }
        for severity, channel in channels.items():
            chatbot.SlackChannelConfiguration(
                severity.value,
                configuration_name=names.of(severity),
                slack_team_id=slack.workspace_id,
                slack_channel_id=channel,
                sns_topic_arns=[arguments.topics.arns[severity]],
                iam_role_arn=role.arn,
                # Whatever the role is given later, a channel stays unable to change anything.
                guardrail_policy_arns=[f"arn:{names.partition}:iam::aws:policy/ReadOnlyAccess"],
                logging_level="ERROR",
                opts=inside,
            )
        self.register_outputs({})


def _looks() -> str:
    """Draw the metric of an alarm; CloudWatch has no resource to narrow these by."""
    return document(
        {
            "Effect": "Allow",
            "Action": [
                "cloudwatch:DescribeAlarms",
                "cloudwatch:GetMetricData",
                "cloudwatch:GetMetricStatistics",
                "cloudwatch:ListMetrics",
            ],
            "Resource": "*",
        }
    )
