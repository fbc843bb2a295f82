"""The database is private, encrypted, over TLS alone, and survives the loss of a zone."""

from collections.abc import Callable

import pytest

from environments import Environment
from plan import Plan
from standards import figure
from tests.stacks.reading import ENVIRONMENTS, of_type, only

CLUSTER = "rds/cluster"
INSTANCE = "rds/clusterInstance"
PROTECTED = ("production", "staging")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_database_is_encrypted_with_a_key_of_its_own_account(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """Storage, the administrator's password and the insights all use the key for data."""
    plan = plan_of(environment)
    cluster = only(plan, CLUSTER)
    assert cluster.flag("storageEncrypted")
    assert cluster.flag("manageMasterUserPassword")
    assert not cluster.has("masterPassword")
    for key in ("kmsKeyId", "masterUserSecretKmsKeyId"):
        (source,) = cluster.resource.property_dependencies[key]
        assert source.endswith("::data")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_database_refuses_plain_connections_and_logs_changes(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """The cluster uses the parameters that force TLS and audit, and exports its log."""
    plan = plan_of(environment)
    cluster, group = only(plan, CLUSTER), only(plan, "rds/clusterParameterGroup")
    assert cluster.text("dbClusterParameterGroupName") == group.text("name")
    parameters = {one.text("name"): one.text("value") for one in group.nodes("parameters")}
    assert parameters["rds.force_ssl"] == "1"
    assert parameters["log_connections"] == "1"
    assert "pgaudit" in (parameters["shared_preload_libraries"] or "")
    major = (cluster.text("engineVersion") or "").partition(".")[0]
    assert group.text("family") == f"aurora-postgresql{major}"
    log = only(plan, "cloudwatch/logGroup", "database")
    assert log.text("name") == f"/aws/rds/cluster/{cluster.text('clusterIdentifier')}/postgresql"
    assert cluster.texts("enabledCloudwatchLogsExports") == ["postgresql"]
    assert (log.number("retentionInDays") or 0) >= figure("LOG-04", "retention_days").days


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_instance_is_public(plan_of: Callable[[str], Plan], environment: str) -> None:
    """All lie in the data subnets, without a public address, and let nothing out."""
    plan = plan_of(environment)
    for instance in of_type(plan, INSTANCE):
        assert instance.flag("publiclyAccessible") is False
        assert instance.flag("autoMinorVersionUpgrade")
        assert instance.flag("performanceInsightsEnabled")
        assert (instance.number("monitoringInterval") or 0) > 0
    subnets = only(plan, "rds/subnetGroup").resource.property_dependencies["subnetIds"]
    assert {urn.rpartition("::")[2].partition("-")[0] for urn in subnets} == {"data"}
    group = only(plan, "ec2/securityGroup", "database")
    assert not group.has("ingress")
    assert not group.has("egress")


@pytest.mark.parametrize("environment", PROTECTED)
def test_replicas_stand_in_other_zones_than_the_writer(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """As many as the record keeps, each in a zone of its own as far as there are zones."""
    plan, record = plan_of(environment), record_of(environment)
    zones = [one.text("availabilityZone") for one in of_type(plan, INSTANCE)]
    assert len(zones) == 1 + record.database.replicas.min
    assert len(set(zones)) == min(len(zones), len(record.network.zones))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_where_data_matters_the_database_cannot_be_lost_by_a_mistake(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """Protected by Pulumi and AWS, with a last snapshot; a throw-away one goes at once."""
    cluster, record = only(plan_of(environment), CLUSTER), record_of(environment)
    is_protected = environment in PROTECTED
    assert cluster.options.protect is is_protected
    assert cluster.flag("deletionProtection") is is_protected
    assert cluster.flag("skipFinalSnapshot") is not is_protected
    assert cluster.has("finalSnapshotIdentifier") is is_protected
    assert cluster.number("backupRetentionPeriod") == record.database.backup_retention_days
    assert cluster.flag("copyTagsToSnapshot")


def test_services_find_the_database_by_a_parameter_that_exists_first(
    plan_of: Callable[[str], Plan],
) -> None:
    """A task that started before the parameter was there would fail."""
    plan = plan_of("production")
    parameter = only(plan, "ssm/parameter", "endpoint")
    assert parameter.text("name") == "/slipway/production/database/endpoint"
    for service in of_type(plan, "ecs/service"):
        assert parameter.resource.urn in service.resource.dependencies


def test_failovers_and_failures_are_told_to_whoever_is_on_call(
    plan_of: Callable[[str], Plan],
) -> None:
    """One subscription covers the cluster, one its instances; both reach the critical topic."""
    plan = plan_of("production")
    of_cluster = only(plan, "rds/eventSubscription", "database")
    assert "failover" in of_cluster.texts("eventCategories")
    assert of_cluster.texts("sourceIds") == [only(plan, CLUSTER).text("clusterIdentifier")]
    of_instances = only(plan, "rds/eventSubscription", "database-instances")
    identifiers = [instance.text("identifier") for instance in of_type(plan, INSTANCE)]
    assert of_instances.texts("sourceIds") == identifiers
    for subscription in (of_cluster, of_instances):
        assert {"failure", "maintenance"} <= set(subscription.texts("eventCategories"))
        (topic,) = subscription.resource.property_dependencies["snsTopic"]
        assert topic.endswith("::critical")
