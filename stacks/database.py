"""The database of an environment: a PostgreSQL cluster that survives the loss of a zone."""

from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Output, ResourceOptions
from pulumi_aws import ec2, iam, rds, ssm

from environments import Environment
from environments.database import Insights
from stacks.database_events import Sources, subscribe
from stacks.database_parameters import cluster_parameters, instance_parameters
from stacks.database_proxy import PORT, DatabaseProxy, DatabaseProxyArguments
from stacks.database_replicas import scale_replicas
from stacks.keys import Keys
from stacks.logs import LogKind, log_group
from stacks.naming import Names
from stacks.network import Network
from stacks.statements import assumed_by
from stacks.topics import Topics

_ENGINE: Final = rds.EngineType.AURORA_POSTGRESQL
ADMINISTRATOR: Final = "slipway_owner"
"""No vendor's default. It makes the application roles once and is not used again (DB-08)."""
_MONITORING_SECONDS: Final = 60
_INSIGHTS_DAYS: Final = {Insights.STANDARD: 7, Insights.ADVANCED: 465}  # what AWS keeps


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseArguments:
    """What the database of an environment is made from."""

    environment: Environment
    network: Network
    keys: Keys
    topics: Topics


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Where services reach the database: at its proxy, or at the cluster itself."""

    security_group_id: Output[str]
    """Which each service opens for itself."""
    port: int
    resource_id: Output[str]
    """What IAM names it by when a user signs in; known after the apply."""


class Database(ComponentResource):
    """An Aurora PostgreSQL cluster: encrypted, over TLS alone, restorable to any second.

    Makes the cluster with its parameters, subnets and security group; the writer, and replicas in
    other zones; their log and monitoring role; the proxy that services reach it through; scaling of
    the replicas; subscriptions to its events; and the parameters that publish its endpoints.

    The administrator's password is made, kept and rotated every week by Secrets Manager. Nobody
    signs in with it but the one-off task that makes the application roles.
    """

    cluster_identifier: Output[str]
    cluster_arn: Output[str]
    """Known before the first apply."""
    cluster_resource_id: Output[str]
    """What IAM names the cluster by when a user signs in; known after the apply."""
    endpoint: Output[str]
    secret_arn: Output[str]
    """Of the administrator's password."""
    security_group_id: Output[str]
    parameter_group_name: Output[str]
    log_group_name: Output[str]
    readers: list[rds.ClusterInstance]
    endpoint_parameter: ssm.Parameter
    """Where services read the address to connect to."""
    entry: Entry
    proxy_log_group_name: Output[str] | None

    def __init__(
        self, name: str, arguments: DatabaseArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:database:Database", name, opts=options)
        self._arguments = arguments
        self._environment = environment = arguments.environment
        self._names = names = Names(environment)
        self._inside = ResourceOptions(parent=self)
        group = ec2.SecurityGroup(
            "database",
            name=names.of("database"),
            description="The database; each service opens it for itself, and nothing leaves it",
            vpc_id=arguments.network.vpc_id,
            opts=self._inside,
        )
        self.security_group_id = group.id
        cluster = self._cluster()
        self.cluster_identifier = cluster.cluster_identifier
        self.cluster_arn = Output.concat(names.arn("rds", "cluster:"), cluster.cluster_identifier)
        self.cluster_resource_id = cluster.cluster_resource_id
        self.endpoint = cluster.endpoint
        self.secret_arn = cluster.master_user_secrets[0].secret_arn
        parameters = self._instance_parameters()
        instances = self._instances(cluster, parameters)
        self.readers = instances[1:]
        if environment.must("SCALE-02"):
            scale_replicas(environment, cluster, instances, self)
        subscribe(
            Sources(cluster=cluster, instances=instances, parameters=parameters),
            names=names,
            topics=arguments.topics,
            parent=self,
        )
        proxy = self._proxy(cluster, instances) if environment.database.proxy else None
        self.entry = Entry(
            security_group_id=proxy.security_group_id if proxy else group.id,
            port=PORT if proxy else environment.database.port,
            resource_id=proxy.resource_id if proxy else cluster.cluster_resource_id,
        )
        self.proxy_log_group_name = proxy.log_group_name if proxy else None
        reader = proxy.reader_endpoint if proxy else None
        self.endpoint_parameter = self._publish(
            "endpoint", proxy.endpoint if proxy else cluster.endpoint
        )
        self._publish("reader-endpoint", reader or cluster.reader_endpoint)
        self._publish("cluster-endpoint", cluster.endpoint)
        self.register_outputs({})

    def _cluster(self) -> rds.Cluster:
        environment, names, keys = self._environment, self._names, self._arguments.keys
        database = environment.database
        identifier = names.of("database")
        subnets = rds.SubnetGroup(
            "database",
            name=identifier,
            description="The data subnets, which no internet route reaches",
            subnet_ids=self._arguments.network.data_subnet_ids,
            opts=self._inside,
        )
        major = database.engine_version.partition(".")[0]
        parameters = cluster_parameters(identifier, major, self._inside)
        self.parameter_group_name = parameters.name
        # Aurora would make the group on its first line, unencrypted and kept for ever.
        log = log_group(
            "database",
            LogKind.AUDIT,
            environment=environment,
            key_arn=keys.logs_arn,
            parent=self,
            physical_name=f"/aws/rds/cluster/{identifier}/postgresql",
        )
        self.log_group_name = log.name
        is_protected = environment.is_stateful_protected
        return rds.Cluster(
            "database",
            cluster_identifier=identifier,
            engine=_ENGINE,
            engine_version=database.engine_version,
            database_name=database.name,
            port=database.port,
            master_username=ADMINISTRATOR,
            manage_master_user_password=True,
            master_user_secret_kms_key_id=keys.data_arn,
            iam_database_authentication_enabled=True,
            storage_encrypted=True,
            kms_key_id=keys.data_arn,
            db_subnet_group_name=subnets.name,
            db_cluster_parameter_group_name=parameters.name,
            vpc_security_group_ids=[self.security_group_id],
            backup_retention_period=database.backup_retention_days,
            # Between two backups of the plan: an instance that restarts cannot be backed up.
            preferred_backup_window="02:00-02:30",
            preferred_maintenance_window="sun:06:00-sun:07:00",
            copy_tags_to_snapshot=True,
            deletion_protection=is_protected,
            skip_final_snapshot=not is_protected,
            final_snapshot_identifier=f"{identifier}-final" if is_protected else None,
            enabled_cloudwatch_logs_exports=["postgresql"],
            database_insights_mode=database.insights.value,
            performance_insights_enabled=True,
            performance_insights_kms_key_id=keys.insights_arn,
            performance_insights_retention_period=_INSIGHTS_DAYS[database.insights],
            opts=ResourceOptions(
                parent=self,
                protect=is_protected,
                depends_on=[log],
                # AWS applies minor versions by itself (auto_minor_version_upgrade): the one in the
                # record is what a new cluster starts with, and must not be forced back.
                ignore_changes=["engineVersion"],
            ),
        )

    def _instance_parameters(self) -> rds.ParameterGroup:
        major = self._environment.database.engine_version.partition(".")[0]
        return instance_parameters(self._names.of("database"), major, self._inside)

    def _instances(
        self, cluster: rds.Cluster, parameters: rds.ParameterGroup
    ) -> list[rds.ClusterInstance]:
        """The writer and its replicas, each in the zone after the one before.

        All write to one storage that spans three zones, so a replica is a synchronous standby.
        """
        environment, keys = self._environment, self._arguments.keys
        zones = environment.network.zones
        role = self._monitoring_role()
        return [
            rds.ClusterInstance(
                f"database-{index}",
                identifier=self._names.of("database", str(index)),
                cluster_identifier=cluster.id,
                engine=_ENGINE,
                instance_class=environment.database.instance_class,
                availability_zone=zones[index % len(zones)],
                promotion_tier=index,
                publicly_accessible=False,
                auto_minor_version_upgrade=True,
                copy_tags_to_snapshot=True,
                ca_cert_identifier="rds-ca-rsa2048-g1",
                monitoring_interval=_MONITORING_SECONDS,
                monitoring_role_arn=role.arn,
                performance_insights_enabled=True,
                performance_insights_kms_key_id=keys.insights_arn,
                performance_insights_retention_period=_INSIGHTS_DAYS[environment.database.insights],
                db_parameter_group_name=parameters.name,
                opts=self._inside,
            )
            for index in range(1 + environment.database.replicas.min)
        ]

    def _proxy(self, cluster: rds.Cluster, instances: list[rds.ClusterInstance]) -> DatabaseProxy:
        arguments = self._arguments
        return DatabaseProxy(
            "database-proxy",
            DatabaseProxyArguments(
                environment=self._environment,
                network=arguments.network,
                keys=arguments.keys,
                cluster_identifier=cluster.cluster_identifier,
                cluster_resource_id=cluster.cluster_resource_id,
                database_security_group_id=self.security_group_id,
                instances=instances,
            ),
            self._inside,
        )

    def _monitoring_role(self) -> iam.Role:
        """The role that RDS reports the instances' processes, memory and disks with (MON-05)."""
        names = self._names
        role = iam.Role(
            "database-monitoring",
            name=names.of("database-monitoring"),
            description="Lets RDS write the metrics of the database's instances",
            assume_role_policy=assumed_by("monitoring.rds.amazonaws.com", names),
            opts=self._inside,
        )
        iam.RolePolicyAttachment(
            "database-monitoring",
            role=role.name,
            policy_arn=f"arn:{names.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole",
            opts=self._inside,
        )
        return role

    def _publish(self, name: str, value: Output[str]) -> ssm.Parameter:
        return ssm.Parameter(
            name,
            name=self._names.path("database", name),
            type=ssm.ParameterType.STRING,
            value=value,
            opts=self._inside,
        )
