"""Tasks that run once inside the private network: a step of a script or a schedule starts them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pulumi import ComponentResource, Output, ResourceOptions
from pulumi_aws import ec2, ecs, iam

from environments import Environment
from stacks.api_keys import ApiKeys
from stacks.database import ADMINISTRATOR, Database
from stacks.database_proxy import database_users
from stacks.keys import Keys
from stacks.log_watch import LogWatch, watch_log
from stacks.logs import LogKind, log_group
from stacks.metrics import Comparison, Limit, Missing
from stacks.naming import Names
from stacks.network import Network
from stacks.roles import Roles, RolesArguments
from stacks.statements import Statement
from stacks.task_kinds import OWNER, READER, USERS, Task, is_due, uses_database
from stacks.tasks import SCRATCH, Container, container_definitions
from stacks.topics import Topics
from stacks.ways import Way, open_https, open_way
from standards import figure

LOG: Final = "tasks"
"""The log group of all one-off tasks."""


_DAY: Final = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOffTasksArguments:
    """What the one-off tasks of an environment are made from."""

    environment: Environment
    network: Network
    keys: Keys
    database: Database
    topics: Topics
    api_keys: ApiKeys | None


class OneOffTasks(ComponentResource):
    """A task definition for each thing that is done once inside the private network.

    Makes their log group with the alarms on it, one security group, and for each task that a
    requirement asks this environment for: its roles and its definition. Nothing runs by itself.
    """

    definition_arns: Mapping[Task, Output[str]]
    roles: Mapping[Task, Roles]
    families: Mapping[Task, str]
    """Known before the first apply."""
    security_group_id: Output[str]
    log_group_name: Output[str]

    def __init__(
        self, name: str, arguments: OneOffTasksArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:tasks:OneOffTasks", name, opts=options)
        self._arguments = arguments
        self._environment = environment = arguments.environment
        self._names = names = Names(environment)
        self._inside = ResourceOptions(parent=self)
        logs = log_group(
            LOG,
            LogKind.DEPLOYMENT,
            environment=environment,
            key_arn=arguments.keys.logs_arn,
            parent=self,
        )
        self.log_group_name = logs.name
        self._watch()
        if environment.must("ENV-09"):
            self._watch_age()
        self.security_group_id = self._security_group()
        tasks = [task for task in Task if is_due(task, environment)]
        self.families = {task: names.of(task) for task in tasks}
        self.roles = {task: self._roles(task) for task in tasks}
        self._let_administrator()
        self.definition_arns = {task: self._definition(task) for task in tasks}
        self.register_outputs({})

    def _watch(self) -> None:
        """Tell of a task that failed, and page for data that is not what it was (COMP-08)."""
        environment, topics = self._environment, self._arguments.topics
        watch_log(
            LogWatch(
                name="task-failed",
                summary="A one-off task failed",
                log_group_name=self.log_group_name,
                pattern='{ $.level = "error" }',
                limit=Limit(Comparison.ABOVE, 0, "LOG-05"),
                runbook="one-off-task",
            ),
            environment=environment,
            topic_arn=topics.warning_arn,
            parent=self,
        )
        if environment.must("COMP-08"):
            watch_log(
                LogWatch(
                    name="data-corrupt",
                    summary="A check found data that breaks a constraint or a checksum",
                    log_group_name=self.log_group_name,
                    pattern='{ $.event = "corruption" }',
                    limit=Limit(Comparison.ABOVE, 0, "COMP-08"),
                    runbook="data-corrupt",
                ),
                environment=environment,
                topic_arn=topics.critical_arn,
                parent=self,
            )

    def _watch_age(self) -> None:
        """Tell when the data of staging is older than the standard allows (ENV-09)."""
        days = figure("ENV-09", "data_age_max_days").days
        watch_log(
            LogWatch(
                name="data-stale",
                summary=f"No fresh copy of sanitised data came in {days} days",
                log_group_name=self.log_group_name,
                pattern='{ $.event = "data_refreshed" }',
                limit=Limit(Comparison.BELOW, 1, "ENV-09"),
                runbook="staging-data",
                period=_DAY,
                periods=days,
                missing=Missing.TROUBLE,
            ),
            environment=self._environment,
            topic_arn=self._arguments.topics.warning_arn,
            parent=self,
        )

    def _security_group(self) -> Output[str]:
        """Let tasks reach the cluster itself, not the proxy: they hold locks for long."""
        database, port = self._arguments.database, self._environment.database.port
        group = ec2.SecurityGroup(
            "tasks",
            name=self._names.of("tasks"),
            description="One-off tasks; nothing reaches them",
            vpc_id=self._arguments.network.vpc_id,
            opts=self._inside,
        )
        open_https("tasks", group.id, "AWS", self)
        way = Way(
            source="tasks",
            source_group=group.id,
            target="database",
            target_group=database.security_group_id,
            port=port,
            who="One-off tasks",
        )
        open_way(way, parent=self)
        return group.id

    def _roles(self, task: Task) -> Roles:
        arguments = self._arguments
        statements: list[Statement] = []
        if task is Task.REVIEW_KEYS and arguments.api_keys:
            statements += arguments.api_keys.rotates(task)
        if task is Task.DATABASE_ROLES:
            statements.append(
                {
                    "Sid": "FindSecret",
                    "Effect": "Allow",
                    "Action": "rds:DescribeDBClusters",
                    "Resource": self._names.arn("rds", f"cluster:{self._names.of('database')}"),
                }
            )
        if task is Task.MIGRATE:
            statements.append(
                {
                    # A restored cluster, whose rows it compares, has an id that AWS draws.
                    "Sid": "SignInToRestored",
                    "Effect": "Allow",
                    "Action": "rds-db:connect",
                    "Resource": self._names.arn("rds-db", f"dbuser:*/{OWNER}"),
                }
            )
        return Roles(
            f"{task}-roles",
            RolesArguments(
                environment=self._environment,
                service=task,
                images=[self._environment.tasks.image],
                log_group_name=self._names.path(LOG),
                secret_names=[],
                parameter_names=[self._endpoint()] if uses_database(task) else [],
                queue_arn=None,
                database_resource_id=arguments.database.cluster_resource_id,
                database_user=USERS.get(task),
                key_arn=arguments.keys.data_arn,
                statements=statements,
                encrypts=task in {Task.DATABASE_ROLES, Task.REVIEW_KEYS},
            ),
            self._inside,
        )

    def _let_administrator(self) -> None:
        """Let the one task that makes the roles read the administrator's password."""
        iam.RolePolicy(
            "database-roles-secret",
            name="task-secret",
            role=self.roles[Task.DATABASE_ROLES].task_name,
            policy=Output.json_dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": "secretsmanager:GetSecretValue",
                            "Resource": self._arguments.database.secret_arn,
                        }
                    ],
                }
            ),
            opts=self._inside,
        )

    def _endpoint(self) -> str:
        return self._names.path("database", "cluster-endpoint")

    def _variables(self, task: Task) -> dict[str, str]:
        environment, database = self._environment, self._environment.database
        variables: dict[str, str] = {}
        if task is Task.REVIEW_KEYS and self._arguments.api_keys:
            variables |= self._arguments.api_keys.variables
        if uses_database(task):
            variables |= {
                "DATABASE_NAME": database.name,
                "DATABASE_PORT": str(database.port),
                "DATABASE_SSLMODE": "verify-full",
                "DATABASE_USER": USERS.get(task, ADMINISTRATOR),
            }
        if task is Task.DATABASE_ROLES:
            variables |= {
                "DATABASE_CLUSTER": self._names.of("database"),
                "DATABASE_OWNER": OWNER,
                "DATABASE_READER": READER,
                "DATABASE_SERVICES": ",".join(database_users(environment)),
            }
        return variables

    def _definition(self, task: Task) -> Output[str]:
        environment = self._environment
        references: dict[str, Any] = (
            {"DATABASE_HOST": self._names.arn("ssm", f"parameter{self._endpoint()}")}
            if uses_database(task)
            else {}
        )
        return ecs.TaskDefinition(
            task,
            family=self.families[task],
            container_definitions=container_definitions(
                Container(
                    name=task,
                    image=environment.tasks.image,
                    port=None,
                    command=[task],
                    region=environment.aws.region,
                    log_group_name=self._names.path(LOG),
                    variables=self._variables(task),
                    references=references,
                )
            ),
            cpu=str(environment.tasks.cpu),
            memory=str(environment.tasks.memory),
            network_mode="awsvpc",
            requires_compatibilities=["FARGATE"],
            runtime_platform=ecs.TaskDefinitionRuntimePlatformArgs(
                cpu_architecture="X86_64", operating_system_family="LINUX"
            ),
            execution_role_arn=self.roles[task].execution_arn,
            task_role_arn=self.roles[task].task_arn,
            volumes=[ecs.TaskDefinitionVolumeArgs(name=SCRATCH)],
            skip_destroy=True,  # a rollback returns to an earlier revision (ROLL-05)
            opts=self._inside,
        ).arn
