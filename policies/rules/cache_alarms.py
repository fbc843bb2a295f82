"""Rules for what a cache is worth: its hit rate is measured."""

from typing import Final

from plan.graph import Graph
from policies.log_alerts import METRIC_ALARM, is_heard
from policies.nodes import Subject
from policies.outcomes import Outcome, require, some
from policies.registry import Given, Ref, rule
from policies.rules.elasticache import GROUP
from policies.settings import Settings, Severity

_RATE: Final = "CacheHitRate"
_COUNTS: Final = {"CacheHits", "CacheMisses"}
_CACHE: Final = Given(GROUP, "sessions", {"replicationGroupId": "sessions"})
_ACTIONS: Final = {"alarmActions": ["arn:aws:sns:::info"]}


def _query(metric: str, of: object) -> dict[str, object]:
    dimensions = {"CacheClusterId": of}
    return {"id": metric.lower(), "metric": {"metricName": metric, "dimensions": dimensions}}


def _rate(*metrics: str, of: object = "sessions-001") -> Given:
    """An alarm on metric math over `metrics`, for the examples."""
    queries = [_query(metric, of) for metric in metrics]
    return Given(METRIC_ALARM, "rate", {"metricQueries": queries, **_ACTIONS})


@rule(
    types=[GROUP],
    severity=Severity.LOW,
    requirements=["PERF-03"],
    remediation="""
        Watch the rate, as information:

            aws.cloudwatch.MetricAlarm("hit-rate", namespace="AWS/ElastiCache",
                metric_name="CacheHitRate", dimensions={"CacheClusterId": "sessions-001"},
                statistic="Average", comparison_operator="LessThanThreshold", threshold=10,
                period=3600, evaluation_periods=1, alarm_actions=[topics.info.arn])
        """,
    passing=[
        (_CACHE, _rate("CacheHits", "CacheMisses")),
        (_CACHE, _rate("CacheHits", "CacheMisses", of=Ref("sessions"))),
        (
            _CACHE,
            Given(
                METRIC_ALARM,
                "rate",
                {"metricName": _RATE, "dimensions": {"CacheClusterId": "sessions-001"}, **_ACTIONS},
            ),
        ),
    ],
    failing=[
        (_CACHE,),
        (_CACHE, _rate("CacheHits")),
        (_CACHE, _rate("CacheHits", "CacheMisses", of="other-001")),
        (_CACHE, Given(METRIC_ALARM, "rate", {"metricName": "Evictions", **_ACTIONS})),
    ],
)
def elasticache_hit_rate(group: Subject, _: Settings, graph: Graph) -> Outcome:
    """The hit rate of a cache is measured.

    A cache that nobody hits costs memory and a round trip, and hides that it does nothing.
    """
    own = {
        alarm.urn
        for key in ("dimensions", "metricQueries")
        for alarm in graph.referrers(group.resource, METRIC_ALARM, key=key)
    }
    name = group.text("replicationGroupId") or ""

    def measures(alarm: Subject) -> Outcome:
        metrics, caches = {alarm.text("metricName")}, [alarm.node("dimensions")]
        for query in alarm.nodes("metricQueries"):
            metrics.add(query.node("metric").text("metricName"))
            caches.append(query.node("metric").node("dimensions"))
        is_rate = _RATE in metrics or metrics >= _COUNTS
        if not is_rate:
            return require(condition=False, message="")
        is_own = alarm.resource.urn in own or any(
            (one.text("CacheClusterId") or "").startswith(f"{name}-") for one in caches
        )
        return require(is_own, "") if not is_own else is_heard(alarm)

    alarms = [Subject(one) for one in graph.of_type(METRIC_ALARM)]
    return some(alarms, measures, "no alarm measures its hit rate")
