"""The cache of an environment: Valkey on ElastiCache, where each service signs in as itself."""

from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Output, ResourceOptions
from pulumi_aws import ec2, elasticache, ssm

from environments import Environment
from environments.cache import Cache as Record
from stacks.keys import Keys
from stacks.logs import LogKind, log_group
from stacks.metrics import Alarm, Formula, Limit, Metric, declare_alarm
from stacks.naming import Names
from stacks.network import Network
from stacks.statements import Statement
from stacks.topics import Topics
from standards import figure

_IDENTIFIER: Final = 40  # characters that ElastiCache takes
_MEASURED_SECONDS: Final = 3600  # a rate over fewer requests swings by itself
_COMMANDS: Final = "on ~* &* +@all -@dangerous -@admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheArguments:
    """What the cache of an environment is made from."""

    environment: Environment
    record: Record
    network: Network
    keys: Keys
    topics: Topics


class Cache(ComponentResource):
    """A Valkey replication group over several zones, encrypted, over TLS alone (PERF-03).

    Makes the group with its subnets, parameters, security group (which services open for
    themselves) and log; a user for each service, who signs in by IAM; the parameter that publishes
    the endpoint; and the alarms on the hit rate, which are information and page nobody.
    """

    security_group_id: Output[str]
    endpoint_parameter: ssm.Parameter
    port: int

    def __init__(
        self, name: str, arguments: CacheArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:cache:Cache", name, opts=options)
        self._arguments = arguments
        self._names = names = Names(arguments.environment)
        self._inside = inside = ResourceOptions(parent=self)
        self._identifier = names.of("cache", limit=_IDENTIFIER)
        self.port = arguments.record.port
        group = ec2.SecurityGroup(
            "cache",
            name=names.of("cache"),
            description="The cache; each service opens it for itself, and nothing leaves it",
            vpc_id=arguments.network.vpc_id,
            opts=inside,
        )
        self.security_group_id = group.id
        replication_group = self._replication_group()
        self.endpoint_parameter = ssm.Parameter(
            "cache-endpoint",
            name=names.path("cache", "endpoint"),
            type=ssm.ParameterType.STRING,
            value=replication_group.primary_endpoint_address,
            opts=inside,
        )
        if arguments.environment.must("PERF-03"):
            self._watch(replication_group)
        self.register_outputs({})

    def connects(self, service: str) -> list[Statement]:
        """Let `service` sign in to the cache as its own user."""
        names = self._names
        return [
            {
                "Sid": "Cache",
                "Effect": "Allow",
                "Action": "elasticache:Connect",
                "Resource": [
                    names.arn("elasticache", f"replicationgroup:{self._identifier}"),
                    names.arn("elasticache", f"user:{self._user(service)}"),
                ],
            }
        ]

    def variables(self, service: str) -> dict[str, str]:
        """What `service` is told of the cache, beside its address."""
        return {
            "CACHE_NAME": self._identifier,
            "CACHE_PORT": str(self.port),
            "CACHE_USER": self._user(service),
        }

    def _user(self, service: str) -> str:
        # IAM asks for a user whose name and id are one.
        return self._names.of("cache", service, limit=_IDENTIFIER)

    def _replication_group(self) -> elasticache.ReplicationGroup:
        arguments, names = self._arguments, self._names
        record = arguments.record
        subnets = elasticache.SubnetGroup(
            "cache",
            name=self._identifier,
            description="The data subnets, which no internet route reaches",
            subnet_ids=arguments.network.data_subnet_ids,
            opts=self._inside,
        )
        major = record.engine_version.partition(".")[0]
        parameters = elasticache.ParameterGroup(
            "cache",
            name=f"{self._identifier}-{major}",
            family=f"valkey{major}",
            description="What is used least goes first when memory is full",
            parameters=[
                elasticache.ParameterGroupParameterArgs(
                    name="maxmemory-policy", value="allkeys-lru"
                )
            ],
            opts=self._inside,
        )
        log = log_group(
            "cache",
            LogKind.APPLICATION,
            environment=arguments.environment,
            key_arn=arguments.keys.logs_arn,
            parent=self,
        )
        return elasticache.ReplicationGroup(
            "cache",
            replication_group_id=self._identifier,
            description=f"The cache of {arguments.environment.name}",
            engine="valkey",
            engine_version=record.engine_version,
            node_type=record.node_type,
            num_cache_clusters=1 + record.replicas,
            port=record.port,
            parameter_group_name=parameters.name,
            subnet_group_name=subnets.name,
            security_group_ids=[self.security_group_id],
            automatic_failover_enabled=True,
            multi_az_enabled=True,
            at_rest_encryption_enabled=True,
            kms_key_id=arguments.keys.data_arn,
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            user_group_ids=[self._users()],
            auto_minor_version_upgrade=True,
            snapshot_retention_limit=record.snapshot_retention_days,
            snapshot_window="02:30-03:30",
            maintenance_window="sun:05:00-sun:06:00",
            log_delivery_configurations=[
                elasticache.ReplicationGroupLogDeliveryConfigurationArgs(
                    destination=names.path("cache"),
                    destination_type="cloudwatch-logs",
                    log_format="json",
                    log_type="slow-log",
                )
            ],
            opts=ResourceOptions(
                parent=self,
                depends_on=[log],
                # AWS applies minor versions by itself: the record's is what a new one starts with.
                ignore_changes=["engineVersion"],
            ),
        )

    def _users(self) -> Output[str]:
        """A user for each service, without a password: IAM signs it in."""
        users = [
            elasticache.User(
                f"cache-{service}",
                user_id=self._user(service),
                user_name=self._user(service),
                engine="valkey",
                access_string=_COMMANDS,
                authentication_mode=elasticache.UserAuthenticationModeArgs(type="iam"),
                opts=self._inside,
            )
            for service in self._arguments.environment.services
        ]
        return elasticache.UserGroup(
            "cache",
            user_group_id=self._identifier,
            engine="valkey",
            user_ids=[user.user_id for user in users],
            opts=self._inside,
        ).user_group_id

    def _watch(self, group: elasticache.ReplicationGroup) -> None:
        """Say when the hit rate leaves its band: information, on either side (MON-11)."""
        nodes = 1 + self._arguments.record.replicas
        counts = {
            f"{what.lower()}_{node}": Metric(
                namespace="AWS/ElastiCache",
                name=f"Cache{what}",
                statistic="Sum",
                dimensions={
                    "CacheClusterId": Output.concat(group.replication_group_id, f"-{node:03}")
                },
            )
            for what in ("Hits", "Misses")
            for node in range(1, nodes + 1)
        }
        hits, misses = (
            f"SUM([{', '.join(key for key in counts if key.startswith(what))}])"
            for what in ("hits", "misses")
        )
        for name, says, key in (
            ("cache-hit-rate-low", "below", "cache_hit_rate_min_percent"),
            ("cache-hit-rate-high", "above", "cache_hit_rate_max_percent"),
        ):
            percent = figure("MON-11", key).percent
            declare_alarm(
                Alarm(
                    name=name,
                    summary=f"The cache's hit rate is {says} {percent:g} %",
                    watched=Formula(text=f"100 * {hits} / ({hits} + {misses})", metrics=counts),
                    limit=Limit.of(percent),
                    period=_MEASURED_SECONDS,
                    runbook="cache",
                ),
                physical_name=self._names.of(name, limit=255),
                actions=[self._arguments.topics.info_arn],
                parent=self,
            )
