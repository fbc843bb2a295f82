"""An account of AWS as moto has it, with what moto leaves out: tasks that start, and scaling.

moto keeps what it is told: rules and weights, services, revisions, scalable targets, images. It
starts no tasks for a service, calls every registered target healthy, gives a service one deployment
that never changes, and scales nothing. `Account` does this itself, on moto's own objects, whenever
its clock moves: a task runs for a while before its address is registered as a target, a changed
task definition is a new deployment, and a scalable target that is not suspended gains and loses
instances by chance.
"""

# ruff: noqa: S311 what is drawn here hides nothing

import json
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from itertools import count
from random import Random
from typing import Any, Final, cast
from unittest.mock import patch

from moto import mock_aws
from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ecs import models as ecs
from moto.ecs.models import ecs_backends
from moto.elbv2.models import elbv2_backends

from environments.published import Published
from scripts.cutover.aws.services import Apis
from scripts.runs.aws import Api, client

REGION: Final = "eu-central-1"
CLUSTER: Final = "production"
REGISTRY: Final = f"{DEFAULT_ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com"
START: Final = 1_000_000.0
SIZE: Final = 4
NAMES: Final = ("autoscaling", "ecr", "ecs", "elbv2", "iam", "pointers", "s3", "sts")
_SERVICES: Final = {
    "autoscaling": "application-autoscaling",
    "pointers": "cloudfront-keyvaluestore",
}


_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"


def manifest(version: str) -> str:
    """What the registry keeps of an image."""
    return json.dumps({"schemaVersion": 2, "mediaType": _MANIFEST, "annotations": {"v": version}})


def digest(version: str) -> str:
    """What the registry calls that image."""
    return f"sha256:{sha256(manifest(version).encode()).hexdigest()}"


OLD: Final = digest("1")
NEW: Final = digest("2")
OTHER: Final = digest("3")


@cache
def clients() -> dict[str, Any]:
    """Clients as cutovers have them; making one takes longer than a whole test."""
    return {
        name: client(_SERVICES.get(name, name), region=REGION, is_impatient=True) for name in NAMES
    } | {name: client(name, region=REGION, is_impatient=True) for name in ("ec2", "ssm")}


@cache
def apis() -> Apis:
    """The calls of these clients."""
    return Apis(**{name: Api(clients()[name]) for name in NAMES})


def _steady(**settings: object) -> Any:  # noqa: ANN401 - moto's own
    """A task that runs until it is stopped; moto's own ends when it was looked at."""
    task = cast("Any", ecs.Task)(**settings)
    task.advance = lambda: None
    return task


@dataclass
class Task:
    """What moto does not know of a task that it has."""

    arn: str
    address: str
    healthy_at: float
    is_well: bool = True


@dataclass
class Account:
    """Some services on two sides each, and a clock that moves them."""

    random: Random = field(default_factory=lambda: Random(0))
    clock: float = START
    dying: float = 0.0
    """The chance that a task dies, each time that the clock moves."""
    scaling: float = 0.0
    """The chance that a side is scaled, in or out."""
    scaled: set[str] = field(default_factory=set[str])
    """The ECS services that are."""
    tasks: dict[str, dict[str, Task]] = field(default_factory=dict[str, dict[str, Task]])
    """The tasks that run, by the ECS service and ARN."""
    died: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    services: dict[str, Any] = field(default_factory=dict[str, Any])
    frontend: dict[str, str] | None = None
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        made = clients()
        ec2 = made["ec2"]
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        # Addresses of tasks have names, or moto fails to make them.
        ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        self.subnets = [
            ec2.create_subnet(
                VpcId=self.vpc, CidrBlock=f"10.0.{zone}.0/24", AvailabilityZone=f"{REGION}{letter}"
            )["Subnet"]["SubnetId"]
            for zone, letter in enumerate("ab")
        ]
        balancer = made["elbv2"].create_load_balancer(Name="edge", Subnets=self.subnets)
        self.balancer = balancer["LoadBalancers"][0]["LoadBalancerArn"]
        self.listener = made["elbv2"].create_listener(
            LoadBalancerArn=self.balancer,
            Protocol="HTTP",
            Port=80,
            DefaultActions=[
                {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
            ],
        )["Listeners"][0]["ListenerArn"]
        made["ecs"].create_cluster(clusterName=CLUSTER)

    @property
    def published(self) -> Published:
        """What the stack would say of it."""
        return Published.model_validate(
            {
                "environment": "production",
                "region": REGION,
                "account": DEFAULT_ACCOUNT_ID,
                "domain": "slipway.example.com",
                "journal": "production-runs",
                "evidence": "evidence",
                "load_balancer": self.balancer.partition("loadbalancer/")[2],
                "cluster": CLUSTER,
                "services": self.services,
                "frontend": self.frontend,
                "database": "production",
                "tasks": {
                    "subnets": self.subnets,
                    "security_groups": ["sg-1"],
                    "log_group": "tasks",
                    "families": {},
                },
            }
        )

    def add(self, name: str, *, size: int = SIZE, is_public: bool = True) -> None:
        """A service whose blue side serves `OLD` on `size` tasks; green sleeps."""
        made = clients()
        made["ecr"].create_repository(repositoryName=f"slipway/{name}")
        sides = {side: {"service": f"production-{name}-{side}"} for side in ("blue", "green")}
        groups: list[str] = []
        if is_public:
            for side, record in sides.items():
                group = made["elbv2"].create_target_group(
                    Name=f"{name}-{side}",
                    Protocol="HTTP",
                    Port=8080,
                    VpcId=self.vpc,
                    TargetType="ip",
                    HealthCheckPath="/health",
                )
                record["target_group"] = group["TargetGroups"][0]["TargetGroupArn"]
                groups.append(record["target_group"])
        definition = self.register(name, OLD, has_health_check=not is_public)
        for side, record in sides.items():
            desired = size if side == "blue" else 0
            self._service(record, name, definition, desired)
        self.services[name] = {**sides, "log_group": name}
        if groups:
            self.services[name]["rule"] = made["elbv2"].create_rule(
                ListenerArn=self.listener,
                Conditions=[{"Field": "path-pattern", "Values": [f"/{name}/*"]}],
                Priority=len(self.services),
                Actions=[
                    {
                        "Type": "forward",
                        "ForwardConfig": {
                            "TargetGroups": [
                                {"TargetGroupArn": groups[0], "Weight": 100},
                                {"TargetGroupArn": groups[1], "Weight": 0},
                            ],
                            "TargetGroupStickinessConfig": {
                                "Enabled": True,
                                "DurationSeconds": 60,
                            },
                        },
                    }
                ],
            )["Rules"][0]["RuleArn"]
        else:
            self.services[name]["queue"] = f"production-{name}"
        for version in "123":
            made["ecr"].put_image(
                repositoryName=f"slipway/{name}",
                imageTag=f"v{version}",
                imageManifest=manifest(version),
                imageManifestMediaType=_MANIFEST,
                imageDigest=digest(version),
            )
        self.move(0)
        self.move(600)

    def register(
        self,
        name: str,
        release: str,
        *,
        has_health_check: bool = False,
        variables: dict[str, str] | None = None,
    ) -> str:
        """A revision as the stack registers it."""
        own: dict[str, Any] = {
            "name": name,
            "image": f"{REGISTRY}/slipway/{name}:v1.4.0@{release}",
            "essential": True,
            "portMappings": [{"containerPort": 8080, "protocol": "tcp"}],
            "environment": [
                {"name": key, "value": value}
                for key, value in {"LOG_LEVEL": "info", **(variables or {})}.items()
            ],
            "secrets": [{"name": "KEY", "valueFrom": "arn:aws:secretsmanager:::secret:key"}],
        }
        if has_health_check:
            own["healthCheck"] = {"command": ["CMD", "/app/health"]}
        collector = {"name": "collector", "image": f"{REGISTRY}/slipway/collector@{OTHER}"}
        return clients()["ecs"].register_task_definition(
            family=f"production-{name}",
            containerDefinitions=[own, collector],
            cpu="1024",
            memory="2048",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            taskRoleArn=f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/production-{name}-task",
            executionRoleArn=f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/production-{name}-execution",
            tags=[{"key": "Owner", "value": "platform@example.com"}],
        )["taskDefinition"]["taskDefinitionArn"]

    def _service(self, record: dict[str, str], name: str, definition: str, desired: int) -> None:
        made, service = clients(), record["service"]
        balanced = (
            [
                {
                    "targetGroupArn": record["target_group"],
                    "containerName": name,
                    "containerPort": 8080,
                }
            ]
            if "target_group" in record
            else []
        )
        made["ecs"].create_service(
            cluster=CLUSTER,
            serviceName=service,
            taskDefinition=definition,
            desiredCount=desired,
            launchType="FARGATE",
            loadBalancers=balanced,
        )
        asleep = not desired
        made["autoscaling"].register_scalable_target(
            ServiceNamespace="ecs",
            ScalableDimension="ecs:service:DesiredCount",
            ResourceId=f"service/{CLUSTER}/{service}",
            MinCapacity=2,
            MaxCapacity=12,
            SuspendedState={
                "DynamicScalingInSuspended": asleep,
                "DynamicScalingOutSuspended": asleep,
                "ScheduledScalingSuspended": asleep,
            },
        )
        self.service(service).deployments[0]["createdAt"] = datetime.fromtimestamp(START, UTC)
        self.tasks[service] = {}

    # What the tests read, past any faults.

    def now(self) -> float:
        """The simulated time."""
        return self.clock

    def sleep(self, seconds: float) -> None:
        """Time passes, and only here."""
        assert seconds > 0
        self.move(seconds)

    def weights(self, name: str) -> dict[str, int]:
        """The weight of each side's ECS service."""
        record = self.services[name]
        rule = elbv2_backends[DEFAULT_ACCOUNT_ID][REGION].describe_rules(
            listener_arn=None, rule_arns=[record["rule"]]
        )[0]
        groups = rule.actions[-1].data["ForwardConfig"]["TargetGroups"]
        by_group = {group["TargetGroupArn"]: int(group["Weight"]) for group in groups}
        return {
            record[side]["service"]: by_group[record[side]["target_group"]]
            for side in ("blue", "green")
        }

    def service(self, service: str) -> Any:  # noqa: ANN401 - moto's own
        """Moto's object of an ECS service."""
        return ecs_backends[DEFAULT_ACCOUNT_ID][REGION].services[f"{CLUSTER}:{service}"]

    def suspended(self, service: str) -> dict[str, bool]:
        """What of its scaling is suspended."""
        return cast("dict[str, bool]", self._target(service).suspended_state)

    def healthy(self, service: str) -> int:
        """How many of its tasks answer."""
        return sum(
            task.is_well and task.healthy_at <= self.clock for task in self.tasks[service].values()
        )

    def died_since(self, service: str, seconds: float) -> int:
        """How many of its tasks died lately."""
        return sum(of == service and at >= self.clock - seconds for at, of in self.died)

    def _target(self, service: str) -> Any:  # noqa: ANN401 - moto's own
        backend = applicationautoscaling_backends[DEFAULT_ACCOUNT_ID][REGION]
        return backend.targets["ecs:service:DesiredCount"][f"service/{CLUSTER}/{service}"]

    # What moves.

    def move(self, seconds: float) -> None:
        """Let time pass: tasks die, sides are scaled, and ECS starts and stops what is wanted."""
        self.clock += seconds
        for service, tasks in self.tasks.items():
            for arn in list(tasks):
                if self.random.random() < self.dying:
                    self._stop(service, arn)
                    self.died.append((self.clock, service))
            if self.random.random() < self.scaling and service in self.scaled:
                self._scale(service)
            self._settle(service)

    def _scale(self, service: str) -> None:
        """Application Auto Scaling, whose alarms fire by chance."""
        target, there = self._target(service), self.service(service)
        change = self.random.choice([-1, 1])
        way = "DynamicScalingInSuspended" if change < 0 else "DynamicScalingOutSuspended"
        wanted = min(max(there.desired_count + change, target.min_capacity), target.max_capacity)
        is_more = wanted > there.desired_count
        if not target.suspended_state[way] and is_more is (change > 0):
            there.desired_count = wanted

    def _settle(self, service: str) -> None:
        """ECS: as many tasks of the task definition as are wanted."""
        there, tasks = self.service(service), self.tasks[service]
        deployment = there.deployments[0]
        if deployment["taskDefinition"] != there.task_definition:
            deployment |= {
                "taskDefinition": there.task_definition,
                "id": f"ecs-svc/{next(self.numbers)}",
                "createdAt": datetime.fromtimestamp(self.clock, UTC),
            }
            for arn in list(tasks):
                self._stop(service, arn)
        for arn in list(tasks)[there.desired_count :]:
            self._stop(service, arn)
        for _ in range(there.desired_count - len(tasks)):
            self._start(service, deployment["id"], there.task_definition)
        there.running_count, there.pending_count = len(tasks), there.desired_count - len(tasks)
        for task in tasks.values():
            if task.healthy_at <= self.clock and task.is_well:
                self._register(there, task)

    def _start(self, service: str, deployment: str, definition: str) -> None:
        backend = ecs_backends[DEFAULT_ACCOUNT_ID][REGION]
        network = {"awsvpcConfiguration": {"subnets": self.subnets[:1], "securityGroups": []}}
        task = _steady(
            cluster=backend.clusters[CLUSTER],
            task_definition=backend.describe_task_definition(definition),
            container_instance_arn=None,
            resource_requirements=None,
            backend=backend,
            group=f"service:{service}",
            launch_type="FARGATE",
            started_by=deployment,
            networking_configuration=network,
        )
        backend.tasks.setdefault(CLUSTER, {})[task.task_arn] = task
        number = next(self.numbers)
        address = f"10.0.{number // 250}.{number % 250 + 4}"
        attached = cast("list[dict[str, Any]]", task.attachments)
        for detail in attached[0]["details"]:
            if detail["name"] == "privateIPv4Address":
                detail["value"] = address
        starts = self.clock + self.random.choice([5.0, 15.0, 30.0])
        self.tasks[service][task.task_arn] = Task(task.task_arn, address, starts)

    def _stop(self, service: str, arn: str) -> None:
        task = self.tasks[service].pop(arn)
        backend = ecs_backends[DEFAULT_ACCOUNT_ID][REGION]
        self._deregister(self.service(service), task)
        del backend.tasks[CLUSTER][arn]  # moto would list it for good

    def sicken(self, service: str, how_many: int) -> None:
        """Let tasks run on that the load balancer finds unhealthy."""
        for task in list(self.tasks[service].values())[:how_many]:
            task.is_well = False
            self._deregister(self.service(service), task)

    def _register(self, service: Any, task: Task) -> None:  # noqa: ANN401 - moto's own
        for balanced in service.load_balancers:
            group = elbv2_backends[DEFAULT_ACCOUNT_ID][REGION].target_groups[
                balanced["targetGroupArn"]
            ]
            group.register([{"Id": task.address, "Port": 8080}])
        if not service.load_balancers:
            self._told(task).health_status = "HEALTHY"

    def _deregister(self, service: Any, task: Task) -> None:  # noqa: ANN401 - moto's own
        for balanced in service.load_balancers:
            group = elbv2_backends[DEFAULT_ACCOUNT_ID][REGION].target_groups[
                balanced["targetGroupArn"]
            ]
            group.targets.pop(task.address, None)
        if not service.load_balancers:
            self._told(task).health_status = "UNHEALTHY"

    def _told(self, task: Task) -> Any:  # noqa: ANN401 - moto's own
        return ecs_backends[DEFAULT_ACCOUNT_ID][REGION].tasks[CLUSTER][task.arn]


def _tasks_of(backend: Any, *_: object, **asked: Any) -> list[Any]:  # noqa: ANN401 - moto's own
    """The running tasks of a service; moto lists those of all of them."""
    group = f"service:{asked.get('service_name') or _[4]}"
    return [task for task in backend.tasks.get(CLUSTER, {}).values() if task.group == group]


@contextmanager
def opened(**settings: Any) -> Generator[Account]:  # noqa: ANN401 - of `Account`
    """An account that is forgotten afterwards."""
    # moto would load thousands of images for EC2, which takes longer than a whole cutover.
    with (
        patch.dict(os.environ, MOTO_EC2_LOAD_DEFAULT_AMIS="false"),
        patch.object(ecs.EC2ContainerServiceBackend, "list_tasks", _tasks_of),
        mock_aws(),
    ):
        yield Account(**settings)
