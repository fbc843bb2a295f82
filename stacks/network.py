"""The private network: zones, subnets, ways out, and the record of who talked to whom."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import ec2, iam

from environments import Environment, NatGateways
from environments.network import Egress
from stacks.endpoints import Endpoints, EndpointsArguments
from stacks.logs import LogKind, log_group
from stacks.naming import Names
from stacks.resolver import Resolver, ResolverArguments
from stacks.statements import assumed_by, document
from standards import figure

HTTP: Final = figure("NET-01", "http_redirect_port").count
HTTPS: Final = figure("NET-01", "https_port").count
_INTERNET: Final = "0.0.0.0/0"
_AGGREGATION_SECONDS: Final = 60  # the shortest: an incident is read by the minute


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneRanges:
    """The address ranges of one zone's subnets."""

    public: IPv4Network
    private: IPv4Network
    data: IPv4Network


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkArguments:
    """What the network of an environment is made from."""

    environment: Environment
    logs_key_arn: Input[str]


class Network(ComponentResource):
    """The network of an environment.

    Makes the VPC with its default group closed; in each zone a public subnet (load balancer, NAT),
    a private one (services) and a data one (no way to the internet) with their routes; the NAT
    gateways that the environment asks for; private ways to the services of AWS in use; the list of
    what may be looked up; and a flow log of all traffic into an encrypted log group. Where clients
    may come over IPv6, the public subnets have such addresses, too.
    """

    vpc_id: Output[str]
    public_subnet_ids: list[Output[str]]
    private_subnet_ids: list[Output[str]]
    data_subnet_ids: list[Output[str]]
    endpoint_security_group_id: Output[str]
    """Of the private endpoints: it accepts TLS from the whole VPC."""

    def __init__(
        self, name: str, arguments: NetworkArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:network:Network", name, opts=options)
        self._environment = environment = arguments.environment
        self._names = Names(environment)
        self._inside = ResourceOptions(parent=self)
        network = ec2.Vpc(
            "vpc",
            cidr_block=str(environment.network.cidr),
            assign_generated_ipv6_cidr_block=environment.edge.ipv6,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags={"Name": self._names.of("vpc")},
            opts=self._inside,
        )
        self.vpc_id = network.id
        self._ipv6_cidr = network.ipv6_cidr_block if environment.edge.ipv6 else None
        ec2.DefaultSecurityGroup(
            "default",
            vpc_id=self.vpc_id,
            ingress=[],
            egress=[],
            tags={"Name": self._names.of("default-closed")},
            opts=self._inside,
        )
        self._lay_out_zones()
        self.endpoint_security_group_id = Endpoints(
            "private-endpoints",
            EndpointsArguments(
                environment=environment,
                vpc_id=self.vpc_id,
                subnet_ids=self.private_subnet_ids,
                route_table_ids=[table.id for table in (*self._private_tables, self._data_table)],
                port=HTTPS,
            ),
            self._inside,
        ).security_group_id
        if environment.network.egress is Egress.ALLOWED_DOMAINS:
            Resolver(
                "resolver",
                ResolverArguments(environment=environment, vpc_id=self.vpc_id),
                self._inside,
            )
        self._flow_log(arguments.logs_key_arn)
        self.register_outputs({})

    def _lay_out_zones(self) -> None:
        """Make the subnets of each zone, and the way that each takes to the internet."""
        network = self._environment.network
        gateway = ec2.InternetGateway(
            "internet", vpc_id=self.vpc_id, tags=self._named("internet"), opts=self._inside
        )
        public = self._route_table("public")
        self._route("public", public, gateway_id=gateway.id)
        if self._ipv6_cidr is not None:
            ec2.Route(
                "public-ipv6",
                route_table_id=public.id,
                destination_ipv6_cidr_block="::/0",
                gateway_id=gateway.id,
                opts=self._inside,
            )
        data = self._route_table("data")
        self._private_tables: list[ec2.RouteTable] = []
        self.public_subnet_ids, self.private_subnet_ids, self.data_subnet_ids = [], [], []
        nat: ec2.NatGateway | None = None
        for number, (zone, ranges) in enumerate(
            zip(network.zones, zone_ranges(network.cidr), strict=False)
        ):
            public_id = self._subnet(
                "public", zone, ranges.public, public, ipv6=self._ipv6_range(number)
            )
            if network.nat_gateways is NatGateways.PER_ZONE or (
                network.nat_gateways is NatGateways.SINGLE and nat is None
            ):
                nat = self._nat(zone, public_id, gateway)
            private = self._route_table(f"private-{zone}")
            if nat is not None:
                self._route(f"private-{zone}", private, nat_gateway_id=nat.id)
            self.public_subnet_ids.append(public_id)
            self.private_subnet_ids.append(self._subnet("private", zone, ranges.private, private))
            self.data_subnet_ids.append(self._subnet("data", zone, ranges.data, data))
            self._private_tables.append(private)
        self._data_table = data

    def _ipv6_range(self, number: int) -> Output[str] | None:
        """The addresses of IPv6 of a public subnet, where clients may come over it."""
        if self._ipv6_cidr is None:
            return None
        return self._ipv6_cidr.apply(lambda cidr: ipv6_range(IPv6Network(cidr), number))

    def _subnet(
        self,
        kind: str,
        zone: str,
        addresses: IPv4Network,
        table: ec2.RouteTable,
        *,
        ipv6: Output[str] | None = None,
    ) -> Output[str]:
        name = f"{kind}-{zone}"
        subnet = ec2.Subnet(
            name,
            vpc_id=self.vpc_id,
            availability_zone=zone,
            cidr_block=str(addresses),
            ipv6_cidr_block=ipv6,
            map_public_ip_on_launch=False,
            tags=self._named(name),
            opts=self._inside,
        )
        ec2.RouteTableAssociation(
            name, subnet_id=subnet.id, route_table_id=table.id, opts=self._inside
        )
        return subnet.id

    def _nat(
        self, zone: str, subnet_id: Output[str], gateway: ec2.InternetGateway
    ) -> ec2.NatGateway:
        address = ec2.Eip(
            f"nat-{zone}", domain="vpc", tags=self._named(f"nat-{zone}"), opts=self._inside
        )
        return ec2.NatGateway(
            f"nat-{zone}",
            allocation_id=address.allocation_id,
            subnet_id=subnet_id,
            tags=self._named(f"nat-{zone}"),
            opts=ResourceOptions(parent=self, depends_on=[gateway]),
        )

    def _route_table(self, name: str) -> ec2.RouteTable:
        return ec2.RouteTable(name, vpc_id=self.vpc_id, tags=self._named(name), opts=self._inside)

    def _route(
        self,
        name: str,
        table: ec2.RouteTable,
        *,
        gateway_id: Input[str] | None = None,
        nat_gateway_id: Input[str] | None = None,
    ) -> None:
        ec2.Route(
            name,
            route_table_id=table.id,
            destination_cidr_block=_INTERNET,
            gateway_id=gateway_id,
            nat_gateway_id=nat_gateway_id,
            opts=self._inside,
        )

    def _flow_log(self, key_arn: Input[str]) -> None:
        """Record all traffic, accepted and refused."""
        group = log_group(
            "flow",
            LogKind.ACCESS,
            environment=self._environment,
            key_arn=key_arn,
            parent=self,
        )
        names = self._names
        role = iam.Role(
            "flow-log",
            name=names.of("flow-log"),
            description="Writes the flow log of the VPC",
            assume_role_policy=assumed_by("vpc-flow-logs.amazonaws.com", names),
            opts=self._inside,
        )
        policy = iam.RolePolicy(
            "flow-log",
            role=role.id,
            policy=document(
                {
                    "Effect": "Allow",
                    "Action": [
                        "logs:CreateLogStream",
                        "logs:DescribeLogStreams",
                        "logs:PutLogEvents",
                    ],
                    "Resource": names.arn("logs", f"log-group:{names.path('flow')}:*"),
                },
                {
                    "Effect": "Allow",
                    "Action": "logs:DescribeLogGroups",  # looks for its group among all
                    "Resource": names.arn("logs", "log-group:*"),
                },
            ),
            opts=self._inside,
        )
        ec2.FlowLog(
            "flow-log",
            vpc_id=self.vpc_id,
            traffic_type="ALL",
            max_aggregation_interval=_AGGREGATION_SECONDS,
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            tags=self._named("flow-log"),
            opts=ResourceOptions(parent=self, depends_on=[policy]),
        )

    def _named(self, name: str) -> dict[str, str]:
        return {"Name": self._names.of(name)}


def zone_ranges(cidr: IPv4Network) -> Iterator[ZoneRanges]:
    """The ranges of each of the four zones that `cidr` has room for, in order.

    A zone takes a quarter: half of it private, where services run, a quarter of it public, and a
    quarter for data. A zone added later leaves the others where they are.
    """
    for quarter in cidr.subnets(prefixlen_diff=2):
        private, rest = quarter.subnets()
        public, data = rest.subnets()
        yield ZoneRanges(public=public, private=private, data=data)


def ipv6_range(cidr: IPv6Network, number: int) -> str:
    """The range of the public subnet of zone `number`: a subnet of IPv6 is always a /64."""
    first = int(cidr.network_address) + (number << 64)
    return str(IPv6Network((first, 64)))
