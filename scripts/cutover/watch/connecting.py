"""The services of AWS that a watch asks, and the watch made of them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import httpx2

from environments import Environment
from environments.published import Published
from scripts.cutover.aws.permissions import Need, Permissions
from scripts.cutover.aws.rule import Rule
from scripts.cutover.judgement.gates import Baseline
from scripts.cutover.watch.aws import AwsWatch, SideSources
from scripts.cutover.watch.chain import REVISION
from scripts.cutover.watch.cloudwatch import CloudWatch
from scripts.cutover.watch.command import Command
from scripts.cutover.watch.places import PAGES, Color, place
from scripts.cutover.watch.prometheus import Prometheus
from scripts.cutover.watch.publishing import PERMISSION, Publisher
from scripts.cutover.watch.signing import AwsSigner
from scripts.cutover.world import Clock
from scripts.exits import CommandError
from scripts.runs.aws import Api, AwsError, client

_WORLDWIDE: Final = "us-east-1"
_WRITE: Final = "/remote_write"


class SystemClock:
    """The time of this machine."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


@dataclass(frozen=True, kw_only=True)
class Connections:
    """What a watch asks."""

    cloudwatch: Api
    worldwide: Api
    """CloudWatch where CloudFront has its metrics."""
    ecs: Api
    elbv2: Api
    iam: Api
    sts: Api
    prometheus: Prometheus | None
    """None where the environment has no metrics of its own."""
    clock: Clock = field(default_factory=SystemClock)


def connected(environment: Environment, clock: Clock | None = None) -> Connections:
    """Connections to the account and region of `environment`.

    Raises:
        CommandError: where Prometheus is cannot be read.
    """
    aws = environment.aws

    def api(name: str, region: str = aws.region) -> Api:
        return Api(client(name, region=region, endpoint=aws.endpoint, is_impatient=True))

    return Connections(
        cloudwatch=api("cloudwatch"),
        worldwide=api("cloudwatch", _WORLDWIDE),
        ecs=api("ecs"),
        elbv2=api("elbv2"),
        iam=api("iam"),
        sts=api("sts"),
        prometheus=_prometheus(environment, api("ssm")) if environment.metrics else None,
        clock=clock or SystemClock(),
    )


def watched(
    environment: Environment,
    published: Published,
    new: Mapping[str, Color],
    baselines: Mapping[str, Baseline],
    *,
    connections: Connections | None = None,
) -> AwsWatch:
    """The watch of a cutover; `new` says which side of each service that moves is the new one.

    The baselines are published each minute while it observes the deployment window.
    """
    through = connections or connected(environment)
    permissions = Permissions(through.iam, through.sts, published)
    colors: dict[str, Color] = {**new, **_pages(published)}
    return AwsWatch(
        environment=environment,
        sources={
            (service, is_new): _sources(
                environment, published, service, color if is_new else other(color), through
            )
            for service, color in colors.items()
            for is_new in (True, False)
        },
        cloudwatch=CloudWatch(through.cloudwatch, through.worldwide),
        prometheus=through.prometheus,
        commands={
            series: Command(arguments=each.command, seconds=each.seconds, variables=each.variables)
            for series, each in environment.cutover.watch.commands.items()
        },
        clock=through.clock,
        publisher=Publisher(
            through.cloudwatch,
            environment.name,
            baselines,
            partial(permissions.denied, "baselines", [Need(PERMISSION)]),
        ),
    )


def commands(environment: Environment) -> Mapping[str, Command]:
    """The product's own commands, by the series that they measure."""
    return {
        series: Command(arguments=each.command, seconds=each.seconds, variables=each.variables)
        for series, each in environment.cutover.watch.commands.items()
    }


def _pages(published: Published) -> dict[str, Color]:
    """The frontend, which has one place on whatever side."""
    return {PAGES: "blue"} if published.frontend else {}


def other(color: Color) -> Color:
    """The other side."""
    return "green" if color == "blue" else "blue"


def serving(published: Published, service: str, through: Connections) -> Color:
    """The side of `service` that serves, by what the load balancer or ECS itself says.

    Raises:
        CommandError: both do, or none.
    """
    if service == PAGES:
        return "blue"  # it has one place, and its release is known by its pointer
    record = published.services[service]
    blue, green = record.blue, record.green
    if record.rule and blue.target_group and green.target_group:
        weights = Rule(elbv2=through.elbv2, arn=record.rule, service=service).weights()
        parts = {
            "blue": weights.get(blue.target_group, 0),
            "green": weights.get(green.target_group, 0),
        }
    else:
        there = through.ecs(
            "describe_services",
            on=f"service {service} in cluster {published.cluster}",
            cluster=published.cluster,
            services=[blue.service, green.service],
        )["services"]
        desired = {each["serviceName"]: int(each["desiredCount"]) for each in there}
        parts = {"blue": desired.get(blue.service, 0), "green": desired.get(green.service, 0)}
    if (parts["blue"] > 0) == (parts["green"] > 0):
        shown = ", ".join(f"{color} {part}" for color, part in parts.items())
        raise CommandError(
            f"{service}: one side has to serve to be measured, and they have {shown}: end the "
            "cutover that is under way first (slipway cutover status)"
        )
    return "blue" if parts["blue"] > 0 else "green"


def _sources(
    environment: Environment,
    published: Published,
    service: str,
    color: Color,
    through: Connections,
) -> SideSources:
    where = place(environment, published, service, color)
    return SideSources(
        place=where,
        labels=partial(_labels, service, where.cluster, where.task_service, through.ecs),
    )


def _labels(service: str, cluster: str, task_service: str, ecs: Api) -> Mapping[str, str]:
    """What tells the tasks of an ECS service: its name, and the revision that they run."""
    services = ecs(
        "describe_services",
        on=f"service {task_service} in cluster {cluster}",
        cluster=cluster,
        services=[task_service],
    )["services"]
    if not services:
        raise AwsError(f"cluster {cluster} has no service {task_service}", "MISSING")
    revision = str(services[0]["taskDefinition"]).rpartition(":")[2]
    return {"job": service, REVISION: revision}


def _prometheus(environment: Environment, ssm: Api) -> Prometheus:
    name = f"/slipway/{environment.name}/prometheus/remote-write"
    address = str(ssm("get_parameter", on=f"parameter {name}", Name=name)["Parameter"]["Value"])
    if not address.endswith(_WRITE):
        raise CommandError(f"parameter {name} has no address of Prometheus: {address}")
    return Prometheus(
        address.removesuffix(_WRITE),
        AwsSigner.of_operator(environment.aws.region),
        httpx2.Client(),
    )
