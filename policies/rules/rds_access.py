"""Rules for who reaches a database: through which network, from where, and as which user."""

from typing import Final

from plan.graph import Graph
from policies.databases import CLUSTER, DATABASES, INSTANCE, engine_of, is_replica, is_restored
from policies.nodes import Subject
from policies.outcomes import (
    PASS,
    NotApplicable,
    NotEvaluated,
    Outcome,
    all_of,
    every,
    fail,
    require,
)
from policies.registry import Controls, Given, Ref, rule
from policies.relations import SUBNET, companions, targets
from policies.routes import (
    ASSOCIATION,
    INTERNET_GATEWAY,
    MAIN_ASSOCIATION,
    ROUTE,
    ROUTE_TABLE,
    VPC,
    is_private,
)
from policies.settings import Settings, Severity
from policies.traffic import (
    DEFAULT_GROUP,
    GROUP_RULE,
    INGRESS_RULE,
    SECURITY_GROUP,
    ingress,
    sources,
)

SUBNET_GROUP: Final = "aws:rds/subnetGroup:SubnetGroup"
_RULES: Final = (GROUP_RULE, INGRESS_RULE)

_WITHOUT_IAM: Final = ("custom-", "db2", "oracle", "sqlserver")
"""What the engines begin with that IAM users cannot sign in to."""


@rule(
    types=DATABASES,
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("RDS.10", "RDS.12"), checkov=("CKV_AWS_161", "CKV_AWS_162")),
    remediation="""
        Let roles sign in with a token that lasts 15 minutes:

            aws.rds.Cluster("database", iam_database_authentication_enabled=True, ...)
        """,
    passing=[
        (Given(CLUSTER, "database", {"iamDatabaseAuthenticationEnabled": True}),),
        (Given(INSTANCE, "database", {"iamDatabaseAuthenticationEnabled": "true"}),),
    ],
    failing=[
        (
            Given(
                CLUSTER,
                "database",
                {"engine": "aurora-postgresql", "iamDatabaseAuthenticationEnabled": False},
            ),
        ),
        (Given(INSTANCE, "database", {"engine": "mysql"}),),
        (Given(INSTANCE, "replica", {"engine": "mariadb", "replicateSourceDb": "database"}),),
    ],
)
def rds_iam_auth(database: Subject) -> Outcome:
    """Services sign in to a database by their roles.

    A token is good for minutes and belongs to a role; a password is good until somebody changes it.
    """
    if database.flag("iamDatabaseAuthenticationEnabled"):
        return PASS
    engine = engine_of(database)
    if engine.startswith(_WITHOUT_IAM):
        return NotApplicable(f"{engine} knows no users of IAM")
    return fail("knows passwords only", "iamDatabaseAuthenticationEnabled")


class Administrators(Settings):
    """Names that an administrator of a database must not have."""

    refused: tuple[str, ...] = ("admin", "administrator", "postgres", "root", "sa")


@rule(
    types=DATABASES,
    severity=Severity.MEDIUM,
    requirements=["DB-08"],
    controls=Controls(fsbp=("RDS.24", "RDS.25")),
    settings=Administrators,
    remediation="""
        Name the administrator yourself; that can only be chosen when the database is created:

            aws.rds.Cluster("database", master_username="payments_owner", ...)
        """,
    passing=[
        (Given(CLUSTER, "database", {"masterUsername": "payments_owner"}),),
        (Given(INSTANCE, "database", {"username": "payments_owner"}),),
        (Given(CLUSTER, "database", {"engine": "mysql", "masterUsername": "rooted"}),),
    ],
    failing=[
        (Given(CLUSTER, "database", {"masterUsername": "postgres"}),),
        (Given(INSTANCE, "database", {"username": "Admin"}),),
        (Given(INSTANCE, "database", {"engine": "postgres"}),),
    ],
)
def rds_custom_admin(database: Subject, settings: Administrators) -> Outcome:
    """The administrator of a database has a name of its own.

    Half of a guess is right where everybody's administrator has the same name.
    """
    key = "masterUsername" if database.type == CLUSTER else "username"
    name = database.text(key)
    if not name:
        if is_replica(database) or database.has("globalClusterIdentifier"):
            return NotApplicable("a replica has the users of its source")
        if is_restored(database):
            return NotEvaluated("its administrator is the one of what it is restored from")
        return fail("names no administrator", key)
    return require(
        name.strip().lower() not in settings.refused,
        f"its administrator is called {name}, as everybody's",
        key,
    )


_NETWORK: Final = Given(VPC, "network")
_GATEWAY: Final = Given(INTERNET_GATEWAY, "gateway", {"vpcId": Ref("network")})
_SUBNET: Final = Given(SUBNET, "data-a", {"vpcId": Ref("network")})
_GROUP: Final = Given(SUBNET_GROUP, "data", {"subnetIds": [Ref("data-a")]})
_OWN_TABLE: Final = Given(
    ASSOCIATION, "data-a-table", {"subnetId": Ref("data-a"), "routeTableId": Ref("table")}
)


def _route_table(**route: object) -> Given:
    """A route table of one route, for the examples."""
    return Given(ROUTE_TABLE, "table", {"vpcId": Ref("network"), "routes": [route]})


_OUTWARD: Final = Given(
    ROUTE,
    "outward",
    {
        "routeTableId": Ref("table"),
        "destinationCidrBlock": "0.0.0.0/0",
        "gatewayId": Ref("gateway"),
    },
)


@rule(
    types=[SUBNET_GROUP, *DATABASES],
    severity=Severity.MEDIUM,
    requirements=["NET-11"],
    controls=Controls(fsbp=("RDS.18",)),
    remediation="""
        Place it in subnets whose route tables know no internet gateway:

            subnets = aws.rds.SubnetGroup("data", subnet_ids=[each.id for each in data_subnets])
            aws.rds.Cluster("database", db_subnet_group_name=subnets.name, ...)
        """,
    passing=[
        (
            _NETWORK,
            _SUBNET,
            _GROUP,
            Given(CLUSTER, "database", {"dbSubnetGroupName": Ref("data")}),
        ),
        (
            _NETWORK,
            _SUBNET,
            _GROUP,
            _route_table(cidrBlock="0.0.0.0/0", natGatewayId="nat-1"),
            _OWN_TABLE,
        ),
        (Given(INSTANCE, "database", {"dbSubnetGroupName": "data"}),),
    ],
    failing=[
        (
            _NETWORK,
            _SUBNET,
            _GROUP,
            _route_table(cidrBlock="0.0.0.0/0", gatewayId="igw-1"),
            _OWN_TABLE,
        ),
        (
            _NETWORK,
            _GATEWAY,
            _SUBNET,
            _GROUP,
            Given(ROUTE_TABLE, "table", {"vpcId": Ref("network")}),
            _OWN_TABLE,
            _OUTWARD,
        ),
        (
            _NETWORK,
            _GATEWAY,
            _SUBNET,
            _GROUP,
            _route_table(ipv6CidrBlock="::/0", gatewayId=Ref("gateway")),
            Given(
                MAIN_ASSOCIATION, "main", {"vpcId": Ref("network"), "routeTableId": Ref("table")}
            ),
        ),
        (Given(INSTANCE, "database", {"engine": "postgres"}),),
        (Given(INSTANCE, "database", {"dbSubnetGroupName": "default"}),),
    ],
)
def rds_private_subnet_group(subject: Subject, _: Settings, graph: Graph) -> Outcome:
    """A database lies in private subnets.

    Where a route leads to an internet gateway, one careless address or rule puts it on the
    internet. Without a subnet group it lies in the default network, whose subnets are all public.
    """
    if subject.type in DATABASES:
        return _names_group(subject, graph)
    if not subject.has_texts("subnetIds"):
        return fail("has no subnets", "subnetIds")
    subnets = targets(subject.resource, graph, "subnetIds", [SUBNET])
    is_whole = len(subnets) >= len(subject.each("subnetIds"))
    return all_of(
        every(subnets, lambda subnet: is_private(subnet, graph)),
        PASS if is_whole else NotEvaluated("some of its subnets are not in this stack"),
    )


def _names_group(database: Subject, graph: Graph) -> Outcome:
    """Whether the database names a subnet group, which is judged by itself."""
    key = "dbSubnetGroupName"
    if targets(database.resource, graph, key, [SUBNET_GROUP]):
        return PASS
    name = (database.text(key) or "").strip().lower()
    if not name and is_replica(database):
        return NotApplicable("a replica lies in the subnets of its source, or of its own region")
    message = "is in the default subnet group" if name else "names no subnet group"
    return require(name not in {"", "default"}, message, key)


_OF_API: Final = Given(SECURITY_GROUP, "api", {"egress": []})
_OF_DATABASE: Final = Given(SECURITY_GROUP, "database-clients", {"vpcId": "vpc-1"})
_GUARDED: Final = Given(CLUSTER, "database", {"vpcSecurityGroupIds": [Ref("database-clients")]})


@rule(
    types=DATABASES,
    severity=Severity.MEDIUM,
    requirements=["DB-10"],
    remediation="""
        Open its security group to the security groups of its clients, and to nothing else:

            aws.vpc.SecurityGroupIngressRule("api-database", security_group_id=database_group.id,
                referenced_security_group_id=api_group.id, ip_protocol="tcp",
                from_port=6432, to_port=6432)
        """,
    passing=[
        (
            _OF_API,
            _OF_DATABASE,
            _GUARDED,
            Given(
                INGRESS_RULE,
                "api-database",
                {
                    "securityGroupId": Ref("database-clients"),
                    "referencedSecurityGroupId": Ref("api"),
                    "ipProtocol": "tcp",
                },
            ),
        ),
        (
            Given(
                SECURITY_GROUP,
                "database-clients",
                {"ingress": [{"protocol": "tcp", "securityGroups": ["sg-1"]}]},
            ),
            _GUARDED,
        ),
    ],
    failing=[
        (Given(CLUSTER, "database", {"engine": "postgres"}),),
        (
            Given(
                SECURITY_GROUP,
                "database-clients",
                {"ingress": [{"protocol": "tcp", "cidrBlocks": ["10.0.0.0/8"]}]},
            ),
            _GUARDED,
        ),
        (
            _OF_DATABASE,
            _GUARDED,
            Given(
                INGRESS_RULE,
                "office",
                {"securityGroupId": Ref("database-clients"), "cidrIpv4": "198.51.100.7/32"},
            ),
        ),
        (
            _OF_DATABASE,
            _GUARDED,
            Given(
                GROUP_RULE,
                "office",
                {
                    "type": "ingress",
                    "securityGroupId": Ref("database-clients"),
                    "ipv6CidrBlocks": ["::/0"],
                },
            ),
        ),
        (
            Given(DEFAULT_GROUP, "everybody"),
            Given(INSTANCE, "database", {"vpcSecurityGroupIds": [Ref("everybody")]}),
        ),
    ],
)
def rds_known_clients(database: Subject, _: Settings, graph: Graph) -> Outcome:
    """Only the members of named security groups reach a database.

    A range of addresses lets in whatever is started there next; a group lets in what was meant.
    Everything in a network is in its default group, unless it names another.
    """
    key = "vpcSecurityGroupIds"
    if not database.has_texts(key):
        return fail("names no security group, so has the default one of its network", key)
    groups = targets(database.resource, graph, key, [SECURITY_GROUP, DEFAULT_GROUP])
    is_whole = len(groups) >= len(database.each(key))
    return all_of(
        every(groups, lambda group: _admits_groups(group, graph)),
        PASS if is_whole else NotEvaluated("some of its security groups are not in this stack"),
    )


def _admits_groups(group: Subject, graph: Graph) -> Outcome:
    """Whether everything that `group` lets in comes from another group."""
    if group.type == DEFAULT_GROUP:
        return fail("has the default security group of its network")
    entries = [
        entry
        for one in [group, *companions(group.resource, graph, _RULES, "securityGroupId")]
        for entry in ingress(one)
    ]
    return every(
        [source for entry in entries for source in sources(entry)],
        lambda source: fail(f"{source.as_text()} may connect, by security group {group.name}"),
    )
