"""Application Auto Scaling of the sides: neither side loses an instance while both are needed.

The bounds stay the stack's. What changes is what is suspended, which the stack leaves to cutovers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from scripts.runs.aws import Api

_TARGET: Final = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
_IN, _OUT, _SCHEDULED = (
    "DynamicScalingInSuspended",
    "DynamicScalingOutSuspended",
    "ScheduledScalingSuspended",
)


class Scale(Enum):
    """What of a side's scaling is suspended."""

    AWAKE = {_IN: False, _OUT: False, _SCHEDULED: False}  # noqa: RUF012 - an enum's value
    """Nothing: it serves alone."""
    HELD = {_IN: True, _OUT: False, _SCHEDULED: True}  # noqa: RUF012
    """It grows and does not shrink: a cutover is on its way."""
    ASLEEP = {_IN: True, _OUT: True, _SCHEDULED: True}  # noqa: RUF012
    """Everything: it has no instances, and is to have none."""


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """The scaling of the ECS services in one cluster."""

    autoscaling: Api
    cluster: str

    def are(self, wanted: Mapping[str, Scale]) -> bool:
        """Whether each service scales as `wanted`; one without scaling always does."""
        return not self._otherwise(wanted)

    def let(self, wanted: Mapping[str, Scale]) -> None:
        """Have each service scale as `wanted`."""
        for resource, scale in self._otherwise(wanted).items():
            self.autoscaling(
                "register_scalable_target",
                on=f"the scaling of {resource}",
                **_TARGET,
                ResourceId=resource,
                SuspendedState=scale.value,
            )

    def _otherwise(self, wanted: Mapping[str, Scale]) -> dict[str, Scale]:
        """What scales otherwise than `wanted`, by what Application Auto Scaling calls it."""
        by_resource = {
            f"service/{self.cluster}/{service}": scale for service, scale in wanted.items()
        }
        pages = self.autoscaling.pages(
            "describe_scalable_targets",
            on=f"the scaling of {' and '.join(by_resource)}",
            **_TARGET,
            ResourceIds=list(by_resource),
        )
        there: dict[str, Any] = {
            target["ResourceId"]: target for page in pages for target in page["ScalableTargets"]
        }
        return {
            resource: scale
            for resource, scale in by_resource.items()
            if resource in there
            and {**Scale.AWAKE.value, **there[resource].get("SuspendedState", {})} != scale.value
        }
