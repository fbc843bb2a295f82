"""What a tier asks of an environment beyond the form of its record.

Each check cites the requirement that it holds an environment to, and carries an example of what it
refuses, so that none can be in name only.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from environments.model import Cluster, Environment
from environments.smoke import Subject
from environments.stack import DataClass
from environments.workload import Demand, Instances
from standards import Tier, figure, requirement

_ANY_BRANCH: Final = "*"
_INSTANCES: Final = figure("SVC-01", "instances_min_count").count

_DATA_CLASSES: Final = {
    Tier.DEVELOPMENT: DataClass.SYNTHETIC,
    Tier.INTEGRATION: DataClass.SYNTHETIC,
    Tier.STAGING: DataClass.SANITISED,
    Tier.PRODUCTION: DataClass.REAL,
}
_CLUSTERS: Final = {
    Tier.DEVELOPMENT: Cluster.LOCALNET,
    Tier.INTEGRATION: Cluster.DEVNET,
    Tier.STAGING: Cluster.DEVNET,
    Tier.PRODUCTION: Cluster.MAINNET_BETA,
}
_SIGNS: Final = (
    (Cluster.LOCALNET, "//127.0.0.1"),
    (Cluster.LOCALNET, "//localhost"),
    (Cluster.DEVNET, "devnet"),
    (Cluster.MAINNET_BETA, "mainnet"),
    (None, "testnet"),
)
"""What stands in the address of an RPC endpoint, by the cluster that it answers for."""
_BRANCHES: Final = {
    Tier.DEVELOPMENT: _ANY_BRANCH,
    Tier.INTEGRATION: "develop",
    Tier.STAGING: "develop",
    Tier.PRODUCTION: "main",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that an environment must be, where `requirement` applies to its tier.

    `breaking` changes keys of a valid record (dotted, camelCase) so that the check refuses it.
    """

    requirement: str
    key: str
    holds: Callable[[Environment], bool]
    message: Callable[[Environment], str]
    breaking: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """The tiers that the check concerns: those that its requirement names."""
        return requirement(self.requirement).environments


_SCALED_TO: Final = figure("SCALE-04", "example_prover_instances_count").count


def _fewest_instances(environment: Environment) -> int:
    return min(instances.min for instances, _ in _scaled(environment).values())


def _scaled(environment: Environment) -> dict[str, tuple[Instances, Demand | None]]:
    """What scales out, by its key: how far, and the load that this is declared from."""
    scaled = {
        f"services.{name}": (service.instances, service.demand)
        for name, service in environment.services.items()
    }
    if environment.kubernetes is not None:
        mcp = environment.kubernetes.mcp
        scaled["kubernetes.mcp"] = (mcp.replicas, mcp.demand)
    return scaled


def _confined(environment: Environment) -> list[str]:
    """The provers, which work on queues, that cannot be as many as in the standards' example."""
    services = environment.services.items()
    return [name for name, it in services if it.queue and it.instances.max < _SCALED_TO]


def _overloaded(environment: Environment) -> list[str]:
    """What names no load, or does not carry the one that it names."""
    return [
        key
        for key, (instances, demand) in _scaled(environment).items()
        if demand is None or not demand.is_carried_by(instances)
    ]


def _unreal_origins(environment: Environment) -> list[str]:
    """The origins that no user's page can have."""
    return [
        origin
        for origin in environment.edge.allowed_origins
        if not origin.startswith("https://") or "localhost" in origin
    ]


def _frontend_origin(environment: Environment) -> str:
    return f"https://{environment.frontend.name}" if environment.frontend else ""


def _foreign_nodes(environment: Environment) -> list[str]:
    """The RPC endpoints whose names say that they answer for another cluster."""
    own = environment.solana.cluster
    signs = [sign for cluster, sign in _SIGNS if cluster is not own]
    return [url for url in environment.solana.rpc_urls if any(sign in url for sign in signs)]


def _unmeasured(environment: Environment) -> list[str]:
    """The services that publish no metrics."""
    services = environment.services.items()
    return [name for name, service in services if service.metrics_port is None]


def _unasked(environment: Environment) -> list[str]:
    """The public services whose health cannot be asked for from outside."""
    services = environment.services.items()
    return [name for name, it in services if it.is_public and it.outside_path is None]


CHECKS: Final = (
    Check(
        requirement="ENV-02",
        key="slipway:dataClass",
        holds=lambda it: it.data_class is _DATA_CLASSES[it.tier],
        message=lambda it: (
            f"{it.data_class} data does not belong in {it.tier}, {_DATA_CLASSES[it.tier]} does"
        ),
        breaking={"dataClass": "synthetic"},
    ),
    Check(
        requirement="ENV-04",
        key="slipway:release.branch",
        holds=lambda it: it.release.branch == _BRANCHES[it.tier] or it.tier is Tier.DEVELOPMENT,
        message=lambda it: (
            f"{it.tier} is not released from {it.release.branch}, but from {_BRANCHES[it.tier]}"
        ),
        breaking={"release.branch": "feature"},
    ),
    Check(
        requirement="PIPE-08",
        key="slipway:release.approvals",
        holds=lambda it: it.release.approvals > 0,
        message=lambda it: f"{it.tier} waits for one approval at least, and this asks for none",
        breaking={"release.approvals": 0},
    ),
    Check(
        requirement="SOL-01",
        key="slipway:solana.cluster",
        holds=lambda it: it.solana.cluster is _CLUSTERS[it.tier],
        message=lambda it: (
            f"{it.solana.cluster} is not the cluster of {it.tier}, {_CLUSTERS[it.tier]} is"
        ),
        breaking={"solana.cluster": "localnet"},
    ),
    Check(
        requirement="SVC-01",
        key="slipway:services",
        holds=lambda it: _fewest_instances(it) >= _INSTANCES,
        message=lambda it: (
            f"a service runs {_fewest_instances(it)} at the least, and may not go below "
            f"{_INSTANCES}: raise its instances.min"
        ),
        breaking={"services.api.instances.min": 1},
    ),
    Check(
        requirement="SVC-05",
        key="slipway:services",
        holds=lambda it: not _overloaded(it),
        message=lambda it: (
            f"{_overloaded(it)[0]} does not carry its load: give demand (expected, peak and "
            "perInstance, per second), and as many instances as carry it"
        ),
        breaking={"services.api.demand.peak": 1_000_000},
    ),
    Check(
        requirement="SCALE-04",
        key="slipway:services",
        holds=lambda it: not _confined(it),
        message=lambda it: (
            f"{_confined(it)[0]} cannot be scaled to {_SCALED_TO}: raise its instances.max"
        ),
        breaking={"services.prover.instances": {"min": 2, "max": 2}},
    ),
    Check(
        requirement="SVC-01",
        key="slipway:network.zones",
        holds=lambda it: len(it.network.zones) >= _INSTANCES,
        message=lambda it: (
            f"{len(it.network.zones)} zone for instances that stand in {_INSTANCES} different ones"
        ),
        breaking={"network.zones": ["us-east-1a"]},
    ),
    Check(
        requirement="DB-02",
        key="slipway:database.replicas.min",
        holds=lambda it: it.database.replicas.min > 0,
        message=lambda it: f"0 leaves the database of {it.name} without a standby",
        breaking={"database.replicas.min": 0},
    ),
    Check(
        requirement="ENV-06",
        key="slipway:database.localUrl",
        holds=lambda it: it.database.local_url is None or it.tier is Tier.DEVELOPMENT,
        message=lambda it: (
            f"is for a developer's machine, and {it.tier} runs on its PostgreSQL cluster"
        ),
        breaking={"database.localUrl": "sqlite:////tmp/slipway.db"},
    ),
    Check(
        requirement="SEC-12",
        key="secretsprovider",
        holds=lambda it: (it.secrets_provider or "").startswith("awskms://"),
        message=lambda it: (
            f"{it.tier} encrypts what is secret in its state with a KMS key: write "
            "awskms://alias/<key>?region=<region>"
        ),
        breaking={"secretsProvider": None},
    ),
    Check(
        requirement="KEY-05",
        key="slipway:edge.apiKeys",
        holds=lambda it: it.edge.api_keys is not None,
        message=lambda it: (
            f"{it.tier} limits what one API key may ask for: give requestsPerFiveMinutes"
        ),
        breaking={"edge.apiKeys": None},
    ),
    Check(
        requirement="NET-10",
        key="slipway:edge.signIn",
        holds=lambda it: it.edge.sign_in is not None,
        message=lambda it: (
            f"{it.tier} stops whoever keeps guessing: give the path of sign-ins, and "
            "attemptsPerTenMinutes"
        ),
        breaking={"edge.signIn": None},
    ),
    Check(
        requirement="NET-08",
        key="slipway:edge.allowedOrigins",
        holds=lambda it: not _unreal_origins(it),
        message=lambda it: (
            f"{', '.join(_unreal_origins(it))} is no page of users: name real domains, with https"
        ),
        breaking={"edge.allowedOrigins": ["http://localhost:3000"]},
    ),
    Check(
        requirement="NET-08",
        key="slipway:edge.allowedOrigins",
        holds=lambda it: it.frontend is None or _frontend_origin(it) in it.edge.allowed_origins,
        message=lambda it: f"lacks {_frontend_origin(it)}, which the pages are opened by",
        breaking={"edge.allowedOrigins": ["https://elsewhere.example.com"]},
    ),
    Check(
        requirement="NET-12",
        key="slipway:solana.rpcUrls",
        holds=lambda it: not _foreign_nodes(it),
        message=lambda it: (
            f"{', '.join(_foreign_nodes(it))} answers for another cluster than {it.solana.cluster}"
        ),
        breaking={"solana.rpcUrls": ["https://api.testnet.solana.com"]},
    ),
    Check(
        requirement="MON-02",
        key="slipway:alerts.pagingSecret",
        holds=lambda it: it.alerts.paging_secret is not None,
        message=lambda it: f"{it.tier} pages somebody: name the secret with the integration key",
        breaking={"alerts.pagingSecret": None},
    ),
    Check(
        requirement="NOTE-07",
        key="slipway:alerts",
        holds=lambda it: it.alerts.chat is not None and bool(it.alerts.sms),
        message=lambda it: (
            f"{it.tier} tells what is critical in chat and by text message, too: give chat (a "
            "workspace and its channels) and sms (numbers)"
        ),
        breaking={"alerts.sms": []},
    ),
    Check(
        requirement="MON-04",
        key="slipway:metrics",
        holds=lambda it: it.metrics is not None,
        message=lambda it: f"{it.tier} measures every service: name the image of the collector",
        breaking={"metrics": None},
    ),
    Check(
        requirement="MON-04",
        key="slipway:services",
        holds=lambda it: not _unmeasured(it),
        message=lambda it: (
            f"{', '.join(_unmeasured(it))} publishes no metrics: give the metricsPort of each"
        ),
        breaking={"services.api.metricsPort": None},
    ),
    Check(
        requirement="MON-08",
        key="slipway:services",
        holds=lambda it: not _unasked(it),
        message=lambda it: (
            f"{', '.join(_unasked(it))} cannot be asked from outside whether it is well: give a "
            "publicHealthPath among its paths"
        ),
        breaking={"services.prover.publicHealthPath": None},
    ),
    Check(
        requirement="SMOKE-02",
        key="slipway:smoke.authentication",
        holds=lambda it: it.smoke.authentication is not None or it.smoke.shows(Subject.SIGN_IN),
        message=lambda it: (
            f"{it.tier} tests that the right credential is let in and a wrong one is not: give the "
            "path that wants it and its secret, or a journey that checks sign-in"
        ),
        breaking={"smoke.authentication": None, "smoke.journeys": {}},
    ),
    Check(
        requirement="SMOKE-03",
        key="slipway:smoke.journeys",
        holds=lambda it: it.smoke.shows(Subject.CORE),
        message=lambda it: (
            f"{it.tier} tests the product's critical path: give a journey, or a command, that "
            "checks core"
        ),
        breaking={"smoke.journeys": {}},
    ),
    Check(
        requirement="SMOKE-05",
        key="slipway:smoke.journeys",
        holds=lambda it: it.smoke.shows(Subject.DATA),
        message=lambda it: (
            f"{it.tier} tests that a record is written and read back: give a journey, or a "
            "command, that checks data"
        ),
        breaking={"smoke.journeys": {}},
    ),
    Check(
        requirement="ENV-10",
        key="slipway:aws.endpoint",
        holds=lambda it: it.aws.endpoint is None,
        message=lambda it: f"names an emulator, and {it.tier} runs in the cloud",
        breaking={"aws.endpoint": "http://127.0.0.1:5555"},
    ),
    Check(
        requirement="ENV-11",
        key="slipway:aws.endpoint",
        holds=lambda it: it.aws.endpoint is None,
        message=lambda it: f"names an emulator, and {it.tier} serves live users",
        breaking={"aws.endpoint": "http://127.0.0.1:5555"},
    ),
)


def broken(environment: Environment) -> Iterator[Check]:
    """The checks that apply to `environment` and do not hold."""
    return (
        check
        for check in CHECKS
        if environment.tier in check.tiers and not check.holds(environment)
    )
