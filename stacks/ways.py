"""Ways through the network: whom a security group lets out to, and who lets it in there."""

from dataclasses import dataclass

from pulumi import Input, Resource, ResourceOptions
from pulumi_aws import vpc

from stacks.network import HTTPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way from one security group to another, on one port."""

    source: str
    """Part of the rules' names, as is `target`."""
    source_group: Input[str]
    target: str
    target_group: Input[str]
    port: int
    who: str | None = None
    """How the target's rule describes the source; by its name unless given."""


def open_way(way: Way, parent: Resource) -> None:
    """Make the rule that lets the source out, and the one that lets it into the target."""
    inside = ResourceOptions(parent=parent)
    vpc.SecurityGroupEgressRule(
        f"{way.source}-to-{way.target}",
        description=f"The {way.target}",
        security_group_id=way.source_group,
        referenced_security_group_id=way.target_group,
        ip_protocol="tcp",
        from_port=way.port,
        to_port=way.port,
        opts=inside,
    )
    vpc.SecurityGroupIngressRule(
        f"{way.source}-into-{way.target}",
        description=way.who or way.source,
        security_group_id=way.target_group,
        referenced_security_group_id=way.source_group,
        ip_protocol="tcp",
        from_port=way.port,
        to_port=way.port,
        opts=inside,
    )


def open_https(source: str, source_group: Input[str], whom: str, parent: Resource) -> None:
    """Let the source out to `whom` by TLS; what it reaches has no fixed addresses."""
    vpc.SecurityGroupEgressRule(
        f"{source}-to-https",
        description=whom,
        security_group_id=source_group,
        cidr_ipv4="0.0.0.0/0",
        ip_protocol="tcp",
        from_port=HTTPS,
        to_port=HTTPS,
        opts=ResourceOptions(parent=parent),
    )
