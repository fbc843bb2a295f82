"""An alarm on a metric that nobody publishes never fires: every metric is one that there is."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import pytest

from environments import stacks
from plan import Plan
from policies.nodes import Node
from tests.conftest import PROJECT
from tests.stacks.reading import of_type

PUBLISHED: Final[Mapping[str, Mapping[str, tuple[frozenset[str], ...]]]] = {
    # Elastic Load Balancing, "CloudWatch metrics for your Application Load Balancer"
    "AWS/ApplicationELB": {
        **dict.fromkeys(
            ("HTTPCode_Target_5XX_Count", "RequestCount", "TargetResponseTime"),
            (frozenset({"LoadBalancer"}), frozenset({"LoadBalancer", "TargetGroup"})),
        ),
        **dict.fromkeys(
            ("HealthyHostCount", "UnHealthyHostCount"),
            (frozenset({"LoadBalancer", "TargetGroup"}),),
        ),
        "HTTPCode_ELB_5XX_Count": (frozenset({"LoadBalancer"}),),
    },
    # AWS Backup, "AWS Backup metrics with CloudWatch"
    "AWS/Backup": dict.fromkeys(
        [f"NumberOfBackupJobs{end}" for end in ("Aborted", "Completed", "Expired", "Failed")],
        (frozenset({"BackupVaultName"}),),
    ),
    # Amazon ECS, "Amazon ECS CloudWatch metrics"
    "AWS/ECS": dict.fromkeys(
        ("CPUUtilization", "MemoryUtilization"),
        (frozenset({"ClusterName", "ServiceName"}),),
    ),
    # Amazon ElastiCache, "Metrics for Valkey and Redis OSS"
    "AWS/ElastiCache": dict.fromkeys(
        ("CacheHits", "CacheMisses"), (frozenset({"CacheClusterId"}),)
    ),
    # Amazon EventBridge, "Monitoring Amazon EventBridge"
    "AWS/Events": {"TriggeredRules": (frozenset({"RuleName"}),)},
    # CloudWatch Logs, "Create alarms on anomaly detectors"
    "AWS/Logs": {"AnomalyCount": (frozenset({"LogAnomalyDetector", "LogAnomalyPriority"}),)},
    # Amazon Aurora, "Amazon CloudWatch metrics for Amazon Aurora"
    "AWS/RDS": {"CPUUtilization": (frozenset({"DBClusterIdentifier"}),)},
    # Amazon Route 53, "Monitoring hosted zones using Amazon CloudWatch"
    "AWS/Route53": dict.fromkeys(
        ("DNSSECInternalFailure", "DNSSECKeySigningKeysNeedingAction"),
        (frozenset({"HostedZoneId"}),),
    ),
    # CloudWatch RUM, "CloudWatch metrics that you can collect with CloudWatch RUM"
    "AWS/RUM": dict.fromkeys(("JsErrorCount", "PageViewCount"), (frozenset({"application_name"}),)),
    # Amazon SNS, "Monitoring Amazon SNS topics using CloudWatch"
    "AWS/SNS": dict.fromkeys(
        ("NumberOfMessagesPublished", "NumberOfNotificationsFailed"), (frozenset({"TopicName"}),)
    ),
    # Amazon SQS, "Available CloudWatch metrics for Amazon SQS"
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible": (frozenset({"QueueName"}),)},
    # CloudWatch Synthetics, "CloudWatch metrics published by canaries"
    "CloudWatchSynthetics": {"SuccessPercent": (frozenset({"CanaryName"}),)},
}
"""The metrics in use that AWS publishes, each with the sets of dimensions that it has."""
BY_TASKS: Final = {
    f"Baseline{end}" for end in ("ErrorPercent", "P50Milliseconds", "P99Milliseconds", "QueueDepth")
}
"""What a one-off task of the product publishes, by service: docs/metrics.md."""


@pytest.mark.parametrize("stack", stacks(PROJECT))
def test_every_metric_of_an_alarm_is_published(stack: str, plan_of: Callable[[str], Plan]) -> None:
    """By AWS with just these dimensions, by a filter of a log in the stack, or by a task."""
    plan = plan_of(stack)
    counted = {
        (into.text("namespace"), into.text("name"))
        for one in of_type(plan, "cloudwatch/logMetricFilter")
        for into in [one.node("metricTransformation")]
    }
    unknown = [
        f"{alarm.name}: {namespace} {name} {sorted(dimensions)}"
        for alarm in of_type(plan, "cloudwatch/metricAlarm")
        for namespace, name, dimensions in _metrics(alarm)
        if not (
            dimensions in PUBLISHED.get(namespace, {}).get(name, ())
            or ((namespace, name) in counted and not dimensions)
            or (name in BY_TASKS and dimensions == frozenset({"Service"}))
        )
    ]
    assert not unknown


def test_the_table_holds_what_is_in_use(plan_of: Callable[[str], Plan]) -> None:
    """A namespace that no alarm watches any longer is taken out."""
    used = {
        namespace
        for stack in stacks(PROJECT)
        for alarm in of_type(plan_of(stack), "cloudwatch/metricAlarm")
        for namespace, _, _ in _metrics(alarm)
    }
    assert PUBLISHED.keys() <= used


@pytest.mark.parametrize("stack", stacks(PROJECT))
def test_an_expression_names_only_queries_that_there_are(
    stack: str, plan_of: Callable[[str], Plan]
) -> None:
    """Each has an id of its own, and exactly one returns what the alarm looks at."""
    for alarm in of_type(plan_of(stack), "cloudwatch/metricAlarm"):
        queries = alarm.nodes("metricQueries") if alarm.has("metricQueries") else []
        ids = [query.text("id") for query in queries]
        assert len(ids) == len(set(ids)), alarm.name
        if queries:
            returning = [query for query in queries if query.flag("returnData")]
            assert len(returning) == 1, alarm.name


def _metrics(alarm: Node) -> Iterator[tuple[str, str, frozenset[str]]]:
    """The namespace, name and dimensions of each metric that an alarm reads."""
    if alarm.has("metricName"):
        yield _read(alarm)
    for query in alarm.nodes("metricQueries") if alarm.has("metricQueries") else []:
        if query.has("metric"):
            yield _read(query.node("metric"))


def _read(metric: Node) -> tuple[str, str, frozenset[str]]:
    dimensions = metric.node("dimensions").names() if metric.has("dimensions") else []
    return metric.text("namespace") or "", metric.text("metricName") or "", frozenset(dimensions)
