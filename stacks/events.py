"""What is good to know: deployments and changes, told and kept (MON-12, MON-03)."""

import json
from dataclasses import dataclass
from typing import Any

from pulumi import ComponentResource, Input, ResourceOptions
from pulumi_aws import cloudwatch

from environments import Environment
from stacks.logs import LogKind, log_group
from stacks.naming import Names
from stacks.services import CLUSTER
from stacks.statements import document
from stacks.topics import Topics


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsArguments:
    """What is told of the events of an environment is made from."""

    environment: Environment
    topics: Topics
    logs_key_arn: Input[str]


class Events(ComponentResource):
    """The events of deployments and changes, as information (MON-12), kept as long as those logs.

    Makes a rule for each kind of event, with the topic for information and a log group as its
    targets, and the policy that lets EventBridge write there.
    """

    def __init__(
        self, name: str, arguments: EventsArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:events:Events", name, opts=options)
        environment, names = arguments.environment, Names(arguments.environment)
        inside = ResourceOptions(parent=self)
        group = log_group(
            "deployments",
            LogKind.DEPLOYMENT,
            environment=environment,
            key_arn=arguments.logs_key_arn,
            parent=self,
        )
        writes = cloudwatch.LogResourcePolicy(
            "deployments",
            policy_name=names.of("deployments"),
            policy_document=_writes(names),
            opts=inside,
        )
        for kind, (description, pattern) in _patterns(names).items():
            rule = cloudwatch.EventRule(
                kind,
                name=names.of(kind),
                description=f"{description} (MON-12)",
                event_pattern=json.dumps(pattern),
                opts=inside,
            )
            cloudwatch.EventTarget(kind, rule=rule.name, arn=arguments.topics.info_arn, opts=inside)
            cloudwatch.EventTarget(
                f"{kind}-kept",
                rule=rule.name,
                arn=group.arn,
                opts=ResourceOptions(parent=self, depends_on=[writes]),
            )
        self.register_outputs({})


def _patterns(names: Names) -> dict[str, tuple[str, dict[str, Any]]]:
    """Each kind of event: what it says, and how EventBridge tells it from others."""
    services = names.arn("ecs", f"service/{names.of(CLUSTER)}/")
    return {
        "deployments": (
            "A deployment to a service started, completed or failed",
            {
                "source": ["aws.ecs"],
                "detail-type": ["ECS Deployment State Change"],
                "resources": [{"prefix": services}],
            },
        ),
        "configuration": (
            "A parameter of the environment changed",
            {
                "source": ["aws.ssm"],
                "detail-type": ["Parameter Store Change"],
                "detail": {"name": [{"prefix": f"{names.path()}/"}]},
            },
        ),
    }


def _writes(names: Names) -> str:
    """Let EventBridge write events into the log group; it does not say on whose behalf."""
    return document(
        {
            "Sid": "EventBridge",
            "Effect": "Allow",
            "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": names.arn("logs", f"log-group:{names.path('deployments')}:*"),
        }
    )
