"""Where the sides of services are measured: made of what the stack published of an environment."""

from collections.abc import Mapping
from typing import Final, Literal

from environments import Environment
from environments.published import Published, PublishedService, PublishedSide
from scripts.cutover.watch.recipes import Place
from scripts.exits import CommandError, ExitCode

Color = Literal["blue", "green"]
_GROUP: Final = ":targetgroup/"


PAGES: Final = "frontend"
"""What the pages are called among the services."""


class UnknownServiceError(CommandError):
    """A service that the environment does not have."""

    code = ExitCode.USAGE


def place(environment: Environment, published: Published, service: str, color: Color) -> Place:
    """Where the side `color` of `service` is measured.

    Raises:
        UnknownServiceError: the environment has no such service.
    """
    if service == PAGES and published.frontend is not None:
        return _pages(published, published.frontend.distribution)
    record = published.services.get(service)
    if record is None or service not in environment.services:
        raise UnknownServiceError(
            f"{published.environment} has no service {service}; there are: "
            f"{', '.join(published.services)}"
        )
    sides = _sides(record)
    declared = environment.services[service]
    return Place(
        balancer=published.load_balancer,
        group=_group(sides[color]),
        other_group=_group(sides["green" if color == "blue" else "blue"]),
        cluster=published.cluster,
        task_service=sides[color].service,
        queue=record.queue,
        database=published.database,
        cache_nodes=_cache_nodes(environment),
        canary=f"{published.environment}-{service}-health" if declared.outside_path else None,
    )


def _pages(published: Published, distribution: str) -> Place:
    """The frontend: it has no tasks, and asks of no queue."""
    return Place(
        balancer=published.load_balancer,
        group=None,
        other_group=None,
        cluster=published.cluster,
        task_service="",
        queue=None,
        database=published.database,
        canary=f"{published.environment}-{PAGES}-health",
        distribution=distribution,
    )


def _sides(record: PublishedService) -> Mapping[Color, PublishedSide]:
    return {"blue": record.blue, "green": record.green}


def _group(side: PublishedSide) -> str | None:
    """What CloudWatch names a target group by: the end of its ARN."""
    if side.target_group is None:
        return None
    _, separator, rest = side.target_group.partition(_GROUP)
    return f"targetgroup/{rest}" if separator else side.target_group


def _cache_nodes(environment: Environment) -> tuple[str, ...]:
    """ElastiCache numbers the nodes of a group, the primary among them."""
    if environment.cache is None:
        return ()
    return tuple(
        f"{environment.name}-cache-{node:03}" for node in range(1, environment.cache.replicas + 2)
    )
