"""Where alarms and events go: a topic for each severity, and who hears of it."""

from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import sns

from environments import Environment
from stacks.naming import Names
from stacks.statements import document, published, tls_only


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicsArguments:
    """What the topics of an environment are made from."""

    environment: Environment
    key_arn: Input[str]


class Topics(ComponentResource):
    """The topics of an environment, by severity (MON-12).

    Makes an encrypted topic with its policy, and a subscription for each address, for each of:
    critical, warning, info.
    """

    critical_arn: Output[str]
    warning_arn: Output[str]
    info_arn: Output[str]

    def __init__(
        self, name: str, arguments: TopicsArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:topics:Topics", name, opts=options)
        alerts = arguments.environment.alerts
        self.critical_arn = self._topic("critical", alerts.critical, arguments)
        self.warning_arn = self._topic("warning", alerts.warning, arguments)
        self.info_arn = self._topic("info", alerts.info, arguments)
        self.register_outputs({})

    def _topic(
        self, severity: str, addresses: tuple[str, ...], arguments: TopicsArguments
    ) -> Output[str]:
        inside = ResourceOptions(parent=self)
        names = Names(arguments.environment)
        topic = sns.Topic(
            severity,
            name=names.of(severity),
            kms_master_key_id=arguments.key_arn,
            opts=inside,
        )
        known = names.arn("sns", names.of(severity))
        sns.TopicPolicy(
            severity,
            arn=topic.arn,
            policy=document(
                *published(["sns:Publish"], known, names), tls_only("sns:Publish", known)
            ),
            opts=inside,
        )
        for address in addresses:
            sns.TopicSubscription(
                f"{severity}-{address}",
                topic=topic.arn,
                protocol="email",
                endpoint=address,
                opts=inside,
            )
        return topic.arn
