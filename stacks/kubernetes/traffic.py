"""Who may talk to the pods of the MCP server, and whom they may talk to: nobody else."""

from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Final

from pulumi import ResourceOptions
from pulumi_kubernetes.networking.v1 import NetworkPolicy

from environments import Environment, Kubernetes
from stacks.kubernetes.pods import LABELS, NAME
from stacks.network import HTTPS, zone_ranges

if TYPE_CHECKING:
    from pulumi_kubernetes.networking.v1 import NetworkPolicyPeerArgsDict, NetworkPolicyPortArgsDict

_DNS: Final = 53
_DNS_HOST: Final = 10  # EKS gives its DNS the tenth address of the services' range
_LINK_LOCAL: Final = "169.254.0.0/16"
_POD_IDENTITY: Final = "169.254.170.23/32"
"""Where a pod's SDK gets the credentials of its own role; all else there is the node's."""
_POD_IDENTITY_PORT: Final = 80


def declare_policies(environment: Environment, record: Kubernetes, inside: ResourceOptions) -> None:
    """Close the namespace, then let through what the MCP server needs.

    The load balancer stands in the private subnets and asks from its own addresses there. Out go
    names, the credentials of the pods' role, and TLS to AWS, the API and the chain's RPC, which
    have no fixed addresses.
    """
    NetworkPolicy(
        "deny",
        metadata={"name": "deny", "namespace": NAME},
        spec={"pod_selector": {}, "policy_types": ["Ingress", "Egress"]},
        opts=inside,
    )
    dns = IPv4Network((record.service_cidr[_DNS_HOST], 32))
    NetworkPolicy(
        NAME,
        metadata={"name": NAME, "namespace": NAME},
        spec={
            "pod_selector": {"match_labels": dict(LABELS)},
            "policy_types": ["Ingress", "Egress"],
            "ingress": [
                {
                    "from_": [_block(str(subnet)) for subnet in _private_subnets(environment)],
                    "ports": [_port(record.mcp.port)],
                }
            ],
            "egress": [
                {"to": [_block(str(dns))], "ports": [_port(_DNS, "UDP"), _port(_DNS)]},
                {"to": [_block(_POD_IDENTITY)], "ports": [_port(_POD_IDENTITY_PORT)]},
                {"to": [_block("0.0.0.0/0", _LINK_LOCAL)], "ports": [_port(HTTPS)]},
            ],
        },
        opts=inside,
    )


def _private_subnets(environment: Environment) -> Sequence[IPv4Network]:
    network = environment.network
    ranges = zip(network.zones, zone_ranges(network.cidr), strict=False)
    return [zone.private for _, zone in ranges]


def _block(cidr: str, *excepted: str) -> "NetworkPolicyPeerArgsDict":
    if not excepted:
        return {"ip_block": {"cidr": cidr}}
    return {"ip_block": {"cidr": cidr, "except_": excepted}}


def _port(number: int, protocol: str = "TCP") -> "NetworkPolicyPortArgsDict":
    return {"port": number, "protocol": protocol}
