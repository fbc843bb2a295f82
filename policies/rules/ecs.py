"""Rules for containers: ECS services and the tasks that they run."""

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from pydantic import Field

from plan.graph import Graph
from policies.credentials import credential_in, sounds_secret
from policies.nodes import Node, Subject
from policies.outcomes import PASS, NotApplicable, Outcome, all_of, every, fail, met, require, some
from policies.registry import Controls, Given, Ref, rule
from policies.relations import SUBNET, companions, in_two_zones
from policies.settings import Settings, Severity
from standards import figure

SERVICE: Final = "aws:ecs/service:Service"
TASK: Final = "aws:ecs/taskDefinition:TaskDefinition"
CLUSTER: Final = "aws:ecs/cluster:Cluster"
ACCOUNT_SETTING: Final = "aws:ecs/accountSettingDefault:AccountSettingDefault"
ROLE: Final = "aws:iam/role:Role"
SCALING_TARGET: Final = "aws:appautoscaling/target:Target"

_ADMINISTRATORS: Final = {"root", "containeradministrator"}
"""The users who own a container, in lower case: on Linux and on Windows."""


def _task(**container: object) -> Given:
    """A task with one container, for the examples."""
    return Given(TASK, "api", {"containerDefinitions": json.dumps([{"name": "api", **container}])})


def _windows(user: str) -> Given:
    """A task on Windows with one container, for the examples."""
    return Given(
        TASK,
        "api",
        {
            "runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"},
            "containerDefinitions": json.dumps([{"name": "api", "user": user}]),
        },
    )


@rule(
    types=[SERVICE],
    severity=Severity.HIGH,
    requirements=["NET-11"],
    controls=Controls(fsbp=("ECS.2",), checkov=("CKV_AWS_333",)),
    remediation="""
        Run the tasks in private subnets, behind the load balancer:

            aws.ecs.Service("api", network_configuration={
                "subnets": [subnet.id for subnet in private_subnets],
                "security_groups": [group.id], "assign_public_ip": False}, ...)
        """,
    passing=[(Given(SERVICE, "api", {"networkConfiguration": {"assignPublicIp": False}}),)],
    failing=[(Given(SERVICE, "api", {"networkConfiguration": {"assignPublicIp": True}}),)],
    absence_is_safe=True,
)
def ecs_no_public_ip(service: Subject) -> Outcome:
    """The tasks of a service have no public address.

    With one, they can be reached around the load balancer, its firewall and its logs.
    """
    network = service.node("networkConfiguration")
    return require(
        not network.flag("assignPublicIp"),
        "its tasks get addresses on the internet",
        network.at("assignPublicIp"),
    )


@rule(
    types=[TASK],
    severity=Severity.HIGH,
    controls=Controls(fsbp=("ECS.5",), checkov=("CKV_AWS_336",)),
    remediation="""
        Make it read-only, and mount a volume where the container has to write:

            {"name": "api", "readonlyRootFilesystem": True,
             "mountPoints": [{"sourceVolume": "scratch", "containerPath": "/tmp"}]}
        """,
    passing=[(_task(readonlyRootFilesystem=True),)],
    failing=[(_task(readonlyRootFilesystem=False),), (_task(image="api"),)],
)
def ecs_readonly_root(task: Subject) -> Outcome:
    """The root file system of every container is read-only.

    Who breaks into a container can then neither change its program nor leave one behind.
    """
    containers = task.documents("containerDefinitions")
    if not containers:
        return fail("defines no containers", "containerDefinitions")
    return every(
        containers,
        lambda container: require(
            container.flag("readonlyRootFilesystem"),
            f"container {container.text('name')} can write to its root file system",
            container.at("readonlyRootFilesystem"),
        ),
    )


@rule(
    types=[TASK],
    severity=Severity.HIGH,
    requirements=["CFG-02"],
    controls=Controls(fsbp=("ECS.8",)),
    remediation="""
        Keep it in Secrets Manager and let ECS put it in:

            {"name": "api", "secrets": [{"name": "DATABASE_PASSWORD",
                                         "valueFrom": "arn:aws:secretsmanager:...:database"}]}
        """,
    passing=[
        (
            _task(
                environment=[
                    {"name": "LOG_LEVEL", "value": "info"},
                    {"name": "DATABASE_SECRET_ARN", "value": "arn:aws:secretsmanager:::secret:db"},
                    {"name": "DATABASE_URL", "value": "postgresql://database.internal/api"},
                ]
            ),
        ),
    ],
    failing=[
        (_task(environment=[{"name": "DATABASE_PASSWORD", "value": "correct horse"}]),),
        (_task(environment=[{"name": "AWS_ACCESS_KEY_ID", "value": "AKIA" + "0" * 16}]),),
        (_task(environment=[{"name": "RPC", "value": "https://api:hunter2@rpc.example.com"}]),),
        (_task(environment=[{"name": "PAYER", "value": str([7] * 64)}]),),
    ],
    absence_is_safe=True,
)
def ecs_no_env_secrets(task: Subject) -> Outcome:
    """No credential stands in the plain environment of a container.

    Everyone who may describe a task definition reads it there, in each of its versions.
    """

    def harmless(variable: Node) -> Outcome:
        name, value = variable.text("name") or "", variable.text("value") or ""
        kind = credential_in(value) or ("a credential" if value and sounds_secret(name) else "")
        return require(not kind, f"{name} holds {kind} in plain text", variable.here)

    return every(
        task.documents("containerDefinitions"),
        lambda container: every(container.nodes("environment"), harmless),
    )


class Instances(Settings):
    """How many instances a service runs at least."""

    min_count: int = Field(
        default=figure("SVC-01", "instances_min_count").count,
        ge=figure("SVC-01", "instances_min_count").count,
    )


_ZONES: Final = (
    Given(SUBNET, "a", {"availabilityZone": "eu-central-1a"}),
    Given(SUBNET, "b", {"availabilityZone": "eu-central-1b"}),
)
_IN_TWO_ZONES: Final = {"networkConfiguration": {"subnets": [Ref("a"), Ref("b")]}}


@rule(
    types=[SERVICE],
    severity=Severity.MEDIUM,
    requirements=["SVC-01"],
    settings=Instances,
    remediation="""
        Run two instances at least, in subnets of different zones, and never scale in below that:

            aws.ecs.Service("api", desired_count=2, network_configuration={
                "subnets": [subnet.id for subnet in private_subnets], ...}, ...)
            aws.appautoscaling.Target("api", min_capacity=2, ...)
        """,
    passing=[
        (*_ZONES, Given(SERVICE, "api", {"desiredCount": 2, **_IN_TWO_ZONES})),
        (
            *_ZONES,
            Given(SERVICE, "api", {"desiredCount": 3, **_IN_TWO_ZONES}),
            Given(SCALING_TARGET, "api-scaling", {"resourceId": Ref("api"), "minCapacity": 2}),
        ),
    ],
    failing=[
        (*_ZONES, Given(SERVICE, "api", {"desiredCount": 1, **_IN_TWO_ZONES})),
        (
            *_ZONES,
            Given(
                SERVICE,
                "api",
                {"desiredCount": 2, "networkConfiguration": {"subnets": [Ref("a")]}},
            ),
        ),
        (
            *_ZONES,
            Given(SERVICE, "api", {"desiredCount": 2, **_IN_TWO_ZONES}),
            Given(SCALING_TARGET, "api-scaling", {"resourceId": Ref("api"), "minCapacity": 1}),
        ),
    ],
)
def ecs_multi_az(service: Subject, settings: Instances, graph: Graph) -> Outcome:
    """A service runs at least two instances, in different zones.

    The loss of an instance, or of a zone, then costs capacity and not the service. The idle side
    of a blue and green pair, declared with none and counted by the cutover, is not concerned.
    """
    least = settings.min_count

    def enough() -> Outcome:
        count = service.number("desiredCount")
        return require(
            count is not None and count >= least,
            f"runs {1 if count is None else count:g} instance, fewer than {least}",
            "desiredCount",
        )

    if "desiredCount" in service.options.ignore_changes and service.number("desiredCount") == 0:
        return NotApplicable("idle: its count is set while a release runs")
    targets = companions(service.resource, graph, [SCALING_TARGET], "resourceId")
    return all_of(
        enough,
        every(targets, lambda target: _keeps(target, least)),
        in_two_zones(service, graph, "networkConfiguration")
        if service.has("networkConfiguration")
        else fail("names no subnets", "networkConfiguration"),
    )


def _keeps(target: Subject, least: int) -> Outcome:
    """Whether the scaling target never goes below `least` instances."""
    lowest = target.number("minCapacity")
    if lowest is not None and lowest >= least:
        return PASS
    return fail(f"{target.name} scales in to {lowest or 0:g}, fewer than {least}")


@rule(
    types=[CLUSTER],
    severity=Severity.MEDIUM,
    requirements=["MON-05"],
    controls=Controls(fsbp=("ECS.12",), checkov=("CKV_AWS_65",)),
    remediation="""
        Turn them on, for one cluster or for all that the account makes:

            aws.ecs.Cluster("main", settings=[{"name": "containerInsights", "value": "enhanced"}])
            aws.ecs.AccountSettingDefault("insights", name="containerInsights", value="enhanced")
        """,
    passing=[
        (
            Given(
                CLUSTER, "main", {"settings": [{"name": "containerInsights", "value": "enabled"}]}
            ),
        ),
        (
            Given(
                CLUSTER, "main", {"settings": [{"name": "containerInsights", "value": "enhanced"}]}
            ),
        ),
        (
            Given(CLUSTER, "main"),
            Given(ACCOUNT_SETTING, "insights", {"name": "containerInsights", "value": "enabled"}),
        ),
    ],
    failing=[
        (Given(CLUSTER, "main", {"name": "main"}),),
        (
            Given(
                CLUSTER, "main", {"settings": [{"name": "containerInsights", "value": "disabled"}]}
            ),
            Given(ACCOUNT_SETTING, "insights", {"name": "containerInsights", "value": "enabled"}),
        ),
        (
            Given(CLUSTER, "main"),
            Given(ACCOUNT_SETTING, "lengths", {"name": "taskLongArnFormat", "value": "enabled"}),
        ),
    ],
)
def ecs_container_insights(cluster: Subject, _: Settings, graph: Graph) -> Outcome:
    """A cluster measures its containers.

    The CPU, memory, disk and network of each task are collected then: what an alarm, and whoever
    looks for the cause of one, needs.
    """
    own = cluster.each("settings")
    return some(own, _measures, _NOT_MEASURED) if own else _measured_by_default(graph)


_NOT_MEASURED: Final = "Container Insights are off"


def _measures(setting: Node) -> Outcome:
    return all_of(
        met(setting.text("name") == "containerInsights"),
        met(setting.text("value") in {"enabled", "enhanced"}),
    )


@lru_cache(maxsize=8)
def _measured_by_default(graph: Graph) -> Outcome:
    """Whether the account measures the clusters that do not say; asked once a stack."""
    defaults = [Subject(one) for one in graph.of_type(ACCOUNT_SETTING)]
    return some(defaults, _measures, _NOT_MEASURED)


def _containers(task: Subject, check: Callable[[Node], Outcome]) -> Outcome:
    """Fail where `check` fails for a container of `task`, or where it has none."""
    containers = task.documents("containerDefinitions")
    if not containers:
        return fail("defines no containers", "containerDefinitions")
    return every(containers, check)


@rule(
    types=[TASK],
    severity=Severity.HIGH,
    controls=Controls(fsbp=("ECS.4", "ECS.1"), checkov=("CKV_AWS_334",)),
    remediation="""
        Leave privileged mode off, and name a user who is not root:

            {"name": "api", "user": "65532:65532", "privileged": False}
        """,
    passing=[
        (_task(user="65532:65532", privileged=False),),
        (_task(user="nonroot"),),
        (_windows("ContainerUser"),),
    ],
    failing=[
        (_task(user="65532", privileged=True),),
        (_task(image="api"),),
        (_task(user="root"),),
        (_task(user="0:65532"),),
        (_task(user=0),),
        (_windows("ContainerAdministrator"),),
        (Given(TASK, "api", {"family": "api"}),),
    ],
)
def ecs_non_privileged(task: Subject) -> Outcome:
    """Containers run without privileges, as a user who is not root.

    A privileged container owns its host, and root in it is one flaw of the kernel away from that.
    """

    def plain(container: Node) -> Outcome:
        name = container.text("name")
        user = (container.text("user") or "").partition(":")[0].strip()
        is_root = not user.lstrip("+-").strip("0") or user.lower() in _ADMINISTRATORS
        return all_of(
            require(
                not container.flag("privileged"),
                f"container {name} is privileged",
                container.at("privileged"),
            ),
            require(
                not is_root,
                f"container {name} runs as {user or 'whom its image names, which may be root'}",
                container.at("user"),
            ),
        )

    return _containers(task, plain)


@rule(
    types=[TASK],
    severity=Severity.HIGH,
    controls=Controls(fsbp=("ECS.3",), checkov=("CKV_AWS_335",)),
    remediation="""
        Leave the mode out; containers of one task may share processes among themselves:

            aws.ecs.TaskDefinition("api", pid_mode="task", ...)
        """,
    passing=[
        (Given(TASK, "api", {"family": "api"}),),
        (Given(TASK, "api", {"pidMode": "task"}),),
    ],
    failing=[(Given(TASK, "api", {"pidMode": "host"}),)],
    absence_is_safe=True,
)
def ecs_no_host_pid(task: Subject) -> Outcome:
    """The containers of a task do not share the processes of their host.

    They could otherwise see, and signal, the processes of every other task on it.
    """
    mode = task.text("pidMode")
    return require(mode in {None, "", "task"}, f"shares the processes of its {mode}", "pidMode")


class LogDrivers(Settings):
    """The log drivers that carry logs off the host."""

    drivers: tuple[str, ...] = ("awsfirelens", "awslogs", "fluentd", "gelf", "splunk", "syslog")


@rule(
    types=[TASK],
    severity=Severity.HIGH,
    requirements=["LOG-01"],
    controls=Controls(fsbp=("ECS.9",)),
    settings=LogDrivers,
    remediation="""
        Send what each container writes to a log group:

            {"name": "api", "logConfiguration": {"logDriver": "awslogs", "options": {
                "awslogs-group": "/ecs/api", "awslogs-region": "eu-central-1",
                "awslogs-stream-prefix": "api"}}}
        """,
    passing=[
        (_task(logConfiguration={"logDriver": "awslogs", "options": {"awslogs-group": "/api"}}),),
        (_task(logConfiguration={"logDriver": "awsfirelens"}),),
    ],
    failing=[
        (_task(image="api"),),
        (_task(logConfiguration={"logDriver": "json-file"}),),
        (_task(logConfiguration={"logDriver": "awslogs"}),),
        (Given(TASK, "api", {"family": "api"}),),
    ],
)
def ecs_logging(task: Subject, settings: LogDrivers) -> Outcome:
    """Every container sends its logs off its host.

    What stays on a host is gone with the task, which is when somebody wants to read it.
    """

    def logs(container: Node) -> Outcome:
        name, config = container.text("name"), container.node("logConfiguration")
        driver = config.text("logDriver")
        if driver == "awslogs":
            options = config.node("options")
            return require(
                options.has_text("awslogs-group"),
                f"container {name} names no log group",
                options.at("awslogs-group"),
            )
        return require(
            driver in settings.drivers,
            f"container {name} logs to {driver or 'nothing'}",
            config.at("logDriver"),
        )

    return _containers(task, logs)


@rule(
    types=[SERVICE],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("ECS.10",), checkov=("CKV_AWS_332",)),
    remediation="""
        Leave the version to ECS:

            aws.ecs.Service("api", launch_type="FARGATE", platform_version="LATEST", ...)
        """,
    passing=[
        (Given(SERVICE, "api", {"launchType": "FARGATE"}),),
        (Given(SERVICE, "api", {"launchType": "FARGATE", "platformVersion": "LATEST"}),),
    ],
    failing=[
        (Given(SERVICE, "api", {"launchType": "FARGATE", "platformVersion": "1.3.0"}),),
        (Given(SERVICE, "api", {"platformVersion": "1.4.0"}),),
    ],
    absence_is_safe=True,
)
def ecs_fargate_latest(service: Subject) -> Outcome:
    """A service on Fargate runs on its latest platform version.

    A fixed one gets no more fixes of the kernel and the runtime below the containers.
    """
    if service.text("launchType") in {"EC2", "EXTERNAL"}:
        return NotApplicable("it does not run on Fargate")
    version = service.text("platformVersion") or "LATEST"
    return require(version == "LATEST", f"stays on platform version {version}", "platformVersion")


@rule(
    types=[TASK],
    severity=Severity.LOW,
    controls=Controls(checkov=("CKV_AWS_249",)),
    remediation="""
        Give the program a role of its own:

            aws.ecs.TaskDefinition("api", execution_role_arn=starts.arn,
                                   task_role_arn=runs.arn, ...)
        """,
    passing=[
        (
            Given(ROLE, "starts"),
            Given(ROLE, "runs"),
            Given(TASK, "api", {"executionRoleArn": Ref("starts"), "taskRoleArn": Ref("runs")}),
        ),
        (
            Given(
                TASK,
                "api",
                {
                    "executionRoleArn": "arn:aws:iam::123456789012:role/starts",
                    "taskRoleArn": "arn:aws:iam::123456789012:role/runs",
                },
            ),
        ),
        (Given(TASK, "api", {"executionRoleArn": "arn:aws:iam::123456789012:role/starts"}),),
    ],
    failing=[
        (
            Given(ROLE, "one"),
            Given(TASK, "api", {"executionRoleArn": Ref("one"), "taskRoleArn": Ref("one")}),
        ),
        (
            Given(
                TASK,
                "api",
                {
                    "executionRoleArn": "arn:aws:iam::123456789012:role/one",
                    "taskRoleArn": "arn:aws:iam::123456789012:role/one",
                },
            ),
        ),
    ],
    absence_is_safe=True,
)
def ecs_distinct_roles(task: Subject, _: Settings, graph: Graph) -> Outcome:
    """A task has one role to start with and another to run with.

    The first reads its secrets and pulls its image; the program needs neither right.
    """
    keys = ("executionRoleArn", "taskRoleArn")
    if not all(task.has_text(key) for key in keys):
        return PASS
    starts, runs = ({one.urn for one in graph.references(task.resource, key)} for key in keys)
    same = bool(starts & runs) if starts and runs else task.text(keys[0]) == task.text(keys[1])
    return require(not same, "starts and runs with the same role", "taskRoleArn")
