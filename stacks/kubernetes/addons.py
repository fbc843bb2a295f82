"""The add-ons of a cluster, each at the version that the environment's file names."""

import json
from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Input, Resource, ResourceOptions
from pulumi_aws import eks, iam

from environments import Environment, Kubernetes
from stacks.kubernetes.cluster import cluster_arn, cluster_name
from stacks.kubernetes.identities import pod_role
from stacks.logs import LogKind, log_group
from stacks.naming import Names
from stacks.statements import document

_AGENT: Final = "cloudwatch-agent"
_AGENT_NAMESPACE: Final = "amazon-cloudwatch"
_STREAMS: Final = ("application", "dataplane", "host", "performance")
"""What the agent delivers: the logs of containers, of the nodes' services, and the metrics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddonsArguments:
    """What the add-ons of a cluster are made from."""

    environment: Environment
    record: Kubernetes
    cluster_name: Input[str]
    logs_key_arn: Input[str]


class Addons(ComponentResource):
    """The add-ons that EKS does not bring by itself.

    Makes the metrics server, which the autoscaler asks; and the agent that delivers logs and
    metrics of the containers to CloudWatch, with its log groups and its role.
    """

    def __init__(
        self, name: str, arguments: AddonsArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:kubernetes:Addons", name, opts=options)
        names = Names(arguments.environment)
        self._cluster_name = arguments.cluster_name
        versions = arguments.record.addons
        self._addon("metrics-server", versions.metrics_server)
        prefix = f"/aws/containerinsights/{cluster_name(names)}"
        groups: list[Resource] = [
            log_group(
                f"cluster-{stream}",
                LogKind.APPLICATION,
                environment=arguments.environment,
                key_arn=arguments.logs_key_arn,
                parent=self,
                physical_name=f"{prefix}/{stream}",
            )
            for stream in _STREAMS
        ]
        role = pod_role(
            _AGENT,
            namespace=_AGENT_NAMESPACE,
            account=_AGENT,
            cluster_arn=cluster_arn(names),
            names=names,
            parent=self,
        )
        policy = iam.RolePolicy(
            _AGENT,
            name="delivery",
            role=role.name,
            policy=_delivers(prefix, names),
            opts=ResourceOptions(parent=self),
        )
        eks.Addon(
            "amazon-cloudwatch-observability",
            cluster_name=arguments.cluster_name,
            addon_name="amazon-cloudwatch-observability",
            addon_version=versions.cloudwatch_observability,
            # It would add a container of its own to every pod, which no restricted pod may have.
            configuration_values=json.dumps(
                {"manager": {"applicationSignals": {"autoMonitor": {"monitorAllServices": False}}}}
            ),
            pod_identity_associations=[{"service_account": _AGENT, "role_arn": role.arn}],
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            opts=ResourceOptions(parent=self, depends_on=[*groups, policy]),
        )
        self.register_outputs({})

    def _addon(self, name: str, version: str) -> None:
        eks.Addon(
            name,
            cluster_name=self._cluster_name,
            addon_name=name,
            addon_version=version,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            opts=ResourceOptions(parent=self),
        )


def _delivers(prefix: str, names: Names) -> str:
    """Write to the log groups that are there, and to the metrics of containers."""
    return document(
        {
            "Sid": "Logs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "Resource": [
                names.arn("logs", f"log-group:{prefix}/{stream}:*") for stream in _STREAMS
            ],
        },
        {
            "Sid": "Metrics",
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",  # it takes no narrower one
            "Condition": {"StringEquals": {"cloudwatch:namespace": "ContainerInsights"}},
        },
        {
            "Sid": "Nodes",
            "Effect": "Allow",
            "Action": ["ec2:DescribeTags", "ec2:DescribeVolumes"],
            "Resource": "*",  # they take no narrower one
        },
    )
