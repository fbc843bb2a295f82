"""What the database and its backups say of themselves, and who is told."""

import json
from dataclasses import dataclass, replace
from typing import Final

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import cloudwatch

from environments import Environment
from stacks.backup import Backups
from stacks.database import ADMINISTRATOR, Database
from stacks.log_watch import LogWatch, watch_log
from stacks.metrics import MINUTE, Comparison, Limit, described
from stacks.naming import Names
from stacks.topics import Topics
from standards import figure

_READS: Final = "db.SQL.queries_started.avg"
_CORRUPTION: Final = (
    "invalid page in block",
    "page verification failed",
    "could not read block",
    "could not access status of transaction",
    "missing chunk number",
    "unexpected chunk number",
    "index is corrupted",
    "contains corrupted page",
)
"""What PostgreSQL writes when a page, a row or an index is not what was written."""
_REFUSALS: Final = (
    "password authentication failed",
    "PAM authentication failed",
    "no pg_hba.conf entry",
    "permission denied for",
)
_PROXY_REFUSALS: Final = ("IAM authentication failed", "password authentication failed")
_FAILED: Final = ("FAILED", "ABORTED", "EXPIRED", "PARTIAL")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseWatchArguments:
    """What the watch on a database is made from."""

    environment: Environment
    topics: Topics
    database: Database
    backups: Backups | None


class DatabaseWatch(ComponentResource):
    """Whoever must know is told what the database's log, its queries and its backups show.

    Makes filters and alarms on the log for corruption (critical, COMP-08), a sign-in of the
    administrator (critical, DB-08) and refused ones, there and at the proxy (LOG-04); an alarm on
    the readers' queries per second (SCALE-02); and the event that tells of a backup, copy or
    restore that failed.
    """

    def __init__(
        self, name: str, arguments: DatabaseWatchArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:database:DatabaseWatch", name, opts=options)
        self._arguments = arguments
        self._names = Names(arguments.environment)
        environment, topics = arguments.environment, arguments.topics
        watches: list[tuple[Output[str], LogWatch]] = [
            (
                topics.critical_arn,
                self._lines(
                    "database-corrupt", "The database met corrupt data", _CORRUPTION, "COMP-08"
                ),
            ),
            (
                topics.critical_arn,
                self._lines(
                    "database-administrator",
                    "The administrator signed in to the database, as only its setup does",
                    (f"connection authorized: user={ADMINISTRATOR}",),
                    "DB-08",
                ),
            ),
            (
                topics.warning_arn,
                self._lines(
                    "database-refused", "The database refused somebody", _REFUSALS, "LOG-04"
                ),
            ),
        ]
        if (log := arguments.database.proxy_log_group_name) is not None:
            refused = self._lines(
                "database-proxy-refused",
                "The proxy of the database refused somebody",
                _PROXY_REFUSALS,
                "LOG-04",
            )
            watches.append((topics.warning_arn, replace(refused, log_group_name=log)))
        for topic_arn, watch in watches:
            if environment.must(watch.limit.requirement):
                watch_log(watch, environment=environment, topic_arn=topic_arn, parent=self)
        if environment.must("SCALE-02"):
            self._watch_reads()
        if arguments.backups is not None:
            self._tell_of_failures()
        self.register_outputs({})

    def _lines(
        self, name: str, summary: str, phrases: tuple[str, ...], requirement: str
    ) -> LogWatch:
        """The watch on lines that hold one of `phrases`."""
        quoted = [f'"{phrase}"' for phrase in phrases]
        return LogWatch(
            name=name,
            summary=summary,
            log_group_name=self._arguments.database.log_group_name,
            pattern=" ".join(f"?{one}" for one in quoted) if len(quoted) > 1 else quoted[0],
            limit=Limit(Comparison.ABOVE, 0, requirement),
            runbook="data-corrupt" if requirement == "COMP-08" else "security",
        )

    def _watch_reads(self) -> None:
        """Ask for a replica when the readers answer more queries than the standard's figure.

        Aurora scales by metrics that CloudWatch holds itself, and queries per second stand in
        Database Insights, which only an alarm can read. What a reader answers are reads.
        """
        limit = figure("SCALE-02", "read_queries_above_per_second").per_second
        names, topics = self._names, self._arguments.topics
        queries = {
            f"reads_{index}": _insights(reader.dbi_resource_id)
            for index, reader in enumerate(self._arguments.database.readers, start=1)
        }
        cloudwatch.MetricAlarm(
            "database-reads",
            name=names.of("database-reads", limit=255),
            alarm_description=described(
                f"The database answers more than {limit:g} reads a second: it needs a replica",
                limit.figure.requirement,
                "database",
            ),
            comparison_operator=Limit.of(limit).comparison.value,
            threshold=limit,
            evaluation_periods=1,
            datapoints_to_alarm=1,
            treat_missing_data="notBreaching",
            metric_queries=[
                cloudwatch.MetricAlarmMetricQueryArgs(
                    id="result",
                    expression=f"SUM([{', '.join(queries)}])",
                    label="database-reads",
                    return_data=True,
                ),
                *(
                    cloudwatch.MetricAlarmMetricQueryArgs(
                        id=key, expression=expression, period=MINUTE, return_data=False
                    )
                    for key, expression in queries.items()
                ),
            ],
            alarm_actions=[topics.warning_arn],
            ok_actions=[topics.warning_arn],
            opts=ResourceOptions(parent=self),
        )

    def _tell_of_failures(self) -> None:
        """Tell of each backup, copy and restore that failed: copies have no metric of their vault.

        AWS says `state` of backups and copies, and `status` of restores.
        """
        names = self._names
        rule = cloudwatch.EventRule(
            "backup-failures",
            name=names.of("backup-failures"),
            description="A backup, the copy of one or a restore failed (BAK-05)",
            event_pattern=json.dumps(
                {
                    "source": ["aws.backup"],
                    "detail-type": [
                        "Backup Job State Change",
                        "Copy Job State Change",
                        "Restore Job State Change",
                    ],
                    "$or": [{"detail": {key: _FAILED}} for key in ("state", "status")],
                }
            ),
            opts=ResourceOptions(parent=self),
        )
        cloudwatch.EventTarget(
            "backup-failures",
            rule=rule.name,
            arn=self._arguments.topics.critical_arn,
            opts=ResourceOptions(parent=self),
        )


def _insights(resource_id: Input[str]) -> Output[str]:
    """Queries per second of an instance, as metric math reads them from Database Insights."""
    return Output.concat("DB_PERF_INSIGHTS('RDS', '", resource_id, f"', '{_READS}')")
