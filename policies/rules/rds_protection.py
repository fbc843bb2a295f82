"""Rules for what keeps a database's data: its key, its snapshots and its copies elsewhere."""

from typing import Final

from plan.graph import Graph
from policies.backups import PLAN, SELECTION, goes_abroad, selections
from policies.databases import CLUSTER, DATABASES, INSTANCE, arn_of, is_replica
from policies.nodes import Node, Subject
from policies.outcomes import (
    PASS,
    NotApplicable,
    NotEvaluated,
    Outcome,
    attempt,
    met,
    require,
    some,
)
from policies.regions import region_of
from policies.registry import Controls, Given, Ref, rule
from policies.relations import targets
from policies.settings import Settings, Severity

REPLICATION: Final = (
    "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"
)
GLOBAL_CLUSTER: Final = "aws:rds/globalCluster:GlobalCluster"
_GLOBAL_SOURCE: Final = "sourceDbClusterIdentifier"

_KEY: Final = Given("aws:kms/key:Key", "key")


@rule(
    types=DATABASES,
    severity=Severity.LOW,
    controls=Controls(checkov=("CKV_AWS_327",)),
    remediation="""
        Encrypt it with a key of your own; that can only be chosen when it is created:

            aws.rds.Cluster("database", storage_encrypted=True, kms_key_id=key.arn, ...)
        """,
    passing=[
        (_KEY, Given(CLUSTER, "database", {"kmsKeyId": Ref("key")})),
        (Given(INSTANCE, "database", {"kmsKeyId": "arn:aws:kms:eu-central-1:1:key/1"}),),
    ],
    failing=[
        (Given(CLUSTER, "database", {"storageEncrypted": True}),),
        (Given(INSTANCE, "database", {"storageEncrypted": True}),),
    ],
)
def rds_cmk(database: Subject) -> Outcome:
    """A database is encrypted with a key of one's own.

    AWS's shared key has no policy to guard it, and a snapshot made with it cannot be given to
    another account, where a backup is safe from whoever took over this one.
    """
    if not database.has("kmsKeyId") and is_replica(database):
        return NotApplicable("a replica is encrypted as its source is")
    return require(
        database.has_text("kmsKeyId"), "is not encrypted with a key of its own", "kmsKeyId"
    )


@rule(
    types=DATABASES,
    severity=Severity.LOW,
    controls=Controls(fsbp=("RDS.7", "RDS.8"), checkov=("CKV_AWS_293", "CKV_AWS_139")),
    remediation="""
        Have AWS refuse to delete it:

            aws.rds.Cluster("database", deletion_protection=True, ...)
        """,
    passing=[
        (Given(CLUSTER, "database", {"deletionProtection": True}),),
        (Given(INSTANCE, "database", {"deletionProtection": "true"}),),
    ],
    failing=[
        (Given(CLUSTER, "database", {"deletionProtection": False}),),
        (Given(INSTANCE, "database", {"engine": "postgres"}),),
    ],
)
def rds_deletion_protection(database: Subject, settings: Settings) -> Outcome:
    """A production database cannot be deleted in one step.

    Pulumi's own `protect` holds for Pulumi alone; this holds for the console and every script.
    """
    if not settings.is_production:
        return NotApplicable("databases outside production come and go")
    return require(
        database.flag("deletionProtection"), "can be deleted in one step", "deletionProtection"
    )


@rule(
    types=DATABASES,
    severity=Severity.MEDIUM,
    remediation="""
        Keep a last snapshot:

            aws.rds.Cluster("database", skip_final_snapshot=False,
                            final_snapshot_identifier="database-final", ...)
        """,
    passing=[
        (
            Given(
                CLUSTER,
                "database",
                {"skipFinalSnapshot": False, "finalSnapshotIdentifier": "database-final"},
            ),
        ),
        (Given(INSTANCE, "database", {"finalSnapshotIdentifier": "database-final"}),),
    ],
    failing=[
        (Given(CLUSTER, "database", {"skipFinalSnapshot": True}),),
        (Given(INSTANCE, "database", {"skipFinalSnapshot": "true"}),),
    ],
    absence_is_safe=True,
)
def rds_final_snapshot(database: Subject, settings: Settings) -> Outcome:
    """A production database leaves a snapshot when it is deleted.

    Its automated backups go with it, and a replacement is a deletion, too. A database that should
    leave one and names none is not deleted at all.
    """
    if not settings.is_production:
        return NotApplicable("databases outside production can be made again")
    if is_replica(database):
        return NotApplicable("a replica holds what its source holds")
    return require(
        not database.flag("skipFinalSnapshot"),
        "leaves no snapshot when it is deleted",
        "skipFinalSnapshot",
    )


@rule(
    types=DATABASES,
    severity=Severity.LOW,
    controls=Controls(fsbp=("RDS.16", "RDS.17"), checkov=("CKV2_AWS_60", "CKV_AWS_313")),
    remediation="""
        Hand its tags on:

            aws.rds.Cluster("database", copy_tags_to_snapshot=True, ...)
        """,
    passing=[
        (Given(CLUSTER, "database", {"copyTagsToSnapshot": True}),),
        (Given(INSTANCE, "database", {"copyTagsToSnapshot": "true"}),),
    ],
    failing=[
        (Given(CLUSTER, "database", {"copyTagsToSnapshot": False}),),
        (Given(INSTANCE, "database", {"engine": "postgres"}),),
    ],
)
def rds_copy_tags(database: Subject) -> Outcome:
    """The snapshots of a database have its tags.

    They hold the same data: who owns it, how secret it is and who may restore it is in the tags.
    """
    return require(
        database.flag("copyTagsToSnapshot"),
        "its snapshots do not get its tags",
        "copyTagsToSnapshot",
    )


_PROVIDER: Final = "pulumi:providers:aws"
_HERE: Final = Given(_PROVIDER, "here", {"region": "eu-central-1"})
_THERE: Final = Given(_PROVIDER, "there", {"region": "eu-west-1"})
_DATABASE: Final = Given(INSTANCE, "database", provider="here")
_SELECTED: Final = Given(SELECTION, "all", {"planId": Ref("plan"), "resources": [Ref("database")]})


def _plan_to(vault: str) -> Given:
    """A plan that copies its backups to `vault`, for the examples."""
    arn = f"arn:aws:backup:{vault}:123456789012:backup-vault:copies"
    entry = {"ruleName": "often", "copyActions": [{"destinationVaultArn": arn}]}
    return Given(PLAN, "plan", {"rules": [entry]}, provider="here")


@rule(
    types=[*DATABASES, REPLICATION],
    severity=Severity.MEDIUM,
    controls=Controls(checkov=("CKV_AWS_245",)),
    remediation="""
        Copy its backups, encrypted, to a second region: for a single instance

            aws.rds.InstanceAutomatedBackupsReplication("database",
                source_db_instance_arn=instance.arn, kms_key_id=key_in_second_region.arn,
                retention_period=35, opts=pulumi.ResourceOptions(provider=second_region))

        and for a cluster by a copy action of the backup plan that selects it:

            aws.backup.Plan("database", rules=[{"copy_actions": [
                {"destination_vault_arn": vault_in_second_region.arn}], ...}])
        """,
    passing=[
        (
            Given("aws:kms/key:Key", "key", provider="there"),
            _HERE,
            _THERE,
            _DATABASE,
            Given(
                REPLICATION,
                "copies",
                {"sourceDbInstanceArn": Ref("database"), "kmsKeyId": Ref("key")},
                provider="there",
            ),
        ),
        (
            _HERE,
            _THERE,
            _DATABASE,
            Given(INSTANCE, "replica", {"replicateSourceDb": Ref("database")}, provider="there"),
        ),
        (
            Given(GLOBAL_CLUSTER, "world"),
            Given(CLUSTER, "database", {"globalClusterIdentifier": Ref("world")}),
        ),
        (
            Given(CLUSTER, "database"),
            Given(GLOBAL_CLUSTER, "world", {"sourceDbClusterIdentifier": Ref("database")}),
        ),
        (_HERE, _DATABASE, _plan_to("eu-west-1"), _SELECTED),
    ],
    failing=[
        (Given(INSTANCE, "database", {"backupRetentionPeriod": 35}),),
        (_HERE, _DATABASE, _plan_to("eu-central-1"), _SELECTED),
        (
            _HERE,
            _DATABASE,
            Given(INSTANCE, "replica", {"replicateSourceDb": Ref("database")}, provider="here"),
        ),
        (
            _DATABASE,
            _HERE,
            Given(REPLICATION, "copies", {"sourceDbInstanceArn": Ref("database")}),
        ),
    ],
)
def rds_cross_region_backup(database: Subject, settings: Settings, graph: Graph) -> Outcome:
    """The data of a production database is kept in a second region, too.

    Its automated backups are in its own region and are lost with it. Replicated backups, a replica,
    a global cluster and the copies of a backup plan count; replicated backups are encrypted with a
    key of that region.
    """
    if database.type == REPLICATION:
        message = "the backups are not encrypted with a key of their own"
        return require(database.has_text("kmsKeyId"), message, "kmsKeyId")
    if not settings.is_production:
        return NotApplicable("databases outside production can be made again")
    if is_replica(database):
        return NotApplicable("a replica is a copy itself")
    resource = database.resource
    elsewhere = ((REPLICATION, "sourceDbInstanceArn"), (GLOBAL_CLUSTER, _GLOBAL_SOURCE))
    if database.has_text("globalClusterIdentifier") or any(
        graph.referrers(resource, type_, key=key) for type_, key in elsewhere
    ):
        return PASS
    keys = ("replicateSourceDb", "replicationSourceIdentifier")
    replicas = [each for key in keys for each in graph.referrers(resource, *DATABASES, key=key)]
    found = [
        attempt(lambda each=each: _is_abroad(Subject(each), database, graph)) for each in replicas
    ]
    found += [
        _copied(selection, covers, graph)
        for selection, covers in selections(database, graph, arn_of(database))
    ]
    for type_, key in elsewhere:
        if unresolved := graph.unresolved(key, type_):
            found.append(NotEvaluated(f"the source of {unresolved.name} is known after apply"))
    return some(found, lambda outcome: outcome, "no other region holds a copy of its data")


def _is_abroad(replica: Subject, database: Subject, graph: Graph) -> Outcome:
    """Whether a replica is in another region than its source."""
    regions = {region_of(replica, graph), region_of(database, graph)}
    if None in regions:
        return NotEvaluated(f"the region of {replica.name} is not known")
    return met(len(regions) > 1)


def _copied(selection: Subject, covers: Outcome, graph: Graph) -> Outcome:
    """Whether what `selection` covers is copied to another region by its plan."""
    if covers != PASS:
        return covers
    plans = targets(selection.resource, graph, "planId", [PLAN])
    if not plans:
        return NotEvaluated(f"the plan of selection {selection.name} is not in this stack")

    def copied_by(plan: Subject) -> Outcome:
        return some(plan.each("rules"), lambda entry: copied_as(entry, plan))

    def copied_as(entry: Node, plan: Subject) -> Outcome:
        actions = entry.each("copyActions")
        return some(actions, lambda action: goes_abroad(action, plan, graph))

    return some(plans, copied_by)
