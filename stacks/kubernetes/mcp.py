"""The MCP server of an environment, with the cluster that it runs on (POD-03)."""

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import eks, iam

from environments import Environment, Kubernetes
from stacks.edge import Edge
from stacks.keys import Keys
from stacks.kubernetes.addons import Addons, AddonsArguments
from stacks.kubernetes.alarms import Watched, declare_alarms
from stacks.kubernetes.cluster import Cluster, ClusterArguments, cluster_arn
from stacks.kubernetes.entrance import Entrance, EntranceArguments
from stacks.kubernetes.identities import pod_role
from stacks.kubernetes.pods import NAME
from stacks.kubernetes.secrets_key import secrets_key
from stacks.kubernetes.workload import Workload, WorkloadArguments
from stacks.naming import Names
from stacks.network import Network
from stacks.roles import secret_path
from stacks.service_secrets import declare_secrets
from stacks.services import Services
from stacks.statements import document
from stacks.topics import Topics


@dataclass(frozen=True, slots=True, kw_only=True)
class McpArguments:
    """What the MCP server and its cluster are made from."""

    environment: Environment
    record: Kubernetes
    keys: Keys
    topics: Topics
    network: Network
    edge: Edge
    services: Services


class Mcp(ComponentResource):
    """The MCP server: its cluster, its way in, what it may read, and the workload itself.

    Makes the key of the cluster's secrets, the cluster and its add-ons, the load balancer that the
    clients call, the secrets, the role of the pods with its association, the workload and its
    alarms.
    """

    load_balancer_arn_suffix: Output[str]
    target_group_arn_suffix: Output[str]
    runner_security_group_id: Output[str]
    """What a runner inside the network wears to apply to the cluster."""
    published: Mapping[str, Input[str]]
    """What scripts are told of it (`environments.published.PublishedWorkload`)."""

    def __init__(
        self, name: str, arguments: McpArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:kubernetes:Mcp", name, opts=options)
        self._arguments = arguments
        environment, record = arguments.environment, arguments.record
        self._names = Names(environment)
        self._inside = inside = ResourceOptions(parent=self)
        cluster = Cluster(
            "cluster",
            ClusterArguments(
                environment=environment,
                record=record,
                network=arguments.network,
                secrets_key_arn=secrets_key(environment, self),
                logs_key_arn=arguments.keys.logs_arn,
                workloads=[NAME],
            ),
            inside,
        )
        addons = Addons(
            "addons",
            AddonsArguments(
                environment=environment,
                record=record,
                cluster_name=cluster.name,
                logs_key_arn=arguments.keys.logs_arn,
            ),
            inside,
        )
        entrance = Entrance(
            "entrance",
            EntranceArguments(
                environment=environment,
                record=record.mcp,
                network=arguments.network,
                edge=arguments.edge,
                zone_id=arguments.edge.zone_id,
                cluster=cluster,
                client_security_group_ids={
                    client: arguments.services.services[client].security_group_id
                    for client in record.mcp.clients
                },
            ),
            inside,
        )
        association = self._identity(cluster)
        Workload(
            "workload",
            WorkloadArguments(
                environment=environment,
                record=record,
                cluster=cluster,
                target_group_arn=entrance.target_group_arn,
                variables=self._variables(),
                waits_for=[addons, association, entrance],
            ),
            inside,
        )
        watched = Watched(
            load_balancer=entrance.load_balancer_arn_suffix,
            target_group=entrance.target_group_arn_suffix,
        )
        declare_alarms(environment, watched, arguments.topics, self)
        self.load_balancer_arn_suffix = entrance.load_balancer_arn_suffix
        self.target_group_arn_suffix = entrance.target_group_arn_suffix
        self.runner_security_group_id = cluster.runner_security_group_id
        self.published = {
            "cluster": cluster.name,
            "namespace": NAME,
            "deployment": NAME,
            "load_balancer": entrance.load_balancer_arn_suffix,
            "target_group": entrance.target_group_arn_suffix,
        }
        self.register_outputs({})

    def _identity(self, cluster: Cluster) -> eks.PodIdentityAssociation:
        """Give the pods' service account a role of its own, which may read its secrets alone."""
        arguments, names = self._arguments, self._names
        secrets = arguments.record.mcp.secrets
        declare_secrets(
            NAME,
            secrets,
            environment=arguments.environment,
            key_arn=arguments.keys.data_arn,
            parent=self,
        )
        role = pod_role(
            NAME,
            namespace=NAME,
            account=NAME,
            cluster_arn=cluster_arn(names),
            names=names,
            parent=self,
        )
        policies: list[iam.RolePolicy] = []
        if secrets:
            paths = [secret_path(names, NAME, variable) for variable in secrets]
            reads = {
                "Effect": "Allow",
                "Action": "secretsmanager:GetSecretValue",
                "Resource": [
                    names.arn("secretsmanager", f"secret:{path}-??????") for path in paths
                ],
            }
            key = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": arguments.keys.data_arn}
            decrypts = Output.json_dumps({"Version": "2012-10-17", "Statement": [key]})
            policies = [
                iam.RolePolicy(
                    f"{NAME}-{purpose}",
                    name=purpose,
                    role=role.name,
                    policy=text,
                    opts=self._inside,
                )
                for purpose, text in (("secrets", document(reads)), ("key", decrypts))
            ]
        return eks.PodIdentityAssociation(
            NAME,
            cluster_name=cluster.name,
            namespace=NAME,
            service_account=NAME,
            role_arn=role.arn,
            opts=ResourceOptions(parent=self, depends_on=policies),
        )

    def _variables(self) -> Mapping[str, str]:
        """What the pods are told: plain values, and the names of secrets."""
        environment, mcp = self._arguments.environment, self._arguments.record.mcp
        solana = environment.solana
        return {
            "API_URL": f"https://{environment.edge.name}",
            "AWS_REGION": environment.aws.region,
            "PORT": str(mcp.port),
            "SOLANA_CLUSTER": solana.cluster.value,
            "SOLANA_PROGRAM_ID": solana.program_id,
            "SOLANA_RPC_URLS": ",".join(solana.rpc_urls),
            **{
                f"{variable}_SECRET_ID": secret_path(self._names, NAME, variable)
                for variable in mcp.secrets
            },
            **mcp.variables,
        }
