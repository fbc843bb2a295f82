"""What asks for more of the MCP server where its autoscaler, which sees CPU alone, does not."""

from typing import Final

from pulumi import Resource

from environments import Environment
from stacks.kubernetes.entrance import Entrance
from stacks.kubernetes.pods import NAME
from stacks.metrics import Alarm, Formula, Limit, Metric, declare_alarm
from stacks.naming import Names
from stacks.topics import Topics
from standards import figure

_REQUIREMENT: Final = "SCALE-01"


def declare_alarms(
    environment: Environment, entrance: Entrance, topics: Topics, parent: Resource
) -> None:
    """Say when P95 latency passes the figure at which another pod is needed."""
    slow = figure(_REQUIREMENT, "latency_p95_above_ms").milliseconds
    latency = Metric(
        namespace="AWS/ApplicationELB",
        name="TargetResponseTime",
        statistic="p95",
        dimensions={
            "LoadBalancer": entrance.load_balancer_arn_suffix,
            "TargetGroup": entrance.target_group_arn_suffix,
        },
    )
    alarm = Alarm(
        name=f"{NAME}-more-for-latency",
        summary=f"P95 response time of {NAME} is above {slow} ms: raise its least replicas",
        watched=Formula(text="1000 * seconds", metrics={"seconds": latency}),
        limit=Limit.of(slow),
    )
    declare_alarm(
        alarm,
        physical_name=Names(environment).of(alarm.name, limit=255),
        actions=[topics.info_arn],
        parent=parent,
    )
