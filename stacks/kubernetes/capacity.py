"""How many pods of the MCP server run, what they may take, and what keeps them running."""

from typing import Final, cast

from pulumi import ResourceOptions
from pulumi_kubernetes.autoscaling.v2 import HorizontalPodAutoscaler, HPAScalingPolicyArgsDict
from pulumi_kubernetes.core.v1 import LimitRange, ResourceQuota
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from environments import McpServer
from stacks.kubernetes.pods import LABELS, LAST_WORD, NAME
from standards import figure

_REQUIREMENT: Final = "SCALE-01"
_IDLE_SECONDS: Final = 30 * 60  # as long as a service on Fargate is idle before it loses one


def declare_scaling(record: McpServer, inside: ResourceOptions) -> None:
    """Add a pod when CPU stayed above the standards' figure for the standards' time (SCALE-01).

    Over that time the autoscaler acts on the least that it found necessary, so that a peak alone
    adds nothing. An operator scales out at once by raising the least number in the environment's
    file, without a new release (SCALE-05).
    """
    # Whole, as Kubernetes takes it; an `int` of it would forget the figure.
    percent = figure(_REQUIREMENT, "cpu_above_percent").percent
    # The next change waits until the last one can have shown its effect.
    one: HPAScalingPolicyArgsDict = {
        "type": "Pods",
        "value": 1,
        "period_seconds": _effect_seconds(),
    }
    HorizontalPodAutoscaler(
        NAME,
        metadata={"name": NAME, "namespace": NAME, "annotations": dict(LAST_WORD)},
        spec={
            "scale_target_ref": {"api_version": "apps/v1", "kind": "Deployment", "name": NAME},
            "min_replicas": record.replicas.min,
            "max_replicas": record.replicas.max,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {
                            "type": "Utilization",
                            "average_utilization": cast("int", percent),
                        },
                    },
                }
            ],
            "behavior": {
                "scale_up": {
                    "stabilization_window_seconds": figure(
                        _REQUIREMENT, "cpu_window_minutes"
                    ).seconds,
                    "tolerance": "0",  # the figure is the limit, not a tenth more
                    "policies": [one],
                },
                "scale_down": {"stabilization_window_seconds": _IDLE_SECONDS, "policies": [one]},
            },
        },
        opts=inside,
    )
    PodDisruptionBudget(
        NAME,
        metadata={"name": NAME, "namespace": NAME},
        spec={
            "max_unavailable": 1,
            "selector": {"match_labels": dict(LABELS)},
            "unhealthy_pod_eviction_policy": "AlwaysAllow",
        },
        opts=inside,
    )


def declare_limits(record: McpServer, inside: ResourceOptions) -> None:
    """Keep the namespace to what the record may ask for: a mistake there costs no more than that.

    Nothing there opens a load balancer or a port of a node by itself.
    """
    most = 2 * record.replicas.max  # a rollout runs the old pods and the new ones
    ResourceQuota(
        NAME,
        metadata={"name": NAME, "namespace": NAME},
        spec={
            "hard": {
                "pods": str(most),
                "requests.cpu": f"{most * record.cpu}m",
                "limits.cpu": f"{most * record.cpu}m",
                "requests.memory": f"{most * record.memory}Mi",
                "limits.memory": f"{most * record.memory}Mi",
                "services.loadbalancers": "0",
                "services.nodeports": "0",
            }
        },
        opts=inside,
    )
    amounts = {"cpu": f"{record.cpu}m", "memory": f"{record.memory}Mi"}
    LimitRange(
        NAME,
        metadata={"name": NAME, "namespace": NAME},
        spec={
            "limits": [
                {
                    "type": "Container",
                    "default": amounts,
                    "default_request": amounts,
                    "max": amounts,
                }
            ]
        },
        opts=inside,
    )


def _effect_seconds() -> int:
    return figure("SVC-02", "healthy_wait_max_minutes").seconds
