"""Services reach the database through a proxy: over TLS alone, and each as a user of its own."""

from collections.abc import Callable

import pytest

from environments import Environment
from plan import Plan
from stacks.database_proxy import PORT, database_user
from tests.stacks.reading import ON_AWS, of_type, only


@pytest.mark.parametrize("environment", ON_AWS)
def test_the_proxy_asks_for_tls_and_for_iam_on_both_ways(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """No password of an application role exists that could be lost."""
    proxy = only(plan_of(environment), "rds/proxy")
    assert proxy.flag("requireTls")
    assert proxy.text("defaultAuthScheme") == "IAM_AUTH"
    assert not proxy.has("auths")


@pytest.mark.parametrize("environment", ON_AWS)
def test_nothing_but_the_proxy_and_tasks_reaches_the_database_itself(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """Each service opens the proxy; the cluster lets the proxy and one-off tasks in."""
    plan, record = plan_of(environment), record_of(environment)
    entries = {
        rule.name: (rule.number("fromPort"), rule.number("toPort"))
        for rule in of_type(plan, "vpc/securityGroupIngressRule")
        if any(
            urn.rpartition("::")[2] == "database"
            for urn in rule.resource.property_dependencies["securityGroupId"]
        )
    }
    port = record.database.port
    assert entries == {
        "database-proxy-into-database": (port, port),
        "tasks-into-database": (port, port),
    }
    for service in record.services:
        rule = only(plan, "vpc/securityGroupIngressRule", f"{service}-into-database")
        (group,) = rule.resource.property_dependencies["securityGroupId"]
        assert group.endswith("::database-proxy")
        assert rule.number("fromPort") == PORT


@pytest.mark.parametrize("environment", ON_AWS)
def test_a_service_is_told_the_port_of_what_it_connects_to(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """RDS Proxy has one port of its own, whatever the cluster's is; the user is the service's."""
    plan = plan_of(environment)
    for service in record_of(environment).services:
        (container, *_) = only(plan, "ecs/taskDefinition", service).documents(
            "containerDefinitions"
        )
        told = {one.text("name"): one.text("value") for one in container.nodes("environment")}
        assert told["DATABASE_PORT"] == str(PORT)
        assert told["DATABASE_USER"] == database_user(service)
        assert "DATABASE_URL" not in told


def test_the_role_of_the_proxy_signs_in_as_services_alone(
    plan_of: Callable[[str], Plan],
) -> None:
    """Its policy is known once the cluster is, and depends on nothing else."""
    policy = only(plan_of("production"), "iam/rolePolicy", "database-proxy")
    (source,) = policy.resource.property_dependencies["policy"]
    assert source.endswith("rds/cluster:Cluster::database")


def test_reads_have_an_address_where_there_are_replicas(plan_of: Callable[[str], Plan]) -> None:
    """The published address of readers is the proxy's read-only endpoint, or the cluster's own."""
    endpoint = only(plan_of("production"), "rds/proxyEndpoint")
    assert endpoint.text("targetRole") == "READ_ONLY"
    parameter = only(plan_of("production"), "ssm/parameter", "reader-endpoint")
    assert parameter.resource.property_dependencies["value"] == (endpoint.resource.urn,)
    assert not of_type(plan_of("integration"), "rds/proxyEndpoint")


def test_development_runs_on_a_database_of_its_own_machine(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment]
) -> None:
    """An emulator has no database to connect to: services are told the local one (ENV-06)."""
    plan, record = plan_of("development"), record_of("development")
    assert not of_type(plan, "rds/proxy")
    for service in record.services:
        (container, *_) = only(plan, "ecs/taskDefinition", service).documents(
            "containerDefinitions"
        )
        told = {one.text("name"): one.text("value") for one in container.nodes("environment")}
        assert told["DATABASE_URL"] == record.database.local_url
