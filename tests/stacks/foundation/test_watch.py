"""The record of who did what, what is looked for in it, and who is told."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from environments import load_foundation
from plan import Graph, Plan
from policies.nodes import Subject
from tests.conftest import PROJECT
from tests.stacks.reading import FOUNDATIONS, of_type, only, statements

PlanOf = Callable[[str], Plan]

_ON_AWS = [name for name in FOUNDATIONS if load_foundation(name, PROJECT).must("SEC-14")]


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_a_trail_records_everything_where_nobody_takes_it_away(name: str, plan_of: PlanOf) -> None:
    """Every region, signed and encrypted, for as long as audit logs are kept (LOG-04, SEC-15)."""
    plan, foundation = plan_of(name), load_foundation(name, PROJECT)
    trail = only(plan, "cloudtrail/trail")
    for flag in ("isMultiRegionTrail", "enableLogFileValidation", "enableLogging"):
        assert trail.flag(flag), flag
    graph = Graph(plan)
    (bucket,) = graph.references(trail.resource, "s3BucketName")
    policy = statements(only(plan, "s3/bucketPolicy", bucket.name))
    assert policy["NobodyDeletes"].text("Effect") == "Deny"
    assert policy["Delivery"].node("Condition").node("StringEquals").text("aws:SourceArn") == (
        f"arn:aws:cloudtrail:us-east-1:{foundation.aws.account}:trail/{name}-audit"
    )
    locks = of_type(plan, "s3/bucketObjectLockConfiguration")
    assert bool(locks) == foundation.is_stateful_protected
    for lock in locks:
        retention = lock.node("rule").node("defaultRetention")
        assert retention.number("days") == foundation.log_retention_days.audit
        assert retention.text("mode") == "COMPLIANCE" if name == "foundation" else "GOVERNANCE"


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_every_alarm_on_the_record_tells_somebody(name: str, plan_of: PlanOf) -> None:
    """Each filter has its alarm, and what is grave pages."""
    plan = plan_of(name)
    graph = Graph(plan)
    filters = {one.name for one in of_type(plan, "cloudwatch/logMetricFilter")}
    alarms = {one.name: one for one in of_type(plan, "cloudwatch/metricAlarm")}
    assert filters == set(alarms)
    assert len(filters) == 16
    told = {
        one.name: {topic.name for topic in graph.references(one.resource, "alarmActions")}
        for one in alarms.values()
    }
    assert told["root-user"] == told["trail-changes"] == told["break-glass"] == {"critical"}
    assert told["failed-sign-ins"] == {"warning"}
    for alarm in alarms.values():
        page = (alarm.text("alarmDescription") or "").rpartition("Runbook: ")[2]
        assert (PROJECT / page).is_file(), alarm.name


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_the_role_for_emergencies_alarms_when_it_is_used(name: str, plan_of: PlanOf) -> None:
    """By the ARN of the very role that there is."""
    plan, foundation = plan_of(name), load_foundation(name, PROJECT)
    role = only(plan, "iam/role", "break-glass")
    arn = f"arn:aws:iam::{foundation.aws.account}:role{role.text('path')}{role.text('name')}"
    pattern = only(plan, "cloudwatch/logMetricFilter", "break-glass").text("pattern") or ""
    assert f'$.requestParameters.roleArn = "{arn}"' in pattern
    alarm = only(plan, "cloudwatch/metricAlarm", "break-glass")
    assert alarm.number("threshold") == 1
    assert alarm.text("comparisonOperator") == "GreaterThanOrEqualToThreshold"


def events(plan: Plan) -> dict[str, tuple[dict[str, Any], str]]:
    """Patterns of events by the name of their rule, each with the topic that is told."""
    graph = Graph(plan)
    found: dict[str, tuple[dict[str, Any], str]] = {}
    for target in of_type(plan, "cloudwatch/eventTarget"):
        (rule,) = graph.references(target.resource, "rule")
        (topic,) = graph.references(target.resource, "arn")
        found[rule.name] = (json.loads(Subject(rule).text("eventPattern") or ""), topic.name)
    return found


@pytest.mark.parametrize("name", _ON_AWS)
def test_findings_reach_somebody(name: str, plan_of: PlanOf) -> None:
    """Those of every detector; an intrusion pages, a suspicion is mailed, and none is lost."""
    told = events(plan_of(name))
    sources = {pattern["source"][0] for pattern, _ in told.values()}
    assert sources == {
        f"aws.{one}"
        for one in ("access-analyzer", "config", "guardduty", "inspector2", "securityhub")
    }
    grave, mild = told["intrusions"], told["suspicions"]
    assert (grave[1], mild[1]) == ("critical", "warning")
    (least,), (below,) = (one[0]["detail"]["severity"] for one in (grave, mild))
    assert least["numeric"] == [">=", 7]
    assert below["numeric"] == ["<", 7]


@pytest.mark.parametrize("name", _ON_AWS)
def test_guardduty_looks_into_what_runs(name: str, plan_of: PlanOf) -> None:
    """Run time is monitored on every kind of host, with agents that it manages itself."""
    runtime = only(plan_of(name), "guardduty/detectorFeature", "runtime-monitoring")
    agents = runtime.nodes("additionalConfigurations")
    assert {one.text("name") for one in agents} == {
        "EC2_AGENT_MANAGEMENT",
        "ECS_FARGATE_AGENT_MANAGEMENT",
        "EKS_ADDON_MANAGEMENT",
    }
    features = of_type(plan_of(name), "guardduty/detectorFeature")
    assert {one.text("status") for one in features} == {"ENABLED"}


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_what_no_stack_made_is_found_by_the_tag_that_all_stacks_give(
    name: str, plan_of: PlanOf
) -> None:
    """The rule asks for the very tag that the provider puts on everything (IAC-01)."""
    plan = plan_of(name)
    wanted = only(plan, "cfg/rule", "in-no-stack").document("inputParameters")
    provider = next(one for one in plan.resources if one.type == "pulumi:providers:aws")
    given = json.loads(str(provider.inputs["defaultTags"]))["tags"]
    assert given[wanted.text("tag1Key")] == wanted.text("tag1Value")
    pattern, topic = events(plan)["configuration"]
    assert pattern["detail"]["newEvaluationResult"]["complianceType"] == ["NON_COMPLIANT"]
    assert topic == "warning"


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_config_delivers_to_a_bucket_that_it_can_write_to(name: str, plan_of: PlanOf) -> None:
    """AWS Config refuses a bucket with an object lock; its policy keeps the record instead."""
    plan = plan_of(name)
    channel = only(plan, "cfg/deliveryChannel")
    (bucket,) = Graph(plan).references(channel.resource, "s3BucketName")
    assert not Subject(bucket).flag("objectLockEnabled")
    assert "NobodyDeletes" in statements(only(plan, "s3/bucketPolicy", bucket.name))
