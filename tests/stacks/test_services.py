"""Services run twice over, in private, by digest, and read-only; releases own what they change."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from environments import Environment, load
from plan import Graph, Plan
from preview.environment import evaluate_environment
from preview.errors import ProgramError
from stacks.service import priority
from standards import figure
from tests.environments.records import PROJECT, content_of, write
from tests.stacks.reading import ENVIRONMENTS, of_type, only

SERVICE = "ecs/service"
SIDES = ("blue", "green")


def container(plan: Plan, service: str) -> dict[str, Any]:
    """The container of a service's task definition that is the service's own."""
    text = only(plan, "ecs/taskDefinition", service).text("containerDefinitions")
    containers = cast("list[dict[str, Any]]", json.loads(text or "[]"))
    (found,) = (one for one in containers if one["name"] == service)
    return found


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_service_has_two_sides_of_which_blue_serves(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """Blue starts with the least that the record allows, green with nothing and no traffic."""
    plan = plan_of(environment)
    for name, record in record_of(environment).services.items():
        assert only(plan, SERVICE, f"{name}-blue").number("desiredCount") == record.instances.min
        assert only(plan, SERVICE, f"{name}-green").number("desiredCount") == 0
        (action,) = only(plan, "lb/listenerRule", name).nodes("actions")
        weights = [one.number("weight") for one in action.node("forward").nodes("targetGroups")]
        assert weights == [100, 0]
        rule = only(plan, "lb/listenerRule", name).resource
        reached = {urn.rpartition("::")[2] for urn in rule.property_dependencies["actions"]}
        assert reached == {f"{name}-{side}" for side in SIDES}


def test_two_instances_of_a_production_service_stand_in_different_zones(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment]
) -> None:
    """There are two at least, over the private subnet of each zone, and they are kept apart."""
    plan = plan_of("production")
    least = figure("SVC-01", "instances_min_count").count
    zones = record_of("production").network.zones
    for name in record_of("production").services:
        service = only(plan, SERVICE, f"{name}-blue")
        assert (service.number("desiredCount") or 0) >= least
        reached = service.resource.property_dependencies["networkConfiguration"]
        subnets = {urn.rpartition("::")[2] for urn in reached if "subnet:Subnet" in urn}
        assert subnets == {f"private-{zone}" for zone in zones}
        assert service.text("availabilityZoneRebalancing") == "ENABLED"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_stack_update_leaves_alone_what_a_release_changed(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """Image, number of instances, weights and which side scales are the cutover's."""
    plan = plan_of(environment)
    for service in of_type(plan, SERVICE):
        assert set(service.options.ignore_changes) == {"taskDefinition", "desiredCount"}
    for rule in of_type(plan, "lb/listenerRule"):
        spreads = not rule.name.endswith(("-blue", "-green"))
        assert rule.options.ignore_changes == (
            ("actions[0].forward.targetGroups",) if spreads else ()
        )


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_tasks_are_private_and_nobody_enters_them(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """No public address, no command from outside, and a failed deployment rolls itself back."""
    for service in of_type(plan_of(environment), SERVICE):
        assert service.node("networkConfiguration").flag("assignPublicIp") is False
        assert service.flag("enableExecuteCommand") is False
        breaker = service.node("deploymentCircuitBreaker")
        assert breaker.flag("enable")
        assert breaker.flag("rollback")
        assert service.number("deploymentMinimumHealthyPercent") == 100


def test_a_deployment_waits_as_long_as_the_standard_says(plan_of: Callable[[str], Plan]) -> None:
    """The grace of the health check is SVC-02's, and the update waits for healthy instances."""
    service = only(plan_of("production"), SERVICE, "api-blue")
    wait = figure("SVC-02", "healthy_wait_max_minutes").seconds
    assert service.number("healthCheckGracePeriodSeconds") == wait
    assert service.flag("waitForSteadyState")
    assert ("healthCheckGracePeriodSeconds", "SVC-02") in {
        (one.path, one.requirement) for one in service.resource.figures
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_deployment_that_is_not_healthy_in_time_fails(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """Where SVC-02 asks for it, an update ends with its wait; elsewhere it takes what it takes."""
    minutes = figure("SVC-02", "healthy_wait_max_minutes").minutes
    within = {"create": f"{minutes}m", "update": f"{minutes}m"}
    expected = within if record_of(environment).must("SVC-02") else {}
    for service in of_type(plan_of(environment), SERVICE):
        assert service.options.custom_timeouts == expected


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_task_may_finish_what_it_is_doing(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """It is told to stop once it gets no more requests, and then has as long as Fargate gives."""
    plan = plan_of(environment)
    for name in record_of(environment).services:
        told = container(plan, name)
        assert told["stopTimeout"] == 120
        assert told["linuxParameters"]["initProcessEnabled"] is True  # hands the signal on
        for side in SIDES:
            group = only(plan, "lb/targetGroup", f"{name}-{side}")
            assert 0 < (group.number("deregistrationDelay") or 0) <= told["stopTimeout"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_container_is_what_was_tested_and_can_change_nothing(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """By digest, not as root, without capabilities, on a file system that is read-only."""
    for name, record in record_of(environment).services.items():
        found = container(plan_of(environment), name)
        assert found["image"] == record.image
        assert "@sha256:" in found["image"]
        assert found["user"].partition(":")[0] not in {"", "0", "root"}
        assert found["privileged"] is False
        assert found["readonlyRootFilesystem"] is True
        assert found["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
        (mount,) = found["mountPoints"]
        (volume,) = only(plan_of(environment), "ecs/taskDefinition", name).nodes("volumes")
        assert mount["sourceVolume"] == volume.text("name")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_secrets_reach_a_container_by_reference_alone(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """Each secret of the record is one of Secrets Manager with a key, and no plain variable."""
    plan = plan_of(environment)
    for name, record in record_of(environment).services.items():
        found = container(plan, name)
        plain = {one["name"] for one in found["environment"]}
        references = {one["name"]: one["valueFrom"] for one in found["secrets"]}
        assert set(record.secrets) <= set(references)
        assert not plain & set(references)
        for variable in record.secrets:
            secret = only(plan, "secretsmanager/secret", f"{name}-{variable}")
            assert secret.has("kmsKeyId")
            assert references[variable].endswith(f":secret:{secret.text('name')}")


def test_only_development_draws_its_own_secrets(plan_of: Callable[[str], Plan]) -> None:
    """Elsewhere a person or a script puts the value; development's is secret all the same."""
    for environment in ENVIRONMENTS:
        versions = of_type(plan_of(environment), "secretsmanager/secretVersion")
        assert bool(versions) is (environment == "development")
        for version in versions:
            assert "secretString" in version.resource.secrets


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_only_the_load_balancer_and_the_services_open_doors(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """A service accepts its port from the load balancer, the database its port from services."""
    plan, record = plan_of(environment), record_of(environment)
    # A proxy in front of the database listens on PostgreSQL's own port, whatever the database's.
    entered = 5432 if of_type(plan, "rds/proxy") else record.database.port
    for name, service in record.services.items():
        entry = only(plan, "vpc/securityGroupIngressRule", f"{name}-from-edge")
        assert entry.number("fromPort") == entry.number("toPort") == service.port
        (source,) = entry.resource.property_dependencies["referencedSecurityGroupId"]
        assert source.endswith("::edge")
        door = only(plan, "vpc/securityGroupIngressRule", f"{name}-into-database")
        assert door.number("fromPort") == door.number("toPort") == entered
        (source,) = door.resource.property_dependencies["referencedSecurityGroupId"]
        assert source.endswith(f"::{name}")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_queue_keeps_what_fails_and_accepts_tls_alone(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """It is encrypted, and a job that fails again and again goes to its dead-letter queue."""
    plan = plan_of(environment)
    queue = only(plan, "sqs/queue", "prover-jobs")
    dead = only(plan, "sqs/queue", "prover-jobs-dead")
    target = queue.document("redrivePolicy").text("deadLetterTargetArn")
    assert (target or "").endswith(f":{dead.text('name')}")
    for one in (queue, dead):
        assert one.has("kmsMasterKeyId")
        (statement,) = one.document("policy").nodes("Statement")
        assert statement.text("Effect") == "Deny"
        assert statement.node("Condition").node("Bool").flag("aws:SecureTransport") is False
    variables = {one["name"]: one["value"] for one in container(plan, "prover")["environment"]}
    assert variables["QUEUE_URL"].endswith(f"/{queue.text('name')}")


def test_the_longer_path_is_asked_first() -> None:
    """The rule for everything comes last, whatever the services are called."""
    assert priority("prover", ("/prove/*",)) < priority("api", ("/*",))
    assert priority("api", ("/prove/*",)) < priority("prover", ("/*",))
    assert priority("api", ("/prove/*", "/*")) == priority("api", ("/*",))


def test_a_priority_is_one_that_a_listener_takes() -> None:
    """From 1 to 50,000, for the shortest path and the longest."""
    for paths in (("/",), ("/*",), ("/" * 128,)):
        assert 1 <= priority("any", paths) <= 50_000


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_a_side_is_reached_by_name_before_it_has_users(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """A rule for each side, asked before any that spreads users, sends there and nowhere else."""
    plan = plan_of(environment)
    graph = Graph(plan)
    rules = {rule.name: rule for rule in of_type(plan, "lb/listenerRule")}
    named = {name for name in rules if name.endswith(("-blue", "-green"))}
    first = min(rules[name].number("priority") or 0 for name in rules.keys() - named)
    assert named >= {"api-blue", "api-green"}
    for name in named:
        rule = rules[name]
        (condition,) = rule.nodes("conditions")
        (action,) = rule.nodes("actions")
        assert condition.node("httpHeader").text("httpHeaderName") == "x-slipway-side"
        assert condition.node("httpHeader").texts("values") == [name]
        assert action.text("type") == "forward"
        assert [group.name for group in graph.references(rule.resource, "actions")] == [name]
        assert (rule.number("priority") or 0) < first


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_two_rules_of_a_listener_have_one_priority(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """A listener refuses a second rule of the same priority."""
    rules = of_type(plan_of(environment), "lb/listenerRule")
    assert len({rule.number("priority") for rule in rules}) == len(rules)


def test_a_service_without_a_database_has_no_way_to_it(tmp_path: Path) -> None:
    """Neither door, right, user nor address: a task has nothing that it does not use."""
    content = content_of("production")
    services = content["config"]["slipway:services"]
    services["quotes"] = services["api"] | {
        "paths": ["/quotes"],
        "publicHealthPath": "/quotes",
        "secrets": [],
        "database": False,
    }
    plan = evaluate_environment(_project_with(tmp_path, content), tmp_path)
    rules = {one.name for one in plan.resources if one.type.startswith("aws:vpc/securityGroup")}
    assert "api-to-database" in rules
    assert not {"quotes-to-database", "quotes-into-database"} & rules
    policies = {one.name for one in of_type(plan, "iam/rolePolicy")}
    assert "api-task-database" in policies
    assert "quotes-task-database" not in policies
    told = container(plan, "quotes")
    names = {one["name"] for one in (*told["environment"], *told["secrets"])}
    assert not [name for name in names if name.startswith("DATABASE_")]


def test_a_service_that_no_load_balancer_asks_asks_itself(tmp_path: Path) -> None:
    """By a program of its image: a cutover counts no instance that nobody asked."""
    content = content_of("production")
    services = content["config"]["slipway:services"]
    check = {"path": "/health", "command": ["/app/health", "--quick"], "intervalSeconds": 20}
    services["indexer"] = {
        key: value for key, value in services["api"].items() if key not in {"paths", "secrets"}
    } | {"healthCheck": check}
    plan = evaluate_environment(_project_with(tmp_path, content), tmp_path)
    asked = container(plan, "indexer")["healthCheck"]
    assert asked["command"] == ["CMD", "/app/health", "--quick"]
    assert (asked["interval"], asked["timeout"], asked["retries"]) == (20, 5, 3)
    assert asked["startPeriod"] == figure("SVC-02", "healthy_wait_max_minutes").seconds
    assert "healthCheck" not in container(plan, "api")


def test_two_services_of_one_priority_are_refused_by_name(tmp_path: Path) -> None:
    """AWS would refuse the second rule at apply; the preview names both services instead."""
    taken = priority("api", ("/*",))
    names = (f"a{number}" for number in range(9999))
    twin = next(name for name in names if priority(name, ("/*/x",)) == taken)
    content = content_of("production")
    services = content["config"]["slipway:services"]
    services[twin] = services["api"] | {
        "paths": ["/*/x"],
        "publicHealthPath": "/health/x",
        "secrets": [],
    }
    record = _project_with(tmp_path, content)
    with pytest.raises(ProgramError, match=f"services {twin} and api get one priority"):
        evaluate_environment(record, tmp_path)


def _project_with(folder: Path, content: dict[str, Any]) -> Environment:
    """The record of a production of `content`, in a copy of the project's program in `folder`."""
    write(folder, "production", content)
    shutil.copytree(PROJECT / "stacks", folder / "stacks")
    for file in ("__main__.py", "Pulumi.yaml"):
        shutil.copy(PROJECT / file, folder)
    return load("production", folder)
