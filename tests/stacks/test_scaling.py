"""Services scale at the standard's figures, between the bounds of their record."""

from collections.abc import Callable

import pytest

from environments import Environment
from plan import Plan
from standards import figure
from tests.stacks.reading import ENVIRONMENTS, of_type, only

ALARM = "cloudwatch/metricAlarm"
POLICY = "appautoscaling/policy"
TARGET = "appautoscaling/target"

TRIGGERS = [
    ("cpu", "cpu_above_percent", "cpu_window_minutes"),
    ("latency", "latency_p95_above_ms", None),
    ("queue", "queue_depth_above_jobs", None),
]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_service_scales_between_the_bounds_of_its_record(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """Both sides have the same bounds; the side without traffic sleeps until a cutover."""
    plan = plan_of(environment)
    for name, record in record_of(environment).services.items():
        for side, is_asleep in (("blue", False), ("green", True)):
            target = only(plan, TARGET, f"{name}-{side}")
            assert target.number("minCapacity") == record.instances.min
            assert target.number("maxCapacity") == record.instances.max
            service = only(plan, "ecs/service", f"{name}-{side}").text("name")
            cluster = only(plan, "ecs/cluster").text("name")
            assert target.text("resourceId") == f"service/{cluster}/{service}"
            asleep = target.node("suspendedState")
            assert asleep.flag("dynamicScalingOutSuspended") is is_asleep
            assert asleep.flag("dynamicScalingInSuspended") is is_asleep
            assert target.options.ignore_changes == ("suspendedState",)


@pytest.mark.parametrize(("trigger", "limit", "window"), TRIGGERS)
def test_each_trigger_of_the_standard_adds_a_prover(
    plan_of: Callable[[str], Plan], trigger: str, limit: str, window: str | None
) -> None:
    """CPU for its whole window, P95 latency, and queue depth each call the policy that adds one."""
    plan = plan_of("production")
    alarm = only(plan, ALARM, f"prover-blue-more-for-{trigger}")
    cited = {one.path: (one.requirement, one.key) for one in alarm.resource.figures}
    assert cited["threshold"] == ("SCALE-01", limit)
    assert alarm.number("threshold") == figure("SCALE-01", limit).amount
    assert alarm.text("comparisonOperator") == "GreaterThanThreshold"
    if window is not None:
        assert alarm.number("period") == 60
        assert alarm.number("evaluationPeriods") == figure("SCALE-01", window).minutes
        assert cited["evaluationPeriods"] == ("SCALE-01", window)
    called = {
        urn.rpartition("::")[2] for urn in alarm.resource.property_dependencies["alarmActions"]
    }
    assert "prover-blue-more" in called
    policy = only(plan, POLICY, "prover-blue-more").node("stepScalingPolicyConfiguration")
    (step,) = policy.nodes("stepAdjustments")
    assert step.number("scalingAdjustment") == 1


def test_a_service_without_a_queue_has_no_queue_trigger(plan_of: Callable[[str], Plan]) -> None:
    """The API scales by CPU and latency."""
    names = {one.name for one in of_type(plan_of("production"), ALARM)}
    assert "api-blue-more-for-latency" in names
    assert "api-blue-more-for-queue" not in names


def test_an_instance_leaves_only_when_no_work_waits(plan_of: Callable[[str], Plan]) -> None:
    """With jobs in the queue the prover counts as busy, however little CPU it uses."""
    plan = plan_of("production")
    alarm = only(plan, ALARM, "prover-blue-less")
    queries = {query.text("id"): query for query in alarm.nodes("metricQueries")}
    assert queries["result"].text("expression") == "IF(FILL(jobs, 0) > 0, 100, cpu)"
    above = figure("SCALE-01", "cpu_above_percent").percent
    assert (alarm.number("threshold") or 100) < above
    (step,) = (
        only(plan, POLICY, "prover-blue-less")
        .node("stepScalingPolicyConfiguration")
        .nodes("stepAdjustments")
    )
    assert step.number("scalingAdjustment") == -1


def test_replicas_of_the_database_follow_the_readers_cpu(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment]
) -> None:
    """At SCALE-02's figure in production, within the record's bounds; nowhere else."""
    plan = plan_of("production")
    target = only(plan, TARGET, "database-replicas")
    replicas = record_of("production").database.replicas
    assert target.number("minCapacity") == replicas.min
    assert target.number("maxCapacity") == replicas.max
    policy = only(plan, POLICY, "database-replicas")
    tracking = policy.node("targetTrackingScalingPolicyConfiguration")
    assert tracking.number("targetValue") == figure("SCALE-02", "database_cpu_above_percent").amount
    assert "SCALE-02" in {one.requirement for one in policy.resource.figures}
    for other in ("development", "integration", "staging"):
        assert "database-replicas" not in {one.name for one in of_type(plan_of(other), TARGET)}
