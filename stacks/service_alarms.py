"""The alarms of one service: on what it uses, and on how it answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pulumi import Output

from environments import Environment
from stacks.canaries.component import canary_name
from stacks.metrics import MINUTE, Alarm, Comparison, Formula, Limit, Metric, Missing
from stacks.naming import Names
from stacks.service import ServiceOutputs
from stacks.severity import Severity
from stacks.sides import Side, error_percent, response_ms, target_metrics, total, worse
from standards import Figure, figure

OBJECTIVE: Final = 60 * MINUTE
"""A long-run objective is missed when an hour as a whole misses it."""
_ALL_PERCENT: Final = 100
_LASTING: Final = 10  # minutes; "stays above", where the standard does not say for how long

Entry = tuple[Severity, Alarm]


@dataclass(frozen=True, slots=True)
class ServiceWatch:
    """The alarms of one service; its two sides count as one, since either may serve."""

    service: str
    outputs: ServiceOutputs
    balancer: Output[str]
    environment: Environment

    def everything(self) -> Iterator[Entry]:
        """What is watched of every service: its containers and its log."""
        service = self.service
        cpu = figure("MON-09", "cpu_above_percent").percent
        yield (
            Severity.WARNING,
            Alarm(
                name=f"{service}-cpu",
                summary=f"CPU of {service} is above {cpu:g} %",
                watched=worse(self._use("CPUUtilization")),
                limit=Limit.of(cpu),
                runbook="cpu",
            ),
        )
        memory = figure("MON-09", "memory_above_percent").percent
        yield (
            Severity.WARNING,
            Alarm(
                name=f"{service}-memory",
                summary=f"Memory of {service} is above {memory:g} %",
                watched=worse(self._use("MemoryUtilization")),
                limit=Limit.of(memory),
                runbook="memory",
            ),
        )
        larger = figure("SCALE-03", "memory_above_percent").percent
        yield (
            Severity.WARNING,
            Alarm(
                name=f"{service}-larger-instances",
                summary=f"Memory of {service} stayed above {larger:g} %: give it a larger size",
                watched=worse(self._use("MemoryUtilization")),
                limit=Limit.of(larger),
                periods=_LASTING,
                runbook="memory",
            ),
        )
        yield (
            Severity.WARNING,
            Alarm(
                name=f"{service}-log-errors",
                summary=f"{service} wrote an ERROR to its log",
                watched=Metric(
                    namespace=f"Slipway/{self.environment.name}",
                    name=log_errors_name(service),
                    statistic="Sum",
                    dimensions={},
                ),
                limit=Limit(Comparison.ABOVE, 0, "LOG-02"),
                runbook="log-errors",
            ),
        )
        for requirement, periods in (
            ("MON-12", 1),
            ("ROLL-09", figure("ROLL-09", "down_above_minutes").minutes),
        ):
            yield (
                Severity.CRITICAL,
                Alarm(
                    name=f"{service}-down-{requirement.lower()}",
                    summary=f"No instance of {service} is healthy",
                    watched=self._healthy(),
                    limit=Limit(Comparison.BELOW, 1, requirement),
                    periods=periods,
                    missing=Missing.TROUBLE,
                    runbook="down",
                ),
            )

    def outside(self) -> Entry:
        """Whether it can be reached, and says that it is well, from outside (MON-08)."""
        return Severity.CRITICAL, unreachable(self.service, Names(self.environment))

    def requests(self) -> Iterator[Entry]:
        """What is watched of a service that answers requests."""
        yield self._errors(Severity.CRITICAL, figure("MON-12", "critical_error_rate_above_percent"))
        yield self._errors(Severity.WARNING, figure("MON-12", "warning_error_rate_above_percent"))
        yield self._errors(
            Severity.CRITICAL,
            figure("ROLL-08", "error_rate_above_percent"),
            periods=figure("ROLL-08", "error_rate_window_minutes").minutes,
        )
        yield self._errors(
            Severity.CRITICAL,
            figure("ROLL-09", "error_rate_above_percent"),
            periods=figure("ROLL-09", "error_rate_window_minutes").minutes,
        )
        yield self._errors(
            Severity.WARNING, figure("PERF-01", "error_rate_below_percent"), period=OBJECTIVE
        )
        yield self._slow(Severity.WARNING, figure("MON-12", "warning_response_time_above_ms"))
        yield self._slow(
            Severity.CRITICAL,
            figure("ROLL-08", "response_time_above_ms"),
            periods=figure("ROLL-08", "response_time_window_minutes").minutes,
        )
        yield self._slow(
            Severity.CRITICAL,
            figure("ROLL-09", "latency_p95_above_ms"),
            periods=figure("ROLL-09", "latency_window_minutes").minutes,
        )
        minutes = figure("ROLL-08", "health_failure_above_minutes").minutes
        yield (
            Severity.CRITICAL,
            Alarm(
                name=f"{self.service}-unhealthy",
                summary=f"Health checks of {self.service} fail for {minutes} minutes",
                watched=total(self._target("UnHealthyHostCount", "Maximum")),
                limit=Limit(Comparison.ABOVE, 0, "ROLL-08"),
                periods=minutes,
                runbook="down",
            ),
        )

    def _errors(
        self, severity: Severity, limit: Figure, *, period: int = MINUTE, periods: int = 1
    ) -> Entry:
        """Requests that the service failed, in percent."""
        percent = limit.percent
        return severity, Alarm(
            name=f"{self.service}-errors-{severity}-{limit.requirement.lower()}",
            summary=f"{percent:g} % of the requests to {self.service} fail",
            watched=error_percent(self.balancer, self.outputs.target_group_arn_suffixes),
            limit=Limit.of(percent),
            period=period,
            periods=periods,
            runbook="errors",
        )

    def _slow(self, severity: Severity, limit: Figure, *, periods: int = 1) -> Entry:
        """Response time at P95, of the slower side."""
        milliseconds = limit.milliseconds
        return severity, Alarm(
            name=f"{self.service}-slow-{severity}-{limit.requirement.lower()}",
            summary=f"P95 response time of {self.service} reaches {milliseconds} ms",
            watched=response_ms("p95", self.balancer, self.outputs.target_group_arn_suffixes),
            limit=Limit.of(milliseconds),
            periods=periods,
            runbook="slow",
        )

    def _healthy(self) -> Formula:
        """How many instances are well: those that the load balancer would use, or that run."""
        if self.outputs.target_group_arn_suffixes:
            return total(self._target("HealthyHostCount", "Maximum"))
        return total(
            {
                side: Metric(
                    namespace="ECS/ContainerInsights",
                    name="RunningTaskCount",
                    statistic="Maximum",
                    dimensions=self._dimensions(side),
                )
                for side in Side
            }
        )

    def _use(self, name: str) -> dict[Side, Metric]:
        return {
            side: Metric(
                namespace="AWS/ECS",
                name=name,
                statistic="Average",
                dimensions=self._dimensions(side),
            )
            for side in Side
        }

    def _dimensions(self, side: Side) -> dict[str, Output[str]]:
        return {
            "ClusterName": self.outputs.cluster_name,
            "ServiceName": self.outputs.service_names[side],
        }

    def _target(self, name: str, statistic: str) -> dict[Side, Metric]:
        groups = self.outputs.target_group_arn_suffixes
        return target_metrics(name, statistic, self.balancer, groups)


def unreachable(endpoint: str, names: Names) -> Alarm:
    """The alarm on the canary of a public endpoint: two runs failed, or there are none."""
    return Alarm(
        name=f"{endpoint}-unreachable",
        summary=f"{endpoint} does not answer from outside that it is well",
        watched=Metric(
            namespace="CloudWatchSynthetics",
            name="SuccessPercent",
            statistic="Average",
            dimensions={"CanaryName": canary_name(endpoint, names)},
        ),
        limit=Limit(Comparison.BELOW, _ALL_PERCENT, "MON-08"),
        periods=2,
        missing=Missing.TROUBLE,
        runbook="unreachable",
    )


def log_errors_name(service: str) -> str:
    """The metric that counts the errors in the log of a service."""
    return f"{service}-log-errors"
