"""One service on Fargate, twice over: the side that serves, and the one that a release goes to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from pulumi import ComponentResource, CustomTimeouts, Input, Output, Resource, ResourceOptions
from pulumi_aws import ec2, ecs, lb, vpc

from environments import Environment
from environments import Service as Record
from stacks.api_keys import ApiKeys
from stacks.cache import Cache
from stacks.database import Database
from stacks.database_proxy import database_user
from stacks.edge import Edge
from stacks.keys import Keys
from stacks.logs import LogKind, log_group
from stacks.metrics import Metric
from stacks.naming import Names, mcp_domain
from stacks.network import Network
from stacks.prometheus.collector import collector, writes
from stacks.prometheus.workspace import Prometheus, endpoint_path
from stacks.queues import JobQueue, JobQueueArguments
from stacks.roles import Roles, RolesArguments, secret_path
from stacks.rollout import Rollout, rollout_alarms
from stacks.scaling import Scaling, ScalingArguments
from stacks.service_secrets import declare_secrets
from stacks.sides import FIRST, Side
from stacks.statements import Statement
from stacks.tasks import SCRATCH, Container, container_definitions
from stacks.topics import Topics
from stacks.ways import Way, open_https, open_way
from standards import figure

_DRAINING_SECONDS: Final = 60  # longer than any request takes
_LONGEST_PATH: Final = 128  # of a rule's condition, in characters; AWS's limit
_SLOTS: Final = 300  # priorities for each length and side: 131 times 300 fit into 50,000


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What the services of an environment stand on."""

    environment: Environment
    network: Network
    edge: Edge
    keys: Keys
    database: Database
    cache: Cache | None
    api_keys: ApiKeys | None
    prometheus: Prometheus | None
    topics: Topics


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceArguments:
    """What one service is made from."""

    platform: Platform
    service: str
    record: Record
    cluster_arn: Input[str]
    cluster_name: Output[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOutputs:
    """What alarms, dashboards and releases know a service by."""

    cluster_name: Output[str]
    service_names: Mapping[Side, Output[str]]
    target_group_arn_suffixes: Mapping[Side, Output[str]]
    """None for a service without public traffic."""
    rule_arn: Output[str] | None
    """Of the listener rule that spreads requests over the sides."""
    security_group_id: Output[str]
    log_group_name: Output[str]
    queue_name: Output[str] | None
    dead_letter_queue_name: Output[str] | None


class Service(ComponentResource):
    """One service: its tasks on two sides, what they may do, and how they are reached.

    Makes the log group, security group, secrets, roles, the queue if it has one, and the task
    definition; for public services a target group for each side and the rule that spreads requests
    over them; for each side an ECS service and its scaling.
    """

    outputs: ServiceOutputs

    def __init__(
        self, name: str, arguments: ServiceArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:services:Service", name, opts=options)
        self._arguments = arguments
        self._service, self._record = arguments.service, arguments.record
        self._platform = arguments.platform
        self._environment = environment = arguments.platform.environment
        self._names = Names(environment)
        self._inside = ResourceOptions(parent=self)
        logs = log_group(
            self._service,
            LogKind.APPLICATION,
            environment=environment,
            key_arn=self._platform.keys.logs_arn,
            parent=self,
        )
        group = self._security_group()
        declare_secrets(
            self._service,
            self._record.secrets,
            environment=environment,
            key_arn=self._platform.keys.data_arn,
            parent=self,
        )
        queue = self._queue()
        roles = self._roles(queue)
        definition = self._task_definition(roles, queue)
        groups = {side: self._target_group(side) for side in Side} if self._record.is_public else {}
        waits_for: list[Resource] = [
            logs,
            *roles.policies,
        ]
        if self._record.database:
            waits_for.append(self._platform.database.endpoint_parameter)
        if self._platform.cache:
            waits_for.append(self._platform.cache.endpoint_parameter)
        rule = self._listener_rule(groups) if groups else None
        if rule:
            waits_for.append(rule)
        if header := self._environment.smoke.side_header:
            for side, target_group in groups.items():
                self._side_rule(side, target_group, header)
        if self._platform.prometheus is not None:
            waits_for.append(self._platform.prometheus.endpoint_parameter)
        self._guards = rollout_alarms(self._rollout(groups, queue), self)
        waits_for += self._guards
        services: dict[Side, ecs.Service] = {}
        for side in Side:
            services[side] = self._side(side, definition, group, groups.get(side), waits_for)
            self._scaling(side, services[side], groups.get(side), queue)
        self.outputs = ServiceOutputs(
            cluster_name=arguments.cluster_name,
            service_names={side: service.name for side, service in services.items()},
            target_group_arn_suffixes={side: group.arn_suffix for side, group in groups.items()},
            rule_arn=rule.arn if rule else None,
            security_group_id=group.id,
            log_group_name=logs.name,
            queue_name=queue.name if queue else None,
            dead_letter_queue_name=queue.dead_letter_name if queue else None,
        )
        self.register_outputs({})

    def _security_group(self) -> ec2.SecurityGroup:
        """Accept traffic from the load balancer alone; reach the database, and the rest by TLS."""
        service, port = self._service, self._record.port
        group = ec2.SecurityGroup(
            service,
            name=self._names.of(service),
            description=f"The tasks of {service}",
            vpc_id=self._platform.network.vpc_id,
            opts=self._inside,
        )
        if self._record.is_public:
            vpc.SecurityGroupIngressRule(
                f"{service}-from-edge",
                description="The load balancer",
                security_group_id=group.id,
                referenced_security_group_id=self._platform.edge.security_group_id,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                opts=self._inside,
            )
        open_https(service, group.id, "AWS, and the RPC endpoints of the chain", self)
        if self._record.database:
            database = self._platform.database.entry
            self._open(group.id, "database", database.security_group_id, database.port)
        if cache := self._platform.cache:
            self._open(group.id, "cache", cache.security_group_id, cache.port)
        return group

    def _open(self, own: Output[str], target: str, its: Output[str], port: int) -> None:
        """Let the service out to `target`, and in there."""
        way = Way(
            source=self._service,
            source_group=own,
            target=target,
            target_group=its,
            port=port,
        )
        open_way(way, parent=self)

    def _queue(self) -> JobQueue | None:
        if not self._record.queue:
            return None
        return JobQueue(
            f"{self._service}-jobs",
            JobQueueArguments(
                environment=self._environment,
                service=self._service,
                key_arn=self._platform.keys.data_arn,
            ),
            self._inside,
        )

    def _roles(self, queue: JobQueue | None) -> Roles:
        return Roles(
            f"{self._service}-roles",
            RolesArguments(
                environment=self._environment,
                service=self._service,
                images=[
                    self._record.image,
                    *([watch.image] if (watch := self._collector()) else []),
                ],
                log_group_name=self._names.path(self._service),
                secret_names=[
                    secret_path(self._names, self._service, variable)
                    for variable in self._record.secrets
                ],
                parameter_names=[
                    *(path for _, path in self._parameters()),
                    *([endpoint_path(self._names)] if self._collector() else []),
                ],
                queue_arn=queue.arn if queue else None,
                database_resource_id=self._platform.database.entry.resource_id,
                database_user=database_user(self._service) if self._record.database else None,
                key_arn=self._platform.keys.data_arn,
                statements=self._statements(),
                encrypts=self._platform.api_keys is not None and self._record.is_public,
            ),
            self._inside,
        )

    def _statements(self) -> list[Statement]:
        """What its code may do beside its queue and its database."""
        cache, api_keys = self._platform.cache, self._platform.api_keys
        return [
            *(cache.connects(self._service) if cache else []),
            *(api_keys.reads(self._service) if api_keys and self._record.is_public else []),
            *(writes(self._names) if self._collector() else []),
        ]

    def _collector(self) -> Container | None:
        """What collects the service's metrics, where it publishes some and they are collected."""
        metrics, port = self._environment.metrics, self._record.metrics_port
        if metrics is None or port is None:
            return None
        return collector(
            self._service,
            port,
            metrics,
            self._environment,
            log_group_name=self._names.path(self._service),
        )

    def _parameters(self) -> list[tuple[str, str]]:
        """The variables that parameters fill, which hold addresses known after an apply."""
        places = [("DATABASE_HOST", "database")] if self._record.database else []
        if self._platform.cache:
            places.append(("CACHE_HOST", "cache"))
        return [(variable, self._names.path(place, "endpoint")) for variable, place in places]

    def _origins(self) -> dict[str, str]:
        """The pages that a public service answers to; the edge refuses all others (NET-08)."""
        origins = self._environment.edge.allowed_origins
        return {"ALLOWED_ORIGINS": ",".join(origins)} if self._record.is_public else {}

    def _task_definition(self, roles: Roles, queue: JobQueue | None) -> ecs.TaskDefinition:
        environment, record = self._environment, self._record
        solana = environment.solana
        variables = {
            **self._sign_in(),
            **self._mcp(),
            "SOLANA_CLUSTER": solana.cluster.value,
            "SOLANA_PROGRAM_ID": solana.program_id,
            "SOLANA_RPC_URLS": ",".join(solana.rpc_urls),
            **self._origins(),
            **(cache.variables(self._service) if (cache := self._platform.cache) else {}),
            **(keys.variables if (keys := self._platform.api_keys) and record.is_public else {}),
            **({"QUEUE_URL": queue.url} if queue else {}),
            **record.variables,
        }
        references = {
            **{
                variable: self._names.arn("ssm", f"parameter{path}")
                for variable, path in self._parameters()
            },
            **{
                variable: self._names.arn(
                    "secretsmanager",
                    f"secret:{secret_path(self._names, self._service, variable)}",
                )
                for variable in record.secrets
            },
        }
        return ecs.TaskDefinition(
            self._service,
            family=self._names.of(self._service),
            container_definitions=container_definitions(
                Container(
                    name=self._service,
                    image=record.image,
                    port=record.port,
                    region=environment.aws.region,
                    log_group_name=self._names.path(self._service),
                    variables=variables,
                    references=references,
                    health_check=record.health_check if record.health_check.command else None,
                ),
                *([watch] if (watch := self._collector()) else []),
            ),
            cpu=str(record.cpu),
            memory=str(record.memory),
            network_mode="awsvpc",
            requires_compatibilities=["FARGATE"],
            runtime_platform=ecs.TaskDefinitionRuntimePlatformArgs(
                cpu_architecture="X86_64", operating_system_family="LINUX"
            ),
            execution_role_arn=roles.execution_arn,
            task_role_arn=roles.task_arn,
            volumes=[ecs.TaskDefinitionVolumeArgs(name=SCRATCH)],
            skip_destroy=True,  # a rollback returns to an earlier revision (ROLL-05)
            opts=self._inside,
        )

    def _sign_in(self) -> dict[str, str]:
        """Where the database is, for a service that uses it; a token of AWS is the password."""
        database = self._environment.database
        if not self._record.database:
            return {}
        return {
            "DATABASE_NAME": database.name,
            "DATABASE_PORT": str(self._platform.database.entry.port),
            "DATABASE_SSLMODE": "verify-full",
            "DATABASE_USER": database_user(self._service),
            **({"DATABASE_URL": database.local_url} if database.local_url else {}),
        }

    def _mcp(self) -> dict[str, str]:
        """Where the MCP server is, for a service that may call it."""
        kubernetes = self._environment.kubernetes
        if kubernetes is None or self._service not in kubernetes.mcp.clients:
            return {}
        return {"MCP_URL": f"https://{mcp_domain(self._environment)}"}

    def _target_group(self, side: Side) -> lb.TargetGroup:
        check = self._record.health_check
        return lb.TargetGroup(
            f"{self._service}-{side}",
            name=self._names.of(self._service, side, limit=32),
            vpc_id=self._platform.network.vpc_id,
            target_type="ip",
            protocol="HTTP",
            port=self._record.port,
            deregistration_delay=_DRAINING_SECONDS,
            health_check=lb.TargetGroupHealthCheckArgs(
                path=check.path,
                matcher="200",
                interval=check.interval_seconds,
                timeout=check.timeout_seconds,
                healthy_threshold=check.healthy_threshold,
                unhealthy_threshold=check.unhealthy_threshold,
            ),
            opts=self._inside,
        )

    def _listener_rule(self, groups: Mapping[Side, lb.TargetGroup]) -> lb.ListenerRule:
        return lb.ListenerRule(
            self._service,
            listener_arn=self._platform.edge.listener_arn,
            priority=priority(self._service, self._record.paths),
            conditions=[
                lb.ListenerRuleConditionArgs(
                    path_pattern=lb.ListenerRuleConditionPathPatternArgs(
                        values=list(self._record.paths)
                    )
                )
            ],
            actions=[
                lb.ListenerRuleActionArgs(
                    type="forward",
                    forward=lb.ListenerRuleActionForwardArgs(
                        target_groups=[
                            lb.ListenerRuleActionForwardTargetGroupArgs(
                                arn=group.arn, weight=100 if side is FIRST else 0
                            )
                            for side, group in groups.items()
                        ]
                    ),
                )
            ],
            # The cutover owns the weights. The groups are a set, in any order once refreshed, so
            # weights cannot be told apart by index: both stay as the cutover left them.
            opts=ResourceOptions(parent=self, ignore_changes=["actions[0].forward.targetGroups"]),
        )

    def _side_rule(self, side: Side, group: lb.TargetGroup, header: str) -> None:
        """Lead what names a side to it, whatever the weights are: tests, before it has users."""
        lb.ListenerRule(
            f"{self._service}-{side}",
            listener_arn=self._platform.edge.listener_arn,
            priority=side_priority(self._service, side),
            conditions=[
                lb.ListenerRuleConditionArgs(
                    http_header=lb.ListenerRuleConditionHttpHeaderArgs(
                        http_header_name=header, values=[f"{self._service}-{side}"]
                    )
                )
            ],
            actions=[lb.ListenerRuleActionArgs(type="forward", target_group_arn=group.arn)],
            opts=self._inside,
        )

    def _rollout(self, groups: Mapping[Side, lb.TargetGroup], queue: JobQueue | None) -> Rollout:
        return Rollout(
            environment=self._environment,
            service=self._service,
            balancer=self._platform.edge.load_balancer_arn_suffix,
            groups={side: group.arn_suffix for side, group in groups.items()},
            queue_name=queue.name if queue else None,
            topics=self._platform.topics,
        )

    def _side(
        self,
        side: Side,
        definition: ecs.TaskDefinition,
        group: ec2.SecurityGroup,
        target_group: lb.TargetGroup | None,
        waits_for: list[Resource],
    ) -> ecs.Service:
        grace = figure("SVC-02", "healthy_wait_max_minutes").seconds
        balancers = (
            [
                ecs.ServiceLoadBalancerArgs(
                    target_group_arn=target_group.arn,
                    container_name=self._service,
                    container_port=self._record.port,
                )
            ]
            if target_group
            else None
        )
        return ecs.Service(
            f"{self._service}-{side}",
            name=self._names.of(self._service, side),
            cluster=self._arguments.cluster_arn,
            task_definition=definition.arn,
            desired_count=self._record.instances.min if side is FIRST else 0,
            launch_type="FARGATE",
            platform_version="LATEST",
            availability_zone_rebalancing="ENABLED",
            deployment_minimum_healthy_percent=100,
            deployment_maximum_percent=200,
            deployment_circuit_breaker=ecs.ServiceDeploymentCircuitBreakerArgs(
                enable=True, rollback=True
            ),
            alarms=ecs.ServiceAlarmsArgs(
                enable=True, rollback=True, alarm_names=[guard.name for guard in self._guards]
            )
            if self._guards
            else None,
            health_check_grace_period_seconds=grace if balancers else None,
            load_balancers=balancers,
            network_configuration=ecs.ServiceNetworkConfigurationArgs(
                subnets=self._platform.network.private_subnet_ids,
                security_groups=[group.id],
                assign_public_ip=False,
            ),
            enable_execute_command=False,  # no hands in a running task (PIPE-10), in any tier
            enable_ecs_managed_tags=True,
            propagate_tags="SERVICE",
            wait_for_steady_state=self._environment.must("SVC-02"),
            opts=ResourceOptions(
                parent=self,
                depends_on=waits_for,
                custom_timeouts=_healthy_in_time(self._environment),
                # A release registers its own revision and moves traffic and instances from one
                # side to the other; scaling changes their number too. An update of the stack must
                # neither bring an old image back nor empty the side that serves.
                ignore_changes=["taskDefinition", "desiredCount"],
            ),
        )

    def _scaling(
        self,
        side: Side,
        service: ecs.Service,
        target_group: lb.TargetGroup | None,
        queue: JobQueue | None,
    ) -> None:
        cluster_name = self._arguments.cluster_name
        Scaling(
            f"{self._service}-{side}-scaling",
            ScalingArguments(
                environment=self._environment,
                label=f"{self._service}-{side}",
                instances=self._record.instances,
                is_serving=side is FIRST,
                cluster_name=cluster_name,
                service_name=service.name,
                response_time=Metric(
                    namespace="AWS/ApplicationELB",
                    name="TargetResponseTime",
                    statistic="p95",
                    dimensions={
                        "LoadBalancer": self._platform.edge.load_balancer_arn_suffix,
                        "TargetGroup": target_group.arn_suffix,
                    },
                )
                if target_group
                else None,
                queue_name=queue.name if queue else None,
                info_topic_arn=self._platform.topics.info_arn,
            ),
            self._inside,
        )


def _healthy_in_time(environment: Environment) -> CustomTimeouts | None:
    """Where the standards ask for it, an update fails once the wait for health has passed."""
    if not environment.must("SVC-02"):
        return None
    minutes = figure("SVC-02", "healthy_wait_max_minutes").minutes
    return CustomTimeouts(create=f"{minutes}m", update=f"{minutes}m")


def priority(service: str, paths: tuple[str, ...]) -> int:
    """The priority of a service's listener rule: the longer its paths, the earlier it is asked.

    It depends on nothing but the service, so that no rule moves when another service comes or goes.
    """
    literal = min(len(path.partition("*")[0]) for path in paths)
    length = min(literal, _LONGEST_PATH)
    first = len(Side) * _SLOTS + 1  # before them are the rules of single sides
    return first + (_LONGEST_PATH - length) * _SLOTS + _slot(service)


def side_priority(service: str, side: Side) -> int:
    """The priority of the rule that leads to one side: asked before every service's own rule."""
    return 1 + len(Side) * _slot(service) + list(Side).index(side)


def _slot(service: str) -> int:
    return crc32(service.encode()) % _SLOTS
