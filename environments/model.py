"""One typed record per environment: the only validator of a `Pulumi.<name>.yaml`.

Keys are camelCase in the file. Behaviour depends on these fields, on `tier` above all, never on the
environment's name.
"""

from enum import StrEnum
from ipaddress import IPv4Network
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from environments.bounds import AtLeast, refused
from environments.record import Domain, Email, ImageByDigest, Name, Port, Record, Region
from standards import Tier, figure, requirement


class DataClass(StrEnum):
    """What data an environment may hold (ENV-02)."""

    SYNTHETIC = "synthetic"
    SANITISED = "sanitised"
    REAL = "real"


class Cluster(StrEnum):
    """The Solana clusters, in the order in which a program goes through them (SOL-01)."""

    LOCALNET = "localnet"
    DEVNET = "devnet"
    MAINNET_BETA = "mainnet-beta"


class NatGateways(StrEnum):
    """How private subnets reach the internet: a gateway in each zone survives the loss of one."""

    PER_ZONE = "per-zone"
    SINGLE = "single"
    NONE = "none"


RETENTION_DAYS: Final = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
)  # fmt: skip
"""How many days CloudWatch can keep a log group's entries."""

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


class Aws(Record):
    """The account and regions that the environment lives in."""

    account: Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
    region: Region
    backup_region: Region
    """Where copies of backups go: another region, so that they survive the loss of the first."""
    endpoint: Annotated[str, StringConstraints(pattern=r"^http://127\.0\.0\.1:\d+$")] | None = None
    """An AWS emulator on loopback, for development; every call goes there."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.backup_region == self.region:
            message = f"backupRegion {self.backup_region} is the environment's own region"
            raise refused(f"{message}: name another one")
        return self


class Network(Record):
    """The address range, and the zones that it is spread over."""

    cidr: IPv4Network
    """A private range from /16 to /20: each zone takes a public, a private and a data subnet."""
    zones: tuple[str, ...] = Field(max_length=4)
    nat_gateways: NatGateways

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if not self.cidr.is_private or not 16 <= self.cidr.prefixlen <= 20:  # noqa: PLR2004 - as VPC subnetting needs
            raise refused(f"cidr {self.cidr} is no private range from /16 to /20")
        if len(set(self.zones)) != len(self.zones):
            raise refused(f"zones {', '.join(self.zones)} name one twice")
        return self


class HealthCheck(Record):
    """How a load balancer or a scheduler asks an instance whether it is well."""

    path: Annotated[str, StringConstraints(pattern=r"^/")]
    interval_seconds: Annotated[int, Field(ge=5, le=300)] = 15
    timeout_seconds: Annotated[int, Field(ge=2, le=120)] = 5
    healthy_threshold: Annotated[int, Field(ge=2, le=10)] = 2
    unhealthy_threshold: Annotated[int, Field(ge=2, le=10)] = 3


class Instances(Record):
    """The bounds between which a service or its replicas scale."""

    min: Annotated[int, Field(ge=0)]
    max: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max < self.min:
            raise refused(f"max {self.max} is below min {self.min}")
        return self


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
    secrets: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")], ...] = ()
    """Environment variables filled from Secrets Manager; their values never stand here (CFG-02)."""
    variables: dict[Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")], str] = Field(
        default_factory=dict[str, str]
    )
    """Plain environment variables."""

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


class Database(Record):
    """The PostgreSQL cluster of the environment (DB-01)."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    engine_version: Annotated[str, StringConstraints(pattern=r"^1[4-9]\.\d+$")]
    instance_class: Annotated[str, StringConstraints(pattern=r"^db\.[a-z0-9]+\.[a-z0-9]+$")]
    port: Port = 6432
    replicas: Instances
    """Read replicas in other zones: the least that always run, and how many may be added."""
    backup_retention_days: Annotated[int, Field(ge=1, le=35)]
    backup_copy_retention_days: Annotated[int, Field(ge=1)]
    """How long the copy in the second region is kept; left to the product by the standards."""


class LogRetention(Record):
    """How many days each kind of log is kept: the standards' figure, or longer."""

    application: Annotated[int, AtLeast(figure("LOG-02", "retention_days").days)] = figure(
        "LOG-02", "retention_days"
    ).days
    access: Annotated[int, AtLeast(figure("LOG-03", "retention_days").days)] = figure(
        "LOG-03", "retention_days"
    ).days
    audit: Annotated[int, AtLeast(figure("LOG-04", "retention_days").days)] = figure(
        "LOG-04", "retention_days"
    ).days
    deployment: Annotated[int, AtLeast(figure("LOG-05", "retention_days").days)] = figure(
        "LOG-05", "retention_days"
    ).days

    @model_validator(mode="after")
    def _offered(self) -> Self:
        for kind, days in self:
            if days not in RETENTION_DAYS:
                longer = min((more for more in RETENTION_DAYS if more > days), default=None)
                advice = f"the next longer is {longer}" if longer else "take a shorter one"
                raise refused(f"{kind} {days} is no retention that CloudWatch has: {advice}")
        return self


class Edge(Record):
    """What the internet meets: names, and how much one address may ask for."""

    zone: Domain
    zone_id: Annotated[str, StringConstraints(pattern=r"^Z[A-Z0-9]{1,31}$")] | None = None
    """The hosted zone of that name, which exists before the first apply; left out, the stack makes
    it: an emulator starts without one."""
    name: Domain
    """The name that the environment is reached by, inside `zone`."""
    requests_per_five_minutes: Annotated[int, Field(ge=100, le=2_000_000)]
    """The most that one address may send before the firewall refuses it (NET-09)."""

    @model_validator(mode="after")
    def _inside(self) -> Self:
        if self.name != self.zone and not self.name.endswith(f".{self.zone}"):
            raise refused(f"name {self.name} lies outside zone {self.zone}")
        return self


class Solana(Record):
    """The chain that the environment's program runs on."""

    cluster: Cluster
    program_id: Annotated[str, StringConstraints(pattern=r"^[1-9A-HJ-NP-Za-km-z]{32,44}$")]
    rpc_urls: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^https?://")], ...], Field(min_length=1)
    ]


class Alerts(Record):
    """Who hears of an alarm, by severity (MON-12)."""

    critical: Annotated[tuple[Email, ...], Field(min_length=1)]
    warning: Annotated[tuple[Email, ...], Field(min_length=1)]
    info: tuple[Email, ...] = ()


class Release(Record):
    """Where a release may come from, and how many people let it in."""

    branch: str
    """The branch that it is built from; `*` is any, in development only (ENV-04)."""
    approvals: Annotated[int, Field(ge=0)]


class Environment(Record):
    """One environment: everything that its stack is declared from."""

    name: Name
    tier: Tier
    owner: Email
    secrets_provider: str | None = None
    """What encrypts the secrets in the stack's state: Pulumi's `secretsprovider`."""
    data_class: DataClass
    aws: Aws
    network: Network
    edge: Edge
    services: Annotated[dict[Name, Service], Field(min_length=1)]
    database: Database
    log_retention_days: LogRetention = Field(default_factory=LogRetention)
    solana: Solana
    alerts: Alerts
    release: Release

    @property
    def is_stateful_protected(self) -> bool:
        """Whether a resource that holds state is protected from deletion: where data matters."""
        return self.tier in {Tier.STAGING, Tier.PRODUCTION}

    def must(self, identifier: str) -> bool:
        """Whether the standards ask this environment for the requirement `identifier`."""
        return self.tier in requirement(identifier).environments

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        owners: dict[str, str] = {}
        for name, service in self.services.items():
            for path in service.paths:
                if owners.setdefault(path, name) != name:
                    raise refused(f"services {owners[path]} and {name} both take path {path}")
        return self
