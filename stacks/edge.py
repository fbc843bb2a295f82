"""What the internet meets: one load balancer behind a firewall, its name and its certificate."""

from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, ResourceOptions

from environments import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeArguments:
    """What the edge of an environment is made from."""

    environment: Environment
    vpc_id: Input[str]
    public_subnet_ids: list[Output[str]]
    logs_key_arn: Input[str]
    warning_topic_arn: Input[str]


class Edge(ComponentResource):
    """The load balancer of an environment, with what protects it."""

    load_balancer_arn_suffix: Output[str]
    """What CloudWatch names the load balancer by: `app/<name>/<id>`."""
    listener_arn: Output[str]
    """Of the TLS listener, which refuses with 404 until a service adds its rule."""
    security_group_id: Output[str]
    """Of the load balancer: services accept traffic from it alone. It may reach each service's
    port inside the VPC; its egress rules are made here."""
    domain: str = ""

    def __init__(
        self, name: str, arguments: EdgeArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:edge:Edge", name, opts=options)
        self.domain = arguments.environment.edge.name
        self.register_outputs({})
