"""The alarms of an environment: one table of what the standards want to be told of, and to whom."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Output, ResourceOptions
from pulumi_aws import cloudwatch

from environments import Environment
from stacks.backup import Backups
from stacks.database import Database
from stacks.dns import signing_failures
from stacks.edge import Edge
from stacks.metrics import (
    MINUTE,
    Alarm,
    Comparison,
    Formula,
    Limit,
    Metric,
    Missing,
    alarm_rule,
    declare_alarm,
    described,
)
from stacks.naming import Names
from stacks.prometheus.alertmanager import HEARTBEAT_MINUTES
from stacks.providers import WORLDWIDE
from stacks.service import ServiceOutputs
from stacks.service_alarms import OBJECTIVE, Entry, ServiceWatch, log_errors_name, unreachable
from stacks.services import Services
from stacks.sessions import script_errors
from stacks.severity import Severity
from stacks.topics import HEARTBEAT, Topics
from standards import figure

_HOUR: Final = 60 * MINUTE


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
    filter that counts the errors in its log, and an alarm composed of all its critical ones and of
    all its warnings: one cause shows in several of them, and pages or warns once. What is composed
    tells chat alone. The alarms that scale a service are beside its scaling, those of a rollout in
    `stacks/rollout.py`.

    What CloudWatch has no metric for is measured in Prometheus (`stacks/prometheus`).
    """

    def __init__(
        self, name: str, arguments: AlarmsArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:alarms:Alarms", name, opts=options)
        self._environment = environment = arguments.environment
        self._names = Names(environment)
        self._topics = arguments.topics.arns
        for service, outputs in arguments.services.services.items():
            _count_errors(service, outputs, environment, self)
            self._compose(service, list(_of_service(service, outputs, arguments)))
        for severity, alarm in _single(arguments):
            if environment.must(alarm.limit.requirement):
                self._alarm(alarm, severity)
        self.register_outputs({})

    def _alarm(self, alarm: Alarm, severity: Severity) -> cloudwatch.MetricAlarm:
        return declare_alarm(
            alarm,
            physical_name=self._physical(alarm.name),
            actions=[self._topics[severity]],
            parent=self,
        )

    def _physical(self, name: str) -> str:
        return self._names.of(name, limit=255)

    def _compose(self, subject: str, entries: Sequence[Entry]) -> None:
        """Make the alarms of `subject`, and one of each severity that stands for them.

        A warning waits while something critical is wrong with the subject: it is the same trouble.
        """
        critical: cloudwatch.CompositeAlarm | None = None
        for severity in (Severity.CRITICAL, Severity.WARNING):
            alarms = [
                alarm
                for its, alarm in entries
                if its is severity and self._environment.must(alarm.limit.requirement)
            ]
            if not alarms:
                continue
            made = [self._alarm(alarm, Severity.INFO) for alarm in alarms]
            composed = cloudwatch.CompositeAlarm(
                f"{subject}-{severity}",
                alarm_name=self._physical(f"{subject}-{severity}"),
                alarm_description=described(
                    f"{subject} is in trouble: {severity}", alarms[0].limit.requirement, "service"
                ),
                alarm_rule=alarm_rule(self._physical(alarm.name) for alarm in alarms),
                alarm_actions=[self._topics[severity]],
                ok_actions=[self._topics[severity]],
                actions_suppressor=_suppressed_by(critical) if critical else None,
                opts=ResourceOptions(parent=self, depends_on=made),
            )
            critical = critical or composed


def _suppressed_by(
    alarm: cloudwatch.CompositeAlarm,
) -> cloudwatch.CompositeAlarmActionsSuppressorArgs:
    return cloudwatch.CompositeAlarmActionsSuppressorArgs(
        alarm=alarm.alarm_name, wait_period=MINUTE, extension_period=5 * MINUTE
    )


def _of_service(
    service: str, outputs: ServiceOutputs, arguments: AlarmsArguments
) -> Iterator[Entry]:
    """The alarms of one service, wherever a requirement asks for them."""
    balancer = arguments.edge.load_balancer_arn_suffix
    watch = ServiceWatch(service, outputs, balancer, arguments.environment)
    yield from watch.everything()
    if outputs.target_group_arn_suffixes:
        yield from watch.requests()
    if arguments.environment.services[service].outside_path is not None:
        yield watch.outside()
    if outputs.dead_letter_queue_name is not None:
        yield _dead_letters(service, outputs.dead_letter_queue_name)


def _single(arguments: AlarmsArguments) -> Iterator[Entry]:
    """The alarms that each stand for a cause of their own."""
    yield _availability(arguments.edge.load_balancer_arn_suffix)
    yield _database_cpu(arguments.database.cluster_identifier)
    if arguments.backups is not None:
        yield from _backups(arguments.backups.vault_name)
    if arguments.environment.frontend is not None:
        yield Severity.CRITICAL, unreachable("frontend", Names(arguments.environment))
        yield Severity.WARNING, script_errors(Names(arguments.environment))
    yield from _delivery(arguments)
    environment = arguments.environment
    if environment.edge.owns_zone and environment.aws.region == WORLDWIDE:
        for alarm in signing_failures(arguments.edge.zone_id):
            yield Severity.CRITICAL, alarm


def _delivery(arguments: AlarmsArguments) -> Iterator[Entry]:
    """Whether alerts arrive: pages that were not delivered, and a heartbeat that stopped."""
    names = Names(arguments.environment)
    yield (
        Severity.WARNING,
        Alarm(
            name="pages-undelivered",
            summary="What is critical could not be told to somebody who subscribes to it",
            watched=_of_topic("NumberOfNotificationsFailed", names.of(Severity.CRITICAL)),
            limit=Limit(Comparison.ABOVE, 0, "MON-02"),
            runbook="delivery",
        ),
    )
    if arguments.environment.metrics is not None:
        yield (
            Severity.CRITICAL,
            Alarm(
                name="heartbeat-missing",
                summary="Alerts of Prometheus no longer come through",
                watched=_of_topic("NumberOfMessagesPublished", names.of(HEARTBEAT)),
                limit=Limit(Comparison.BELOW, 1, "MON-02"),
                period=HEARTBEAT_MINUTES * MINUTE,
                periods=3,
                missing=Missing.TROUBLE,
                runbook="heartbeat",
            ),
        )


def _of_topic(metric: str, topic: str) -> Metric:
    return Metric(
        namespace="AWS/SNS", name=metric, statistic="Sum", dimensions={"TopicName": topic}
    )


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
        period=OBJECTIVE,
        runbook="errors",
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
        runbook="dead-jobs",
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
        runbook="database",
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
            runbook="backup",
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
            runbook="backup",
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
            namespace=f"Slipway/{environment.name}",
            name=log_errors_name(service),
            value="1",
            unit="Count",
        ),
        opts=ResourceOptions(parent=parent),
    )
