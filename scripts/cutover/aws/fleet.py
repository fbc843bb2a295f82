"""The tasks of ECS services: how many there are to be, and which there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from scripts.cutover.aws.images import Definitions
from scripts.exits import CommandError
from scripts.runs.aws import Api


@dataclass(frozen=True, kw_only=True)
class State:
    """An ECS service, as ECS describes it."""

    arn: str
    desired: int
    running: int
    """Those that run and those that are about to, of all its deployments."""
    definition: str
    """The ARN of the task definition that it is to run."""
    deployment: str
    """The id of its primary deployment: tasks of any other are on their way out."""
    since: datetime
    """When that deployment began."""
    is_settled: bool
    """Whether it has that one deployment alone."""


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """The ECS services of the sides of one service."""

    ecs: Api
    cluster: str
    definitions: Definitions
    _images: dict[str, str] = field(default_factory=dict[str, str])

    def states(self, *services: str) -> list[State]:
        """Each of `services`, in this order.

        Raises:
            CommandError: one is not there.
        """
        named = " and ".join(services)
        answer = self.ecs(
            "describe_services",
            on=f"services {named} in cluster {self.cluster}",
            cluster=self.cluster,
            services=list(services),
        )
        there = {
            each["serviceName"]: each
            for each in answer["services"]
            if each.get("status") == "ACTIVE"
        }
        missing = [service for service in services if service not in there]
        if missing:
            raise CommandError(
                f"cluster {self.cluster} has no active service {missing[0]}, which the stack "
                "published: apply the environment first"
            )
        return [_state(there[service]) for service in services]

    def image(self, definition: str) -> str:
        """The image that the task definition with the ARN `definition` runs: it never changes."""
        if definition not in self._images:
            self._images[definition] = self.definitions.image(self.definitions.read(definition))
        return self._images[definition]

    def update(self, service: str, **changes: object) -> None:
        """Change what `service` is to be."""
        self.ecs(
            "update_service",
            on=f"service {service} in cluster {self.cluster}",
            cluster=self.cluster,
            service=service,
            **changes,
        )

    def tasks(self, service: str, state: State) -> list[Mapping[str, Any]]:
        """The running tasks of the primary deployment of `service`, which was read as `state`."""
        on = f"tasks of {service} in cluster {self.cluster}"
        listed = self.ecs.pages(
            "list_tasks",
            on=on,
            cluster=self.cluster,
            serviceName=service,
            desiredStatus="RUNNING",
        )
        # A page has 100 tasks at most, which is as many as ECS describes at once.
        arns: list[list[str]] = [page["taskArns"] for page in listed if page["taskArns"]]
        described = [
            task
            for some in arns
            for task in self.ecs("describe_tasks", on=on, cluster=self.cluster, tasks=some)["tasks"]
        ]
        return [
            task
            for task in described
            if task["lastStatus"] == "RUNNING"
            and task["desiredStatus"] == "RUNNING"
            and task.get("startedBy") == state.deployment
            and task["taskDefinitionArn"] == state.definition
        ]


def addresses(tasks: Sequence[Mapping[str, Any]]) -> set[str]:
    """The private addresses of `tasks`, which a load balancer knows them by."""
    return {
        detail["value"]
        for task in tasks
        for attachment in task.get("attachments", [])
        for detail in attachment["details"]
        if detail["name"] == "privateIPv4Address"
    }


def _state(service: Mapping[str, Any]) -> State:
    deployments: list[dict[str, Any]] = service.get("deployments", [])
    primary = next((each for each in deployments if each["status"] == "PRIMARY"), service)
    return State(
        arn=service["serviceArn"],
        desired=service["desiredCount"],
        running=service["runningCount"] + service["pendingCount"],
        definition=primary["taskDefinition"],
        deployment=primary.get("id", ""),
        since=primary["createdAt"],
        is_settled=len(deployments) == 1,
    )
