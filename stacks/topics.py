"""Where alarms and events are told: a topic for each severity, encrypted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Input, InvokeOptions, Output, ResourceOptions
from pulumi_aws import secretsmanager, sns

from environments import Environment, Stack
from stacks.naming import Names
from stacks.severity import Severity
from stacks.statements import document, from_account, published, tls_only

HEARTBEAT: Final = "heartbeat"
"""The topic that hears every few minutes that alerts of Prometheus come through."""

_PAGES: Final = "https://events.pagerduty.com/x-ere/"  # and the key of an event orchestration
_ALERTMANAGER: Final = "aps.amazonaws.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicsArguments:
    """What the topics of a stack are made from."""

    environment: Stack
    key_arn: Input[str]


class Topics(ComponentResource):
    """The topics of a stack, by severity (MON-12), and who subscribes to each (NOTE-07).

    Makes an encrypted topic with its policy, and a subscription for each address, for each of:
    critical, warning, info; for critical ones a subscription of the paging service and of each
    number, too. Where metrics go to Prometheus, a topic for its heartbeat. Chat subscribes by
    itself (`stacks/chat.py`).
    """

    critical_arn: Output[str]
    warning_arn: Output[str]
    info_arn: Output[str]
    arns: Mapping[Severity, Output[str]]
    heartbeat_name: Output[str] | None

    def __init__(
        self, name: str, arguments: TopicsArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:topics:Topics", name, opts=options)
        self._arguments = arguments
        self._names = Names(arguments.environment)
        self._inside = ResourceOptions(parent=self)
        alerts = arguments.environment.alerts
        self.critical_arn = self._topic(Severity.CRITICAL, alerts.critical).arn
        self.warning_arn = self._topic(Severity.WARNING, alerts.warning).arn
        self.info_arn = self._topic(Severity.INFO, alerts.info).arn
        self.arns = {
            Severity.CRITICAL: self.critical_arn,
            Severity.WARNING: self.warning_arn,
            Severity.INFO: self.info_arn,
        }
        for number in alerts.sms:
            sns.TopicSubscription(
                f"{Severity.CRITICAL}-{number}",
                topic=self.critical_arn,
                protocol="sms",
                endpoint=number,
                opts=self._inside,
            )
        if alerts.paging_secret is not None:
            self._page(alerts.paging_secret)
        self.heartbeat_name = None
        if isinstance(arguments.environment, Environment) and arguments.environment.metrics:
            self.heartbeat_name = self._topic(HEARTBEAT, ()).name
        self.register_outputs({})

    def _topic(self, purpose: str, addresses: tuple[str, ...]) -> sns.Topic:
        names = self._names
        topic = sns.Topic(
            purpose,
            name=names.of(purpose),
            kms_master_key_id=self._arguments.key_arn,
            opts=self._inside,
        )
        known = topic_arn(purpose, names)
        sns.TopicPolicy(
            purpose,
            arn=topic.arn,
            policy=document(
                *published(["sns:Publish"], known, names),
                {
                    "Sid": "Alertmanager",
                    "Effect": "Allow",
                    "Principal": {"Service": _ALERTMANAGER},
                    "Action": ["sns:Publish", "sns:GetTopicAttributes"],
                    "Resource": known,
                    "Condition": from_account(names),
                },
                tls_only("sns:Publish", known),
            ),
            opts=self._inside,
        )
        for address in addresses:
            sns.TopicSubscription(
                f"{purpose}-{address}",
                topic=topic.arn,
                protocol="email",
                endpoint=address,
                opts=self._inside,
            )
        return topic

    def _page(self, secret_arn: str) -> None:
        """Let what is critical page: alarms from here, alerts of Prometheus by its Alertmanager.

        The address holds the key: it is read when the stack is applied, kept in the state as a
        secret, and shown nowhere.
        """
        found = secretsmanager.get_secret_version_output(
            secret_id=secret_arn, opts=InvokeOptions(parent=self)
        )
        key = found.secret_string.apply(_routing_key)
        sns.TopicSubscription(
            "paging",
            topic=self.critical_arn,
            protocol="https",
            endpoint=Output.secret(Output.concat(_PAGES, key)),
            endpoint_auto_confirms=True,
            filter_policy=json.dumps({"source": [{"exists": False}]}),
            opts=self._inside,
        )
        secretsmanager.SecretPolicy(
            "paging",
            secret_arn=secret_arn,
            policy=document(
                {
                    "Sid": "Alertmanager",
                    "Effect": "Allow",
                    "Principal": {"Service": _ALERTMANAGER},
                    "Action": ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
                    "Resource": secret_arn,
                    "Condition": from_account(self._names),
                }
            ),
            opts=self._inside,
        )


def topic_arn(purpose: str, names: Names) -> str:
    """The ARN of the topic for `purpose`, known before it exists."""
    return names.arn("sns", names.of(purpose))


def _routing_key(text: str) -> str:
    return str(json.loads(text)["routing_key"])
