"""The two roles of a service: one starts its tasks, the other is what its code may do.

Each has only what it uses, by exact name. Wildcards stand where AWS has no narrower form:
`ecr:GetAuthorizationToken` takes no resource but `*`, a log stream's name ends in the task's id,
and a secret's ARN in six characters that AWS draws.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import iam

from environments import Environment
from stacks.naming import Names

Statement: TypeAlias = dict[str, Any]

_ECR_IMAGE: Final = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?"
    r"/(?P<repository>[^:@]+)(:[^:@]+)?@sha256:[0-9a-f]{64}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RolesArguments:
    """What the roles of a service are made from."""

    environment: Environment
    service: str
    images: Sequence[str]
    """Of all containers of a task."""
    log_group_name: str
    secret_names: Sequence[str]
    parameter_names: Sequence[str]
    """Parameters of Parameter Store that fill environment variables."""
    queue_arn: str | None
    database_resource_id: Input[str]
    database_user: str | None
    key_arn: Input[str]
    """Of the key that encrypts the service's secrets, its queue and what else it may use."""
    statements: Sequence[Statement] = ()
    """What else its code may do; known before the first apply."""
    encrypts: bool = False
    """Whether what those statements name is encrypted with the key."""


class Roles(ComponentResource):
    """The roles of a service, with the least that each needs.

    Makes the execution role, which pulls the image, reads the secrets and opens the log; the task
    role, which takes work from the queue and signs in to the database; and their policies. What
    cannot be written before the first apply (a key's ARN, the cluster's id) is a policy of its own,
    so that all the others can be judged on the first preview.
    """

    execution_arn: Output[str]
    task_arn: Output[str]
    task_name: Output[str]
    policies: list[iam.RolePolicy]
    """What must be there before a task starts."""

    def __init__(
        self, name: str, arguments: RolesArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:roles:Roles", name, opts=options)
        self._arguments = arguments
        self._names = names = Names(arguments.environment)
        execution = self._role("execution", "Starts the tasks of")
        task = self._role("task", "What may be done by")
        self.execution_arn, self.task_arn = execution.arn, task.arn
        self.task_name = task.name
        start = self._policy(
            "execution", execution, json.dumps(_policy(*_starts(arguments, names)))
        )
        self.policies = [start]
        if arguments.secret_names:
            decrypts = Output.json_dumps(_policy(_decrypts(arguments.key_arn)))
            self.policies.append(self._policy("execution-key", execution, decrypts))
        if arguments.database_user is not None:
            signs_in = Output.json_dumps(
                _policy(_signs_in(arguments, arguments.database_user, names))
            )
            self.policies.append(self._policy("task-database", task, signs_in))
        if arguments.queue_arn is not None:
            works = json.dumps(_policy(_works(arguments.queue_arn)))
            self.policies.append(self._policy("task-queue", task, works))
        if arguments.statements:
            does = json.dumps(_policy(*arguments.statements))
            self.policies.append(self._policy("task", task, does))
        if arguments.queue_arn is not None or arguments.encrypts:
            encrypts = Output.json_dumps(
                _policy(_decrypts(arguments.key_arn, "kms:GenerateDataKey"))
            )
            self.policies.append(self._policy("task-key", task, encrypts))
        self.register_outputs({})

    def _role(self, purpose: str, description: str) -> iam.Role:
        service, environment = self._arguments.service, self._arguments.environment
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole",
            # ECS acts for any account; this one alone may have it act here.
            "Condition": {
                "StringEquals": {"aws:SourceAccount": environment.aws.account},
                "ArnLike": {"aws:SourceArn": self._names.arn("ecs", "*")},
            },
        }
        return iam.Role(
            f"{service}-{purpose}",
            name=self._names.of(service, purpose),
            description=f"{description} {service}",
            assume_role_policy=json.dumps(_policy(trust)),
            opts=ResourceOptions(parent=self),
        )

    def _policy(self, purpose: str, role: iam.Role, policy: Input[str]) -> iam.RolePolicy:
        return iam.RolePolicy(
            f"{self._arguments.service}-{purpose}",
            name=purpose,
            role=role.name,
            policy=policy,
            opts=ResourceOptions(parent=self),
        )


def secret_path(names: Names, service: str, variable: str) -> str:
    """The name of the secret that fills `variable` of `service`."""
    return names.path(service, variable)


def _policy(*statements: Statement) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _starts(arguments: RolesArguments, names: Names) -> list[Statement]:
    """What starting a task takes: its image, its log, its secrets and its parameters."""
    streams = f"log-group:{arguments.log_group_name}:log-stream:{arguments.service}/*"
    statements: list[Statement] = [
        {
            "Sid": "Log",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": names.arn("logs", streams),
        },
    ]
    if arguments.parameter_names:
        statements.append(
            {
                "Sid": "Parameters",
                "Effect": "Allow",
                "Action": "ssm:GetParameters",
                "Resource": [
                    names.arn("ssm", f"parameter{name}") for name in arguments.parameter_names
                ],
            }
        )
    repositories = [
        names.arn(
            "ecr",
            f"repository/{image['repository']}",
            region=image["region"],
            account=image["account"],
        )
        for image in map(_ECR_IMAGE.fullmatch, arguments.images)
        if image
    ]
    if repositories:
        statements += [
            {
                "Sid": "SignInToRegistry",
                "Effect": "Allow",
                "Action": "ecr:GetAuthorizationToken",
                "Resource": "*",
            },
            {
                "Sid": "Image",
                "Effect": "Allow",
                "Action": [
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                ],
                "Resource": [
                    *repositories,
                    *([_agent(names)] if arguments.environment.must("SEC-14") else []),
                ],
            },
        ]
    if arguments.secret_names:
        statements.append(
            {
                "Sid": "Secrets",
                "Effect": "Allow",
                "Action": "secretsmanager:GetSecretValue",
                "Resource": [
                    names.arn("secretsmanager", f"secret:{name}-??????")
                    for name in arguments.secret_names
                ],
            }
        )
    return statements


def _agent(names: Names) -> str:
    """The image that GuardDuty puts beside each task to watch it (SEC-14).

    It pulls it with the task's own role, from an account of AWS that is another in each region.
    """
    return names.arn("ecr", "repository/aws-guardduty-agent-fargate", account="*")


def _decrypts(key_arn: Input[str], *more: str) -> Statement:
    return {"Effect": "Allow", "Action": ["kms:Decrypt", *more], "Resource": key_arn}


def _signs_in(arguments: RolesArguments, database_user: str, names: Names) -> Statement:
    """Sign in to the database as the service's own user, with a token instead of a password."""
    user = Output.concat(
        names.arn("rds-db", "dbuser:"),
        arguments.database_resource_id,
        f"/{database_user}",
    )
    return {"Effect": "Allow", "Action": "rds-db:connect", "Resource": user}


def _works(queue_arn: str) -> Statement:
    """Put jobs into the service's own queue and work on them."""
    return {
        "Sid": "Queue",
        "Effect": "Allow",
        "Action": [
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
            "sqs:SendMessage",
        ],
        "Resource": queue_arn,
    }
