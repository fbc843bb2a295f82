"""The network: subnets apart, a way out that survives a zone, nothing open by default."""

from collections.abc import Callable
from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments import Environment, NatGateways
from plan import Graph, Plan
from stacks.network import zone_ranges
from tests.stacks.reading import ENVIRONMENTS, of_type, only

_SUBNET, _ROUTE = "ec2/subnet", "ec2/route"
_PRIVATE = IPv4Network("10.0.0.0/8")

PlanOf = Callable[[str], Plan]
RecordOf = Callable[[str], Environment]


@st.composite
def _ranges(draw: st.DrawFn) -> IPv4Network:
    """Any private range of a size that an environment may have."""
    prefix = draw(st.integers(16, 20))
    first = draw(st.integers(0, _PRIVATE.num_addresses - 1))
    return IPv4Network((int(_PRIVATE.network_address) + first, prefix), strict=False)


@given(cidr=_ranges())
def test_zones_share_a_range_without_overlap(cidr: IPv4Network) -> None:
    """Four zones fit in every range that an environment may have, and use all of it, once."""
    zones = list(zone_ranges(cidr))
    subnets = [net for zone in zones for net in (zone.public, zone.private, zone.data)]
    assert len(zones) == 4
    assert not any(one.overlaps(other) for one, other in combinations(subnets, 2))
    assert sum(net.num_addresses for net in subnets) == cidr.num_addresses
    assert all(net.subnet_of(cidr) for net in subnets)
    assert all(net.prefixlen <= 24 for net in subnets), "a load balancer needs room to grow"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_each_zone_has_a_subnet_of_each_kind(
    name: str, plan_of: PlanOf, record_of: RecordOf
) -> None:
    """Each zone has a public, a private and a data subnet, inside the environment's range."""
    network = record_of(name).network
    subnets = of_type(plan_of(name), _SUBNET)
    kinds = {(one.text("availabilityZone"), one.name.partition("-")[0]) for one in subnets}
    assert kinds == {
        (zone, kind) for zone in network.zones for kind in ("public", "private", "data")
    }
    nets = [IPv4Network(one.text("cidrBlock") or "") for one in subnets]
    assert len(nets) == len(kinds)
    assert all(net.subnet_of(network.cidr) for net in nets)
    assert not any(one.overlaps(other) for one, other in combinations(nets, 2))


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_no_subnet_gives_out_public_addresses(name: str, plan_of: PlanOf) -> None:
    """Not even in a public subnet does an instance get a public address by itself (NET-11)."""
    assert not any(one.flag("mapPublicIpOnLaunch") for one in of_type(plan_of(name), _SUBNET))


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_nat_gateways_are_as_many_as_asked_for(
    name: str, plan_of: PlanOf, record_of: RecordOf
) -> None:
    """A gateway in each zone, a single one, or none, as the environment's record says."""
    network = record_of(name).network
    expected = {
        NatGateways.PER_ZONE: len(network.zones),
        NatGateways.SINGLE: 1,
        NatGateways.NONE: 0,
    }
    assert len(of_type(plan_of(name), "ec2/natGateway")) == expected[network.nat_gateways]


@pytest.mark.parametrize("name", ["production", "staging"])
def test_each_zone_goes_out_through_its_own_gateway(name: str, plan_of: PlanOf) -> None:
    """A private subnet never depends on the gateway of another zone, which may be lost."""
    graph = Graph(plan_of(name))
    ways = 0
    for route in of_type(plan_of(name), _ROUTE):
        for gateway in graph.references(route.resource, "natGatewayId"):
            (subnet,) = graph.references(gateway, "subnetId")
            zone = str(subnet.inputs["availabilityZone"])
            assert route.name == f"private-{zone}"
            ways += 1
    assert ways == 3


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_data_subnets_have_no_way_to_the_internet(name: str, plan_of: PlanOf) -> None:
    """The routes of the data subnets lead nowhere outside the VPC."""
    graph = Graph(plan_of(name))
    tables = {
        table.urn
        for subnet in of_type(plan_of(name), _SUBNET)
        if subnet.name.startswith("data-")
        for link in graph.referrers(subnet.resource, key="subnetId")
        if link.type.startswith("aws:ec2/routeTableAssociation:")
        for table in graph.references(link, "routeTableId")
    }
    routed = {
        table.urn
        for route in of_type(plan_of(name), _ROUTE)
        for table in graph.references(route.resource, "routeTableId")
    }
    assert len(tables) == 1
    assert not tables & routed


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_default_group_is_closed(name: str, plan_of: PlanOf) -> None:
    """What forgets to name a security group is left with one that lets nothing in or out."""
    group = only(plan_of(name), "ec2/defaultSecurityGroup")
    assert group.resource.inputs["ingress"] == []
    assert group.resource.inputs["egress"] == []


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_all_traffic_is_recorded(name: str, plan_of: PlanOf) -> None:
    """Accepted and refused traffic goes to an encrypted log, kept as long as access logs are."""
    graph = Graph(plan_of(name))
    flow = only(plan_of(name), "ec2/flowLog")
    assert flow.text("trafficType") == "ALL"
    (group,) = graph.references(flow.resource, "logDestination")
    assert group.inputs["retentionInDays"] == 90
    assert graph.references(group, "kmsKeyId")
    assert [cited.requirement for cited in group.figures] == ["LOG-03"]
    role = only(plan_of(name), "iam/rolePolicy", "flow-log").document("policy")
    allowed = {action for one in role.nodes("Statement") for action in one.texts("Action")}
    assert allowed == {
        f"logs:{action}"
        for action in (
            *("CreateLogStream", "PutLogEvents"),
            *("DescribeLogGroups", "DescribeLogStreams"),
        )
    }


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_calls_to_aws_stay_inside(name: str, plan_of: PlanOf, record_of: RecordOf) -> None:
    """The services that instances call have endpoints in the VPC, which answer to TLS alone."""
    plan, region = plan_of(name), record_of(name).aws.region
    endpoints = of_type(plan, "ec2/vpcEndpoint")
    services = {
        (one.text("serviceName") or "").removeprefix(f"com.amazonaws.{region}.")
        for one in endpoints
    }
    assert services >= {"s3", "ecr.api", "ecr.dkr", "logs", "kms", "secretsmanager", "sqs", "sts"}
    private = [one for one in endpoints if one.text("vpcEndpointType") == "Interface"]
    assert private
    assert all(one.flag("privateDnsEnabled") for one in private)
    rule = only(plan, "vpc/securityGroupIngressRule", "endpoints")
    assert (rule.number("fromPort"), rule.number("toPort")) == (443, 443)
    assert rule.text("cidrIpv4") == str(record_of(name).network.cidr)
