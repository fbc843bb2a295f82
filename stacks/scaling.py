"""Scaling one side of a service: an instance more when the standards say so, one less when idle."""

from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import appautoscaling

from environments import Environment, Instances
from stacks.metrics import Alarm, Comparison, Formula, Limit, Metric, Missing, declare_alarm
from stacks.naming import Names
from standards import Whole, figure

_REQUIREMENT: Final = "SCALE-01"
_IDLE_SHARE: Final = 0.5  # of the limit that adds an instance: far enough below not to swing
_IDLE_MINUTES: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingArguments:
    """What the scaling of one side of a service is made from."""

    environment: Environment
    label: str
    """The service and its side: `prover-blue`."""
    instances: Instances
    is_serving: bool
    """Whether the side takes traffic at first; the other one is asleep until a cutover."""
    response_time: Metric | None
    queue_name: Input[str] | None
    info_topic_arn: Input[str]
    cluster_name: Input[str]
    service_name: Input[str]


class Scaling(ComponentResource):
    """How one side of a service scales, between the bounds of its record.

    Makes the scalable target; a policy that adds an instance, with an alarm for each trigger of
    SCALE-01 (CPU, response time, queue); and a policy that takes one away, with its alarm.
    """

    def __init__(
        self, name: str, arguments: ScalingArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:scaling:Scaling", name, opts=options)
        self._arguments = arguments
        self._names = Names(arguments.environment)
        is_asleep = not arguments.is_serving
        self._target = appautoscaling.Target(
            arguments.label,
            service_namespace="ecs",
            scalable_dimension="ecs:service:DesiredCount",
            resource_id=Output.concat(
                "service/", arguments.cluster_name, "/", arguments.service_name
            ),
            min_capacity=arguments.instances.min,
            max_capacity=arguments.instances.max,
            suspended_state=appautoscaling.TargetSuspendedStateArgs(
                dynamic_scaling_in_suspended=is_asleep,
                dynamic_scaling_out_suspended=is_asleep,
                scheduled_scaling_suspended=is_asleep,
            ),
            # The cutover wakes the side that takes over and puts the other one to sleep: an update
            # must not wake a side without traffic. The bounds stay the record's.
            opts=ResourceOptions(parent=self, ignore_changes=["suspendedState"]),
        )
        more = self._policy("more", 1, is_above=True)
        for alarm in _triggers(arguments):
            declare_alarm(
                alarm,
                physical_name=self._names.of(alarm.name, limit=255),
                actions=[more.arn, arguments.info_topic_arn],
                parent=self,
                is_end_notified=False,
            )
        less = self._policy("less", -1, is_above=False)
        idle = _idle(arguments)
        declare_alarm(
            idle,
            physical_name=self._names.of(idle.name, limit=255),
            actions=[less.arn],
            parent=self,
            is_end_notified=False,
        )
        self.register_outputs({})

    def _policy(self, purpose: str, change: int, *, is_above: bool) -> appautoscaling.Policy:
        label = f"{self._arguments.label}-{purpose}"
        step = appautoscaling.PolicyStepScalingPolicyConfigurationStepAdjustmentArgs(
            scaling_adjustment=change,
            metric_interval_lower_bound="0" if is_above else None,
            metric_interval_upper_bound=None if is_above else "0",
        )
        return appautoscaling.Policy(
            label,
            name=self._names.of(label),
            policy_type="StepScaling",
            service_namespace=self._target.service_namespace,
            scalable_dimension=self._target.scalable_dimension,
            resource_id=self._target.resource_id,
            step_scaling_policy_configuration=appautoscaling.PolicyStepScalingPolicyConfigurationArgs(
                adjustment_type="ChangeInCapacity",
                metric_aggregation_type="Average",
                # The next change waits until the last one can have shown its effect.
                cooldown=figure("SVC-02", "healthy_wait_max_minutes").seconds,
                step_adjustments=[step],
            ),
            opts=ResourceOptions(parent=self),
        )


def _cpu(arguments: ScalingArguments) -> Metric:
    return Metric(
        namespace="AWS/ECS",
        name="CPUUtilization",
        statistic="Average",
        dimensions={
            "ClusterName": arguments.cluster_name,
            "ServiceName": arguments.service_name,
        },
    )


def _waiting(queue_name: Input[str]) -> Metric:
    return Metric(
        namespace="AWS/SQS",
        name="ApproximateNumberOfMessagesVisible",
        statistic="Maximum",
        dimensions={"QueueName": queue_name},
    )


def _triggers(arguments: ScalingArguments) -> list[Alarm]:
    """The alarms that add an instance: one for each trigger of SCALE-01 that the service has."""
    label = arguments.label
    percent = figure(_REQUIREMENT, "cpu_above_percent").percent
    minutes: Whole = figure(_REQUIREMENT, "cpu_window_minutes").minutes
    alarms = [
        Alarm(
            name=f"{label}-more-for-cpu",
            summary=f"CPU of {label} stayed above {percent:g} % for {minutes} minutes",
            watched=_cpu(arguments),
            limit=Limit.of(percent),
            periods=minutes,
            runbook="scaling",
        )
    ]
    if arguments.response_time is not None:
        slow = figure(_REQUIREMENT, "latency_p95_above_ms").milliseconds
        alarms.append(
            Alarm(
                name=f"{label}-more-for-latency",
                summary=f"P95 response time of {label} is above {slow} ms",
                watched=Formula(
                    text="1000 * seconds", metrics={"seconds": arguments.response_time}
                ),
                limit=Limit.of(slow),
                runbook="scaling",
            )
        )
    if arguments.queue_name is not None:
        jobs = figure(_REQUIREMENT, "queue_depth_above_jobs").count
        alarms.append(
            Alarm(
                name=f"{label}-more-for-queue",
                summary=f"More than {jobs} jobs wait for {label}",
                watched=_waiting(arguments.queue_name),
                limit=Limit.of(jobs),
                runbook="scaling",
            )
        )
    return alarms


def _idle(arguments: ScalingArguments) -> Alarm:
    """The alarm that takes an instance away: little CPU for a while, and nothing in the queue."""
    watched: Metric | Formula = _cpu(arguments)
    if arguments.queue_name is not None:
        watched = Formula(
            text="IF(FILL(jobs, 0) > 0, 100, cpu)",
            metrics={"cpu": watched, "jobs": _waiting(arguments.queue_name)},
        )
    percent = figure(_REQUIREMENT, "cpu_above_percent").percent * _IDLE_SHARE
    label = arguments.label
    return Alarm(
        name=f"{label}-less",
        summary=f"CPU of {label} stayed below {percent:g} % for {_IDLE_MINUTES} minutes",
        watched=watched,
        limit=Limit(Comparison.BELOW, percent, _REQUIREMENT),
        periods=_IDLE_MINUTES,
        missing=Missing.UNKNOWN,
        runbook="scaling",
    )
