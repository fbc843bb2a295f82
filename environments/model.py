"""One typed record per environment: the only validator of a `Pulumi.<name>.yaml`.

Keys are camelCase in the file. Behaviour depends on these fields, on `tier` above all, never on the
environment's name.
"""

from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from environments.bounds import refused
from environments.cache import Cache
from environments.cutover import Cutover
from environments.database import Database
from environments.edge import Edge, Failover, lies_in
from environments.frontend import Frontend
from environments.kubernetes import Kubernetes
from environments.metrics import Metrics
from environments.network import NatGateways, Network
from environments.program import Correction, Pause
from environments.record import ImageByDigest, Name, Port, Record
from environments.smoke import Smoke
from environments.stack import Stack
from environments.tasks import Tasks
from environments.workload import Demand, HealthCheck, Instances


class Cluster(StrEnum):
    """The Solana clusters, in the order in which a program goes through them (SOL-01)."""

    LOCALNET = "localnet"
    DEVNET = "devnet"
    MAINNET_BETA = "mainnet-beta"


_RESERVED = ("internal", "sg", "aws", "amzn", "xn", "sthree")
_GIBIBYTE = 1024
FARGATE_MEMORY = {
    256: (512, _GIBIBYTE, 2 * _GIBIBYTE),
    512: range(1 * _GIBIBYTE, 4 * _GIBIBYTE + 1, _GIBIBYTE),
    1024: range(2 * _GIBIBYTE, 8 * _GIBIBYTE + 1, _GIBIBYTE),
    2048: range(4 * _GIBIBYTE, 16 * _GIBIBYTE + 1, _GIBIBYTE),
    4096: range(8 * _GIBIBYTE, 30 * _GIBIBYTE + 1, _GIBIBYTE),
    8192: range(16 * _GIBIBYTE, 60 * _GIBIBYTE + 1, 4 * _GIBIBYTE),
    16_384: range(32 * _GIBIBYTE, 120 * _GIBIBYTE + 1, 8 * _GIBIBYTE),
}
"""The mebibytes that Fargate offers by CPU units; AWS refuses any other pair at apply."""


class Service(Record):
    """A service: what runs, how much of it, and what it may scale to."""

    image: ImageByDigest
    """By digest, so that what was tested is what runs (ART-02)."""
    port: Port
    cpu: int
    """CPU units of Fargate: 1024 is one virtual CPU."""
    memory: int
    """Mebibytes."""
    instances: Instances
    health_check: HealthCheck
    paths: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^/", max_length=128)], ...],
        Field(max_length=5),
    ] = ()
    """The paths that the load balancer sends to it, as many and as long as one of its rules takes;
    none for a service without public traffic."""
    queue: bool = False
    """Whether it takes its work from a queue of its own, and scales with it."""
    database: bool = False
    """Whether it reaches the database, and signs in there as a user of its own (DB-07)."""
    secrets: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")], ...] = ()
    """Environment variables filled from Secrets Manager; their values never stand here (CFG-02)."""
    variables: dict[Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")], str] = Field(
        default_factory=dict[str, str]
    )
    """Plain environment variables."""
    demand: Demand | None = None
    """The load that `instances` is declared from."""
    metrics_port: Port | None = None
    """Where an instance publishes its metrics for Prometheus, to itself alone (MON-04)."""
    public_health_path: Annotated[str, StringConstraints(pattern=r"^/")] | None = None
    """A path among `paths` that tells from outside whether it is well (MON-08), where that of
    `healthCheck` is none of them."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.metrics_port == self.port:
            raise refused(f"metricsPort {self.port} is port: metrics would be public")
        if self.public_health_path is not None and self.outside_path is None:
            raise refused(f"publicHealthPath {self.public_health_path} is none of paths")
        return self

    @model_validator(mode="after")
    def _offered(self) -> Self:
        offered = FARGATE_MEMORY.get(self.cpu)
        if offered is None:
            raise refused(
                f"cpu {self.cpu} is none of Fargate's: {', '.join(map(str, FARGATE_MEMORY))}"
            )
        if self.memory not in offered:
            sizes = sorted(offered, key=lambda size: abs(size - self.memory))
            raise refused(
                f"memory {self.memory} does not go with cpu {self.cpu}: {sizes[0]} does "
                f"({min(offered)} to {max(offered)} are offered)"
            )
        return self

    @property
    def is_public(self) -> bool:
        """Whether the load balancer sends it traffic from the internet."""
        return bool(self.paths)

    @property
    def outside_path(self) -> str | None:
        """The path that asks from outside whether it is well, `None` where there is none."""
        path = self.public_health_path or self.health_check.path
        return path if any(fnmatchcase(path, pattern) for pattern in self.paths) else None


class Solana(Record):
    """The chain that the environment's program runs on."""

    cluster: Cluster
    program_id: Annotated[str, StringConstraints(pattern=r"^[1-9A-HJ-NP-Za-km-z]{32,44}$")]
    rpc_urls: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^https?://")], ...], Field(min_length=1)
    ]
    """Its nodes: the next one is asked where one is down or behind."""
    pause: Pause | None = None
    """How the program is paused, where it can be."""
    corrections: dict[Name, Correction] = Field(default_factory=dict[str, Correction])
    """Corrections of the program's state that were prepared, by name."""


class Release(Record):
    """Where a release may come from, and how many people let it in."""

    branch: str
    """The branch that it is built from; `*` is any, in development only (ENV-04)."""
    approvals: Annotated[int, Field(ge=0)]


class Environment(Stack):
    """One environment: everything that its stack is declared from."""

    network: Network
    edge: Edge
    frontend: Frontend | None = None
    services: Annotated[dict[Name, Service], Field(min_length=1)]
    database: Database
    cache: Cache | None = None
    tasks: Tasks
    kubernetes: Kubernetes | None = None
    metrics: Metrics | None = None
    solana: Solana
    release: Release
    smoke: Smoke = Field(default_factory=Smoke)
    cutover: Cutover = Field(default_factory=Cutover)

    @property
    def uses_cdn(self) -> bool:
        """Whether something of it stands at AWS's edge: pages, a page to fail over to, its zone."""
        edge = self.edge
        return self.frontend is not None or edge.failover is not Failover.NONE or edge.owns_zone

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        owners: dict[str, str] = {}
        for name, service in self.services.items():
            for path in service.paths:
                if owners.setdefault(path, name) != name:
                    raise refused(f"services {owners[path]} and {name} both take path {path}")
        return self

    @model_validator(mode="after")
    def _moves_own_services(self) -> Self:
        watch = self.cutover.watch
        for key, named in (
            ("order", self.cutover.order),
            ("watch.transactions", watch.transactions),
            ("watch.proofs", watch.proofs),
            ("watch.market", watch.market),
        ):
            if unknown := [name for name in named if name not in self.services]:
                raise refused(f"cutover.{key}: {unknown[0]} is none of services")
        return self

    @model_validator(mode="after")
    def _can_be_named(self) -> Self:
        """AWS keeps these beginnings of names to itself, for load balancers, groups and buckets."""
        if self.name.partition("-")[0] in _RESERVED:
            raise refused(f"name {self.name}: AWS lets no name begin with {', '.join(_RESERVED)}")
        return self

    @model_validator(mode="after")
    def _stands_in_region(self) -> Self:
        region = self.aws.region
        outside = [zone for zone in self.network.zones if zone[:-1] != region]
        if outside:
            raise refused(f"network.zones {', '.join(outside)} lie outside aws.region {region}")
        return self

    @model_validator(mode="after")
    def _names_pages(self) -> Self:
        if self.frontend is not None:
            name, zone = self.frontend.name, self.edge.zone
            if not lies_in(name, zone):
                raise refused(f"frontend.name {name} lies outside edge.zone {zone}")
            if name == self.edge.name:
                raise refused(f"frontend.name {name} is edge.name: each needs its own")
        return self

    @model_validator(mode="after")
    def _holds_cluster(self) -> Self:
        if self.kubernetes is not None:
            # Where the standards want the cloud, an emulator is refused for itself.
            is_cloud = self.must("ENV-10") or self.must("ENV-11")
            problem = self.kubernetes.misfit(
                network=self.network.cidr,
                services=self.services,
                ways_out=self.network.nat_gateways is not NatGateways.NONE,
                emulated=self.aws.endpoint is not None and not is_cloud,
            )
            if problem is not None:
                raise refused(problem)
        return self
