"""What services on Fargate and workloads on Kubernetes have in common in an environment."""

from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from environments.bounds import refused
from environments.record import Record

_LONGEST_COMMAND: Final = 60


class HealthCheck(Record):
    """How a load balancer or a scheduler asks an instance whether it is well."""

    path: Annotated[str, StringConstraints(pattern=r"^/")]
    interval_seconds: Annotated[int, Field(ge=5, le=300)] = 15
    timeout_seconds: Annotated[int, Field(ge=2, le=120)] = 5
    healthy_threshold: Annotated[int, Field(ge=2, le=10)] = 2
    unhealthy_threshold: Annotated[int, Field(ge=2, le=10)] = 3
    command: Annotated[tuple[str, ...], Field(max_length=40)] = ()
    """What a container of a service asks itself with, where no load balancer asks it: a program of
    the image with its arguments, which ends with 0 where it is well. A cutover needs it there."""

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        if self.command and self.timeout_seconds > _LONGEST_COMMAND:
            raise refused(
                f"timeoutSeconds {self.timeout_seconds}: ECS gives a command {_LONGEST_COMMAND} "
                "at most"
            )
        return self


class Instances(Record):
    """The bounds between which a service or its replicas scale."""

    min: Annotated[int, Field(ge=0)]
    max: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max < self.min:
            raise refused(f"max {self.max} is below min {self.min}")
        return self


class Demand(Record):
    """The load that capacity is declared from (SVC-05), in requests or jobs per second."""

    expected: Annotated[float, Field(gt=0)]
    """What the fewest instances must carry."""
    peak: Annotated[float, Field(gt=0)]
    """What the most instances must carry."""
    per_instance: Annotated[float, Field(gt=0)]
    """What a load test has shown one instance to carry within the targets for latency."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.peak < self.expected:
            raise refused(f"peak {self.peak:g} is below expected {self.expected:g} (SVC-05)")
        return self

    def is_carried_by(self, instances: Instances) -> bool:
        """Whether the fewest `instances` carry what is expected, and the most of them the peak."""
        return (
            instances.min * self.per_instance >= self.expected
            and instances.max * self.per_instance >= self.peak
        )
