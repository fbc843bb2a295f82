"""Where a subnet's traffic goes: whether the internet can reach what is in it."""

from typing import Final

from plan.graph import Graph
from policies.nodes import Node, Subject
from policies.outcomes import PASS, NotEvaluated, Outcome, UnknownValueError, every, fail
from policies.relations import companions, targets

VPC: Final = "aws:ec2/vpc:Vpc"
ROUTE: Final = "aws:ec2/route:Route"
ROUTE_TABLES: Final = (
    "aws:ec2/routeTable:RouteTable",
    "aws:ec2/defaultRouteTable:DefaultRouteTable",
)
ROUTE_TABLE, DEFAULT_ROUTE_TABLE = ROUTE_TABLES
ASSOCIATION: Final = "aws:ec2/routeTableAssociation:RouteTableAssociation"
MAIN_ASSOCIATION: Final = "aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation"
INTERNET_GATEWAY: Final = "aws:ec2/internetGateway:InternetGateway"


def is_private(subnet: Subject, graph: Graph) -> Outcome:
    """Pass if no route of `subnet` leads to an internet gateway.

    Raises:
        UndecidedError: a route table may yet turn out to be the subnet's.
    """
    associations = companions(subnet.resource, graph, [ASSOCIATION], "subnetId")
    if not associations:
        return _by_main_table(subnet, graph)
    tables = _tables(associations, graph)
    if not tables:
        return NotEvaluated(f"the route table of subnet {subnet.name} is not in this stack")
    return every(tables, lambda table: _leads_inside(table, subnet, graph))


def _by_main_table(subnet: Subject, graph: Graph) -> Outcome:
    """What the main route table of the network says, which holds for a subnet without its own."""
    networks = targets(subnet.resource, graph, "vpcId", [VPC])
    if not networks:
        return NotEvaluated(f"the network of subnet {subnet.name} is not in this stack")
    network = networks[0].resource
    mains = companions(network, graph, [MAIN_ASSOCIATION], "vpcId")
    # A network starts with a main table that leads nowhere else.
    tables = companions(network, graph, [DEFAULT_ROUTE_TABLE], "defaultRouteTableId")
    if mains:
        tables = _tables(mains, graph)
        if not tables:
            return NotEvaluated(f"the main route table of {network.name} is not in this stack")
    return every(tables, lambda table: _leads_inside(table, subnet, graph))


def _tables(associations: list[Subject], graph: Graph) -> list[Subject]:
    """The route tables of this plan that the `associations` name."""
    return [
        table
        for association in associations
        for table in targets(association.resource, graph, "routeTableId", ROUTE_TABLES)
    ]


def _leads_inside(table: Subject, subnet: Subject, graph: Graph) -> Outcome:
    """Fail if a route of `table`, inside it or beside it, leads to an internet gateway."""
    found = [(entry, table, "routes") for entry in table.each("routes")]
    found += [
        (route, route, "gatewayId")
        for route in companions(table.resource, graph, [ROUTE], "routeTableId")
    ]
    return every(found, lambda one: _stays_inside(*one, subnet, graph))


def _stays_inside(route: Node, owner: Subject, key: str, subnet: Subject, graph: Graph) -> Outcome:
    """Fail if `route` leads to an internet gateway; `owner` refers to it through `key`."""
    referred = graph.references(owner.resource, key)
    open_ = fail(f"subnet {subnet.name} has a route to an internet gateway")
    try:
        gateway = route.text("gatewayId") or ""
    except UnknownValueError:
        if any(one.type == INTERNET_GATEWAY for one in referred):
            return open_
        if referred:
            return PASS
        raise
    return open_ if gateway.startswith("igw-") else PASS
