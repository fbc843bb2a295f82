"""The dashboards that MON-13 asks for, and one for the chain."""

from pulumi import ComponentResource, ResourceOptions
from pulumi_aws import cloudwatch

from environments import Environment
from stacks.dashboards.infrastructure import infrastructure
from stacks.dashboards.product import business, of_chain
from stacks.dashboards.services import application, deployment
from stacks.dashboards.widgets import Dashboard, body
from stacks.naming import Names


class Dashboards(ComponentResource):
    """The dashboards of an environment (MON-13): four, and one for the chain.

    Makes one each for: deployment status, application, infrastructure, business, chain.
    """

    def __init__(
        self, name: str, environment: Environment, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:dashboards:Dashboards", name, opts=options)
        names = Names(environment)
        for dashboard in dashboards(environment):
            cloudwatch.Dashboard(
                dashboard.name,
                dashboard_name=names.of(dashboard.name),
                dashboard_body=body(dashboard, environment),
                opts=ResourceOptions(parent=self),
            )
        self.register_outputs({})


def dashboards(environment: Environment) -> list[Dashboard]:
    """The dashboards of `environment`, those without anything to show left out."""
    found = [deployment(environment), application(environment), infrastructure(environment)]
    if environment.metrics is not None:
        found += [
            business(environment, environment.metrics),
            of_chain(environment, environment.metrics),
        ]
    return found
