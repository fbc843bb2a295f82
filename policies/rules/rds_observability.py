"""Rules for what a database tells of itself: logs, metrics and events."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final

from plan.graph import Graph
from policies.databases import (
    CLUSTER,
    CLUSTER_INSTANCE,
    CLUSTER_PARAMETERS,
    DATABASES,
    INSTANCE,
    PARAMETER_GROUPS,
    PARAMETERS,
    engine_of,
    is_replica,
    of_parameters,
)
from policies.nodes import Node, Subject
from policies.outcomes import (
    PASS,
    NotApplicable,
    NotEvaluated,
    Outcome,
    all_of,
    every,
    fail,
    met,
    require,
    some,
)
from policies.registry import Controls, Given, Ref, rule
from policies.relations import targets
from policies.settings import Settings, Severity
from policies.statements import any_text

OPTIONS: Final = "aws:rds/optionGroup:OptionGroup"
SUBSCRIPTION: Final = "aws:rds/eventSubscription:EventSubscription"

_EXPORTS: Final = "enabledCloudwatchLogsExports"
_MYSQL_LOGS: Final = ("audit", "error", "general", "slowquery")
_LOGS: Final[Mapping[str, tuple[str, ...]]] = {
    "aurora-mysql": ("audit",),
    "aurora-postgresql": ("postgresql",),
    "db2": ("diag.log", "notify.log"),
    "mariadb": _MYSQL_LOGS,
    "mysql": _MYSQL_LOGS,
    "oracle": ("alert", "audit", "listener", "trace"),
    "postgres": ("postgresql", "upgrade"),
    "sqlserver": ("agent", "error"),
}
"""What FSBP asks each engine to export; by its name, or by what stands before the edition."""


def _exports(database: Subject, wanted: str) -> Outcome:
    """Whether the database sends the log `wanted` to CloudWatch."""
    return require(
        any_text(database.each(_EXPORTS), lambda found: found == wanted),
        f"does not export its log {wanted}",
        _EXPORTS,
    )


@rule(
    types=DATABASES,
    severity=Severity.MEDIUM,
    requirements=["LOG-01"],
    controls=Controls(
        fsbp=("RDS.9", "RDS.34", "RDS.36", "RDS.37"),
        checkov=("CKV_AWS_129", "CKV_AWS_324", "CKV_AWS_325"),
    ),
    remediation="""
        Send its logs to CloudWatch:

            aws.rds.Cluster("database", engine="aurora-postgresql",
                            enabled_cloudwatch_logs_exports=["postgresql"], ...)
        """,
    passing=[
        (Given(CLUSTER, "database", {"engine": "aurora-postgresql", _EXPORTS: ["postgresql"]}),),
        (Given(CLUSTER, "database", {"engine": "aurora-mysql", _EXPORTS: ["error", "audit"]}),),
        (Given(INSTANCE, "database", {"engine": "postgres", _EXPORTS: ["postgresql", "upgrade"]}),),
        (Given(INSTANCE, "database", {"engine": "sqlserver-ex", _EXPORTS: ["agent", "error"]}),),
    ],
    failing=[
        (Given(CLUSTER, "database", {"engine": "aurora-postgresql"}),),
        (Given(CLUSTER, "database", {"engine": "aurora-mysql", _EXPORTS: ["error"]}),),
        (Given(INSTANCE, "database", {"engine": "postgres", _EXPORTS: ["upgrade"]}),),
        (Given(INSTANCE, "database", {"engine": "oracle-se2", _EXPORTS: []}),),
    ],
)
def rds_log_exports(database: Subject) -> Outcome:
    """A database sends its logs to CloudWatch.

    On its own disk they are gone after a few days, with the instance, and with whoever deletes it.
    """
    if not database.has_texts(_EXPORTS):
        return fail("exports no log", _EXPORTS)
    engine = engine_of(database)
    wanted = _LOGS.get(engine) or _LOGS.get(engine.partition("-")[0], ())
    return every(wanted, lambda log: _exports(database, log))


def _turns_on(name: str, *off: str) -> Callable[[list[Node]], Outcome]:
    """Whether parameters set the one called `name` to something else than nothing and `off`."""

    def turns_on(parameter: Node) -> Outcome:
        value = (parameter.text("value") or "").strip().lower()
        return met(parameter.text("name") == name and value not in {"", *off})

    return lambda parameters: some(
        parameters, turns_on, f"its parameter group does not turn {name} on"
    )


def _loads_pgaudit(parameters: list[Node]) -> Outcome:
    """Whether parameters load the library that writes the audit log of PostgreSQL."""

    def loads(parameter: Node) -> Outcome:
        is_list = parameter.text("name") == "shared_preload_libraries"
        return met(is_list and "pgaudit" in (parameter.text("value") or ""))

    return some(parameters, loads, "its parameter group does not load pgaudit")


_LOADED: Final = {"name": "shared_preload_libraries", "value": "pg_stat_statements,pgaudit"}
_AUDITED: Final = {"name": "pgaudit.log", "value": "ddl,role,write"}


def _cluster(engine: str, log: str, *parameters: object) -> tuple[Given, ...]:
    """A cluster with a parameter group, for the examples."""
    group = {"dbClusterParameterGroupName": Ref("audit")}
    return (
        Given(CLUSTER_PARAMETERS, "audit", {"parameters": list(parameters)}),
        Given(CLUSTER, "database", {"engine": engine, _EXPORTS: [log], **group}),
    )


def _instance(plugin: str) -> tuple[Given, ...]:
    """An instance with an option group, for the examples."""
    inputs = {"engine": "mariadb", "optionGroupName": Ref("audit"), _EXPORTS: ["audit"]}
    return (
        Given(OPTIONS, "audit", {"options": [{"optionName": plugin}]}),
        Given(INSTANCE, "database", inputs),
    )


@rule(
    types=DATABASES,
    severity=Severity.MEDIUM,
    requirements=["DB-09"],
    remediation="""
        Load pgaudit, say what it records, and export the log that it writes to:

            parameters = aws.rds.ClusterParameterGroup("audit", family="aurora-postgresql16",
                parameters=[
                    {"name": "shared_preload_libraries", "value": "pgaudit",
                     "apply_method": "pending-reboot"},
                    {"name": "pgaudit.log", "value": "ddl,role,write"}])
            aws.rds.Cluster("database", db_cluster_parameter_group_name=parameters.name,
                            enabled_cloudwatch_logs_exports=["postgresql"], ...)
        """,
    passing=[
        _cluster("aurora-postgresql", "postgresql", _LOADED, _AUDITED),
        _cluster("aurora-mysql", "audit", {"name": "server_audit_logging", "value": "1"}),
        _instance("MARIADB_AUDIT_PLUGIN"),
    ],
    failing=[
        _cluster("aurora-postgresql", "postgresql", _LOADED),
        _cluster("aurora-postgresql", "postgresql", _AUDITED),
        _cluster("aurora-postgresql", "postgresql", _LOADED, {**_AUDITED, "value": "none"}),
        _cluster("aurora-postgresql", "instance", _LOADED, _AUDITED),
        _cluster("aurora-mysql", "audit", {"name": "server_audit_logging", "value": "0"}),
        _instance("MEMCACHED"),
        (Given(INSTANCE, "database", {"engine": "mysql", _EXPORTS: ["audit"]}),),
        (Given(INSTANCE, "database", {"engine": "postgres"}),),
    ],
)
def rds_audit_logging(database: Subject, _: Settings, graph: Graph) -> Outcome:
    """A database records who changed what, and exports that record.

    The log of statements says what was run; an audit log says by whom, and is kept where its
    administrator cannot edit it.
    """
    if not database.has("engine") and is_replica(database):
        return NotApplicable("changes are made, and recorded, at the source of the replica")
    engine = engine_of(database)
    if engine in {"aurora-postgresql", "postgres"}:
        return all_of(
            lambda: of_parameters(database, graph, _loads_pgaudit),
            lambda: of_parameters(database, graph, _turns_on("pgaudit.log", "none")),
            lambda: _exports(database, "postgresql"),
        )
    if engine == "aurora-mysql":
        is_on = _turns_on("server_audit_logging", "0", "off")
        return all_of(
            lambda: of_parameters(database, graph, is_on), lambda: _exports(database, "audit")
        )
    if engine in {"mariadb", "mysql"}:
        return all_of(lambda: _has_plugin(database, graph), lambda: _exports(database, "audit"))
    return NotEvaluated(f"how {engine} is audited is not known here")


def _has_plugin(database: Subject, graph: Graph) -> Outcome:
    """Whether the option group of a MySQL or MariaDB instance has the audit plugin."""
    key = "optionGroupName"
    if not database.has_text(key):
        return fail("has no option group, so no audit plugin", key)
    groups = targets(database.resource, graph, key, [OPTIONS])
    if not groups:
        return NotEvaluated("its option group is not in this stack")

    def audits(option: Node) -> Outcome:
        return met(option.text("optionName") == "MARIADB_AUDIT_PLUGIN")

    options = [option for group in groups for option in group.each("options")]
    return some(options, audits, "its option group has no audit plugin")


def _or_its_cluster(instance: Subject, graph: Graph) -> list[Subject]:
    """The instance and the cluster that it is in, which may decide for all of its instances."""
    return [instance, *targets(instance.resource, graph, "clusterIdentifier", [CLUSTER])]


@rule(
    types=[INSTANCE, CLUSTER_INSTANCE],
    severity=Severity.LOW,
    controls=Controls(fsbp=("RDS.6",), checkov=("CKV_AWS_118",)),
    remediation="""
        Have it report every minute, by a role that may write the metrics:

            aws.rds.ClusterInstance("writer", monitoring_interval=60,
                                    monitoring_role_arn=role.arn, ...)
        """,
    passing=[
        (
            Given("aws:iam/role:Role", "monitoring"),
            Given(
                CLUSTER_INSTANCE,
                "writer",
                {"monitoringInterval": 60, "monitoringRoleArn": Ref("monitoring")},
            ),
        ),
        (
            Given(
                CLUSTER,
                "database",
                {"monitoringInterval": "30", "monitoringRoleArn": "arn:aws:iam::1:role/rds"},
            ),
            Given(CLUSTER_INSTANCE, "writer", {"clusterIdentifier": Ref("database")}),
        ),
    ],
    failing=[
        (Given(INSTANCE, "database", {"monitoringInterval": 60}),),
        (
            Given(
                INSTANCE,
                "database",
                {"monitoringInterval": 0, "monitoringRoleArn": "arn:aws:iam::1:role/rds"},
            ),
        ),
        (
            Given(CLUSTER, "database"),
            Given(CLUSTER_INSTANCE, "writer", {"clusterIdentifier": Ref("database")}),
        ),
    ],
)
def rds_enhanced_monitoring(instance: Subject, _: Settings, graph: Graph) -> Outcome:
    """A database reports what its operating system sees.

    Which process takes the CPU, and what waits for the disk, is not in the hypervisor's metrics.
    """

    def reports(one: Subject) -> Outcome:
        seconds = one.number("monitoringInterval") or 0
        return met(seconds > 0 and one.has_text("monitoringRoleArn"))

    return some(
        _or_its_cluster(instance, graph),
        reports,
        "sends no metrics of its operating system: an interval and a role are needed",
    )


@rule(
    types=[INSTANCE, CLUSTER_INSTANCE],
    severity=Severity.LOW,
    controls=Controls(checkov=("CKV_AWS_353", "CKV_AWS_354")),
    remediation="""
        Turn it on, with a key of your own, since it stores parts of statements:

            aws.rds.ClusterInstance("writer", performance_insights_enabled=True,
                                    performance_insights_kms_key_id=key.arn, ...)
        """,
    passing=[
        (
            Given("aws:kms/key:Key", "key"),
            Given(
                CLUSTER_INSTANCE,
                "writer",
                {"performanceInsightsEnabled": True, "performanceInsightsKmsKeyId": Ref("key")},
            ),
        ),
        (
            Given(
                CLUSTER,
                "database",
                {
                    "performanceInsightsEnabled": True,
                    "performanceInsightsKmsKeyId": "arn:aws:kms:eu-central-1:1:key/1",
                },
            ),
            Given(CLUSTER_INSTANCE, "writer", {"clusterIdentifier": Ref("database")}),
        ),
    ],
    failing=[
        (Given(INSTANCE, "database", {"performanceInsightsEnabled": True}),),
        (
            Given(
                CLUSTER_INSTANCE,
                "writer",
                {
                    "performanceInsightsEnabled": False,
                    "performanceInsightsKmsKeyId": "arn:aws:kms:eu-central-1:1:key/1",
                },
            ),
        ),
    ],
)
def rds_performance_insights(instance: Subject, _: Settings, graph: Graph) -> Outcome:
    """A database shows which statements load it, encrypted with a key of one's own.

    In an incident that answers in a minute what guessing answers in hours.
    """

    def shows(one: Subject) -> Outcome:
        is_on = one.flag("performanceInsightsEnabled")
        return met(is_on and one.has_text("performanceInsightsKmsKeyId"))

    return some(
        _or_its_cluster(instance, graph), shows, "has no Performance Insights with a key of its own"
    )


_STATEMENTS: Final = {"name": "log_statement", "value": "ddl"}
_LOGGED_STATEMENTS: Final = {"all", "ddl", "mod"}
_DURATION: Final = {"name": "log_min_duration_statement", "value": "1000"}


def _parameters(type_: str, family: str, *parameters: object) -> tuple[Given]:
    """A parameter group, for the examples."""
    return (Given(type_, "group", {"family": family, "parameters": list(parameters)}),)


@rule(
    types=PARAMETER_GROUPS,
    severity=Severity.LOW,
    controls=Controls(checkov=("CKV2_AWS_27", "CKV2_AWS_30")),
    remediation="""
        Log changes of the schema, and what takes longer than a second:

            aws.rds.ClusterParameterGroup("database", family="aurora-postgresql16", parameters=[
                {"name": "log_statement", "value": "ddl"},
                {"name": "log_min_duration_statement", "value": "1000"}])
        """,
    passing=[
        _parameters(CLUSTER_PARAMETERS, "aurora-postgresql16", _STATEMENTS, _DURATION),
        _parameters(PARAMETERS, "postgres16", _STATEMENTS, {**_DURATION, "value": 0}),
        _parameters(PARAMETERS, "aurora-postgresql16", {"name": "work_mem", "value": "65536"}),
    ],
    failing=[
        _parameters(CLUSTER_PARAMETERS, "aurora-postgresql16", _STATEMENTS),
        _parameters(PARAMETERS, "postgres16", _DURATION, {**_STATEMENTS, "value": "none"}),
        _parameters(PARAMETERS, "postgres16", _STATEMENTS, {**_DURATION, "value": "-1"}),
        _parameters(PARAMETERS, "aurora-postgresql16", {**_STATEMENTS, "value": "none"}),
    ],
)
def rds_query_logging(group: Subject) -> Outcome:
    """A parameter group of PostgreSQL logs changes and slow statements.

    Who dropped the table, and what the database did when it was slow, is otherwise lost. The group
    of an Aurora instance has from its cluster's what it does not set.
    """
    family = group.text("family") or "postgres"
    if not family.startswith(("postgres", "aurora-postgresql")):
        return NotApplicable(f"{family} is not PostgreSQL")
    inherits = group.type == PARAMETERS and family.startswith("aurora-")

    def logs(name: str, is_on: Callable[[Node], bool]) -> Outcome:
        own = [each for each in group.each("parameters") if each.text("name") == name]
        if not own:
            return require(inherits, f"does not set {name}", "parameters")
        return require(is_on(own[-1]), f"turns {name} off", own[-1].here)

    return all_of(
        lambda: logs("log_statement", lambda one: one.text("value") in _LOGGED_STATEMENTS),
        lambda: logs(
            "log_min_duration_statement", lambda one: one.number("value") not in {None, -1}
        ),
    )


_SOURCE_TYPES: Final = {
    CLUSTER: "db-cluster",
    CLUSTER_INSTANCE: "db-instance",
    INSTANCE: "db-instance",
    PARAMETERS: "db-parameter-group",
}
_EVENTS: Final = {
    "db-cluster": ("failure", "maintenance"),
    "db-instance": ("configuration change", "failure", "maintenance"),
    "db-parameter-group": ("configuration change",),
}
"""By the type of source, the categories that FSBP calls critical."""

_TOPIC: Final = Given("aws:sns/topic:Topic", "critical")


def _subscription(**inputs: object) -> Given:
    """A subscription of the topic, for the examples."""
    return Given(SUBSCRIPTION, "failures", {"snsTopic": Ref("critical"), **inputs})


@rule(
    types=list(_SOURCE_TYPES),
    severity=Severity.LOW,
    controls=Controls(fsbp=("RDS.19", "RDS.20", "RDS.21", "RDS.22")),
    remediation="""
        Send the events of each type of source to somebody:

            aws.rds.EventSubscription("instances", sns_topic=topic.arn, source_type="db-instance",
                event_categories=["configuration change", "failure", "maintenance"])
        """,
    passing=[
        (_TOPIC, Given(CLUSTER, "database"), _subscription()),
        (
            _TOPIC,
            Given(CLUSTER, "database"),
            _subscription(
                sourceType="db-cluster",
                sourceIds=[Ref("database")],
                eventCategories=["failure", "failover", "maintenance"],
            ),
        ),
        (_TOPIC, Given(INSTANCE, "database"), _subscription(sourceType="db-instance")),
        (
            _TOPIC,
            Given(PARAMETERS, "tls"),
            _subscription(
                sourceType="db-parameter-group", eventCategories=["configuration change"]
            ),
        ),
    ],
    failing=[
        (Given(CLUSTER_INSTANCE, "writer", {"clusterIdentifier": "database"}),),
        (_TOPIC, Given(CLUSTER, "database"), _subscription(sourceType="db-instance")),
        (_TOPIC, Given(INSTANCE, "database"), _subscription(enabled=False)),
        (
            _TOPIC,
            Given(INSTANCE, "database"),
            _subscription(sourceType="db-instance", eventCategories=["failure"]),
        ),
        (
            _TOPIC,
            Given(INSTANCE, "database"),
            Given(INSTANCE, "other"),
            _subscription(sourceType="db-cluster", sourceIds=[Ref("other")]),
        ),
    ],
)
def rds_event_subscription(source: Subject, _: Settings, graph: Graph) -> Outcome:
    """Somebody is told of the failures of a database, and of changes to it.

    A failover, a full disk and a version that AWS will enforce are events, not metrics: no alarm
    can watch for them.
    """
    kind = _SOURCE_TYPES[source.type]
    naming = graph.referrers(source.resource, SUBSCRIPTION, key="sourceIds")
    general = graph.once(_general_subscriptions)
    return some(
        [Subject(one) for one in naming] + general[kind] + general[""],
        lambda subscription: _tells(subscription, source, kind, graph),
        f"nobody is told of its events: {', '.join(_EVENTS[kind])}",
    )


def _general_subscriptions(graph: Graph) -> defaultdict[str, list[Subject]]:
    """By the type of their source, the subscriptions that may concern what they do not refer to."""
    found: defaultdict[str, list[Subject]] = defaultdict(list)
    for one in graph.of_type(SUBSCRIPTION):
        if not one.inputs.get("sourceIds") or graph.has_unresolved(one, "sourceIds"):
            kind = one.inputs.get("sourceType")
            found[kind if isinstance(kind, str) else ""].append(Subject(one))
    return found


def _tells(subscription: Subject, source: Subject, kind: str, graph: Graph) -> Outcome:
    """Whether the events of `source` that matter reach a topic by `subscription`."""

    def tells_of(category: str) -> Outcome:
        categories = subscription.each("eventCategories")
        found = not categories or any_text(categories, lambda one: one == category)
        return require(found, f"does not tell of {category}")

    def concerns() -> Outcome:
        if subscription.resource in graph.referrers(source.resource, SUBSCRIPTION, key="sourceIds"):
            return PASS
        return every(subscription.each("sourceIds"), lambda one: met(not one.as_text()))

    return all_of(
        lambda: met(subscription.text("sourceType") in {None, "", kind}),
        lambda: met(subscription.has_text("snsTopic")),
        lambda: met(subscription.flag("enabled") is not False),
        lambda: every(_EVENTS[kind], tells_of),
        concerns,
    )
