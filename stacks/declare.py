"""The one function that wires the components into an environment."""

from pulumi import ResourceOptions, export

from environments import Environment
from stacks.access_watch import AccessWatch, AccessWatchArguments
from stacks.api_keys import ApiKeys, ApiKeysArguments
from stacks.artifacts import Artifacts, ArtifactsArguments
from stacks.backup import Backups, BackupsArguments
from stacks.boundary import bind_roles
from stacks.cache import Cache, CacheArguments
from stacks.cdn import Cdn, CdnArguments
from stacks.database import Database, DatabaseArguments
from stacks.database_watch import DatabaseWatch, DatabaseWatchArguments
from stacks.edge import Edge, EdgeArguments
from stacks.frontend import Frontend, FrontendArguments
from stacks.intrusion_watch import IntrusionWatch, IntrusionWatchArguments
from stacks.keys import Keys, KeysArguments
from stacks.log_archive import LogArchive, LogArchiveArguments
from stacks.naming import Names
from stacks.network import Network, NetworkArguments
from stacks.observability import Watched, observe
from stacks.one_off import OneOffTasks, OneOffTasksArguments
from stacks.prometheus.workspace import Prometheus, PrometheusArguments
from stacks.providers import make_providers
from stacks.records import Records, RecordsArguments
from stacks.scheduled import ScheduledTasks, ScheduledTasksArguments
from stacks.service import Platform
from stacks.services import Services
from stacks.topics import Topics, TopicsArguments


def declare(environment: Environment) -> None:
    """Declare everything that `environment` is made of."""
    bind_roles(environment)
    providers = make_providers(environment)
    inside = ResourceOptions(providers={"aws": providers.main})
    keys = Keys(
        "keys", KeysArguments(environment=environment, backup_provider=providers.backup), inside
    )
    topics = Topics(
        "topics", TopicsArguments(environment=environment, key_arn=keys.topics_arn), inside
    )
    prometheus = (
        Prometheus(
            "prometheus",
            PrometheusArguments(environment=environment, keys=keys, topics=topics),
            inside,
        )
        if environment.metrics is not None
        else None
    )
    network = Network(
        "network", NetworkArguments(environment=environment, logs_key_arn=keys.logs_arn), inside
    )
    cdn = (
        Cdn(
            "cdn",
            CdnArguments(environment=environment),
            ResourceOptions(provider=providers.worldwide),
        )
        if environment.uses_cdn
        else None
    )
    edge = Edge(
        "edge",
        EdgeArguments(
            environment=environment,
            vpc_id=network.vpc_id,
            public_subnet_ids=network.public_subnet_ids,
            logs_key_arn=keys.logs_arn,
            warning_topic_arn=topics.warning_arn,
            cdn=cdn,
            worldwide=providers.worldwide,
        ),
        inside,
    )
    frontend = (
        Frontend(
            "frontend",
            FrontendArguments(
                environment=environment,
                frontend=environment.frontend,
                cdn=cdn,
                zone_id=edge.zone_id,
                log_bucket=edge.log_bucket,
                worldwide=providers.worldwide,
            ),
            inside,
        )
        if cdn and environment.frontend
        else None
    )
    database = Database(
        "database",
        DatabaseArguments(environment=environment, network=network, keys=keys, topics=topics),
        inside,
    )
    backups = (
        Backups(
            "backups",
            BackupsArguments(
                environment=environment,
                backup_provider=providers.backup,
                keys=keys,
                database=database,
            ),
            inside,
        )
        if environment.must("BAK-02")
        else None
    )
    cache = (
        Cache(
            "cache",
            CacheArguments(
                environment=environment,
                record=environment.cache,
                network=network,
                keys=keys,
                topics=topics,
            ),
            inside,
        )
        if environment.cache
        else None
    )
    api_keys = (
        ApiKeys(
            "api-keys",
            ApiKeysArguments(environment=environment, keys=keys, topics=topics),
            inside,
        )
        if environment.must("KEY-03")
        else None
    )
    services = Services(
        "services",
        Platform(
            environment=environment,
            network=network,
            edge=edge,
            keys=keys,
            database=database,
            cache=cache,
            api_keys=api_keys,
            prometheus=prometheus,
            topics=topics,
        ),
        inside,
    )
    tasks = OneOffTasks(
        "tasks",
        OneOffTasksArguments(
            environment=environment,
            network=network,
            keys=keys,
            database=database,
            topics=topics,
            api_keys=api_keys,
        ),
        inside,
    )
    if environment.must("COMP-08"):
        ScheduledTasks(
            "scheduled-tasks",
            ScheduledTasksArguments(
                environment=environment, network=network, tasks=tasks, services=services
            ),
            inside,
        )
    mcp = None
    if environment.kubernetes is not None:
        # Loading the SDK of Kubernetes takes a second, which others need not wait.
        from stacks.kubernetes.mcp import Mcp, McpArguments  # noqa: PLC0415

        mcp = Mcp(
            "mcp",
            McpArguments(
                environment=environment,
                record=environment.kubernetes,
                keys=keys,
                topics=topics,
                network=network,
                edge=edge,
                services=services,
            ),
            inside,
        ).published
    observe(
        Watched(
            environment=environment,
            keys=keys,
            topics=topics,
            edge=edge,
            services=services,
            database=database,
            backups=backups,
        ),
        inside,
    )
    if environment.must("ROLL-05"):
        Artifacts(
            "artifacts",
            ArtifactsArguments(
                environment=environment,
                keys=keys,
                copy_provider=providers.backup,
                log_bucket=edge.log_bucket,
            ),
            inside,
        )
    if environment.must("LOG-06"):
        LogArchive(
            "log-archive",
            LogArchiveArguments(environment=environment, keys=keys, log_bucket=edge.log_bucket),
            inside,
        )
    if environment.must("LOG-03"):
        names = Names(environment)
        AccessWatch(
            "access-watch",
            AccessWatchArguments(
                environment=environment,
                topics=topics,
                log_groups={
                    "flow": names.path("flow"),
                    "firewall": f"aws-waf-logs-{names.of('edge')}",
                },
                made_by=[network, edge],
            ),
            inside,
        )
    if environment.must("ROLL-09"):
        IntrusionWatch(
            "intrusion-watch",
            IntrusionWatchArguments(environment=environment, topics=topics),
            inside,
        )
    DatabaseWatch(
        "database-watch",
        DatabaseWatchArguments(
            environment=environment, topics=topics, database=database, backups=backups
        ),
        inside,
    )
    Records(
        "records",
        RecordsArguments(
            environment=environment,
            keys=keys,
            network=network,
            edge=edge,
            database=database,
            services=services,
            backups=backups,
            tasks=tasks,
            frontend=frontend,
            mcp=mcp,
            log_bucket=edge.log_bucket,
        ),
        inside,
    )
    export("domain", edge.domain)
