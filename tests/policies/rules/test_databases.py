"""Rules of how databases are kept, reached and watched, where their examples do not reach."""

import pytest

from plan.values import UNKNOWN
from policies.backups import PLAN, SELECTION
from policies.databases import (
    CLUSTER,
    CLUSTER_INSTANCE,
    CLUSTER_PARAMETERS,
    INSTANCE,
    PARAMETERS,
)
from policies.registry import Given, Ref
from policies.relations import SUBNET
from policies.routes import ASSOCIATION, DEFAULT_ROUTE_TABLE, INTERNET_GATEWAY, ROUTE_TABLE, VPC
from policies.rules.rds_access import SUBNET_GROUP, Administrators
from policies.rules.rds_engine import Authorities, Engines
from policies.rules.rds_observability import SUBSCRIPTION
from policies.rules.rds_protection import GLOBAL_CLUSTER, REPLICATION
from policies.settings import Settings
from policies.traffic import INGRESS_RULE, SECURITY_GROUP
from standards import Tier
from tests.policies.doors import FAIL, PASS, SILENT, UNDECIDED, messages, says

REPLICA = Given(INSTANCE, "replica", {"replicateSourceDb": "database"})
RESTORED = Given(INSTANCE, "restored", {"snapshotIdentifier": "snapshot"})


@pytest.mark.parametrize(
    "rule",
    [
        "rds-cmk",
        "rds-final-snapshot",
        "rds-custom-admin",
        "rds-custom-port",
        "rds-postgres",
        "rds-cross-region-backup",
        "rds-audit-logging",
        "rds-private-subnet-group",
    ],
)
def test_a_replica_has_what_its_source_has(rule: str) -> None:
    """What RDS takes from the source is judged there."""
    assert says(rule, REPLICA) == SILENT


@pytest.mark.parametrize("rule", ["rds-custom-admin", "rds-postgres", "rds-iam-auth"])
def test_what_a_snapshot_decides_is_not_known(rule: str) -> None:
    """The plan does not hold what the database is restored from."""
    assert says(rule, RESTORED) == UNDECIDED


@pytest.mark.parametrize(
    "rule", ["rds-deletion-protection", "rds-final-snapshot", "rds-cross-region-backup"]
)
@pytest.mark.parametrize("tier", [tier for tier in Tier if tier is not Tier.PRODUCTION])
def test_databases_outside_production_come_and_go(rule: str, tier: Tier) -> None:
    """Nothing is lost with them."""
    database = Given(CLUSTER, "database", {"skipFinalSnapshot": True})
    assert says(rule, database, settings=Settings(tier=tier)) == SILENT


def test_a_configuration_may_name_other_engines_and_names() -> None:
    """Who runs MySQL says so once; the default stays the standard's."""
    mysql = Given(CLUSTER, "database", {"engine": "Aurora-MySQL"})
    assert messages("rds-postgres", mysql) == [
        "runs aurora-mysql, not one of: aurora-postgresql, postgres"
    ]
    assert says("rds-postgres", mysql, settings=Engines(allowed=("aurora-mysql",))) == PASS
    owner = Given(CLUSTER, "database", {"masterUsername": "owner"})
    assert says("rds-custom-admin", owner) == PASS
    assert says("rds-custom-admin", owner, settings=Administrators(refused=("owner",))) == FAIL
    old = Given(INSTANCE, "database", {"caCertIdentifier": "rds-ca-2019"})
    assert says("rds-modern-ca", old, settings=Authorities(allowed=("rds-ca-2019",))) == PASS


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"engine": "oracle-ee"}, SILENT),
        ({"engine": "sqlserver-se"}, SILENT),
        ({"engine": "oracle-ee", "iamDatabaseAuthenticationEnabled": True}, PASS),
        ({"engine": UNKNOWN}, UNDECIDED),
        ({}, FAIL),
    ],
)
def test_engines_without_users_of_iam_are_left_out(
    inputs: dict[str, object], expected: str
) -> None:
    """IAM users sign in to PostgreSQL, MySQL and MariaDB alone."""
    assert says("rds-iam-auth", Given(INSTANCE, "database", inputs)) == expected


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"engine": "mariadb", "port": 3306}, FAIL),
        ({"engine": "mariadb", "port": 3307}, PASS),
        ({"engine": "db2-se", "port": 50000}, FAIL),
        ({"engine": "something-new", "port": 1}, PASS),
        ({"engine": "mysql", "port": UNKNOWN}, UNDECIDED),
        ({"replicateSourceDb": "database", "port": 5432}, UNDECIDED),
    ],
)
def test_each_engine_has_its_own_default_port(inputs: dict[str, object], expected: str) -> None:
    """Another engine's default is nobody's first try."""
    assert says("rds-custom-port", Given(INSTANCE, "database", inputs)) == expected


def test_a_replica_has_the_engine_of_a_source_in_the_same_stack() -> None:
    """So its port can be compared."""
    source = Given(INSTANCE, "database", {"engine": "postgres", "port": 6432})
    inputs = {"replicateSourceDb": Ref("database"), "port": 5432}
    replica = Given(INSTANCE, "replica", inputs)
    assert messages("rds-custom-port", source, replica) == [
        "listens on 5432, the default of postgres"
    ]


def backed_up(**copy: object) -> list[Given]:
    """A database and a plan that selects it, with one copy action."""
    return [
        Given("pulumi:providers:aws", "here", {"region": "eu-central-1"}),
        Given(INSTANCE, "database", provider="here"),
        Given(PLAN, "plan", {"rules": [{"copyActions": [copy] if copy else []}]}, provider="here"),
        Given(SELECTION, "all", {"planId": Ref("plan"), "resources": [Ref("database")]}),
    ]


ABROAD = "arn:aws:backup:eu-west-1:123456789012:backup-vault:copies"


@pytest.mark.parametrize(
    ("copy", "expected"),
    [
        ({"destinationVaultArn": ABROAD}, PASS),
        ({"destinationVaultArn": ABROAD.replace("eu-west-1", "eu-central-1")}, FAIL),
        ({"destinationVaultArn": UNKNOWN}, UNDECIDED),
        ({}, FAIL),
    ],
)
def test_the_copies_of_a_plan_keep_a_database_in_another_region(
    copy: dict[str, object], expected: str
) -> None:
    """As far as they go to another one."""
    assert says("rds-cross-region-backup", *backed_up(**copy), of="database") == expected


def test_what_cannot_be_followed_leaves_the_second_region_undecided() -> None:
    """Not knowing is reported, and is neither a pass nor a fail."""
    database = Given(INSTANCE, "database")
    for other in (
        Given(REPLICATION, "copies", {"sourceDbInstanceArn": UNKNOWN, "kmsKeyId": "key"}),
        Given(GLOBAL_CLUSTER, "world", {"sourceDbClusterIdentifier": UNKNOWN}),
        Given(SELECTION, "all", {"planId": "elsewhere", "resources": ["*"]}),
        Given(INSTANCE, "replica", {"replicateSourceDb": Ref("database")}),
    ):
        assert says("rds-cross-region-backup", database, other, of="database") == UNDECIDED


NETWORK = Given(VPC, "network")
DATA = Given(SUBNET, "data", {"vpcId": Ref("network")})
GROUP = Given(SUBNET_GROUP, "group", {"subnetIds": [Ref("data")]})


def test_a_subnet_of_another_stack_leaves_its_group_undecided() -> None:
    """A public one beside it still fails."""
    mixed = Given(SUBNET_GROUP, "group", {"subnetIds": [Ref("data"), "subnet-1"]})
    assert says("rds-private-subnet-group", NETWORK, DATA, mixed) == UNDECIDED
    table = Given(ROUTE_TABLE, "table", {"routes": [{"gatewayId": "igw-1"}]})
    own = Given(ASSOCIATION, "own", {"subnetId": Ref("data"), "routeTableId": Ref("table")})
    assert says("rds-private-subnet-group", NETWORK, DATA, mixed, table, own) == FAIL


def own_table(subnet: object) -> Given:
    """An association of a subnet with a route table of another stack."""
    return Given(ASSOCIATION, "own", {"subnetId": subnet, "routeTableId": "rtb-1"})


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        (
            [Given(ASSOCIATION, "own", {"subnetId": Ref("data"), "routeTableId": "rtb-1"})],
            UNDECIDED,
        ),
        ([own_table(UNKNOWN)], UNDECIDED),
        ([Given(DEFAULT_ROUTE_TABLE, "main", {"defaultRouteTableId": Ref("network")})], PASS),
        (
            [
                Given(
                    DEFAULT_ROUTE_TABLE,
                    "main",
                    {
                        "defaultRouteTableId": Ref("network"),
                        "routes": [{"cidrBlock": "0.0.0.0/0", "gatewayId": "igw-1"}],
                    },
                )
            ],
            FAIL,
        ),
        ([], PASS),
    ],
)
def test_a_subnet_without_a_table_follows_the_main_one(tables: list[Given], expected: str) -> None:
    """Which leads nowhere unless the program says so."""
    assert says("rds-private-subnet-group", NETWORK, DATA, GROUP, *tables) == expected


def test_a_route_whose_gateway_is_not_known_is_told_by_what_it_refers_to() -> None:
    """A gateway of a private network is none of the internet."""
    own = Given(ASSOCIATION, "own", {"subnetId": Ref("data"), "routeTableId": Ref("table")})
    for gateway, expected in (
        (Given(INTERNET_GATEWAY, "gateway"), FAIL),
        (Given("aws:ec2/vpnGateway:VpnGateway", "gateway"), PASS),
    ):
        table = Given(ROUTE_TABLE, "table", {"routes": [{"gatewayId": Ref("gateway")}]})
        example = (NETWORK, DATA, GROUP, own, gateway, table)
        assert says("rds-private-subnet-group", *example) == expected


def test_a_client_is_a_group_and_never_an_address() -> None:
    """Who may connect is said by name, in whichever resource the rule stands."""
    group = Given(SECURITY_GROUP, "clients")
    database = Given(CLUSTER, "database", {"vpcSecurityGroupIds": [Ref("clients")]})
    assert says("rds-known-clients", group, database) == PASS
    for address in ({"cidrIpv4": "10.0.0.0/16"}, {"cidrIpv6": "fd00::/8"}):
        office = Given(INGRESS_RULE, "office", {"securityGroupId": Ref("clients"), **address})
        (message,) = messages("rds-known-clients", group, database, office)
        assert message == f"{next(iter(address.values()))} may connect, by security group clients"
    elsewhere = Given(CLUSTER, "database", {"vpcSecurityGroupIds": [Ref("clients"), "sg-1"]})
    assert says("rds-known-clients", group, elsewhere) == UNDECIDED


@pytest.mark.parametrize(
    ("engine", "logs", "expected"),
    [
        ("postgres", ["postgresql"], ["does not export its log upgrade"]),
        ("sqlserver-ee", ["error"], ["does not export its log agent"]),
        ("something-new", ["any"], []),
        ("mysql", [], ["exports no log"]),
    ],
)
def test_each_engine_has_its_own_logs(engine: str, logs: list[str], expected: list[str]) -> None:
    """One that nobody knows here exports something at least."""
    inputs = {"engine": engine, "enabledCloudwatchLogsExports": logs}
    assert messages("rds-log-exports", Given(INSTANCE, "database", inputs)) == expected


def test_an_engine_whose_audit_is_not_known_is_undecided() -> None:
    """It is not passed in silence."""
    oracle = Given(INSTANCE, "database", {"engine": "oracle-ee"})
    assert messages("rds-audit-logging", oracle) == ["how oracle-ee is audited is not known here"]


@pytest.mark.parametrize(
    ("type_", "family", "parameters", "expected"),
    [
        (CLUSTER_PARAMETERS, "aurora-mysql8.0", [], SILENT),
        (PARAMETERS, "aurora-postgresql16", [], PASS),
        (PARAMETERS, "postgres16", [], FAIL),
        (
            PARAMETERS,
            "aurora-postgresql16",
            [{"name": "log_min_duration_statement", "value": "-1"}],
            FAIL,
        ),
        (CLUSTER_PARAMETERS, "aurora-postgresql16", UNKNOWN, UNDECIDED),
    ],
)
def test_statements_are_logged_by_the_group_that_decides(
    type_: str, family: str, parameters: object, expected: str
) -> None:
    """An instance of Aurora has from its cluster's group what its own does not set."""
    group = Given(type_, "group", {"family": family, "parameters": parameters})
    assert says("rds-query-logging", group) == expected


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({}, PASS),
        ({"sourceIds": ["writer-1"]}, PASS),
        ({"sourceIds": ["writer-2"]}, FAIL),
        ({"sourceIds": [UNKNOWN]}, UNDECIDED),
        ({"sourceType": UNKNOWN}, UNDECIDED),
        ({"sourceType": "db-snapshot"}, FAIL),
        ({"eventCategories": ["failure", "maintenance"]}, FAIL),
        ({"eventCategories": ["failure", UNKNOWN]}, UNDECIDED),
        ({"enabled": UNKNOWN}, UNDECIDED),
        ({"snsTopic": ""}, FAIL),
    ],
)
def test_a_subscription_counts_for_what_it_tells_of(
    inputs: dict[str, object], expected: str
) -> None:
    """Its sources, by reference or by name, and its categories; all of them where it says none."""
    writer = Given(CLUSTER_INSTANCE, "writer", {"identifier": "writer-1"})
    told = Given(SUBSCRIPTION, "told", {"snsTopic": "arn:aws:sns:::critical", **inputs})
    assert says("rds-event-subscription", writer, told) == expected


@pytest.mark.parametrize(
    ("rule", "inputs", "expected"),
    [
        ("rds-postgres", {"engine": "mysql"}, FAIL),
        ("rds-cmk", {"kmsKeyId": " "}, FAIL),
        ("rds-custom-port", {"engine": "mysql", "port": 3306}, FAIL),
        ("rds-audit-logging", {"engine": "postgres"}, FAIL),
    ],
)
def test_what_a_replica_says_itself_is_judged(
    rule: str, inputs: dict[str, object], expected: str
) -> None:
    """Its source decides where it is silent, and nowhere else."""
    replica = Given(INSTANCE, "replica", {"replicateSourceDb": "database", **inputs})
    assert says(rule, replica) == expected


def test_a_member_of_a_global_cluster_has_its_administrator_from_there() -> None:
    """A second region takes over the first one's."""
    assert says("rds-custom-admin", Given(CLUSTER, "database")) == FAIL
    member = Given(CLUSTER, "database", {"globalClusterIdentifier": "world"})
    assert says("rds-custom-admin", member) == SILENT


@pytest.mark.parametrize("key", ["replicateSourceDb", "replicationSourceIdentifier"])
def test_a_replica_of_any_kind_in_another_region_is_a_copy(key: str) -> None:
    """An instance names its source by one key, a cluster by another."""
    here = Given("pulumi:providers:aws", "here", {"region": "eu-central-1"})
    there = Given("pulumi:providers:aws", "there", {"region": "eu-west-1"})
    type_ = INSTANCE if key == "replicateSourceDb" else CLUSTER
    database = Given(type_, "database", provider="here")
    for provider, expected in (("there", PASS), ("here", FAIL)):
        replica = Given(type_, "replica", {key: Ref("database")}, provider=provider)
        found = says("rds-cross-region-backup", here, there, database, replica, of="database")
        assert found == expected


def _audited(value: object, log: str = "audit", plugin: str | None = None) -> str:
    """Whether an Aurora MySQL cluster, or a MySQL instance with `plugin`, is audited."""
    exports = {"enabledCloudwatchLogsExports": [log]}
    if plugin is None:
        parameters = [{"name": "server_audit_logging", "value": value}]
        group = Given(CLUSTER_PARAMETERS, "group", {"parameters": parameters})
        inputs = {"engine": "aurora-mysql", "dbClusterParameterGroupName": Ref("group"), **exports}
        return says("rds-audit-logging", group, Given(CLUSTER, "database", inputs))
    group = Given("aws:rds/optionGroup:OptionGroup", "group", {"options": [{"optionName": plugin}]})
    inputs = {"engine": "mysql", "optionGroupName": Ref("group"), **exports}
    return says("rds-audit-logging", group, Given(INSTANCE, "database", inputs))


def test_mysql_is_audited_where_the_record_is_made_and_exported() -> None:
    """Either alone is no audit: a record that stays in the database, or an export of nothing."""
    assert [_audited(value) for value in ("1", "ON", "0", "off", "OFF")] == [
        *(PASS, PASS, FAIL, FAIL, FAIL)
    ]
    assert _audited("1", log="error") == FAIL
    assert _audited(None, plugin="MARIADB_AUDIT_PLUGIN") == PASS
    assert _audited(None, plugin="MARIADB_AUDIT_PLUGIN", log="error") == FAIL
    assert _audited(None, plugin="MEMCACHED") == FAIL


def test_a_subscription_that_names_a_type_or_is_off_is_not_for_the_rest() -> None:
    """A source that is known by reference is found, and others are not."""
    instance = Given(INSTANCE, "database")
    topic = "arn:aws:sns:::critical"
    for inputs, expected in (
        ({"sourceType": "db-instance"}, PASS),
        ({"sourceType": "db-instance", "enabled": False}, FAIL),
        ({"sourceType": "db-cluster"}, FAIL),
        ({"sourceType": "db-instance", "sourceIds": [Ref("database")]}, PASS),
        ({"sourceType": "db-instance", "sourceIds": [Ref("other")]}, FAIL),
        ({"sourceType": "db-cluster", "sourceIds": [Ref("database")]}, FAIL),
        ({"eventCategories": ["configuration change", "failure", "maintenance"]}, PASS),
        ({"eventCategories": ["configuration change", "failure"]}, FAIL),
    ):
        told = Given(SUBSCRIPTION, "told", {"snsTopic": topic, **inputs})
        other = Given(INSTANCE, "other")
        found = says("rds-event-subscription", instance, other, told, of="database")
        assert found == expected, inputs


@pytest.mark.parametrize(
    ("instance", "cluster", "expected"),
    [
        ({"monitoringInterval": 1, "monitoringRoleArn": "arn"}, {}, PASS),
        ({"monitoringInterval": 60}, {}, FAIL),
        ({}, {"monitoringInterval": 60, "monitoringRoleArn": "arn"}, PASS),
        ({}, {"monitoringInterval": 60, "monitoringRoleArn": ""}, FAIL),
    ],
)
def test_an_instance_is_watched_by_itself_or_by_its_cluster(
    instance: dict[str, object], cluster: dict[str, object], expected: str
) -> None:
    """Of the instance and its cluster one has to say both, how often and by which role."""
    writer = Given(CLUSTER_INSTANCE, "writer", {"clusterIdentifier": Ref("database"), **instance})
    found = says("rds-enhanced-monitoring", Given(CLUSTER, "database", cluster), writer)
    assert found == expected
