"""Rules for data: who signs in to a database, who learns where it is, who hears of damage."""

import re
from collections import defaultdict
from typing import Annotated, Final

from pydantic import Field

from plan.graph import Graph
from plan.model import Resource
from policies.databases import CLUSTER, DATABASES, INSTANCE, engine_of, is_replica
from policies.log_alerts import FILTER, METRIC_ALARM, filters_on, tells
from policies.nodes import Node, Subject
from policies.outcomes import (
    PASS,
    NotApplicable,
    NotEvaluated,
    Outcome,
    all_of,
    every,
    fail,
    require,
    some,
)
from policies.registry import Given, Ref, rule
from policies.rules.backup import VAULT
from policies.rules.ecs import SERVICE, TASK
from policies.settings import Settings, Severity
from policies.variables import variables

PARAMETER: Final = "aws:ssm/parameter:Parameter"

_USER: Final = re.compile(r"(^|_)(DATABASE|DB|PG|POSTGRES|POSTGRESQL)_?USER(NAME)?$")
"""Names of variables that hold the user of a database, in upper case."""


_OWNER_KEYS: Final = {CLUSTER: "masterUsername", INSTANCE: "username"}


class Administrators(Settings):
    """Users that own a database or administer it, beside the administrators of the plan."""

    users: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "admin", "administrator", "master", "migrator", "owner", "postgres", "rdsadmin", "root",
        "sa", "superuser",
    )  # fmt: skip


def _signs_in(user: str, name: str = "api", variable: str = "DATABASE_USER") -> tuple[Given, ...]:
    """A service whose program signs in as `user`, for the examples."""
    told = f'[{{"name": "{name}", "environment": [{{"name": "{variable}", "value": "{user}"}}]}}]'
    return (
        Given(TASK, name, {"family": name, "containerDefinitions": told}),
        Given(SERVICE, name, {"taskDefinition": Ref(name)}),
    )


@rule(
    types=[TASK],
    severity=Severity.MEDIUM,
    requirements=["DB-07"],
    settings=Administrators,
    remediation="""
        Give each service a user of its own, that a migration makes and that owns nothing:

            {"name": "DATABASE_USER", "value": "api"}

            CREATE ROLE api LOGIN;
            GRANT rds_iam TO api;
            GRANT SELECT, INSERT, UPDATE ON jobs TO api;
        """,
    passing=[
        _signs_in("api"),
        _signs_in("api", variable="PGUSER"),
        (*_signs_in("api"), *_signs_in("prover", "prover")),
        (Given(CLUSTER, "database", {"masterUsername": "keeper"}), *_signs_in("api")),
    ],
    failing=[
        _signs_in("postgres"),
        _signs_in("Migrator", variable="DB_USERNAME"),
        (Given(CLUSTER, "database", {"masterUsername": "keeper"}), *_signs_in("keeper")),
        (Given(INSTANCE, "database", {"username": "keeper"}), *_signs_in("keeper")),
        (*_signs_in("app"), *_signs_in("app", "prover")),
    ],
    absence_is_safe=True,
)
def database_own_user(task: Subject, settings: Administrators, graph: Graph) -> Outcome:
    """A service signs in to the database as its own user, who administers nothing.

    A hole in one service then opens what that service may do, not the schema and not what others
    keep. Judged are the tasks that services run: those that set a database up sign in otherwise.
    """
    if not graph.referrers(task.resource, SERVICE, key="taskDefinition"):
        if unresolved := graph.unresolved("taskDefinition", SERVICE):
            return NotEvaluated(f"what service {unresolved.name} runs is known after apply")
        return NotApplicable("no service runs it")
    users = [one for one in variables(task) if _USER.search((one.text("name") or "").upper())]
    if not users:
        return NotApplicable("signs in to no database")
    others, undecided = graph.once(_tasks_by_user)
    databases = [Subject(one) for one in graph.of_type(*DATABASES)]

    def is_own(variable: Node) -> Outcome:
        user = (variable.text("value") or "").lower()

        def is_plain(database: Subject) -> Outcome:
            owner = database.text(_OWNER_KEYS[database.type])
            return require(
                user != (owner or "").lower(),
                f"signs in as {user}, who administers {database.name}",
                variable.here,
            )

        shared = sorted(others[user] - {task.name})
        return all_of(
            require(
                user not in settings.users,
                f"signs in as {user}, who administers or owns what is there",
                variable.here,
            ),
            every(databases, is_plain),
            require(not shared, f"signs in as {user}, as {', '.join(shared)} does", variable.here),
            undecided,
        )

    return every(users, is_own)


def _tasks_by_user(graph: Graph) -> tuple[defaultdict[str, set[str]], Outcome]:
    """The tasks by the user that each signs in as, and whether that is all of them."""
    found: defaultdict[str, set[str]] = defaultdict(set)

    def note(resource: Resource) -> Outcome:
        for one in variables(Subject(resource)):
            if _USER.search((one.text("name") or "").upper()):
                found[(one.text("value") or "").lower()].add(resource.name)
        return PASS

    noted = every(graph.of_type(TASK), note)
    return found, noted if isinstance(noted, NotEvaluated) else PASS


def _published(of: str) -> Given:
    return Given(PARAMETER, "where", {"name": "/production/where", "value": Ref(of)})


@rule(
    types=[*DATABASES, VAULT],
    severity=Severity.LOW,
    requirements=["CFG-06"],
    remediation="""
        Publish it, so that a deployment can look whether it is there before it starts:

            aws.ssm.Parameter("endpoint", type="String", value=cluster.endpoint,
                              name="/slipway/production/database/endpoint")
        """,
    passing=[
        (Given(CLUSTER, "database"), _published("database")),
        (Given(VAULT, "backups"), _published("backups")),
        (Given(VAULT, "backups", {"name": "safe"}), Given(PARAMETER, "where", {"value": "safe"})),
    ],
    failing=[
        (Given(CLUSTER, "database"),),
        (
            Given(VAULT, "backups"),
            Given(VAULT, "copies"),
            Given(PARAMETER, "where", {"value": Ref("copies")}),
        ),
    ],
)
def data_location_published(subject: Subject, _: Settings, graph: Graph) -> Outcome:
    """The configuration names where the database is, and where its backups go.

    A deployment that finds neither must stop before it changes anything, and can look only where
    it is told. A parameter does that; the value of one refers to the database or the vault.
    """
    if subject.type in DATABASES and is_replica(subject):
        return NotApplicable("what it copies is published")
    if graph.referrers(subject.resource, PARAMETER, key="value"):
        return PASS
    if unresolved := graph.unresolved("value", PARAMETER):
        return NotEvaluated(f"what parameter {unresolved.name} holds is known after apply")
    return fail("no parameter says where it is")


class Corruption(Settings):
    """What PostgreSQL writes to its log when data is not what was written."""

    phrases: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "invalid page in block",
        "could not read block",
    )


_ENGINE: Final = {"engine": "aurora-postgresql", "clusterIdentifier": "production"}
_DAMAGED: Final = '?"invalid page in block" ?"could not read block"'


def _watched(pattern: str, group: str = "/aws/rds/cluster/production/postgresql") -> Given:
    made = {"namespace": "Data", "name": "corrupt", "value": "1"}
    inputs = {"logGroupName": group, "pattern": pattern, "metricTransformation": made}
    return Given(FILTER, "corrupt", inputs)


_TOLD: Final = Given(
    METRIC_ALARM,
    "corrupt",
    {"namespace": "Data", "metricName": "corrupt", "alarmActions": ["arn:aws:sns:::critical"]},
)


@rule(
    types=[*DATABASES],
    severity=Severity.MEDIUM,
    requirements=["COMP-08"],
    settings=Corruption,
    remediation="""
        Count what PostgreSQL writes of damaged pages, and page for the first:

            aws.cloudwatch.LogMetricFilter("corrupt", pattern='?"invalid page in block" '
                '?"could not read block"', log_group_name="/aws/rds/cluster/production/postgresql",
                metric_transformation={"namespace": "Data", "name": "corrupt", "value": "1"})
            aws.cloudwatch.MetricAlarm("corrupt", namespace="Data", metric_name="corrupt",
                statistic="Sum", comparison_operator="GreaterThanThreshold", threshold=0,
                period=60, evaluation_periods=1, alarm_actions=[topics.critical.arn])
        """,
    passing=[
        (Given(CLUSTER, "database", _ENGINE), _watched(_DAMAGED), _TOLD),
        (
            Given(INSTANCE, "database", {"engine": "postgres", "identifier": "db"}),
            _watched(_DAMAGED, "/aws/rds/instance/db/postgresql"),
            _TOLD,
        ),
    ],
    failing=[
        (Given(CLUSTER, "database", _ENGINE),),
        (Given(CLUSTER, "database", _ENGINE), _watched(_DAMAGED)),
        (Given(CLUSTER, "database", _ENGINE), _watched("FATAL"), _TOLD),
        (Given(CLUSTER, "database", _ENGINE), _watched(_DAMAGED, "/other"), _TOLD),
        (
            Given(CLUSTER, "database", _ENGINE),
            _watched(_DAMAGED),
            Given(METRIC_ALARM, "mute", {"namespace": "Data", "metricName": "corrupt"}),
        ),
    ],
)
def database_corruption_alarm(database: Subject, settings: Corruption, graph: Graph) -> Outcome:
    """Somebody is told when PostgreSQL meets data that is not what was written.

    Each write after that spreads the damage, and each backup pushes a good one out. The database
    says it once, in its log, and goes on.
    """
    if is_replica(database):
        return NotApplicable("what it copies is watched")
    if "postgres" not in engine_of(database):
        return NotApplicable("other engines say it in other words")
    kind, key = (
        ("cluster", "clusterIdentifier") if database.type == CLUSTER else ("instance", "identifier")
    )
    identifier = database.text(key)
    if not identifier:
        return fail("has a name that AWS makes up, and no filter can follow it", key)

    def covers(pattern: str) -> bool:
        return all(phrase in pattern for phrase in settings.phrases)

    return some(
        filters_on(f"/aws/rds/{kind}/{identifier}/postgresql", graph),
        lambda one: tells(one, graph, covers),
        "no alarm tells of damaged data in its log",
    )
