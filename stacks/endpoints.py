"""Private ways to the services of AWS, which lead to what is the environment's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import ec2, vpc

from environments import Environment
from stacks.naming import Names
from stacks.statements import Statement, document
from standards import Whole

_GATEWAYS: Final = ("dynamodb", "s3")
"""Ways that a route leads to, for nothing."""
_PRIVATE: Final = (
    "aps-workspaces",
    "ec2",
    "ecr.api",
    "ecr.dkr",
    "kms",
    "logs",
    "monitoring",
    "secretsmanager",
    "sqs",
    "ssm",
    "sts",
)
"""Ways with an address in each zone, for 7 US dollars a month each."""
_OF_CLUSTERS: Final = ("eks", "eks-auth", "elasticloadbalancing")
_HOLD_DATA: Final = frozenset({"dynamodb", "s3", "secretsmanager", "sqs"})
"""Services that somebody could carry data out with, to an account of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointsArguments:
    """What the endpoints of a network are made from."""

    environment: Environment
    vpc_id: Input[str]
    subnet_ids: Sequence[Input[str]]
    route_table_ids: Sequence[Input[str]]
    port: Whole


class Endpoints(ComponentResource):
    """Endpoints for the services that instances call: none of it leaves the network of AWS.

    Makes a gateway for each of S3 and DynamoDB, a private endpoint for each other service, and the
    security group of those. The policy of each lets nobody in but the account's own roles; to where
    data could be left, they get nowhere but to the account's own buckets, tables and queues.
    """

    security_group_id: Output[str]

    def __init__(
        self, name: str, arguments: EndpointsArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:endpoints:Endpoints", name, opts=options)
        environment = arguments.environment
        names = Names(environment)
        inside = ResourceOptions(parent=self)
        for service in _GATEWAYS:
            ec2.VpcEndpoint(
                service,
                vpc_id=arguments.vpc_id,
                service_name=f"com.amazonaws.{environment.aws.region}.{service}",
                vpc_endpoint_type="Gateway",
                route_table_ids=arguments.route_table_ids,
                policy=_policy(service, names),
                tags={"Name": names.of(service)},
                opts=inside,
            )
        group = ec2.SecurityGroup(
            "endpoints",
            vpc_id=arguments.vpc_id,
            description="Private endpoints of AWS services",
            tags={"Name": names.of("endpoints")},
            opts=inside,
        )
        vpc.SecurityGroupIngressRule(
            "endpoints",
            security_group_id=group.id,
            description="TLS from inside the VPC",
            ip_protocol="tcp",
            from_port=arguments.port,
            to_port=arguments.port,
            cidr_ipv4=str(environment.network.cidr),
            opts=inside,
        )
        for service in (*_PRIVATE, *(_OF_CLUSTERS if environment.kubernetes else ())):
            ec2.VpcEndpoint(
                service,
                vpc_id=arguments.vpc_id,
                service_name=f"com.amazonaws.{environment.aws.region}.{service}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=arguments.subnet_ids,
                security_group_ids=[group.id],
                policy=_policy(service, names),
                tags={"Name": names.of(service)},
                opts=inside,
            )
        self.security_group_id = group.id
        self.register_outputs({})


def _policy(service: str, names: Names) -> str:
    """Let the account's roles call `service`."""
    account = names.environment.aws.account
    condition: Mapping[str, str] = {"aws:PrincipalAccount": account}
    if service in _HOLD_DATA:
        condition = {**condition, "aws:ResourceAccount": account}
    own: Statement = {
        "Sid": "OwnRoles",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "*",
        "Resource": "*",
        "Condition": {"StringEquals": condition},
    }
    return document(own, *_others(service, names))


def _others(service: str, names: Names) -> list[Statement]:
    """What is called by nobody in particular."""
    match service:
        case "s3":
            # ECR sends clients there, with a signature of its own, for the layers of an image.
            layers = f"prod-{names.environment.aws.region}-starport-layer-bucket"
            return [
                {
                    "Sid": "ImageLayers",
                    "Effect": "Allow",
                    "Principal": "*",
                    "Action": "s3:GetObject",
                    "Resource": f"arn:{names.partition}:s3:::{layers}/*",
                }
            ]
        case "sts":
            # A pod shows its token: who it is, is what it asks.
            return [
                {
                    "Sid": "Tokens",
                    "Effect": "Allow",
                    "Principal": "*",
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Resource": names.arn("iam", "role/*", region=""),
                }
            ]
        case _:
            return []
