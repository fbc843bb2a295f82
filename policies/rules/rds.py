"""Rules for databases: RDS instances, Aurora clusters and their instances."""

from typing import Final

from pydantic import Field

from plan.graph import Graph
from plan.values import SECRET
from policies.backups import PLAN, SELECTION, selections
from policies.databases import (
    CLUSTER,
    CLUSTER_INSTANCE,
    CLUSTER_PARAMETERS,
    DATABASES,
    INSTANCE,
    PARAMETERS,
    arn_of,
    is_replica,
    of_parameters,
)
from policies.nodes import Node, Subject
from policies.outcomes import (
    PASS,
    NotApplicable,
    NotEvaluated,
    Outcome,
    fail,
    met,
    require,
    some,
)
from policies.registry import Controls, Given, Ref, rule
from policies.relations import companions, targets
from policies.schedules import longest_gap_hours
from policies.settings import Settings, Severity
from standards import figure

_TLS_PARAMETERS: Final = {
    ("rds.force_ssl", "1"),
    ("require_secure_transport", "1"),
    ("require_secure_transport", "ON"),
}
"""Name and value of the parameters of PostgreSQL, and of MySQL and MariaDB."""


@rule(
    types=DATABASES,
    severity=Severity.MEDIUM,
    requirements=["DB-05", "SEC-11"],
    controls=Controls(
        fsbp=("RDS.3", "RDS.27"), cis=("2.2.1",), checkov=("CKV_AWS_16", "CKV_AWS_96")
    ),
    remediation="""
        Encrypt it with a key of your own; an existing database has to be restored from an encrypted
        copy of its snapshot:

            aws.rds.Cluster("database", storage_encrypted=True, kms_key_id=key.arn, ...)
        """,
    passing=[
        (Given(CLUSTER, "database", {"storageEncrypted": True}),),
        (Given(INSTANCE, "database", {"storageEncrypted": True}),),
        (Given(INSTANCE, "replica", {"replicateSourceDb": "database", "storageEncrypted": True}),),
    ],
    failing=[
        (Given(CLUSTER, "database", {"storageEncrypted": False}),),
        (Given(INSTANCE, "database", {"engine": "postgres"}),),
    ],
)
def rds_encrypted(database: Subject) -> Outcome:
    """Database storage is encrypted.

    Its snapshots, replicas and automated backups are encrypted with it, and only with it.
    """
    if not database.has("storageEncrypted") and is_replica(database):
        return NotApplicable("a replica is encrypted as its source is")
    return require(
        database.flag("storageEncrypted"), "storage is not encrypted", "storageEncrypted"
    )


@rule(
    types=[INSTANCE, CLUSTER_INSTANCE, CLUSTER],
    severity=Severity.CRITICAL,
    requirements=["NET-11"],
    controls=Controls(fsbp=("RDS.2",), cis=("2.2.3",), checkov=("CKV_AWS_17",)),
    remediation="""
        Take the public address away; reach the database from inside the network:

            aws.rds.ClusterInstance("writer", publicly_accessible=False, ...)
        """,
    passing=[(Given(CLUSTER_INSTANCE, "writer", {"publiclyAccessible": False}),)],
    failing=[
        (Given(CLUSTER_INSTANCE, "writer", {"publiclyAccessible": True}),),
        (Given(INSTANCE, "database", {"publiclyAccessible": "true"}),),
    ],
    absence_is_safe=True,
)
def rds_not_public(database: Subject) -> Outcome:
    """A database has no public address.

    A password is then all that stands between the internet and every row.
    """
    return require(
        not database.flag("publiclyAccessible"),
        "has an address on the internet",
        "publiclyAccessible",
    )


@rule(
    types=DATABASES,
    severity=Severity.MEDIUM,
    requirements=["DB-02"],
    controls=Controls(fsbp=("RDS.5", "RDS.15"), cis=("2.2.4",), checkov=("CKV_AWS_157",)),
    remediation="""
        Give an Aurora cluster a second instance, which RDS places in another zone; give a single
        instance a standby:

            aws.rds.ClusterInstance("reader", cluster_identifier=cluster.id, ...)
            aws.rds.Instance("database", multi_az=True, ...)
        """,
    passing=[
        (
            Given(CLUSTER, "database"),
            Given(CLUSTER_INSTANCE, "writer", {"clusterIdentifier": Ref("database")}),
            Given(CLUSTER_INSTANCE, "reader", {"clusterIdentifier": Ref("database")}),
        ),
        (Given(INSTANCE, "database", {"multiAz": True}),),
        (Given(CLUSTER, "database", {"dbClusterInstanceClass": "db.r6gd.large"}),),
    ],
    failing=[
        (Given(INSTANCE, "database", {"multiAz": False}),),
        (
            Given(CLUSTER, "database"),
            Given(CLUSTER_INSTANCE, "writer", {"clusterIdentifier": Ref("database")}),
        ),
        (
            Given(CLUSTER, "database"),
            *(
                Given(
                    CLUSTER_INSTANCE,
                    name,
                    {"clusterIdentifier": Ref("database"), "availabilityZone": "eu-central-1a"},
                )
                for name in ("writer", "reader")
            ),
        ),
    ],
)
def rds_multi_az(database: Subject, _: Settings, graph: Graph) -> Outcome:
    """A database spans zones.

    A standby in another zone takes over within a minute or two; a restore takes hours.
    """
    if database.type == INSTANCE:
        if is_replica(database):
            return NotApplicable("a replica stands by for its source")
        return require(database.flag("multiAz"), "has no standby in another zone", "multiAz")
    if database.has_text("dbClusterInstanceClass"):
        return PASS  # RDS spreads the instances of such a cluster over three zones by itself.
    instances = companions(database.resource, graph, [CLUSTER_INSTANCE], "clusterIdentifier")
    if len(instances) <= 1:
        return fail(f"has {len(instances) or 'no'} instance, so none to fail over to")
    # RDS places an instance in another zone than the rest where the program does not say.
    zones = [
        instance.text("availabilityZone") if instance.has("availabilityZone") else instance.name
        for instance in instances
    ]
    return require(len(set(zones)) > 1, f"all {len(zones)} instances are in {zones[0]}")


class BackupRetention(Settings):
    """How long automated backups are kept."""

    min_days: int = Field(default=7, ge=1, le=35)
    """A week by default, as FSBP RDS.11 asks; the standards leave it to each environment."""


@rule(
    types=DATABASES,
    severity=Severity.MEDIUM,
    requirements=["DB-04"],
    controls=Controls(fsbp=("RDS.11",), checkov=("CKV_AWS_133",)),
    settings=BackupRetention,
    remediation="""
        Keep them a week at least; 0 turns point-in-time recovery off:

            aws.rds.Cluster("database", backup_retention_period=14, ...)
        """,
    passing=[
        (Given(CLUSTER, "database", {"backupRetentionPeriod": 7}),),
        (Given(INSTANCE, "database", {"backupRetentionPeriod": "35"}),),
    ],
    failing=[
        (Given(CLUSTER, "database", {"backupRetentionPeriod": 6}),),
        (Given(INSTANCE, "database", {"backupRetentionPeriod": 0}),),
    ],
)
def rds_backup_retention(database: Subject, settings: BackupRetention) -> Outcome:
    """Automated backups are kept long enough.

    They hold the log that point-in-time recovery replays; damage is often noticed days later.
    """
    if is_replica(database):
        return NotApplicable("the source of the replica is backed up")
    days = database.number("backupRetentionPeriod")
    kept = "AWS's default time" if days is None else f"{days:g} days"
    return require(
        days is not None and days >= settings.min_days,
        f"keeps backups for {kept}, not for {settings.min_days} days at least",
        "backupRetentionPeriod",
    )


class BackupInterval(Settings):
    """How often the production database is backed up."""

    max_hours: int = Field(
        default=figure("BAK-01", "backup_interval_hours").hours,
        ge=1,
        le=figure("BAK-01", "backup_interval_hours").hours,
    )


def _plan(schedule: str) -> Given:
    return Given(PLAN, "plan", {"rules": [{"ruleName": "often", "schedule": schedule}]})


@rule(
    types=DATABASES,
    severity=Severity.MEDIUM,
    requirements=["BAK-01", "ENV-11"],
    controls=Controls(fsbp=("RDS.26",), checkov=("CKV2_AWS_8",)),
    settings=BackupInterval,
    remediation="""
        Select it, by ARN or by a tag, for a plan that runs every 4 hours:

            plan = aws.backup.Plan("database", rules=[{
                "rule_name": "every-4-hours", "target_vault_name": vault.name,
                "schedule": "cron(0 */4 * * ? *)"}])
            aws.backup.Selection("database", plan_id=plan.id, iam_role_arn=role.arn,
                                 resources=[cluster.arn])
        """,
    passing=[
        (
            _plan("cron(0 */4 * * ? *)"),
            Given(CLUSTER, "database"),
            Given(SELECTION, "all", {"planId": Ref("plan"), "resources": [Ref("database")]}),
        ),
        (
            _plan("rate(2 hours)"),
            Given(INSTANCE, "database", {"tags": {"Backup": "yes"}}),
            Given(
                SELECTION,
                "tagged",
                {
                    "planId": Ref("plan"),
                    "selectionTags": [{"type": "STRINGEQUALS", "key": "Backup", "value": "yes"}],
                },
            ),
        ),
        (
            _plan("cron(30 1,5,9,13,17,21 ? * * *)"),
            Given(CLUSTER, "database"),
            Given(SELECTION, "all", {"planId": Ref("plan"), "resources": ["*"]}),
        ),
    ],
    failing=[
        (Given(CLUSTER, "database"),),
        (
            _plan("cron(0 3 * * ? *)"),
            Given(CLUSTER, "database"),
            Given(SELECTION, "all", {"planId": Ref("plan"), "resources": [Ref("database")]}),
        ),
        (
            _plan("cron(0 */4 * * ? *)"),
            Given(CLUSTER, "database"),
            Given(SELECTION, "other", {"planId": Ref("plan"), "resources": ["arn:aws:efs"]}),
        ),
    ],
)
def rds_in_backup_plan(database: Subject, settings: BackupInterval, graph: Graph) -> Outcome:
    """A database is covered by a backup plan that runs every few hours.

    Automated backups go with the database; a plan's copies outlive it, and whoever deleted it.
    """
    if is_replica(database):
        return NotApplicable("the source of the replica is backed up")

    covering = selections(database, graph, arn_of(database))
    chosen = [one for one, outcome in covering if outcome == PASS]
    if not chosen:
        outcomes = [outcome for _, outcome in covering]
        return some(outcomes, lambda outcome: outcome, "no backup plan selects this database")

    def often_enough(selection: Subject) -> Outcome:
        plans = targets(selection.resource, graph, "planId", [PLAN])
        if not plans:
            return NotEvaluated(f"the plan of selection {selection.name} is not in this stack")
        entries = [entry for plan in plans for entry in plan.nodes("rules")]
        return some(entries, lambda entry: _runs_every(entry, settings.max_hours))

    return some(
        chosen,
        often_enough,
        f"its backup plan runs less often than every {settings.max_hours} hours",
    )


def _runs_every(entry: Node, hours: int) -> Outcome:
    """Whether a rule of a backup plan leaves at most `hours` between two backups."""
    gap = longest_gap_hours(entry.text("schedule") or "")
    return met(gap is not None and gap <= hours)


@rule(
    types=DATABASES,
    severity=Severity.MEDIUM,
    requirements=["DB-06"],
    controls=Controls(fsbp=("RDS.38", "RDS.39"), checkov=("CKV2_AWS_69",)),
    remediation="""
        Give it a parameter group that refuses plain connections:

            parameters = aws.rds.ClusterParameterGroup("tls", family="aurora-postgresql16",
                parameters=[{"name": "rds.force_ssl", "value": "1"}])
            aws.rds.Cluster("database",
                            db_cluster_parameter_group_name=parameters.name, ...)
        """,
    passing=[
        (
            Given(
                CLUSTER_PARAMETERS, "tls", {"parameters": [{"name": "rds.force_ssl", "value": "1"}]}
            ),
            Given(CLUSTER, "database", {"dbClusterParameterGroupName": Ref("tls")}),
        ),
        (
            Given(
                PARAMETERS,
                "tls",
                {"parameters": [{"name": "require_secure_transport", "value": "ON"}]},
            ),
            Given(INSTANCE, "database", {"parameterGroupName": Ref("tls")}),
        ),
    ],
    failing=[
        (Given(CLUSTER, "database"),),
        (Given(INSTANCE, "database", {"parameterGroupName": "default.postgres14"}),),
        (
            Given(
                CLUSTER_PARAMETERS, "off", {"parameters": [{"name": "rds.force_ssl", "value": "0"}]}
            ),
            Given(CLUSTER, "database", {"dbClusterParameterGroupName": Ref("off")}),
        ),
    ],
)
def rds_force_tls(database: Subject, _: Settings, graph: Graph) -> Outcome:
    """The engine refuses connections without TLS.

    A client that forgets to ask for TLS otherwise sends its password and its rows in the clear.
    """

    def forces_tls(parameter: Node) -> Outcome:
        name, value = parameter.text("name"), parameter.text("value")
        return met((name, (value or "").upper()) in _TLS_PARAMETERS)

    return of_parameters(
        database,
        graph,
        lambda set_: some(set_, forces_tls, "its parameter group does not force TLS"),
    )


@rule(
    types=DATABASES,
    severity=Severity.HIGH,
    requirements=["DB-08", "CFG-02"],
    remediation="""
        Let RDS make the password and keep it in Secrets Manager, which rotates it:

            aws.rds.Cluster("database", manage_master_user_password=True,
                            master_user_secret_kms_key_id=key.arn, ...)
        """,
    passing=[
        (Given(CLUSTER, "database", {"manageMasterUserPassword": True}),),
        (Given(INSTANCE, "replica", {"replicateSourceDb": "database"}),),
    ],
    failing=[
        (Given(CLUSTER, "database", {"masterPassword": SECRET}),),
        (Given(INSTANCE, "database", {"manageMasterUserPassword": False}),),
    ],
)
def rds_managed_password(database: Subject) -> Outcome:
    """The master password is made, kept and rotated by Secrets Manager.

    A password that a program sets stands in the state, in the plan and in whoever's shell made it.
    """
    if is_replica(database):
        return PASS
    return require(
        database.flag("manageMasterUserPassword"),
        "the program, not Secrets Manager, sets the master password",
        "manageMasterUserPassword",
    )
