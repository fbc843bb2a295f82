"""Rules for scaling out: when an instance is added by itself, and how many an operator may add."""

from collections.abc import Sequence
from typing import Final

from pydantic import Field

from plan.graph import Graph
from policies.cluster import SCALERS, called, place_of
from policies.nodes import Node, Subject
from policies.outcomes import (
    NotApplicable,
    NotEvaluated,
    Outcome,
    all_of,
    attempt,
    every,
    fail,
    met,
    require,
    some,
)
from policies.registry import Given, Ref, rule
from policies.relations import companions
from policies.rules.cloudwatch import METRIC_ALARM
from policies.rules.ecs import SCALING_TARGET, SERVICE
from policies.settings import Settings, Severity
from policies.workloads import DEPLOYMENT
from standards import Tier, figure

POLICY: Final = "aws:appautoscaling/policy:Policy"
SCALER: Final = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"

_LIVE: Final = {Tier.STAGING, Tier.PRODUCTION}
_CPU: Final = figure("SCALE-01", "cpu_above_percent").percent
_MINUTES: Final = figure("SCALE-01", "cpu_window_minutes").minutes
_JOBS: Final = figure("SCALE-01", "queue_depth_above_jobs").count
_SLOW: Final = figure("SCALE-01", "latency_p95_above_ms").milliseconds
_COUNT: Final = figure("SCALE-04", "example_prover_instances_count").count
_MINUTE: Final = 60
_MS_A_SECOND: Final = 1000
_DELAY: Final = "TargetResponseTime"
_WAITING: Final = "ApproximateNumberOfMessagesVisible"
_USE: Final = "CPUUtilization"


class Triggers(Settings):
    """When an instance is added, at the latest."""

    cpu_percent: float = Field(default=_CPU, gt=0, le=_CPU)
    cpu_minutes: int = Field(default=_MINUTES, ge=1, le=_MINUTES)
    queue_jobs: int = Field(default=_JOBS, ge=1, le=_JOBS)
    slow_ms: int = Field(default=_SLOW, ge=1, le=_SLOW)


_TARGET: Final = Given(SCALING_TARGET, "api", {"serviceNamespace": "ecs", "resourceId": "api"})
_MORE: Final = Given(POLICY, "more", {"policyType": "StepScaling", "resourceId": Ref("api")})


def _alarm(metric: str, threshold: object, *, periods: object = 1, **more: object) -> Given:
    """An alarm that adds an instance, for the examples."""
    return Given(
        METRIC_ALARM,
        f"{metric}-{threshold}",
        {
            "metricName": metric,
            "comparisonOperator": "GreaterThanThreshold",
            "threshold": threshold,
            "period": _MINUTE,
            "evaluationPeriods": periods,
            "alarmActions": [Ref("more")],
            **more,
        },
    )


def _delay_in_ms(threshold: object) -> Given:
    """An alarm on latency in milliseconds by metric math, for the examples."""
    queries = [
        {"id": "result", "expression": "1000 * seconds"},
        {"id": "seconds", "metric": {"metricName": _DELAY, "period": _MINUTE}},
    ]
    return _alarm(_DELAY, threshold, metricName=None, metricQueries=queries)


def _tracking(target: object) -> Given:
    """A policy that holds CPU at a value, for the examples."""
    held = {
        "predefinedMetricSpecification": {
            "predefinedMetricType": "ECSServiceAverageCPUUtilization"
        },
        "targetValue": target,
    }
    inputs = {"resourceId": Ref("api"), "targetTrackingScalingPolicyConfiguration": held}
    return Given(POLICY, "track", inputs)


_USE_ALARM: Final = _alarm(_USE, _CPU, periods=_MINUTES)


@rule(
    types=[SCALING_TARGET],
    severity=Severity.MEDIUM,
    requirements=["SCALE-01"],
    settings=Triggers,
    remediation="""
        Let an alarm at the standard's figures add an instance:

            aws.cloudwatch.MetricAlarm("api-more", namespace="AWS/ECS",
                metric_name="CPUUtilization", statistic="Average",
                dimensions={"ClusterName": cluster.name, "ServiceName": service.name},
                comparison_operator="GreaterThanThreshold", period=60,
                threshold=figure("SCALE-01", "cpu_above_percent").percent,
                evaluation_periods=figure("SCALE-01", "cpu_window_minutes").minutes,
                alarm_actions=[more.arn])
        """,
    passing=[
        (_TARGET, _MORE, _USE_ALARM),
        (_TARGET, _MORE, _USE_ALARM, _alarm(_WAITING, _JOBS), _delay_in_ms(_SLOW)),
        (_TARGET, _MORE, _USE_ALARM, _alarm(_DELAY, _SLOW / _MS_A_SECOND)),
        (_TARGET, _tracking(_CPU)),
        (_TARGET, _tracking("50"), _MORE, _alarm(_WAITING, "20")),
    ],
    failing=[
        (_TARGET,),
        (_TARGET, _MORE),
        (_TARGET, _MORE, _alarm(_USE, _CPU + 1, periods=_MINUTES)),
        (_TARGET, _MORE, _alarm(_USE, _CPU, periods=_MINUTES + 1)),
        (_TARGET, _MORE, _alarm(_USE, _CPU, comparisonOperator="LessThanThreshold")),
        (_TARGET, _MORE, _alarm(_WAITING, _JOBS)),
        (_TARGET, _MORE, _USE_ALARM, _alarm(_WAITING, _JOBS + 1)),
        (_TARGET, _MORE, _USE_ALARM, _alarm(_DELAY, 2 * _SLOW / _MS_A_SECOND)),
        (_TARGET, _MORE, _USE_ALARM, _delay_in_ms(_SLOW + 1)),
        (_TARGET, _tracking(_CPU + 1)),
    ],
)
def ecs_scale_out_triggers(target: Subject, settings: Triggers, graph: Graph) -> Outcome:
    """A service gets another instance before it is short of CPU, late or slow.

    CPU is watched of every service; where its queue or its latency adds instances, too, they do so
    at the limits of the standard or earlier.
    """
    if target.text("serviceNamespace") not in {None, "ecs"}:
        return NotApplicable("it scales no service of ECS")
    if settings.tier not in _LIVE:
        return NotApplicable("a fixed number of instances is enough here")
    policies = companions(target.resource, graph, [POLICY], "resourceId")
    alarms = [
        alarm
        for policy in policies
        for alarm in companions(policy.resource, graph, [METRIC_ALARM], "alarmActions")
        if _is_rising(alarm)
    ]
    in_time = some(
        [*policies, *alarms],
        lambda one: met(_holds_cpu(one, settings) or _reacts_to_cpu(one, settings)),
        f"nothing adds an instance when CPU stays above {settings.cpu_percent:g} % for "
        f"{settings.cpu_minutes} minutes",
    )
    unresolved = [
        NotEvaluated(f"{one.name}.{key} is known after apply, and may concern this service")
        for key, type_ in (("resourceId", POLICY), ("alarmActions", METRIC_ALARM))
        if (one := graph.unresolved(key, type_))
    ]
    return all_of(
        *unresolved,
        in_time,
        every(alarms, lambda one: _goes_off_by(one, _WAITING, settings.queue_jobs, "jobs")),
        every(alarms, lambda one: _goes_off_by(one, _DELAY, _latency(one, settings), "latency")),
    )


def _is_rising(alarm: Subject) -> bool:
    return (alarm.text("comparisonOperator") or "").startswith("GreaterThan")


def _holds_cpu(policy: Subject, settings: Triggers) -> bool:
    """Whether the policy tracks the CPU of a service, at the limit or below."""
    held = policy.node("targetTrackingScalingPolicyConfiguration")
    metric = held.node("predefinedMetricSpecification").text("predefinedMetricType")
    value = held.number("targetValue")
    return (
        metric == "ECSServiceAverageCPUUtilization"
        and value is not None
        and value <= settings.cpu_percent
    )


def _reacts_to_cpu(alarm: Subject, settings: Triggers) -> bool:
    """Whether the alarm goes off once CPU was above the limit for the time, or earlier."""
    if _USE not in _metrics(alarm):
        return False
    threshold = alarm.number("threshold")
    periods = alarm.number("evaluationPeriods") or 1
    seconds = (_period(alarm) or _MINUTE) * periods
    return (
        threshold is not None
        and threshold <= settings.cpu_percent
        and seconds <= settings.cpu_minutes * _MINUTE
    )


def _period(alarm: Subject) -> float | None:
    periods = [query.node("metric").number("period") for query in alarm.nodes("metricQueries")]
    return alarm.number("period") or max((one for one in periods if one), default=None)


def _metrics(alarm: Subject) -> set[str | None]:
    queried = [query.node("metric").text("metricName") for query in alarm.nodes("metricQueries")]
    return {alarm.text("metricName"), *queried}


def _latency(alarm: Subject, settings: Triggers) -> float:
    """The limit of latency in the unit of the alarm, which metric math may make milliseconds."""
    texts = [query.text("expression") or "" for query in alarm.nodes("metricQueries")]
    in_ms = any(str(_MS_A_SECOND) in text for text in texts)
    return settings.slow_ms if in_ms else settings.slow_ms / _MS_A_SECOND


def _goes_off_by(alarm: Subject, metric: str, limit: float, what: str) -> Outcome:
    if metric not in _metrics(alarm):
        return met(condition=True)
    threshold = alarm.number("threshold")
    if threshold is None:
        return fail(f"{alarm.name} has no threshold of {what}")
    return require(
        threshold <= limit,
        f"{alarm.name} adds an instance only at {what} above {threshold:g}, and not at {limit:g}",
    )


def _scaler(**spec: object) -> Given:
    """An autoscaler of pods, for the examples."""
    return Given(SCALER, "api", {"spec": {"minReplicas": 2, "maxReplicas": 5, **spec}})


def _on_cpu(percent: object) -> dict[str, object]:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def _within(seconds: object) -> dict[str, object]:
    return {"scaleUp": {"stabilizationWindowSeconds": seconds}}


@rule(
    types=[SCALER],
    severity=Severity.MEDIUM,
    requirements=["SCALE-01"],
    settings=Triggers,
    remediation="""
        Add pods by CPU, at the figures of the standard:

            kubernetes.autoscaling.v2.HorizontalPodAutoscaler("api", spec={
                "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {
                    "type": "Utilization", "average_utilization": 70}}}],
                "behavior": {"scale_up": {"stabilization_window_seconds": 600}}, ...})
        """,
    passing=[
        (_scaler(metrics=[_on_cpu(_CPU)]),),
        (_scaler(metrics=[_on_cpu("50")], behavior=_within(_MINUTES * _MINUTE)),),
    ],
    failing=[
        (_scaler(),),
        (_scaler(metrics=[_on_cpu(_CPU + 1)]),),
        (_scaler(metrics=[{"type": "Resource", "resource": {"name": "memory"}}]),),
        (_scaler(metrics=[_on_cpu(_CPU)], behavior=_within(_MINUTES * _MINUTE + 1)),),
    ],
)
def k8s_scale_out_triggers(scaler: Subject, settings: Triggers) -> Outcome:
    """A workload gets another pod before it is short of CPU.

    Pods that wait for CPU answer late or fail their probes, and are then taken away while they are
    needed most.
    """
    if settings.tier not in _LIVE:
        return NotApplicable("a fixed number of pods is enough here")
    spec = scaler.node("spec")
    up = spec.node("behavior").node("scaleUp")

    def on_cpu(metric: Node) -> Outcome:
        resource = metric.node("resource")
        percent = resource.node("target").number("averageUtilization")
        within = percent is not None and percent <= settings.cpu_percent
        return met(resource.text("name") == "cpu" and within)

    waits = up.number("stabilizationWindowSeconds") or 0
    most = settings.cpu_minutes * _MINUTE
    return all_of(
        some(
            spec.nodes("metrics"),
            on_cpu,
            f"nothing adds a pod when CPU is above {settings.cpu_percent:g} %",
        ),
        require(
            waits <= most,
            f"waits {waits:g} seconds before it adds a pod, longer than {most}",
            up.at("stabilizationWindowSeconds"),
        ),
    )


class Room(Settings):
    """How many instances an operator can have, without a new release."""

    least_max: int = Field(default=_COUNT, ge=_COUNT, description="The least that is the most.")


_API: Final = Given(SERVICE, "api", {"desiredCount": 2})
_NAMED: Final = {"metadata": {"name": "api", "namespace": "payments"}}
_PODS: Final = Given(DEPLOYMENT, "api", _NAMED)


def _up_to(most: object, least: object = 2) -> Given:
    """A scaling target of a service, for the examples."""
    inputs = {"resourceId": Ref("api"), "minCapacity": least, "maxCapacity": most}
    return Given(SCALING_TARGET, "api-scaling", inputs)


def _pods_up_to(most: object) -> Given:
    """An autoscaler of a deployment, for the examples."""
    target = {"kind": "Deployment", "name": "api"}
    spec = {"scaleTargetRef": target, "maxReplicas": most, "minReplicas": 2}
    return Given(SCALER, "scaler", {"metadata": {"namespace": "payments"}, "spec": spec})


@rule(
    types=[SERVICE, DEPLOYMENT],
    severity=Severity.MEDIUM,
    requirements=["SCALE-04", "SCALE-05"],
    settings=Room,
    remediation="""
        Give it bounds, which operations and autoscaling move the number of instances in:

            aws.appautoscaling.Target("api", service_namespace="ecs", min_capacity=2,
                max_capacity=10, scalable_dimension="ecs:service:DesiredCount",
                resource_id=pulumi.Output.concat("service/", cluster.name, "/", service.name))
        """,
    passing=[
        (_API, _up_to(_COUNT)),
        (_API, _up_to("10")),
        (_PODS, _pods_up_to(_COUNT)),
    ],
    failing=[
        (_API,),
        (_API, _up_to(_COUNT - 1)),
        (_API, _up_to(_COUNT, _COUNT)),
        (_PODS,),
        (_PODS, _pods_up_to(_COUNT - 1)),
    ],
)
def scales_on_demand(service: Subject, settings: Room, graph: Graph) -> Outcome:
    """Whatever serves can be scaled out at any time, without a new release.

    In an incident the one thing that helps at once is more of what runs; what has no bounds to
    scale within needs somebody to change and apply a program first.
    """
    if settings.tier not in _LIVE:
        return NotApplicable("nobody scales a service here")
    if service.type == SERVICE:
        found: Sequence[Node] = companions(service.resource, graph, [SCALING_TARGET], "resourceId")
        least, most = "minCapacity", "maxCapacity"
    else:
        name = service.node("metadata").text("name") or ""
        place = place_of(service.resource, graph)
        named = called(f"Deployment/{name}", place, graph, *SCALERS)
        referring = graph.referrers(service.resource, *SCALERS, key="spec")
        found = [one.spec for one in named] + [Subject(one).node("spec") for one in referring]
        least, most = "minReplicas", "maxReplicas"
    if not found:
        return require(condition=False, message="nothing can change how many of it run")
    return every(found, lambda bounds: _has_room(bounds, least, most, settings.least_max))


def _has_room(bounds: Node, least: str, most: str, least_max: int) -> Outcome:
    count, highest = bounds.number(least) or 0, bounds.number(most) or 0
    return all_of(
        attempt(
            lambda: require(
                highest >= least_max,
                f"can be scaled to {highest:g}, fewer than {least_max}",
                bounds.at(most),
            )
        ),
        attempt(
            lambda: require(
                highest > count, f"always runs {count:g}: there is no room", bounds.at(most)
            )
        ),
    )
