"""The services of an environment, on one cluster."""

from collections.abc import Mapping

from pulumi import ComponentResource, Output, ResourceOptions
from pulumi_aws import ecs

from stacks.naming import Names
from stacks.service import Platform, Service, ServiceArguments, ServiceOutputs


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
            name=Names(environment).of("services"),
            settings=[ecs.ClusterSettingArgs(name="containerInsights", value="enabled")],
            opts=inside,
        )
        self.cluster_name = cluster.name
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
