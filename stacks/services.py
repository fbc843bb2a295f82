"""The services of an environment, on one cluster."""

from collections.abc import Mapping
from typing import Final

from pulumi import ComponentResource, Output, ResourceOptions, RunError
from pulumi_aws import ecs

from environments import Service as Record
from stacks.naming import Names
from stacks.service import (
    Platform,
    Service,
    ServiceArguments,
    ServiceOutputs,
    priority,
    side_priority,
)
from stacks.sides import Side

CLUSTER: Final = "services"
"""The cluster that services and one-off tasks run on."""


class Services(ComponentResource):
    """A Fargate cluster, and one `Service` on it for each in the environment's record.

    Makes the cluster, with Container Insights.
    """

    cluster_name: Output[str]
    services: Mapping[str, ServiceOutputs]

    def __init__(
        self, name: str, platform: Platform, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:services:Services", name, opts=options)
        environment = platform.environment
        inside = ResourceOptions(parent=self)
        cluster = ecs.Cluster(
            "services",
            name=Names(environment).of(CLUSTER),
            settings=[ecs.ClusterSettingArgs(name="containerInsights", value="enabled")],
            opts=inside,
        )
        self.cluster_name = cluster.name
        _tell_apart(environment.services)
        self.services = {
            service: Service(
                service,
                ServiceArguments(
                    platform=platform,
                    service=service,
                    record=record,
                    cluster_arn=cluster.arn,
                    cluster_name=cluster.name,
                ),
                inside,
            ).outputs
            for service, record in environment.services.items()
        }
        self.register_outputs({})


def _tell_apart(services: Mapping[str, Record]) -> None:
    """Refuse two services whose rules would have one priority, which a listener does not take.

    Raises:
        RunError: names both. Priorities are drawn from names, so that another name helps.
    """
    owners: dict[int, str] = {}
    for name, service in services.items():
        if not service.is_public:
            continue
        for taken in (priority(name, service.paths), *(side_priority(name, side) for side in Side)):
            other = owners.setdefault(taken, name)
            if other != name:
                raise RunError(f"services {other} and {name} get one priority: rename one of them")
