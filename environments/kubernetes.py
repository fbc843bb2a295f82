"""The Kubernetes cluster of an environment, and the MCP server that runs there."""

from collections.abc import Collection
from ipaddress import IPv4Network
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from environments.bounds import refused
from environments.record import ImageByDigest, Name, Port, Record
from environments.workload import Demand, HealthCheck, Instances

AddonVersion = Annotated[str, StringConstraints(pattern=r"^v\d+\.\d+\.\d+-eksbuild\.\d+$")]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]

_SERVICE_PREFIXES: Final = range(12, 25)  # what EKS takes for the addresses of services


class Addons(Record):
    """The versions of the add-ons that EKS does not bring by itself; nothing moves them unseen.

    DNS, the network of the pods with its policies, the proxy, load balancing and pod identity are
    parts of EKS Auto Mode, and move with the version of the cluster.
    """

    metrics_server: AddonVersion
    """Tells the autoscaler how much CPU the pods take."""
    cloudwatch_observability: AddonVersion
    """Delivers the logs and metrics of the containers to CloudWatch."""


class McpServer(Record):
    """The MCP server: what runs, how much of it, and who may call it (POD-03)."""

    image: ImageByDigest
    """By digest, so that what was tested is what runs (ART-02)."""
    port: Port
    cpu: Annotated[int, Field(ge=100, le=16_000)]
    """Thousandths of a CPU that each pod is given."""
    memory: Annotated[int, Field(ge=128, le=65_536)]
    """Mebibytes that each pod is given, and may not exceed."""
    replicas: Instances
    """How many pods run at the least, and how many the autoscaler may add."""
    health_check: HealthCheck
    clients: Annotated[tuple[Name, ...], Field(min_length=1)]
    """The services that may call it: nobody else reaches its load balancer."""
    secrets: tuple[Variable, ...] = ()
    """Secrets in Secrets Manager that it may read. A variable, with `_SECRET_ID` behind its name,
    holds the name of the secret; the value never enters the cluster (CFG-02)."""
    variables: dict[Variable, str] = Field(default_factory=dict[str, str])
    """Plain environment variables."""
    demand: Demand | None = None
    """The load that `replicas` is declared from."""


class Kubernetes(Record):
    """An EKS cluster in Auto Mode; left out where a product has no MCP server.

    Development has none: its emulator has no cluster to run a pod on, and POD-03 does not name it.
    """

    version: Annotated[str, StringConstraints(pattern=r"^1\.\d{2}$")]
    """Of Kubernetes; a cluster moves by one minor version at a time."""
    service_cidr: IPv4Network = IPv4Network("172.20.0.0/16")
    """The addresses of services inside the cluster, apart from those of the network."""
    administrators: tuple[
        Annotated[str, StringConstraints(pattern=r"^[\w+=,.@-]{1,64}$")], ...
    ] = ()
    """Names of the account's roles that may change the cluster beside the one that applies the
    stack; whoever makes a cluster gets no rights by that alone."""
    addons: Addons
    mcp: McpServer

    @model_validator(mode="after")
    def _addressed(self) -> Self:
        cidr = self.service_cidr
        if not cidr.is_private or cidr.prefixlen not in _SERVICE_PREFIXES:
            raise refused(f"serviceCidr {cidr} is no private range from /12 to /24")
        return self

    def misfit(
        self,
        *,
        network: IPv4Network,
        services: Collection[str],
        ways_out: bool,
        emulated: bool,
    ) -> str | None:
        """What keeps the cluster from the environment that it is declared in, if anything does."""
        if emulated:
            return "kubernetes: the emulator at aws.endpoint has no clusters: leave it out"
        if not ways_out:
            return (
                "kubernetes: its nodes reach AWS over a NAT gateway, and network.natGateways is "
                "none: make it single or per-zone"
            )
        if self.service_cidr.overlaps(network):
            return (
                f"kubernetes.serviceCidr {self.service_cidr} overlaps network.cidr {network}: take "
                "another private range"
            )
        unknown = sorted({*self.mcp.clients} - {*services})
        if unknown:
            there = ", ".join(sorted(services))
            return f"kubernetes.mcp.clients: {unknown[0]} is no service; there are: {there}"
        return None
