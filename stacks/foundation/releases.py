"""Who moves releases into an environment: a role that may do what a cutover does, and no more."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, ResourceOptions
from pulumi_aws import iam

from environments import Environment, Foundation
from environments.published import Published
from stacks.foundation.identities import PATH, SESSION_SECONDS, Identities
from stacks.foundation.pipeline import Pipeline
from stacks.naming import Names
from stacks.severity import Severity
from stacks.statements import Statement, document
from stacks.task_kinds import Task
from stacks.topics import topic_arn
from standards import Tier

_LOOKS: Final = [
    "application-autoscaling:DescribeScalableTargets",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "cloudwatch:ListMetrics",
    "ecs:DescribeTaskDefinition",
    "ecs:ListTasks",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
]
"""What is read, and has no resource of its own in a policy or one that only AWS names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasesArguments:
    """What the roles of releases are made from."""

    foundation: Foundation
    pipeline: Pipeline


class Releases(ComponentResource):
    """The roles that carry cutovers out, one for each environment.

    Workflows of the environment's GitHub environment take one on, behind its approvals, for an
    hour; and those of a second one, `<name>-watch`, which asks nobody: whoever looks at a release
    after it is over goes back at once where that is due, and tests what users get. It moves weights
    and instances, registers revisions of the environment's own task definitions, and points to
    releases of the frontend; it reads the runs' journal and writes it, and tells people. It makes
    nothing that an apply makes; of what the environment holds it reads the credential and the logs
    that smoke tests ask for. It starts migrations and makes copies of the database.

    Makes for each environment the role, within the environment's boundary, and its policy.
    """

    roles: list[iam.Role]

    def __init__(
        self, name: str, arguments: ReleasesArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:foundation:Releases", name, opts=options)
        self._arguments = arguments
        self._names = Names(arguments.foundation)
        self._identities = Identities(self._names)
        self.roles = [self._role(one) for one in arguments.foundation.environments]
        self.register_outputs({})

    def _role(self, environment: Environment) -> iam.Role:
        foundation, pipeline = self._arguments.foundation, self._arguments.pipeline
        name = f"{environment.name}-release"
        subject = f"repo:{foundation.repository.name}:environment:{environment.name}"
        subjects = (subject, f"{subject}-watch")
        role = iam.Role(
            name,
            name=name,
            path=PATH,
            description=f"Moves releases into {environment.name}",
            assume_role_policy=document(self._identities.workflows(*subjects)),
            permissions_boundary=pipeline.boundaries[environment.name].arn,
            max_session_duration=SESSION_SECONDS,
            opts=ResourceOptions(parent=self, depends_on=[pipeline]),
        )
        iam.RolePolicy(
            name,
            name=name,
            role=role.name,
            policy=document(*self._statements(environment)),
            opts=ResourceOptions(parent=self),
        )
        return role

    def _statements(self, environment: Environment) -> Iterator[Statement]:
        yield _may("Looks", _LOOKS, "*")
        yield from self._services(environment)
        yield from self._records(environment)
        yield from self._topics(environment)
        arn, own = self._names.arn, environment.name
        yield from self._tests(environment)
        yield from self._database(environment)
        if environment.frontend is not None:
            bucket = Names(environment).bucket_arn("frontend")
            yield _may("FindsReleases", ["s3:ListBucket"], bucket)
            yield _may(
                "PointsToReleases",
                [
                    "cloudfront-keyvaluestore:DescribeKeyValueStore",
                    "cloudfront-keyvaluestore:ListKeys",
                    "cloudfront-keyvaluestore:UpdateKeys",
                ],
                arn("cloudfront", "key-value-store/*", region=""),  # AWS names it
            )
        if environment.kubernetes is not None:
            yield _may("FindsCluster", ["eks:DescribeCluster"], arn("eks", f"cluster/{own}-*"))

    def _services(self, environment: Environment) -> Iterator[Statement]:
        """The sides of the services on ECS."""
        arn, own = self._names.arn, environment.name
        yield _may(
            "MovesInstances",
            ["ecs:DescribeServices", "ecs:UpdateService"],
            arn("ecs", f"service/{own}-*/*"),
        )
        yield _may("SeesTasks", ["ecs:DescribeTasks"], arn("ecs", f"task/{own}-*/*"))
        yield _may(
            "RegistersRevisions",
            ["ecs:RegisterTaskDefinition", "ecs:TagResource"],
            arn("ecs", f"task-definition/{own}-*"),
        )
        yield {
            **_may(
                "GivesTasksTheirRoles", ["iam:PassRole"], arn("iam", f"role/{own}-*", region="")
            ),
            "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        }
        yield {
            # A scalable target's ARN holds a number that AWS draws.
            **_may("HoldsScaling", ["application-autoscaling:RegisterScalableTarget"], "*"),
            "Condition": {"StringEquals": {"application-autoscaling:service-namespace": "ecs"}},
        }
        yield _may(
            "SetsWeights",
            ["elasticloadbalancing:ModifyRule"],
            arn("elasticloadbalancing", f"listener-rule/app/{own}-*"),
        )
        yield _may(
            "FindsImages",
            ["ecr:DescribeImages"],
            *(
                arn("ecr", f"repository/{each}")
                for each in self._arguments.foundation.registry.repositories
            ),
        )

    def _tests(self, environment: Environment) -> Iterator[Statement]:
        """What smoke tests read: their own credentials, and whether logs and reports arrive."""
        arn, names, smoke = self._names.arn, Names(environment), environment.smoke
        told = (smoke.authentication.secret if smoke.authentication else None, smoke.invite)
        if secrets := [one for one in told if one]:
            yield _may("TestsWithCredentials", ["secretsmanager:GetSecretValue"], *secrets)
        if environment.must("SMOKE-09"):
            groups = [arn("logs", f"log-group:{names.path(name)}") for name in environment.services]
            streams = [f"{group}:*" for group in groups]
            yield _may("SeesLogsArrive", ["logs:FilterLogEvents"], *groups, *streams)
        if environment.frontend is not None and environment.must("SMOKE-10"):
            yield _may(
                "SeesReportsArrive",
                ["rum:GetAppMonitor", "rum:GetAppMonitorData", "rum:PutRumEvents"],
                arn("rum", f"appmonitor/{names.of('frontend')}"),
            )

    def _database(self, environment: Environment) -> Iterator[Statement]:
        """What a change of the database takes: its task, a snapshot, a restored copy beside it."""
        arn, names = self._names.arn, Names(environment)
        cluster, copies = names.of("database"), f"{names.of('database')}-*"
        yield _may(
            "RunsMigrations",
            ["ecs:RunTask"],
            arn("ecs", f"task-definition/{names.of(Task.MIGRATE)}:*"),
        )
        yield _may(
            "ReadsWhatMigrationsSay",
            ["logs:GetLogEvents"],
            arn("logs", f"log-group:{names.path('tasks')}:*"),
        )
        yield _may(
            "SeesDatabases",
            [
                "rds:DescribeDBClusterSnapshots",
                "rds:DescribeDBClusters",
                "rds:DescribeDBInstances",
            ],
            "*",
        )
        yield _may(
            "CopiesDatabase",
            [
                "rds:AddTagsToResource",
                "rds:CreateDBClusterSnapshot",
                "rds:CreateDBInstance",
                "rds:RestoreDBClusterToPointInTime",
            ],
            *(arn("rds", f"cluster:{each}") for each in (cluster, copies)),
            arn("rds", f"cluster-snapshot:{copies}"),
            arn("rds", f"db:{copies}"),
            *(arn("rds", f"{kind}:*") for kind in ("subgrp", "cluster-pg", "pg", "og")),
        )
        if environment.tier is not Tier.PRODUCTION:  # where the way back is rehearsed
            yield {
                **_may(
                    "DiscardsCopies",
                    ["rds:DeleteDBCluster", "rds:DeleteDBInstance"],
                    arn("rds", f"cluster:{copies}"),
                    arn("rds", f"db:{copies}"),
                ),
                "Condition": {"Null": {"aws:ResourceTag/slipway:restored-from": "false"}},
            }

    def _topics(self, environment: Environment) -> Iterator[Statement]:
        """Who is told while a cutover goes on: the topics, and the key that encrypts them."""
        names = Names(environment)
        yield _may(
            "TellsPeople",
            ["sns:Publish"],
            *(topic_arn(severity.value, names) for severity in Severity),
        )
        yield {
            **_may(
                "ThroughTopics", ["kms:Decrypt", "kms:GenerateDataKey"], names.arn("kms", "key/*")
            ),
            "Condition": {
                "StringEquals": {"kms:ViaService": f"sns.{environment.aws.region}.amazonaws.com"},
                "ForAnyValue:StringEquals": {"kms:ResourceAliases": f"alias/{names.of('topics')}"},
            },
        }

    def _records(self, environment: Environment) -> Iterator[Statement]:
        """What the environment says of itself, the runs' journal, baselines, and its own rights."""
        arn, names = self._names.arn, Names(environment)
        parameter = Published.parameter(environment.name)
        yield _may(
            "ReadsWhatIsPublished",
            ["ssm:GetParameter"],
            arn("ssm", f"parameter{parameter}"),
            arn("ssm", f"parameter{names.path('prometheus', 'remote-write')}"),
        )
        yield _may(
            "KeepsTheJournal",
            [
                "dynamodb:ConditionCheckItem",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:Query",
            ],
            arn("dynamodb", f"table/{names.of('runs')}"),
        )
        yield {
            **_may("PublishesBaselines", ["cloudwatch:PutMetricData"], "*"),
            "Condition": {"StringEquals": {"cloudwatch:namespace": f"Slipway/{environment.name}"}},
        }
        if environment.metrics is not None:
            yield _may(
                "AsksPrometheus", ["aps:GetSeries", "aps:QueryMetrics"], arn("aps", "workspace/*")
            )
        yield _may(
            "KnowsItsRights",
            ["iam:GetRole", "iam:SimulatePrincipalPolicy"],
            self._identities.role(f"{environment.name}-release"),
        )


def _may(sid: str, actions: list[str], *resources: str) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": actions,
        "Resource": resources[0] if len(resources) == 1 else list(resources),
    }
