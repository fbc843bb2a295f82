"""The proxy that services reach the database through: it pools their connections."""

from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import ec2, iam, rds

from environments import Environment
from stacks.keys import Keys
from stacks.logs import LogKind, log_group
from stacks.naming import Names
from stacks.network import Network
from stacks.statements import assumed_by_own
from stacks.ways import Way, open_way

PORT: Final = 5432
"""Where RDS Proxy listens for PostgreSQL; it offers no other port."""
_BORROWING_SECONDS: Final = 30  # the longest that a request waits for a connection
_IDLE_SECONDS: Final = 1800
_CONNECTIONS_PERCENT: Final = 90  # the rest is for migrations, checks and whoever repairs


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseProxyArguments:
    """What the proxy of a database is made from."""

    environment: Environment
    network: Network
    keys: Keys
    cluster_identifier: Input[str]
    cluster_resource_id: Output[str]
    database_security_group_id: Input[str]
    instances: list[rds.ClusterInstance]


class DatabaseProxy(ComponentResource):
    """RDS Proxy in front of the cluster, over TLS alone, where everybody signs in by IAM.

    Makes the proxy with its target, security group, log group and role, and an endpoint for reads
    alone where there are replicas.
    IAM is used on both ways, to the proxy and from it to the database: application roles have no
    password that could be lost, and only those that the services are named after may pass.
    """

    endpoint: Output[str]
    reader_endpoint: Output[str] | None
    resource_id: Output[str]
    """What IAM names the proxy by when a user signs in; known after the apply."""
    security_group_id: Output[str]
    log_group_name: Output[str]

    def __init__(
        self, name: str, arguments: DatabaseProxyArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:database:DatabaseProxy", name, opts=options)
        self._arguments = arguments
        self._names = names = Names(arguments.environment)
        self._inside = inside = ResourceOptions(parent=self)
        self._identifier = identifier = names.of("database")
        group = self._security_group()
        self.security_group_id = group.id
        # RDS would make the group on its first line, unencrypted and kept for ever.
        log = log_group(
            "database-proxy",
            LogKind.AUDIT,
            environment=arguments.environment,
            key_arn=arguments.keys.logs_arn,
            parent=self,
            physical_name=f"/aws/rds/proxy/{identifier}",
        )
        self.log_group_name = log.name
        proxy = rds.Proxy(
            "database",
            name=identifier,
            engine_family="POSTGRESQL",
            default_auth_scheme="IAM_AUTH",
            require_tls=True,
            idle_client_timeout=_IDLE_SECONDS,
            role_arn=self._role().arn,
            vpc_security_group_ids=[group.id],
            vpc_subnet_ids=arguments.network.data_subnet_ids,
            opts=ResourceOptions(parent=self, depends_on=[log]),
        )
        targets = rds.ProxyDefaultTargetGroup(
            "database",
            db_proxy_name=proxy.name,
            connection_pool_config=rds.ProxyDefaultTargetGroupConnectionPoolConfigArgs(
                connection_borrow_timeout=_BORROWING_SECONDS,
                max_connections_percent=_CONNECTIONS_PERCENT,
            ),
            opts=inside,
        )
        rds.ProxyTarget(
            "database",
            db_proxy_name=proxy.name,
            target_group_name=targets.name,
            db_cluster_identifier=arguments.cluster_identifier,
            # A cluster without instances cannot be a target.
            opts=ResourceOptions(parent=self, depends_on=arguments.instances),
        )
        self.endpoint = proxy.endpoint
        self.resource_id = proxy.arn.apply(lambda arn: arn.rpartition(":")[2])
        self.reader_endpoint = None
        if arguments.environment.database.replicas.min:
            self.reader_endpoint = rds.ProxyEndpoint(
                "database-reader",
                db_proxy_name=proxy.name,
                db_proxy_endpoint_name=names.of("database", "reader"),
                target_role="READ_ONLY",
                vpc_security_group_ids=[group.id],
                vpc_subnet_ids=arguments.network.data_subnet_ids,
                opts=inside,
            ).endpoint
        self.register_outputs({})

    def _security_group(self) -> ec2.SecurityGroup:
        """Let the proxy reach the database; services open the proxy for themselves."""
        arguments, port = self._arguments, self._arguments.environment.database.port
        group = ec2.SecurityGroup(
            "database-proxy",
            name=self._names.of("database-proxy"),
            description="The proxy of the database; each service opens it for itself",
            vpc_id=arguments.network.vpc_id,
            opts=self._inside,
        )
        way = Way(
            source="database-proxy",
            source_group=group.id,
            target="database",
            target_group=arguments.database_security_group_id,
            port=port,
            who="The proxy",
        )
        open_way(way, parent=self)
        return group

    def _role(self) -> iam.Role:
        """The role that the proxy signs in to the database with, as a service's user alone."""
        names, environment = self._names, self._arguments.environment
        role = iam.Role(
            "database-proxy",
            name=names.of("database-proxy"),
            description="Lets RDS Proxy sign in to the database as the users of services",
            assume_role_policy=assumed_by_own("rds.amazonaws.com"),
            opts=self._inside,
        )
        users = [
            Output.concat(
                names.arn("rds-db", "dbuser:"), self._arguments.cluster_resource_id, f"/{user}"
            )
            for user in database_users(environment)
        ]
        iam.RolePolicy(
            "database-proxy",
            name="database-proxy",
            role=role.name,
            policy=Output.json_dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Effect": "Allow", "Action": "rds-db:connect", "Resource": users}
                    ],
                }
            ),
            opts=self._inside,
        )
        return role


def database_user(service: str) -> str:
    """The user that `service` signs in to the database as: its own, made by a task (DB-07)."""
    return service.replace("-", "_")


def database_users(environment: Environment) -> list[str]:
    """The users of all services that sign in to the database."""
    services = environment.services.items()
    return sorted(database_user(name) for name, service in services if service.database)
