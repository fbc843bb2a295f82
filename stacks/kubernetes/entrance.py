"""How services reach the MCP server: one load balancer inside the network, over TLS alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import ec2, lb, route53, vpc

from environments import Environment, McpServer
from stacks.certificate import Certificate, CertificateArguments
from stacks.edge import Edge
from stacks.kubernetes.cluster import Cluster, cluster_name
from stacks.naming import Names, mcp_domain
from stacks.network import HTTPS, Network

DRAINING_SECONDS: Final = 60
"""How long a pod that leaves may still answer what it was asked: longer than any request takes."""

_TLS_POLICY: Final = "ELBSecurityPolicy-TLS13-1-2-2021-06"  # TLS 1.2 and 1.3, forward secrecy only
_NAME_LIMIT: Final = 32  # of a load balancer, and of a target group


@dataclass(frozen=True, slots=True, kw_only=True)
class EntranceArguments:
    """What the way to the MCP server is made from."""

    environment: Environment
    record: McpServer
    network: Network
    edge: Edge
    zone_id: Input[str]
    """Of the hosted zone in which the certificate is proven."""
    cluster: Cluster
    client_security_group_ids: Mapping[str, Input[str]]
    """Of the services that may call it, by their names."""


class Entrance(ComponentResource):
    """The load balancer in front of the MCP server, inside the network.

    Makes the load balancer across the zones with its security group, which accepts the clients
    alone; its TLS listener with a certificate of its own; the target group that the cluster
    registers the pods in; and the name, in a zone that only the network sees.
    """

    target_group_arn: Output[str]
    target_group_arn_suffix: Output[str]
    load_balancer_arn_suffix: Output[str]

    def __init__(
        self, name: str, arguments: EntranceArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:kubernetes:Entrance", name, opts=options)
        self._arguments = arguments
        self._names = Names(arguments.environment)
        self._inside = ResourceOptions(parent=self)
        balancer = self._load_balancer(self._security_group())
        group = self._target_group()
        certificate = Certificate(
            "mcp",
            CertificateArguments(
                domain=mcp_domain(arguments.environment), zone_id=arguments.zone_id
            ),
            self._inside,
        )
        lb.Listener(
            "mcp",
            load_balancer_arn=balancer.arn,
            port=HTTPS,
            protocol="HTTPS",
            ssl_policy=_TLS_POLICY,
            certificate_arn=certificate.arn,
            default_actions=[{"type": "forward", "target_group_arn": group.arn}],
            opts=self._inside,
        )
        self._domain(balancer)
        self.target_group_arn = group.arn
        self.target_group_arn_suffix = group.arn_suffix
        self.load_balancer_arn_suffix = balancer.arn_suffix
        self.register_outputs({})

    def _security_group(self) -> Output[str]:
        """Make the group that accepts the clients, and reaches the pods on their one port."""
        port = self._arguments.record.port
        group = ec2.SecurityGroup(
            "mcp",
            name=self._names.of("mcp"),
            description="The load balancer of the MCP server",
            vpc_id=self._arguments.network.vpc_id,
            opts=self._inside,
        )
        pods = self._arguments.cluster.security_group_id
        self._lets("mcp-to-pods", "The pods of the MCP server", group.id, pods, port)
        for client, client_id in self._arguments.client_security_group_ids.items():
            self._lets(f"{client}-to-mcp", f"MCP, called by {client}", client_id, group.id, HTTPS)
        return group.id

    def _lets(
        self, name: str, description: str, caller: Input[str], called: Input[str], port: int
    ) -> None:
        """Let what is in the group `caller` reach what is in the group `called`."""
        for way, at, other in (
            (vpc.SecurityGroupEgressRule, caller, called),
            (vpc.SecurityGroupIngressRule, called, caller),
        ):
            way(
                name,
                description=description,
                security_group_id=at,
                referenced_security_group_id=other,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                opts=self._inside,
            )

    def _load_balancer(self, group_id: Output[str]) -> lb.LoadBalancer:
        arguments = self._arguments
        return lb.LoadBalancer(
            "mcp",
            name=self._names.of("mcp", limit=_NAME_LIMIT),
            load_balancer_type="application",
            internal=True,
            subnets=arguments.network.private_subnet_ids,
            security_groups=[group_id],
            drop_invalid_header_fields=True,
            desync_mitigation_mode="defensive",
            enable_deletion_protection=arguments.environment.is_stateful_protected,
            access_logs={"bucket": arguments.edge.log_bucket, "prefix": "mcp", "enabled": True},
            # A load balancer tries its access to the bucket when it is made.
            opts=ResourceOptions(parent=self, depends_on=[arguments.edge]),
        )

    def _target_group(self) -> lb.TargetGroup:
        check = self._arguments.record.health_check
        return lb.TargetGroup(
            "mcp",
            name=self._names.of("mcp", limit=_NAME_LIMIT),
            vpc_id=self._arguments.network.vpc_id,
            target_type="ip",
            protocol="HTTP",
            port=self._arguments.record.port,
            deregistration_delay=DRAINING_SECONDS,
            health_check={
                "path": check.path,
                "matcher": "200",
                "interval": check.interval_seconds,
                "timeout": check.timeout_seconds,
                "healthy_threshold": check.healthy_threshold,
                "unhealthy_threshold": check.unhealthy_threshold,
            },
            # The cluster may register pods only in what carries its name.
            tags={"eks:eks-cluster-name": cluster_name(self._names)},
            opts=self._inside,
        )

    def _domain(self, balancer: lb.LoadBalancer) -> None:
        """Name the load balancer where only the network asks: its addresses are nobody else's."""
        domain = mcp_domain(self._arguments.environment)
        zone = route53.Zone(
            "mcp",
            name=domain,
            comment="Seen from inside the network alone",
            vpcs=[{"vpc_id": self._arguments.network.vpc_id}],
            opts=self._inside,
        )
        route53.Record(
            "mcp",
            zone_id=zone.zone_id,
            name=domain,
            type="A",
            aliases=[
                {
                    "name": balancer.dns_name,
                    "zone_id": balancer.zone_id,
                    "evaluate_target_health": True,
                }
            ],
            opts=self._inside,
        )
