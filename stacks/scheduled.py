"""One-off tasks that also start by themselves, once a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Output, ResourceOptions
from pulumi_aws import iam, scheduler

from environments import Environment
from stacks.naming import Names
from stacks.network import Network
from stacks.one_off import OneOffTasks
from stacks.services import CLUSTER, Services
from stacks.statements import assumed_by, document
from stacks.task_kinds import Task

DAILY: Final = (Task.CHECK_DATA, Task.REVIEW_KEYS)
"""The tasks that run every day."""
_FLEXIBLE_MINUTES: Final = 60
_ATTEMPTS: Final = 3
_STALE_SECONDS: Final = 6 * 3600  # a start that late is left to the next day


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledTasksArguments:
    """What the schedule of one-off tasks is made from."""

    environment: Environment
    network: Network
    tasks: OneOffTasks
    services: Services


class ScheduledTasks(ComponentResource):
    """The one-off tasks that run every day.

    Makes the role that the scheduler starts them with, which may start nothing else, and a schedule
    for each.
    """

    def __init__(
        self, name: str, arguments: ScheduledTasksArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:tasks:ScheduledTasks", name, opts=options)
        names = Names(arguments.environment)
        due = [task for task in DAILY if task in arguments.tasks.families]
        role = iam.Role(
            "scheduler",
            name=names.of("scheduler"),
            description="Lets EventBridge Scheduler start the daily tasks",
            assume_role_policy=assumed_by("scheduler.amazonaws.com", names),
            opts=ResourceOptions(parent=self),
        )
        policy = iam.RolePolicy(
            "scheduler",
            name="scheduler",
            role=role.name,
            policy=_starts(arguments, due, names),
            opts=ResourceOptions(parent=self),
        )
        for task in due:
            self._schedule(task, arguments, role, policy)
        self.register_outputs({})

    def _schedule(
        self,
        task: Task,
        arguments: ScheduledTasksArguments,
        role: iam.Role,
        policy: iam.RolePolicy,
    ) -> None:
        names = Names(arguments.environment)
        scheduler.Schedule(
            f"{task}-daily",
            name=names.of(task, "daily"),
            description=f"Starts the task {task}",
            schedule_expression="rate(1 day)",
            flexible_time_window=scheduler.ScheduleFlexibleTimeWindowArgs(
                mode="FLEXIBLE", maximum_window_in_minutes=_FLEXIBLE_MINUTES
            ),
            target=scheduler.ScheduleTargetArgs(
                arn=Output.concat(names.arn("ecs", "cluster/"), arguments.services.cluster_name),
                role_arn=role.arn,
                retry_policy=scheduler.ScheduleTargetRetryPolicyArgs(
                    maximum_retry_attempts=_ATTEMPTS,
                    maximum_event_age_in_seconds=_STALE_SECONDS,
                ),
                ecs_parameters=scheduler.ScheduleTargetEcsParametersArgs(
                    # Without a revision: the newest is started.
                    task_definition_arn=names.arn(
                        "ecs", f"task-definition/{arguments.tasks.families[task]}"
                    ),
                    launch_type="FARGATE",
                    propagate_tags="TASK_DEFINITION",
                    network_configuration=scheduler.ScheduleTargetEcsParametersNetworkConfigurationArgs(
                        subnets=arguments.network.private_subnet_ids,
                        security_groups=[arguments.tasks.security_group_id],
                        assign_public_ip=False,
                    ),
                ),
            ),
            opts=ResourceOptions(parent=self, depends_on=[policy]),
        )


def _starts(arguments: ScheduledTasksArguments, due: Sequence[Task], names: Names) -> str:
    """Start these tasks on this cluster, with their own roles and tags, and nothing else."""
    families = [arguments.tasks.families[task] for task in due]
    roles = [
        names.arn("iam", f"role/{names.of(task, kind)}", region="")
        for task in due
        for kind in ("execution", "task")
    ]
    return document(
        {
            "Sid": "Start",
            "Effect": "Allow",
            "Action": "ecs:RunTask",
            "Resource": [names.arn("ecs", f"task-definition/{family}:*") for family in families],
            "Condition": {
                "ArnEquals": {"ecs:cluster": names.arn("ecs", f"cluster/{names.of(CLUSTER)}")}
            },
        },
        {
            "Sid": "HandTagsOn",
            "Effect": "Allow",
            "Action": "ecs:TagResource",
            "Resource": names.arn("ecs", f"task/{names.of(CLUSTER)}/*"),
            "Condition": {"StringEquals": {"ecs:CreateAction": "RunTask"}},
        },
        {
            "Sid": "PassRoles",
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": roles,
            "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        },
    )
