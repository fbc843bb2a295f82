"""Rules for where things are in a network: subnets, routes to peers and private endpoints."""

import re
from typing import Final

from pydantic import Field

from plan.graph import Graph
from policies.nodes import Node, Subject
from policies.outcomes import (
    PASS,
    Outcome,
    UndecidedError,
    all_of,
    every,
    fail,
    require,
)
from policies.registry import Controls, Given, Ref, rule
from policies.relations import SUBNET, companions, targets
from policies.routes import DEFAULT_ROUTE_TABLE, ROUTE, ROUTE_TABLE, ROUTE_TABLES
from policies.rules.vpc import VPC
from policies.settings import Settings, Severity
from policies.traffic import is_worldwide, sources

DEFAULT_VPC: Final = "aws:ec2/defaultVpc:DefaultVpc"
DEFAULT_SUBNET: Final = "aws:ec2/defaultSubnet:DefaultSubnet"
ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"


@rule(
    types=[SUBNET],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("EC2.15",), checkov=("CKV_AWS_130",)),
    remediation="""
        Leave it off, in public subnets too: a load balancer and a NAT gateway get their addresses
        without it:

            aws.ec2.Subnet("public-a", map_public_ip_on_launch=False, ...)
        """,
    passing=[
        (Given(SUBNET, "private-a", {"mapPublicIpOnLaunch": False}),),
        (Given(SUBNET, "public-a", {"cidrBlock": "10.0.0.0/24"}),),
    ],
    failing=[
        (Given(SUBNET, "public-a", {"mapPublicIpOnLaunch": True}),),
        (Given(SUBNET, "public-a", {"mapPublicIpOnLaunch": "true"}),),
    ],
    absence_is_safe=True,
)
def subnet_no_auto_public_ip(subnet: Subject) -> Outcome:
    """Subnets do not hand out public addresses.

    Whatever is started in such a subnet is on the internet without anyone having asked for it.
    """
    return require(
        not subnet.flag("mapPublicIpOnLaunch"),
        "gives whatever starts in it a public address",
        "mapPublicIpOnLaunch",
    )


@rule(
    types=[DEFAULT_VPC, DEFAULT_SUBNET, SUBNET],
    severity=Severity.MEDIUM,
    controls=Controls(checkov=("CKV_AWS_148",)),
    remediation="""
        Declare a network of your own, and place everything in its subnets:

            network = aws.ec2.Vpc("network", cidr_block="10.0.0.0/16")
            aws.ec2.Subnet("private-a", vpc_id=network.id, cidr_block="10.0.1.0/24")
        """,
    passing=[
        (
            Given(VPC, "network"),
            Given(SUBNET, "private-a", {"vpcId": Ref("network")}),
        ),
        (Given(SUBNET, "private-a", {"vpcId": "vpc-0123456789abcdef0"}),),
    ],
    failing=[
        (Given(DEFAULT_VPC, "default", {"enableDnsSupport": True}),),
        (Given(DEFAULT_SUBNET, "default", {"availabilityZone": "eu-central-1a"}),),
        (
            Given(DEFAULT_VPC, "default"),
            Given(SUBNET, "more", {"vpcId": Ref("default")}),
        ),
    ],
)
def no_default_vpc(network: Subject, _: Settings, graph: Graph) -> Outcome:
    """The default VPC is not adopted.

    All its subnets are public, its ranges are those of every other account, and nobody designed it.
    """
    if network.type != SUBNET:
        return fail("adopts the default VPC of the account")
    if targets(network.resource, graph, "vpcId", [DEFAULT_VPC]):
        return fail("lies in the default VPC of the account", "vpcId")
    if graph.references(network.resource, "vpcId"):
        return PASS
    return require(network.text("vpcId"), "names no VPC", "vpcId")


def _route(destination: str, **through: object) -> dict[str, object]:
    """A route inside a table, for the examples."""
    return {"cidrBlock": destination, **through}


@rule(
    types=[ROUTE, *ROUTE_TABLES],
    severity=Severity.MEDIUM,
    controls=Controls(cis=("5.6",), checkov=("CKV2_AWS_44",)),
    remediation="""
        Send the peer what belongs to it:

            aws.ec2.Route("partner", route_table_id=table.id,
                          destination_cidr_block="10.20.4.0/24",
                          vpc_peering_connection_id=peering.id)
        """,
    passing=[
        (
            Given(
                ROUTE,
                "partner",
                {"destinationCidrBlock": "10.20.4.0/24", "vpcPeeringConnectionId": "pcx-1"},
            ),
        ),
        (Given(ROUTE, "internet", {"destinationCidrBlock": "0.0.0.0/0", "natGatewayId": "nat-1"}),),
        (
            Given(
                ROUTE_TABLE,
                "private",
                {
                    "routes": [
                        _route("0.0.0.0/0", gatewayId="igw-1"),
                        _route("10.20.0.0/16", vpcPeeringConnectionId="pcx-1"),
                    ]
                },
            ),
        ),
    ],
    failing=[
        (
            Given("aws:ec2/vpcPeeringConnection:VpcPeeringConnection", "peering"),
            Given(
                ROUTE,
                "everything",
                {"destinationCidrBlock": "0.0.0.0/0", "vpcPeeringConnectionId": Ref("peering")},
            ),
        ),
        (
            Given(
                ROUTE,
                "everything",
                {"destinationIpv6CidrBlock": "::/0", "vpcPeeringConnectionId": "pcx-1"},
            ),
        ),
        (
            Given(
                ROUTE_TABLE,
                "private",
                {
                    "routes": [
                        _route("10.20.0.0/16", vpcPeeringConnectionId="pcx-1"),
                        _route("0.0.0.0/1", vpcPeeringConnectionId="pcx-1"),
                    ]
                },
            ),
        ),
        (
            Given(
                DEFAULT_ROUTE_TABLE,
                "main",
                {"routes": [{"ipv6CidrBlock": "::/0", "vpcPeeringConnectionId": "pcx-1"}]},
            ),
        ),
    ],
    absence_is_safe=True,
)
def vpc_peering_least_routes(routes: Subject) -> Outcome:
    """Routes to a peer are narrower than the world.

    A peer that everything is sent to sees, and may answer, what was meant for the internet.
    """
    keys = ("cidrBlock", "ipv6CidrBlock")
    if routes.type == ROUTE:
        keys = ("destinationCidrBlock", "destinationIpv6CidrBlock")

    def narrow(route: Node) -> Outcome:
        if not route.has_text("vpcPeeringConnectionId"):
            return PASS
        return every(
            sources(route, keys),
            lambda one: require(
                not is_worldwide(one), f"sends {one.as_text()} to a peer", one.here
            ),
        )

    return every([routes] if routes.type == ROUTE else routes.each("routes"), narrow)


_IN_USE: Final = ("ec2", "ecr.api", "ecr.dkr", "ssm", "s3")


class Endpoints(Settings):
    """Which of AWS's services every network has a private way to."""

    services: tuple[str, ...] = Field(default=_IN_USE, max_length=100)
    """Names as they end an endpoint's service name; those that nothing in the network calls can
    be left out."""


_SERVICE: Final = re.compile(r"(?:cn\.)?com\.amazonaws\.[a-z0-9-]+\.(?P<service>.+)")


def _endpoints(*services: str) -> tuple[Given, ...]:
    """A network with endpoints for `services`, for the examples."""
    return (
        Given(VPC, "network"),
        *(
            Given(
                ENDPOINT,
                service,
                {"vpcId": Ref("network"), "serviceName": f"com.amazonaws.eu-central-1.{service}"},
            )
            for service in services
        ),
    )


@rule(
    types=[VPC],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("EC2.10", "EC2.55", "EC2.56", "EC2.57", "EC2.58", "EC2.60")),
    settings=Endpoints,
    remediation="""
        Give the network a private way to each service that is called from it:

            aws.ec2.VpcEndpoint("ecr.api", vpc_id=network.id, vpc_endpoint_type="Interface",
                service_name="com.amazonaws.eu-central-1.ecr.api", private_dns_enabled=True,
                subnet_ids=[subnet.id for subnet in private_subnets],
                security_group_ids=[group.id])
        """,
    passing=[_endpoints(*_IN_USE), _endpoints(*_IN_USE, "kms")],
    failing=[
        _endpoints(),
        _endpoints(*_IN_USE[1:]),
        _endpoints("ec2messages", "ecr.api", "ecr.dkr", "ssm", "s3express"),
    ],
)
def vpc_private_endpoints(vpc: Subject, settings: Endpoints, graph: Graph) -> Outcome:
    """Networks have private endpoints for the services of AWS in use.

    Calls to AWS then stay off the internet, and an endpoint's policy can say whose data they reach.
    """
    endpoints = companions(vpc.resource, graph, [ENDPOINT], "vpcId")
    unknown: UndecidedError | None = None
    there: set[str] = set()
    for endpoint in endpoints:
        try:
            match = _SERVICE.fullmatch(endpoint.text("serviceName") or "")
        except UndecidedError as error:
            unknown = error
        else:
            there |= {match["service"]} if match else set()
    missing = [service for service in settings.services if service not in there]
    if missing and unknown:
        raise unknown
    return all_of(*(fail(f"has no private endpoint for {service}") for service in missing))
