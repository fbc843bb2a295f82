"""The cluster: a control plane inside the network, and nodes that EKS keeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_aws import ec2, eks, iam, vpc
from pulumi_kubernetes import Provider

from environments import Environment, Kubernetes
from stacks.foundation.identities import Identities
from stacks.kubernetes.identities import control_plane_role, node_role
from stacks.logs import LogKind, log_group
from stacks.naming import Names
from stacks.network import HTTPS, Network

_LOGS: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")
_CHANGES: Final = "AmazonEKSClusterAdminPolicy"
_LOOKS: Final = "AmazonEKSAdminViewPolicy"
_RELEASES: Final = "AmazonEKSEditPolicy"
_POOLS: Final = ("system", "general-purpose")
"""The node pools that come with Auto Mode: for the add-ons, and for everything else."""


def cluster_name(names: Names) -> str:
    """The name of the environment's cluster, known before an apply."""
    return names.of("kubernetes")


def cluster_arn(names: Names) -> str:
    """The ARN of the environment's cluster, known before an apply."""
    return names.arn("eks", f"cluster/{cluster_name(names)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterArguments:
    """What the cluster of an environment is made from."""

    environment: Environment
    record: Kubernetes
    network: Network
    secrets_key_arn: Input[str]
    logs_key_arn: Input[str]
    workloads: Sequence[str]
    """The namespaces that releases are rolled out in."""


class Cluster(ComponentResource):
    """A cluster of EKS in Auto Mode, which nobody reaches from outside the network.

    Makes the log group that its control plane writes to, the roles of control plane and nodes, the
    cluster, an access entry for each who may enter, the security group that a runner wears to reach
    the API, and the provider for what is declared inside the cluster.

    In Auto Mode EKS keeps the nodes: Bottlerocket with a read-only root and encrypted disks, no
    SSH, IMDSv2 alone and out of the reach of pods, replaced within 21 days.
    """

    name: Output[str]
    security_group_id: Output[str]
    """Of nodes and pods."""
    runner_security_group_id: Output[str]
    provider: Provider
    """For whatever is declared inside the cluster; it waits until the pipeline is let in."""

    def __init__(
        self, name: str, arguments: ClusterArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:kubernetes:Cluster", name, opts=options)
        self._arguments = arguments
        self._names = names = Names(arguments.environment)
        self._inside = ResourceOptions(parent=self)
        logs = log_group(
            "control-plane",
            LogKind.AUDIT,
            environment=arguments.environment,
            key_arn=arguments.logs_key_arn,
            parent=self,
            physical_name=f"/aws/eks/{cluster_name(names)}/cluster",
        )
        control_plane, policies = control_plane_role(names, cluster_arn(names), self)
        nodes, node_policies = node_role(names, self)
        cluster = self._cluster(control_plane, nodes, [logs, *policies, *node_policies])
        self.name = cluster.name
        self.security_group_id = cluster.vpc_config.apply(
            lambda config: config.cluster_security_group_id or ""
        )
        self.runner_security_group_id = self._runner()
        self.provider = self._connect(cluster, self._admitted(cluster))
        self.register_outputs({})

    def _cluster(
        self, control_plane: iam.Role, nodes: iam.Role, waits_for: Sequence[Resource]
    ) -> eks.Cluster:
        arguments = self._arguments
        return eks.Cluster(
            "cluster",
            name=cluster_name(self._names),
            version=arguments.record.version,
            role_arn=control_plane.arn,
            vpc_config={
                "subnet_ids": arguments.network.private_subnet_ids,
                "endpoint_private_access": True,
                "endpoint_public_access": False,
            },
            encryption_config={
                "resources": ["secrets"],
                "provider": {"key_arn": arguments.secrets_key_arn},
            },
            enabled_cluster_log_types=_LOGS,
            access_config={
                "authentication_mode": "API",
                "bootstrap_cluster_creator_admin_permissions": False,
            },
            # Auto Mode: AWS takes the three together, or none of them.
            compute_config={"enabled": True, "node_pools": _POOLS, "node_role_arn": nodes.arn},
            storage_config={"block_storage": {"enabled": True}},
            kubernetes_network_config={
                "elastic_load_balancing": {"enabled": True},
                "service_ipv4_cidr": str(arguments.record.service_cidr),
            },
            bootstrap_self_managed_addons=False,
            upgrade_policy={"support_type": "STANDARD"},
            zonal_shift_config={"enabled": True},
            deletion_protection=arguments.environment.is_stateful_protected,
            opts=ResourceOptions(parent=self, depends_on=waits_for),
        )

    def _admitted(self, cluster: eks.Cluster) -> list[Resource]:
        """Let in the pipeline, which applies, looks or releases, and who else is named."""
        arguments = self._arguments
        environment = arguments.environment
        pipeline = Identities(self._names)
        entries = {
            "apply": (pipeline.role(f"{environment.name}-apply"), _CHANGES),
            "preview": (pipeline.role(f"{environment.name}-preview"), _LOOKS),
            "release": (pipeline.role(f"{environment.name}-release"), _RELEASES),
        }
        for role in arguments.record.administrators:
            arn = self._names.arn("iam", f"role/{role}", region="")
            entries[role.removeprefix(f"{environment.name}-")] = (arn, _CHANGES)
        scope = f"arn:{self._names.partition}:eks::aws:cluster-access-policy"
        admitted: list[Resource] = []
        for name, (principal, policy) in entries.items():
            entry = eks.AccessEntry(
                name,
                cluster_name=cluster.name,
                principal_arn=principal,
                type="STANDARD",
                opts=self._inside,
            )
            admitted.append(
                eks.AccessPolicyAssociation(
                    name,
                    cluster_name=cluster.name,
                    principal_arn=entry.principal_arn,
                    policy_arn=f"{scope}/{policy}",
                    access_scope=(
                        {"type": "namespace", "namespaces": arguments.workloads}
                        if policy == _RELEASES
                        else {"type": "cluster"}
                    ),
                    opts=self._inside,
                )
            )
        return admitted

    def _runner(self) -> Output[str]:
        """Make the group that a runner inside the network wears, the one way to the API."""
        group = ec2.SecurityGroup(
            "runner",
            name=self._names.of("kubernetes", "runner"),
            description="Whoever applies to the cluster, from inside the network",
            vpc_id=self._arguments.network.vpc_id,
            opts=self._inside,
        )
        for rule, there, here, way in (
            ("runner-to-api", group.id, self.security_group_id, vpc.SecurityGroupEgressRule),
            ("api-from-runner", self.security_group_id, group.id, vpc.SecurityGroupIngressRule),
        ):
            way(
                rule,
                description="The API of the cluster, to those who apply to it",
                security_group_id=there,
                referenced_security_group_id=here,
                ip_protocol="tcp",
                from_port=HTTPS,
                to_port=HTTPS,
                opts=self._inside,
            )
        return group.id

    def _connect(self, cluster: eks.Cluster, waits_for: Sequence[Resource]) -> Provider:
        """Make the provider; its settings hold no secret: AWS's CLI draws a token each time."""
        name = cluster_name(self._names)
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": name,
                    "cluster": {
                        "server": cluster.endpoint,
                        "certificate-authority-data": cluster.certificate_authority.data,
                    },
                }
            ],
            "users": [
                {
                    "name": name,
                    "user": {"exec": cluster_token(name, self._names.environment.aws.region)},
                }
            ],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
        return Provider(
            "cluster",
            kubeconfig=Output.json_dumps(config),
            cluster_identifier=cluster_arn(self._names),
            opts=ResourceOptions(parent=self, depends_on=waits_for),
        )


def cluster_token(name: str, region: str) -> dict[str, object]:
    """How a client of the cluster asks AWS for a token, which lives for minutes."""
    return {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": ["--region", region, "eks", "get-token", "--cluster-name", name],
        "interactiveMode": "Never",
    }
