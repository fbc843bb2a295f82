"""What a task runs: containers, by digest, that can write to /tmp alone."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from environments import HealthCheck
from standards import figure

CONTAINER_USER: Final = "65532:65532"
"""The user that distroless images call nonroot."""

SCRATCH: Final = "scratch"
"""The volume at /tmp. The image declares `VOLUME /tmp`, owned by the container's user: an empty
volume on Fargate takes its owner from there."""


_START_SECONDS: Final = figure("SVC-02", "healthy_wait_max_minutes").seconds
STOP_SECONDS: Final = 120
"""How long a container may finish what it is doing once it is told to stop: Fargate's longest. The
load balancer stops sending before that; a job that takes longer goes back to its queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """What the container of a service or a one-off task is told."""

    name: str
    image: str
    port: int | None
    """Where it listens; none for a task that runs once."""
    command: Sequence[str] = ()
    """What its entry point is told."""
    health_check: HealthCheck | None = None
    """How it asks itself whether it is well, where nobody else does."""
    region: str
    log_group_name: str
    variables: Mapping[str, str]
    references: Mapping[str, str]
    """Variables that ECS fills when a task starts: the ARN of a secret or parameter for each."""
    is_essential: bool = True
    """Whether its end is the task's."""
    log_prefix: str | None = None
    """What its log streams begin with, where that is not its name."""


def container_definitions(*containers: Container) -> str:
    """The JSON that ECS takes; all of it known before the first apply."""
    return json.dumps([_definition(container) for container in containers])


def _definition(container: Container) -> dict[str, Any]:
    definition: dict[str, Any] = {
        "name": container.name,
        "image": container.image,
        "essential": container.is_essential,
        "user": CONTAINER_USER,
        "privileged": False,
        "readonlyRootFilesystem": True,
        "stopTimeout": STOP_SECONDS,
        "linuxParameters": {"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}},
        "mountPoints": [
            {"sourceVolume": SCRATCH, "containerPath": "/tmp", "readOnly": False}  # noqa: S108 - the container's own
        ],
        "environment": _sorted("value", container.variables),
        "secrets": _sorted("valueFrom", container.references),
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": container.log_group_name,
                "awslogs-region": container.region,
                "awslogs-stream-prefix": container.log_prefix or container.name,
            },
        },
    }
    if container.port is not None:
        definition["portMappings"] = [
            {"containerPort": container.port, "hostPort": container.port, "protocol": "tcp"}
        ]
    if check := container.health_check:
        definition["healthCheck"] = {
            "command": ["CMD", *check.command],
            "interval": check.interval_seconds,
            "timeout": check.timeout_seconds,
            "retries": check.unhealthy_threshold,
            "startPeriod": _START_SECONDS,
        }
    if container.command:
        definition["command"] = list(container.command)
    return definition


def _sorted(key: str, values: Mapping[str, str]) -> list[dict[str, str]]:
    """ECS returns variables sorted: any other order would show as a change."""
    return [{"name": name, key: value} for name, value in sorted(values.items())]
