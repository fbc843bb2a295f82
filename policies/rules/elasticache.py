"""Rules for caches: ElastiCache replication groups, single clusters and serverless caches."""

from typing import Final

from pydantic import Field

from plan.graph import Graph
from policies.nodes import Subject
from policies.outcomes import PASS, NotApplicable, Outcome, all_of, attempt, fail, require
from policies.registry import Controls, Given, Ref, rule
from policies.relations import targets
from policies.settings import Settings, Severity

GROUP: Final = "aws:elasticache/replicationGroup:ReplicationGroup"
CLUSTER: Final = "aws:elasticache/cluster:Cluster"
SERVERLESS: Final = "aws:elasticache/serverlessCache:ServerlessCache"
SUBNET_GROUP: Final = "aws:elasticache/subnetGroup:SubnetGroup"


def _belongs_to_group(cache: Subject) -> bool:
    """Whether the cluster is a member of a replication group, which decides for it."""
    return cache.type == CLUSTER and cache.has_text("replicationGroupId")


class SnapshotRetention(Settings):
    """How long the snapshots of a cache are kept."""

    min_days: int = Field(default=1, ge=1, le=35)
    """One day by default, as FSBP ElastiCache.1 asks; the standards leave it to each service."""


@rule(
    types=[GROUP, CLUSTER, SERVERLESS],
    severity=Severity.HIGH,
    controls=Controls(fsbp=("ElastiCache.1",), checkov=("CKV_AWS_134",)),
    settings=SnapshotRetention,
    remediation="""
        Keep automatic snapshots; 0 turns them off:

            aws.elasticache.ReplicationGroup("sessions", snapshot_retention_limit=7, ...)
        """,
    passing=[
        (Given(GROUP, "sessions", {"snapshotRetentionLimit": 7}),),
        (Given(CLUSTER, "sessions", {"engine": "redis", "snapshotRetentionLimit": "1"}),),
        (Given(SERVERLESS, "sessions", {"engine": "valkey", "snapshotRetentionLimit": 1}),),
    ],
    failing=[
        (Given(GROUP, "sessions", {"snapshotRetentionLimit": 0}),),
        (Given(GROUP, "sessions", {"engine": "valkey"}),),
        (Given(CLUSTER, "sessions", {"engine": "redis"}),),
        (Given(SERVERLESS, "sessions", {"engine": "redis", "snapshotRetentionLimit": 0}),),
    ],
)
def elasticache_backup(cache: Subject, settings: SnapshotRetention) -> Outcome:
    """Snapshots of each cache are kept.

    Queues, sessions and counters that live in a cache alone are gone with its nodes.
    """
    if _belongs_to_group(cache):
        return NotApplicable("its replication group is backed up")
    if cache.text("engine") == "memcached":
        return NotApplicable("memcached has no snapshots")
    days = cache.number("snapshotRetentionLimit") or 0
    return require(
        days >= settings.min_days,
        f"snapshots are kept {days:g} days, fewer than {settings.min_days}",
        "snapshotRetentionLimit",
    )


@rule(
    types=[GROUP],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("ElastiCache.3",), checkov=("CKV2_AWS_50",)),
    remediation="""
        Give it a replica in another zone, and let that one take over:

            aws.elasticache.ReplicationGroup("sessions", num_cache_clusters=2,
                automatic_failover_enabled=True, multi_az_enabled=True, ...)
        """,
    passing=[
        (Given(GROUP, "sessions", {"automaticFailoverEnabled": True, "multiAzEnabled": True}),),
        (Given(GROUP, "sessions", {"automaticFailoverEnabled": "true", "multiAzEnabled": True}),),
    ],
    failing=[
        (Given(GROUP, "sessions", {"automaticFailoverEnabled": True}),),
        (Given(GROUP, "sessions", {"automaticFailoverEnabled": False, "multiAzEnabled": True}),),
        (Given(GROUP, "sessions", {"automaticFailoverEnabled": True, "multiAzEnabled": False}),),
    ],
)
def elasticache_failover(group: Subject) -> Outcome:
    """A cache fails over to a replica in another zone.

    Without one, the loss of a node or of a zone takes down everything that waits for the cache.
    """
    return all_of(
        *(
            attempt(lambda key=key, what=what: require(group.flag(key), what, key))
            for key, what in (
                ("automaticFailoverEnabled", "no replica takes over by itself"),
                ("multiAzEnabled", "its nodes need not be in different zones"),
            )
        )
    )


@rule(
    types=[GROUP],
    severity=Severity.MEDIUM,
    requirements=["SEC-11"],
    controls=Controls(fsbp=("ElastiCache.4",), checkov=("CKV_AWS_29", "CKV_AWS_191")),
    remediation="""
        Encrypt it with a key of your own; that can only be chosen when the group is created:

            aws.elasticache.ReplicationGroup("sessions", at_rest_encryption_enabled=True,
                                             kms_key_id=key.arn, ...)
        """,
    passing=[
        (
            Given(
                GROUP,
                "sessions",
                {"atRestEncryptionEnabled": True, "kmsKeyId": "arn:aws:kms:::key/1"},
            ),
        ),
        (
            Given("aws:kms/key:Key", "key"),
            Given(GROUP, "sessions", {"engine": "valkey", "kmsKeyId": Ref("key")}),
        ),
    ],
    failing=[
        (Given(GROUP, "sessions", {"atRestEncryptionEnabled": True}),),
        (
            Given(
                GROUP,
                "sessions",
                {"atRestEncryptionEnabled": False, "kmsKeyId": "arn:aws:kms:::key/1"},
            ),
        ),
        (Given(GROUP, "sessions", {"engine": "redis", "kmsKeyId": "arn:aws:kms:::key/1"}),),
    ],
)
def elasticache_at_rest(group: Subject) -> Outcome:
    """Each cache is encrypted at rest with a key of one's own.

    Its snapshots and swapped pages hold the same data as the database behind it. A group of the
    engine Valkey is encrypted where the program does not say, one of Redis is not.
    """

    def encrypted() -> Outcome:
        enabled = group.flag("atRestEncryptionEnabled")
        if enabled is None:
            enabled = group.text("engine") == "valkey"
        return require(enabled, "is not encrypted at rest", "atRestEncryptionEnabled")

    return all_of(
        attempt(encrypted),
        require(group.has_text("kmsKeyId"), "is not encrypted with a key of its own", "kmsKeyId"),
    )


@rule(
    types=[GROUP],
    severity=Severity.MEDIUM,
    requirements=["SEC-11"],
    controls=Controls(fsbp=("ElastiCache.5",), checkov=("CKV_AWS_30",)),
    remediation="""
        Let it speak TLS only:

            aws.elasticache.ReplicationGroup("sessions", transit_encryption_enabled=True,
                                             transit_encryption_mode="required", ...)
        """,
    passing=[
        (Given(GROUP, "sessions", {"transitEncryptionEnabled": True}),),
        (
            Given(
                GROUP,
                "sessions",
                {"transitEncryptionEnabled": True, "transitEncryptionMode": "required"},
            ),
        ),
    ],
    failing=[
        (Given(GROUP, "sessions", {"transitEncryptionEnabled": False}),),
        (Given(GROUP, "sessions", {"engine": "redis"}),),
        (
            Given(
                GROUP,
                "sessions",
                {"transitEncryptionEnabled": True, "transitEncryptionMode": "preferred"},
            ),
        ),
    ],
)
def elasticache_in_transit(group: Subject) -> Outcome:
    """A cache refuses connections without TLS.

    Its password and all that it holds otherwise cross the network in the clear. The mode
    `preferred` still answers clients that do not ask for TLS.
    """
    if not group.flag("transitEncryptionEnabled"):
        return fail("does not speak TLS", "transitEncryptionEnabled")
    mode = group.text("transitEncryptionMode") or "required"
    return require(mode == "required", f"TLS is {mode}, not required", "transitEncryptionMode")


@rule(
    types=[GROUP],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("ElastiCache.6",), checkov=("CKV_AWS_31",)),
    remediation="""
        Let each service sign in as a user of its own:

            aws.elasticache.ReplicationGroup("sessions", user_group_ids=[users.id],
                                             transit_encryption_enabled=True, ...)
        """,
    passing=[
        (Given(GROUP, "sessions", {"userGroupIds": ["services"]}),),
        (Given(GROUP, "sessions", {"authToken": "correct-horse-battery", "engine": "redis"}),),
        (Given(GROUP, "sessions", {"authTokenWo": "correct-horse-battery"}),),
    ],
    failing=[
        (Given(GROUP, "sessions", {"engine": "redis"}),),
        (Given(GROUP, "sessions", {"transitEncryptionEnabled": True}),),
    ],
)
def elasticache_auth(group: Subject) -> Outcome:
    """A cache asks for credentials.

    Without them whatever can reach its port reads, changes and empties it.
    """
    return require(
        group.has_text("authToken")
        or group.has_text("authTokenWo")
        or group.has_texts("userGroupIds"),
        "neither a token nor a group of users guards it",
        "userGroupIds",
    )


@rule(
    types=[GROUP, CLUSTER],
    severity=Severity.HIGH,
    requirements=["NET-11"],
    controls=Controls(fsbp=("ElastiCache.7",), checkov=("CKV_AWS_323",)),
    remediation="""
        Place it in private subnets of its own:

            subnets = aws.elasticache.SubnetGroup("sessions",
                subnet_ids=[subnet.id for subnet in data_subnets])
            aws.elasticache.ReplicationGroup("sessions", subnet_group_name=subnets.name, ...)
        """,
    passing=[
        (
            Given(SUBNET_GROUP, "data"),
            Given(GROUP, "sessions", {"subnetGroupName": Ref("data")}),
        ),
        (Given(CLUSTER, "sessions", {"subnetGroupName": "data"}),),
        (
            Given(GROUP, "sessions", {"subnetGroupName": "data"}),
            Given(CLUSTER, "member", {"replicationGroupId": Ref("sessions")}),
        ),
    ],
    failing=[
        (Given(GROUP, "sessions", {"subnetGroupName": "default"}),),
        (Given(CLUSTER, "sessions", {"subnetGroupName": " Default "}),),
        (Given(CLUSTER, "sessions", {"engine": "memcached"}),),
    ],
)
def elasticache_subnet_group(cache: Subject, _: Settings, graph: Graph) -> Outcome:
    """A cache is not in the default subnet group.

    The default group spans the subnets of the default VPC, which are public.
    """
    if _belongs_to_group(cache):
        return NotApplicable("its replication group says where it is")
    if targets(cache.resource, graph, "subnetGroupName", [SUBNET_GROUP]):
        return PASS
    name = (cache.text("subnetGroupName") or "").strip().lower()
    return require(
        name not in {"", "default"},
        "is in the default subnet group" if name else "names no subnet group, so AWS's default",
        "subnetGroupName",
    )
