"""Rules for containers: ECS services and the tasks that they run."""

import json
import re
from typing import Final

from pydantic import Field

from plan.graph import Graph
from policies.nodes import Node, Subject
from policies.outcomes import PASS, NotApplicable, Outcome, all_of, every, fail, require
from policies.registry import Controls, Given, Ref, rule
from policies.relations import SUBNET, companions, in_two_zones
from policies.settings import Settings, Severity
from standards import figure

SERVICE: Final = "aws:ecs/service:Service"
TASK: Final = "aws:ecs/taskDefinition:TaskDefinition"
SCALING_TARGET: Final = "aws:appautoscaling/target:Target"

_SECRET_NAME: Final = re.compile(
    r"PASSW|SECRET|TOKEN|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|KEYPAIR|MNEMONIC|SEED_?PHRASE"
)
"""Names of variables that hold a secret, in upper case."""
_ABOUT_A_SECRET: Final = re.compile(
    r"_(ARN|NAME|PATH|FILE|URL|URI|ENDPOINT|TTL|SECONDS|MINUTES|HOURS|DAYS|LENGTH|COUNT|VERSION)$"
)
"""Names of variables that only say where a secret is, or how it is handled."""
_SECRET_VALUE: Final = re.compile(
    r"AKIA[0-9A-Z]{16}"  # an AWS access key
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|^[a-z][a-z0-9+]*://[^/@\s:]*:[^/@\s]+@"  # an address with a password in it
    r"|^\s*\[\s*(\d{1,3}\s*,\s*){31,}\d{1,3}\s*\]\s*$"  # a Solana key pair
)


def _task(**container: object) -> Given:
    """A task with one container, for the examples."""
    return Given(TASK, "api", {"containerDefinitions": json.dumps([{"name": "api", **container}])})


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
        named = _SECRET_NAME.search(name.upper()) and not _ABOUT_A_SECRET.search(name.upper())
        secret = (named and value) or _SECRET_VALUE.search(value)
        return require(not secret, f"{name} holds a credential in plain text", variable.here)

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
    count = service.number("desiredCount")
    if count == 0 and "desiredCount" in service.options.ignore_changes:
        return NotApplicable("idle: its count is set while a release runs")
    least = settings.min_count
    targets = companions(service.resource, graph, [SCALING_TARGET], "resourceId")
    return all_of(
        require(
            count is not None and count >= least,
            f"runs {count or 1:g} instance, fewer than {least}",
            "desiredCount",
        ),
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
