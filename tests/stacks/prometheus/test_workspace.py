"""Metrics get in by a collector beside each task, and alerts out by severity."""

from collections.abc import Callable
from typing import Any, cast

import pytest
import yaml

from environments import Environment
from plan import Plan
from stacks.prometheus.alertmanager import WATCHDOG
from stacks.prometheus.collector import shown
from stacks.prometheus.workspace import rules, text_of
from tests.conftest import PROJECT
from tests.stacks.reading import of_type, only

MEASURED = ["integration", "staging", "production"]


def collector(plan: Plan, service: str) -> dict[str, Any]:
    """The container that collects the metrics of `service`."""
    definition = only(plan, "ecs/taskDefinition", service)
    containers = definition.documents("containerDefinitions")
    (found,) = (one for one in containers if one.text("name") == "collector")
    return cast("dict[str, Any]", found.raw)


def configuration(plan: Plan, service: str) -> dict[str, Any]:
    """What that container is told."""
    variables = {one["name"]: one["value"] for one in collector(plan, service)["environment"]}
    return cast("dict[str, Any]", yaml.safe_load(variables["AOT_CONFIG_CONTENT"]))


def definition(plan: Plan) -> dict[str, Any]:
    """What Alertmanager is told."""
    text = only(plan, "amp/alertManagerDefinition").text("definition") or ""
    outer = cast("dict[str, Any]", yaml.safe_load(text))
    return cast("dict[str, Any]", yaml.safe_load(outer["alertmanager_config"]))


@pytest.mark.parametrize("name", MEASURED)
def test_each_service_is_asked_where_it_publishes(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], name: str
) -> None:
    """By its own name, on loopback: nobody else reaches the port."""
    plan = plan_of(name)
    for service, record in record_of(name).services.items():
        (scraped,) = configuration(plan, service)["receivers"]["prometheus"]["config"][
            "scrape_configs"
        ]
        assert scraped["job_name"] == service
        assert scraped["static_configs"] == [{"targets": [f"127.0.0.1:{record.metrics_port}"]}]
        mapped = {one["containerPort"] for one in collector(plan, service).get("portMappings", [])}
        assert record.metrics_port not in mapped


@pytest.mark.parametrize("name", MEASURED)
def test_a_collector_writes_to_the_workspace_and_takes_no_service_down(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], name: str
) -> None:
    """The address comes from Parameter Store, the right from the task's role, by the tag."""
    plan = plan_of(name)
    parameter = only(plan, "ssm/parameter", "prometheus").text("name")
    for service in record_of(name).services:
        container = collector(plan, service)
        assert container["essential"] is False
        (reference,) = container["secrets"]
        assert reference["valueFrom"].endswith(f":parameter{parameter}")
        exporter = configuration(plan, service)["exporters"]["prometheusremotewrite"]
        assert exporter["endpoint"] == f"${{env:{reference['name']}}}"
        policy = only(plan, "iam/rolePolicy", f"{service}-task").document("policy")
        statements = {one.text("Sid"): one for one in policy.nodes("Statement")}
        condition = statements["Metrics"].node("Condition").node("StringEquals")
        assert statements["Metrics"].text("Action") == "aps:RemoteWrite"
        assert condition.text("aws:ResourceTag/Environment") == name


def test_pipelines_name_what_there_is(plan_of: Callable[[str], Plan]) -> None:
    """A collector does not start with a pipeline of parts that it was not given."""
    told = configuration(plan_of("production"), "api")
    for pipeline in told["service"]["pipelines"].values():
        for part in ("receivers", "processors", "exporters"):
            assert set(pipeline[part]) <= set(told[part])
    assert set(told["service"]["extensions"]) == set(told["extensions"])


def test_development_measures_nothing(plan_of: Callable[[str], Plan]) -> None:
    """No requirement asks it to, and its emulator has no Prometheus."""
    assert not of_type(plan_of("development"), "amp/workspace")


@pytest.mark.parametrize("name", MEASURED)
def test_a_workspace_is_encrypted_and_logged(plan_of: Callable[[str], Plan], name: str) -> None:
    """By the environment's key; its rules are those that were written from the standards."""
    workspace = only(plan_of(name), "amp/workspace")
    assert workspace.has("kmsKeyArn")
    assert workspace.node("loggingConfiguration").has("logGroupArn")


@pytest.mark.parametrize("name", MEASURED)
def test_the_plan_holds_the_rules_and_their_figures(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], name: str
) -> None:
    """Each namespace as text, known before an apply, with every figure cited at it."""
    for namespace, groups in rules(record_of(name)).items():
        declared = only(plan_of(name), "amp/ruleGroupNamespace", namespace)
        text = text_of(groups)
        assert declared.text("data") == text
        cited = {(one.requirement, one.key) for one in declared.resource.figures}
        assert cited == {(one.requirement, one.key) for one in text.figures}


@pytest.mark.parametrize("name", MEASURED)
def test_each_severity_is_routed_to_its_topic(plan_of: Callable[[str], Plan], name: str) -> None:
    """What has no severity is not lost; the heartbeat goes where no person listens."""
    told = definition(plan_of(name))
    topics = {
        receiver["name"]: receiver["sns_configs"][0]["topic_arn"].rpartition(":")[2]
        for receiver in told["receivers"]
    }
    assert topics == {it: f"{name}-{it}" for it in ("critical", "warning", "info", "heartbeat")}
    assert told["route"]["receiver"] == "warning"
    routes = {route["matchers"][0]: route["receiver"] for route in told["route"]["routes"]}
    assert routes == {
        f'alertname="{WATCHDOG}"': "heartbeat",
        **{f'severity="{it}"': it for it in ("critical", "warning", "info")},
    }


def test_what_is_critical_pages_by_the_name_of_a_secret(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment]
) -> None:
    """The definition names the secret that Prometheus reads; the key stands nowhere."""
    receivers = {it["name"]: it for it in definition(plan_of("production"))["receivers"]}
    (paging,) = receivers["critical"]["pagerduty_configs"]
    secret = paging["routing_key"]["aws_secrets_manager"]
    assert secret["secret_arn"] == record_of("production").alerts.paging_secret
    assert all("pagerduty_configs" not in receivers[it] for it in ("warning", "info", "heartbeat"))
    assert "pagerduty" not in str(definition(plan_of("integration")))


def test_the_document_names_every_metric(record_of: Callable[[str], Environment]) -> None:
    """What a product has to publish is written down, under the names that the rules look at."""
    metrics = record_of("production").metrics
    assert metrics is not None
    document = (PROJECT / "docs/metrics.md").read_text(encoding="utf-8")
    for name in set(shown(metrics)) - set(metrics.business):
        assert f"`{name}`" in document, name
