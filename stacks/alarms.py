"""The alarms of an environment: one table of what the standards want to be told of, and to whom."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import cloudwatch

from environments import Environment
from stacks.backup import Backups
from stacks.database import Database
from stacks.edge import Edge
from stacks.metrics import MINUTE, Alarm, Comparison, Formula, Limit, Metric, Missing, declare_alarm
from stacks.naming import Names
from stacks.service import ServiceOutputs, Side
from stacks.services import Services
from stacks.topics import Topics
from standards import Figure, figure

_HOUR: Final = 60 * MINUTE
_OBJECTIVE: Final = _HOUR  # a long-run objective is missed when an hour as a whole misses it
_LASTING: Final = 10  # minutes; "stays above", where the standard does not say for how long


class Severity(StrEnum):
    """Who is told: critical pages somebody now, a warning waits for the working day."""

    CRITICAL = "critical"
    WARNING = "warning"


Entry = tuple[Severity, Alarm]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmsArguments:
    """What the alarms of an environment are made from."""

    environment: Environment
    topics: Topics
    edge: Edge
    services: Services
    database: Database
    backups: Backups | None


class Alarms(ComponentResource):
    """The alarms that a requirement asks this environment for, each to the topic of its severity.

    Makes the alarms of services, load balancer, database, queues and backups; for each service the
    filter that counts the errors in its log; and the event that tells of deployments. The alarms
    that scale a service are beside its scaling.

    What CloudWatch has no metric for is measured in Prometheus: reads per second of PostgreSQL
    (SCALE-02), failing database connections (ROLL-08), finality on chain (PERF-01).
    """

    def __init__(
        self, name: str, arguments: AlarmsArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:alarms:Alarms", name, opts=options)
        environment, names = arguments.environment, Names(arguments.environment)
        topics: Mapping[Severity, Input[str]] = {
            Severity.CRITICAL: arguments.topics.critical_arn,
            Severity.WARNING: arguments.topics.warning_arn,
        }
        for service, outputs in arguments.services.services.items():
            _count_errors(service, outputs, environment, self)
        for severity, alarm in _table(arguments):
            if environment.must(alarm.limit.requirement):
                declare_alarm(
                    alarm,
                    physical_name=names.of(alarm.name, limit=255),
                    actions=[topics[severity]],
                    parent=self,
                )
        if environment.must("MON-12"):
            _tell_of_deployments(arguments, self)
        self.register_outputs({})


def _table(arguments: AlarmsArguments) -> Iterator[Entry]:
    """Every alarm, wherever a requirement asks for it."""
    balancer = arguments.edge.load_balancer_arn_suffix
    yield _availability(balancer)
    for service, outputs in arguments.services.services.items():
        watch = _Watch(service, outputs, balancer, arguments.environment)
        yield from watch.everything()
        if outputs.target_group_arn_suffixes:
            yield from watch.requests()
        if outputs.dead_letter_queue_name is not None:
            yield _dead_letters(service, outputs.dead_letter_queue_name)
    yield _database_cpu(arguments.database.cluster_identifier)
    if arguments.backups is not None:
        yield from _backups(arguments.backups.vault_name)


@dataclass(frozen=True, slots=True)
class _Watch:
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
                watched=self._worse(self._use("CPUUtilization")),
                limit=Limit.of(cpu),
            ),
        )
        memory = figure("MON-09", "memory_above_percent").percent
        yield (
            Severity.WARNING,
            Alarm(
                name=f"{service}-memory",
                summary=f"Memory of {service} is above {memory:g} %",
                watched=self._worse(self._use("MemoryUtilization")),
                limit=Limit.of(memory),
            ),
        )
        larger = figure("SCALE-03", "memory_above_percent").percent
        yield (
            Severity.WARNING,
            Alarm(
                name=f"{service}-larger-instances",
                summary=f"Memory of {service} stayed above {larger:g} %: give it a larger size",
                watched=self._worse(self._use("MemoryUtilization")),
                limit=Limit.of(larger),
                periods=_LASTING,
            ),
        )
        yield (
            Severity.WARNING,
            Alarm(
                name=f"{service}-log-errors",
                summary=f"{service} wrote an ERROR to its log",
                watched=Metric(
                    namespace=_namespace(self.environment),
                    name=_errors_name(service),
                    statistic="Sum",
                    dimensions={},
                ),
                limit=Limit(Comparison.ABOVE, 0, "LOG-02"),
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
                ),
            )

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
            Severity.WARNING, figure("PERF-01", "error_rate_below_percent"), period=_OBJECTIVE
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
        yield self._slow(
            Severity.WARNING,
            figure("PERF-01", "rpc_response_mean_below_ms"),
            statistic="Average",
            period=_OBJECTIVE,
        )
        minutes = figure("ROLL-08", "health_failure_above_minutes").minutes
        yield (
            Severity.CRITICAL,
            Alarm(
                name=f"{self.service}-unhealthy",
                summary=f"Health checks of {self.service} fail for {minutes} minutes",
                watched=self._total(self._target("UnHealthyHostCount", "Maximum")),
                limit=Limit(Comparison.ABOVE, 0, "ROLL-08"),
                periods=minutes,
            ),
        )

    def _errors(
        self, severity: Severity, limit: Figure, *, period: int = MINUTE, periods: int = 1
    ) -> Entry:
        """Requests that the service failed, in percent; no data where nobody asked."""
        percent = limit.percent
        errors = self._target("HTTPCode_Target_5XX_Count", "Sum")
        requests = self._target("RequestCount", "Sum")
        return severity, Alarm(
            name=f"{self.service}-errors-{severity}-{limit.requirement.lower()}",
            summary=f"{percent:g} % of the requests to {self.service} fail",
            watched=Formula(
                text=f"100 * SUM({_ids('errors')}) / SUM({_ids('requests')})",
                metrics=_named("errors", errors) | _named("requests", requests),
            ),
            limit=Limit.of(percent),
            period=period,
            periods=periods,
        )

    def _slow(
        self,
        severity: Severity,
        limit: Figure,
        *,
        statistic: str = "p95",
        period: int = MINUTE,
        periods: int = 1,
    ) -> Entry:
        """Response time in milliseconds, of the slower side."""
        milliseconds = limit.milliseconds
        seconds = self._target("TargetResponseTime", statistic)
        return severity, Alarm(
            name=f"{self.service}-slow-{severity}-{limit.requirement.lower()}",
            summary=f"{statistic} response time of {self.service} reaches {milliseconds} ms",
            watched=Formula(
                text=f"1000 * MAX({_ids('seconds')})", metrics=_named("seconds", seconds)
            ),
            limit=Limit.of(milliseconds),
            period=period,
            periods=periods,
        )

    def _healthy(self) -> Formula:
        """How many instances are well: those that the load balancer would use, or that run."""
        if self.outputs.target_group_arn_suffixes:
            return self._total(self._target("HealthyHostCount", "Maximum"))
        return self._total(
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
        return {
            side: Metric(
                namespace="AWS/ApplicationELB",
                name=name,
                statistic=statistic,
                dimensions={"LoadBalancer": self.balancer, "TargetGroup": suffix},
            )
            for side, suffix in self.outputs.target_group_arn_suffixes.items()
        }

    # SUM and MAX pass over a side that reports nothing, as the one asleep does; adding would not.
    def _worse(self, sides: Mapping[Side, Metric]) -> Formula:
        return Formula(text=f"MAX({_ids('use')})", metrics=_named("use", sides))

    def _total(self, sides: Mapping[Side, Metric]) -> Formula:
        return Formula(text=f"SUM({_ids('count')})", metrics=_named("count", sides))


def _ids(what: str) -> str:
    return f"[{', '.join(f'{what}_{side}' for side in Side)}]"


def _named(what: str, sides: Mapping[Side, Metric]) -> dict[str, Metric]:
    return {f"{what}_{side}": metric for side, metric in sides.items()}


def _availability(balancer: Output[str]) -> Entry:
    """The share of requests that were answered, by a service or in its place.

    The load balancer does not count a request that it finds no target for among the requests: in
    an outage of all targets there would be none to divide by, and no alarm.
    """
    least = figure("PERF-01", "availability_min_percent").percent
    counts = {
        "requests": "RequestCount",
        "failed": "HTTPCode_Target_5XX_Count",
        "refused": "HTTPCode_ELB_5XX_Count",
    }
    return Severity.WARNING, Alarm(
        name="availability",
        summary=f"Less than {least:g} % of all requests were served",
        watched=Formula(
            text="100 - 100 * SUM([failed, refused]) / SUM([requests, refused])",
            metrics={
                key: Metric(
                    namespace="AWS/ApplicationELB",
                    name=name,
                    statistic="Sum",
                    dimensions={"LoadBalancer": balancer},
                )
                for key, name in counts.items()
            },
        ),
        limit=Limit.of(least),
        period=_OBJECTIVE,
    )


def _dead_letters(service: str, queue_name: Output[str]) -> Entry:
    return Severity.CRITICAL, Alarm(
        name=f"{service}-dead-jobs",
        summary=f"A job of {service} failed in every attempt and lies in the dead-letter queue",
        watched=Metric(
            namespace="AWS/SQS",
            name="ApproximateNumberOfMessagesVisible",
            statistic="Maximum",
            dimensions={"QueueName": queue_name},
        ),
        limit=Limit(Comparison.ABOVE, 0, "MON-12"),
    )


def _database_cpu(cluster_identifier: Output[str]) -> Entry:
    percent = figure("SCALE-02", "database_cpu_above_percent").percent
    return Severity.WARNING, Alarm(
        name="database-cpu",
        summary=f"CPU of the database is above {percent:g} %: it may need another replica",
        watched=Metric(
            namespace="AWS/RDS",
            name="CPUUtilization",
            statistic="Average",
            dimensions={"DBClusterIdentifier": cluster_identifier},
        ),
        limit=Limit.of(percent),
        missing=Missing.TROUBLE,
    )


def _backups(vault_name: Output[str]) -> Iterator[Entry]:
    """A backup that failed, and backups that did not come.

    One that fails, is aborted or never starts is told of each; that none is due any more shows in
    how many a day has. One less is allowed there: AWS starts each at some moment of an hour, so
    that the last one of a day may complete just after it.
    """

    def jobs(state: str) -> Metric:
        return Metric(
            namespace="AWS/Backup",
            name=f"NumberOfBackupJobs{state}",
            statistic="Sum",
            dimensions={"BackupVaultName": vault_name},
        )

    day = figure("BAK-05", "check_interval_hours")
    least = day.hours // figure("BAK-01", "backup_interval_hours").hours - 1
    yield (
        Severity.CRITICAL,
        Alarm(
            name="backup-failed",
            summary="A backup of the database failed",
            watched=Formula(
                text="SUM([failed, aborted, expired])",
                metrics={state: jobs(state.title()) for state in ("failed", "aborted", "expired")},
            ),
            limit=Limit(Comparison.ABOVE, 0, "BAK-05"),
            period=_HOUR,
        ),
    )
    yield (
        Severity.CRITICAL,
        Alarm(
            name="backup-missing",
            summary=f"Fewer than {least} backups of the database completed in {day.hours} hours",
            watched=jobs("Completed"),
            limit=Limit(Comparison.BELOW, least, "BAK-05"),
            period=day.seconds,
            missing=Missing.TROUBLE,
        ),
    )


def _count_errors(
    service: str, outputs: ServiceOutputs, environment: Environment, parent: Alarms
) -> None:
    """Count the entries of a service's log that hold the word ERROR (LOG-02)."""
    cloudwatch.LogMetricFilter(
        f"{service}-errors",
        name=Names(environment).of(service, "errors"),
        log_group_name=outputs.log_group_name,
        pattern="ERROR",
        metric_transformation=cloudwatch.LogMetricFilterMetricTransformationArgs(
            namespace=_namespace(environment), name=_errors_name(service), value="1", unit="Count"
        ),
        opts=ResourceOptions(parent=parent),
    )


def _tell_of_deployments(arguments: AlarmsArguments, parent: Alarms) -> None:
    """Tell of each deployment to a service, as information (MON-12)."""
    names = Names(arguments.environment)
    services = Output.concat(names.arn("ecs", "service/"), arguments.services.cluster_name, "/")
    rule = cloudwatch.EventRule(
        "deployments",
        name=names.of("deployments"),
        description="A deployment to a service started, completed or failed (MON-12)",
        event_pattern=Output.json_dumps(
            {
                "source": ["aws.ecs"],
                "detail-type": ["ECS Deployment State Change"],
                "resources": [{"prefix": services}],
            }
        ),
        opts=ResourceOptions(parent=parent),
    )
    cloudwatch.EventTarget(
        "deployments",
        rule=rule.name,
        arn=arguments.topics.info_arn,
        opts=ResourceOptions(parent=parent),
    )


def _namespace(environment: Environment) -> str:
    return f"Slipway/{environment.name}"


def _errors_name(service: str) -> str:
    return f"{service}-log-errors"
