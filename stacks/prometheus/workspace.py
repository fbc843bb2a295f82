"""The workspace of Prometheus: encrypted, logged, with its rules and who hears of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from pulumi import ComponentResource, Output, ResourceOptions
from pulumi_aws import amp, ssm

from environments import Environment
from stacks.keys import Keys
from stacks.logs import LogKind, log_group
from stacks.naming import Names
from stacks.prometheus.alertmanager import WATCHDOG, definition
from stacks.prometheus.chain import chain_group
from stacks.prometheus.market import market_group
from stacks.prometheus.rules import Alert, Group, text_of
from stacks.prometheus.services import service_groups
from stacks.severity import Severity
from stacks.topics import HEARTBEAT, Topics, topic_arn

_LOGS: Final = "/aws/vendedlogs/prometheus"  # where AWS may write without a policy of ours

METRICS_LOG: Final = "metrics"
"""The group that CloudWatch reads metrics of the chain and the business from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusArguments:
    """What the workspace of an environment is made from."""

    environment: Environment
    keys: Keys
    topics: Topics


class Prometheus(ComponentResource):
    """Metrics of applications and of the chain (MON-04, MON-06), and the alerts on them.

    Makes the workspace with its log group, and the one that CloudWatch reads metrics from; a rule
    namespace for services, one for the chain and, for a market, one for that; the definition of
    Alertmanager; and the parameter that tells collectors where to write.
    """

    workspace_arn: Output[str]
    endpoint_parameter: ssm.Parameter
    """What must be there before a collector starts."""

    def __init__(
        self, name: str, arguments: PrometheusArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:prometheus:Prometheus", name, opts=options)
        environment, names = arguments.environment, Names(arguments.environment)
        inside = ResourceOptions(parent=self)
        group = log_group(
            "prometheus",
            LogKind.APPLICATION,
            environment=environment,
            key_arn=arguments.keys.logs_arn,
            parent=self,
            physical_name=f"{_LOGS}/{names.of('prometheus')}",
        )
        log_group(
            METRICS_LOG,
            LogKind.APPLICATION,
            environment=environment,
            key_arn=arguments.keys.logs_arn,
            parent=self,
        )
        workspace = amp.Workspace(
            "prometheus",
            alias=names.of("prometheus"),
            kms_key_arn=arguments.keys.data_arn,
            logging_configuration=amp.WorkspaceLoggingConfigurationArgs(
                log_group_arn=Output.concat(group.arn, ":*")
            ),
            opts=ResourceOptions(parent=self, protect=environment.is_stateful_protected),
        )
        self.workspace_arn = workspace.arn
        for namespace, groups in rules(environment).items():
            amp.RuleGroupNamespace(
                namespace,
                workspace_id=workspace.id,
                name=namespace,
                data=text_of(groups),
                opts=inside,
            )
        amp.AlertManagerDefinition(
            "prometheus",
            workspace_id=workspace.id,
            definition=definition(
                {severity: topic_arn(severity, names) for severity in Severity},
                heartbeat=topic_arn(HEARTBEAT, names),
                region=environment.aws.region,
                paging_secret=environment.alerts.paging_secret,
            ),
            # Alertmanager publishes as soon as it is there.
            opts=ResourceOptions(parent=self, depends_on=[arguments.topics]),
        )
        self.endpoint_parameter = ssm.Parameter(
            "prometheus",
            name=endpoint_path(names),
            description="Where collectors write metrics to",
            type=ssm.ParameterType.STRING,
            value=Output.concat(workspace.prometheus_endpoint, "api/v1/remote_write"),
            opts=inside,
        )
        self.register_outputs({})


def endpoint_path(names: Names) -> str:
    """The name of the parameter that holds the address for remote writes."""
    return names.path("prometheus", "remote-write")


def rules(environment: Environment) -> dict[str, list[Group]]:
    """The rules of an environment by namespace: of its alerts those that the standards ask of it.

    A namespace keeps what it records everywhere; what only a market has is left out elsewhere.
    """
    found = {
        "services": list(service_groups(environment.services)),
        "chain": [chain_group()],
        "watchdog": [Group(name="watchdog", rules=[_watchdog()])],
    }
    if environment.metrics is not None and environment.metrics.is_market:
        found["market"] = [market_group()]
    return {
        namespace: [group for each in groups for group in _asked(each, environment)]
        for namespace, groups in found.items()
    }


def _asked(group: Group, environment: Environment) -> Iterator[Group]:
    kept = [
        rule
        for rule in group.rules
        if not isinstance(rule, Alert) or environment.must(rule.requirement)
    ]
    if kept:
        yield replace(group, rules=kept)


def _watchdog() -> Alert:
    return Alert(
        name=WATCHDOG,
        severity=Severity.INFO,
        requirement="MON-02",
        summary="Alerts of Prometheus arrive",
        expression="vector(1)",
        runbook="heartbeat",
    )
