"""Rules for what is watched: every resource that a service stands on has an alarm."""

from collections import defaultdict
from typing import Final

from plan.graph import Graph
from plan.model import Resource
from plan.values import leaves
from policies.databases import CLUSTER, CLUSTER_INSTANCE, DATABASES, INSTANCE
from policies.nodes import Subject
from policies.outcomes import PASS, NotApplicable, NotEvaluated, Outcome, fail
from policies.registry import Given, Ref, rule
from policies.rules.cloudwatch import METRIC_ALARM
from policies.settings import Settings, Severity

QUEUE: Final = "aws:sqs/queue:Queue"
SERVICES: Final = "aws:ecs/cluster:Cluster"
BALANCERS: Final = ("aws:lb/loadBalancer:LoadBalancer", "aws:alb/loadBalancer:LoadBalancer")
BALANCER, OLD_BALANCER = BALANCERS

_WATCHED_BY: Final = ("dimensions", "metricQueries")
"""The inputs of an alarm that say what it watches: one metric, or several and their math."""
_NAMED_BY: Final = {CLUSTER: "clusterIdentifier", INSTANCE: "identifier"}
"""By type, the input that is its name in a dimension, where that is not `name`."""


def _alarm(**dimensions: object) -> Given:
    """An alarm on one metric, for the examples."""
    return Given(METRIC_ALARM, "trouble", {"dimensions": dimensions})


@rule(
    types=[*DATABASES, *BALANCERS, SERVICES, QUEUE],
    severity=Severity.MEDIUM,
    remediation="""
        Watch what would hurt: the CPU of a database, the failures of a balancer, the age of what
        waits in a queue:

            aws.cloudwatch.MetricAlarm("jobs-late", namespace="AWS/SQS",
                metric_name="ApproximateAgeOfOldestMessage", dimensions={"QueueName": queue.name},
                statistic="Maximum", comparison_operator="GreaterThanThreshold", threshold=600,
                period=60, evaluation_periods=5, alarm_actions=[topics.critical.arn])
        """,
    passing=[
        (Given(CLUSTER, "database"), _alarm(DBClusterIdentifier=Ref("database"))),
        (Given(INSTANCE, "database", {"identifier": "db"}), _alarm(DBInstanceIdentifier="db")),
        (
            Given(CLUSTER, "database"),
            Given(CLUSTER_INSTANCE, "writer", {"clusterIdentifier": Ref("database")}),
            _alarm(DBInstanceIdentifier=Ref("writer")),
        ),
        (Given(SERVICES, "services"), _alarm(ClusterName=Ref("services"), ServiceName="api")),
        (
            Given(BALANCER, "edge"),
            Given(
                METRIC_ALARM,
                "errors",
                {
                    "metricQueries": [
                        {"id": "rate", "expression": "100 * failed / all"},
                        {"id": "failed", "metric": {"dimensions": {"LoadBalancer": Ref("edge")}}},
                    ]
                },
            ),
        ),
        (
            Given(QUEUE, "jobs", {"name": "jobs.fifo"}),
            Given(
                METRIC_ALARM,
                "late",
                {"metricQueries": [{"metric": {"dimensions": {"QueueName": "jobs.fifo"}}}]},
            ),
        ),
    ],
    failing=[
        (Given(CLUSTER, "database"),),
        (Given(QUEUE, "jobs", {"name": "jobs"}), _alarm(QueueName="other-jobs")),
        (
            Given(BALANCER, "edge"),
            Given(BALANCER, "inner"),
            _alarm(LoadBalancer=Ref("inner")),
        ),
        (
            Given(SERVICES, "services"),
            Given(METRIC_ALARM, "billing", {"alarmActions": [Ref("services")]}),
        ),
    ],
)
def alarm_coverage(subject: Subject, settings: Settings, graph: Graph) -> Outcome:
    """Each database, balancer, cluster and queue of production has an alarm.

    What nobody watches fails in silence, and users are the ones who tell. An alarm counts where the
    resource is in its dimensions, of a single metric or of metric math; an alarm on an instance
    counts for its Aurora cluster.
    """
    if not settings.is_production:
        return NotApplicable("environments outside production are watched by those who use them")
    if any(
        graph.referrers(each, METRIC_ALARM, key=key)
        for each in [
            subject.resource,
            *graph.referrers(subject.resource, CLUSTER_INSTANCE, key="clusterIdentifier"),
        ]
        for key in _WATCHED_BY
    ):
        return PASS
    values = graph.once(_dimensions)
    if any(values[name] for name in _names(subject)):
        return PASS
    for key in _WATCHED_BY:
        if unresolved := graph.unresolved(key, METRIC_ALARM):
            return NotEvaluated(f"what alarm {unresolved.name} watches is known after apply")
    return fail("no alarm watches it")


def _dimensions(graph: Graph) -> defaultdict[str, list[Resource]]:
    """The alarms by each known text in what they watch."""
    found: defaultdict[str, list[Resource]] = defaultdict(list)
    for alarm in graph.of_type(METRIC_ALARM):
        for key in _WATCHED_BY:
            for path, value in leaves(alarm.inputs.get(key)):
                if isinstance(value, str) and (key == "dimensions" or "dimensions" in path):
                    found[value].append(alarm)
    return found


def _names(subject: Subject) -> list[str]:
    """The known texts that name the resource in a dimension."""
    outputs = subject.resource.outputs or {}
    own = subject.resource.inputs.get(_NAMED_BY.get(subject.type, "name"))
    # A balancer is named by the end of its ARN.
    names = [outputs.get("arnSuffix")] if subject.type in BALANCERS else [own, outputs.get("id")]
    return [name for name in names if isinstance(name, str) and name]
