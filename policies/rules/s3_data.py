"""Rules for what a bucket keeps: versions, copies, and what nobody may take away."""

from typing import Final

from pydantic import Field

from plan.graph import Graph
from policies.grants import is_about
from policies.nodes import Node, Subject
from policies.outcomes import (
    PASS,
    Fail,
    NotApplicable,
    NotEvaluated,
    Outcome,
    all_of,
    attempt,
    every,
    fail,
    met,
    require,
    some,
)
from policies.regions import region_of
from policies.registry import Controls, Given, Ref, rule
from policies.relations import companions, targets
from policies.rules.lb import BALANCER
from policies.rules.s3 import (
    BUCKET,
    BUCKET_POLICY,
    BUCKET_V2,
    BUCKETS,
    OBJECTS,
    receives_access_logs,
)
from policies.settings import Settings, Severity
from policies.statements import any_text, is_anything, principals, statements

VERSIONINGS: Final = (
    "aws:s3/bucketVersioning:BucketVersioning",
    "aws:s3/bucketVersioningV2:BucketVersioningV2",
)
LIFECYCLES: Final = (
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2",
)
LOCKS: Final = (
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    "aws:s3/bucketObjectLockConfigurationV2:BucketObjectLockConfigurationV2",
)
REPLICATION: Final = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
TRAIL: Final = "aws:cloudtrail/trail:Trail"

_ENABLED: Final = "Enabled"
_REPLICATING_KEYS: Final = {
    BUCKET: "replicationConfiguration",
    BUCKET_V2: "replicationConfigurations",
}


def _versioned(**status: object) -> dict[str, object]:
    return {"bucket": Ref("uploads"), "versioningConfiguration": status}


def _keeps_versions(bucket: Subject, graph: Graph) -> Outcome:
    """Whether S3 keeps what is replaced or deleted in `bucket`."""
    inline = [one for key in ("versioning", "versionings") for one in bucket.each(key)]
    if inline:
        return some(inline, lambda one: met(one.flag("enabled")), "keeps no versions")

    def is_enabled(versioning: Subject) -> Outcome:
        return met(versioning.node("versioningConfiguration").text("status") == _ENABLED)

    found = companions(bucket.resource, graph, VERSIONINGS, "bucket")
    return some(found, is_enabled, "keeps no versions")


@rule(
    types=BUCKETS,
    severity=Severity.LOW,
    controls=Controls(fsbp=("S3.14",), checkov=("CKV_AWS_21",)),
    remediation="""
        Keep what is replaced and deleted:

            aws.s3.BucketVersioning("uploads", bucket=bucket.id,
                                    versioning_configuration={"status": "Enabled"})
        """,
    passing=[
        (Given(BUCKET, "uploads"), Given(VERSIONINGS[0], "kept", _versioned(status="Enabled"))),
        (Given(BUCKET_V2, "uploads"), Given(VERSIONINGS[1], "kept", _versioned(status="Enabled"))),
        (Given(BUCKET, "uploads", {"versioning": {"enabled": True}}),),
        (Given(BUCKET_V2, "uploads", {"versionings": [{"enabled": True}]}),),
    ],
    failing=[
        (Given(BUCKET, "uploads"),),
        (Given(BUCKET, "uploads"), Given(VERSIONINGS[0], "lost", _versioned(status="Suspended"))),
        (Given(BUCKET_V2, "uploads", {"versionings": [{"enabled": False}]}),),
    ],
)
def s3_versioning(bucket: Subject, _: Settings, graph: Graph) -> Outcome:
    """Buckets keep the versions of what they hold.

    What a bug or a thief overwrites or deletes can then be brought back.
    """
    return _keeps_versions(bucket, graph)


_ABORTS: Final = {"abortIncompleteMultipartUpload": {"daysAfterInitiation": 7}}


def _cycle(**cycle: object) -> dict[str, object]:
    return {"bucket": Ref("uploads"), "rules": [{"id": "tidy", **cycle}]}


@rule(
    types=BUCKETS,
    severity=Severity.LOW,
    controls=Controls(fsbp=("S3.10", "S3.13"), checkov=("CKV2_AWS_61", "CKV_AWS_300")),
    remediation="""
        Give up what was never finished, and expire old versions:

            aws.s3.BucketLifecycleConfiguration("uploads", bucket=bucket.id, rules=[{
                "id": "tidy", "status": "Enabled", "filter": {"prefix": ""},
                "noncurrent_version_expiration": {"noncurrent_days": 90},
                "abort_incomplete_multipart_upload": {"days_after_initiation": 7}}])
        """,
    passing=[
        (
            Given(BUCKET, "uploads"),
            Given(LIFECYCLES[0], "tidy", _cycle(status="Enabled", **_ABORTS)),
        ),
        (
            Given(BUCKET_V2, "uploads"),
            Given(
                LIFECYCLES[1], "tidy", _cycle(status="Enabled", filter={"prefix": ""}, **_ABORTS)
            ),
        ),
        (
            Given(
                BUCKET,
                "uploads",
                {"lifecycleRules": [{"enabled": True, "abortIncompleteMultipartUploadDays": 7}]},
            ),
        ),
    ],
    failing=[
        (Given(BUCKET, "uploads"),),
        (
            Given(BUCKET, "uploads"),
            Given(LIFECYCLES[0], "off", _cycle(status="Disabled", **_ABORTS)),
        ),
        (
            Given(BUCKET, "uploads"),
            Given(LIFECYCLES[0], "old", _cycle(status="Enabled", expiration={"days": 90})),
        ),
        (
            Given(BUCKET, "uploads"),
            Given(
                LIFECYCLES[0], "some", _cycle(status="Enabled", filter={"prefix": "a/"}, **_ABORTS)
            ),
        ),
        (Given(BUCKET_V2, "uploads", {"lifecycleRules": [{"enabled": True}]}),),
    ],
)
def s3_lifecycle(bucket: Subject, _: Settings, graph: Graph) -> Outcome:
    """Buckets give up uploads that were never finished.

    Their parts are paid for and show in no list. The rule has to hold for the whole bucket.
    """

    def tidies(cycle: Node) -> Outcome:
        aborts = cycle.node("abortIncompleteMultipartUpload").number("daysAfterInitiation")
        days = aborts or cycle.number("abortIncompleteMultipartUploadDays")
        is_on = cycle.flag("enabled") or cycle.text("status") == _ENABLED
        return met(is_on and days and _is_for_all(cycle))

    inline = bucket.each("lifecycleRules")
    cycles = inline or [
        cycle
        for one in companions(bucket.resource, graph, LIFECYCLES, "bucket")
        for cycle in one.each("rules")
    ]
    return some(cycles, tidies, "nothing gives up what was never finished, in all of the bucket")


def _is_for_all(cycle: Node) -> bool:
    """Whether the rule names no part of the bucket."""
    part = cycle.node("filter")
    return (
        not cycle.has("prefix") and not cycle.has("tags") and not any(map(part.has, part.names()))
    )


def _copying(status: str) -> dict[str, object]:
    rules = [{"status": status, "destination": {"bucket": Ref("copy")}}]
    return {"bucket": Ref("uploads"), "rules": rules}


_PAIR: Final = (
    Given(BUCKET, "uploads", {"region": "eu-central-1"}),
    Given(BUCKET, "copy", {"region": "eu-west-1"}),
)


@rule(
    types=BUCKETS,
    severity=Severity.LOW,
    controls=Controls(fsbp=("S3.7",), checkov=("CKV_AWS_144",)),
    remediation="""
        Copy what arrives to a bucket in another region; both need versioning:

            aws.s3.BucketReplicationConfig("uploads", bucket=bucket.id, role=role.arn, rules=[{
                "status": "Enabled", "destination": {"bucket": copy.arn}}])
        """,
    passing=[
        (*_PAIR, Given(REPLICATION, "copies", _copying("Enabled"))),
        (
            Given(BUCKET_V2, "copy", {"region": "eu-west-1"}),
            Given(
                BUCKET_V2,
                "uploads",
                {
                    "region": "eu-central-1",
                    "replicationConfigurations": [
                        {
                            "rules": [
                                {"status": "Enabled", "destinations": [{"bucket": Ref("copy")}]}
                            ]
                        }
                    ],
                },
            ),
        ),
        (
            Given(BUCKET, "logs"),
            Given(BALANCER, "edge", {"accessLogs": {"enabled": True, "bucket": Ref("logs")}}),
            *_PAIR,
            Given(REPLICATION, "copies", _copying("Enabled")),
        ),
    ],
    failing=[
        (Given(BUCKET, "uploads"),),
        (*_PAIR, Given(REPLICATION, "off", _copying("Disabled"))),
        (
            _PAIR[0],
            Given(BUCKET, "copy", {"region": "eu-central-1"}),
            Given(REPLICATION, "near", _copying("Enabled")),
        ),
    ],
)
def s3_replication(bucket: Subject, settings: Settings, graph: Graph) -> Outcome:
    """What a bucket of production holds is copied to another region.

    A region can be lost for a day, and what was in it alone with it. Copies and access logs need
    no copy of their own.
    """
    if not settings.is_production:
        return NotApplicable("only production is copied")
    if receives_access_logs(bucket, graph):
        return NotApplicable("holds access logs")
    if _is_a_copy(bucket, graph):
        return NotApplicable("holds copies itself")

    def copies(one: Subject) -> Outcome:
        own = _REPLICATING_KEYS.get(one.type)
        key = own or "rules"
        rules = one.node(own).each("rules") if own else one.each("rules")
        return all_of(
            lambda: some(
                rules,
                lambda copying: met(copying.text("status") == _ENABLED),
                "no rule that copies it is enabled",
            ),
            lambda: _lies_elsewhere(bucket, one, key, graph),
        )

    if bucket.has(_REPLICATING_KEYS[bucket.type]):
        return copies(bucket)
    found = companions(bucket.resource, graph, [REPLICATION], "bucket")
    return every(found, copies) if found else fail("nothing copies it to another region")


def _is_a_copy(bucket: Subject, graph: Graph) -> bool:
    return bool(graph.referrers(bucket.resource, REPLICATION, key="rules")) or any(
        graph.referrers(bucket.resource, type_, key=key) for type_, key in _REPLICATING_KEYS.items()
    )


def _lies_elsewhere(bucket: Subject, one: Subject, key: str, graph: Graph) -> Outcome:
    """Whether a bucket that `key` names is in another region than `bucket`."""
    others = [
        other
        for other in targets(one.resource, graph, key, BUCKETS)
        if other.resource is not bucket.resource
    ]
    if not others:
        return NotEvaluated(f"{key} names no bucket of this plan, so its region is not known")
    here = region_of(bucket, graph)
    return some(
        others,
        lambda other: met(region_of(other, graph) != here),
        f"is copied within {here or 'its own region'} alone",
    )


class Locked(Settings):
    """Which buckets nobody may take anything out of."""

    purposes: tuple[str, ...] = Field(default=("audit", "backup", "backups"), min_length=1)
    """Values of tags, in any case, that say so."""


@rule(
    types=BUCKETS,
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("S3.15",), checkov=("CKV_AWS_143",)),
    settings=Locked,
    remediation="""
        Lock what is written; a bucket that exists takes a configuration of its own:

            aws.s3.Bucket("trail", object_lock_enabled=True, tags={"LogClass": "audit"})
            aws.s3.BucketObjectLockConfiguration("trail", bucket=bucket.id, rule={
                "default_retention": {"mode": "GOVERNANCE", "days": 365}})
        """,
    passing=[
        (Given(BUCKET, "trail", {"tags": {"LogClass": "audit"}, "objectLockEnabled": True}),),
        (
            Given(BUCKET_V2, "dumps", {"tags": {"Purpose": "Backup"}}),
            Given(LOCKS[0], "lock", {"bucket": Ref("dumps"), "objectLockEnabled": "Enabled"}),
        ),
        (
            Given(
                BUCKET,
                "trail",
                {
                    "tags": {"LogClass": "audit"},
                    "objectLockConfiguration": {"objectLockEnabled": "Enabled"},
                },
            ),
        ),
        (
            Given(BUCKET, "trail", {"objectLockEnabled": True}),
            Given(TRAIL, "all", {"s3BucketName": Ref("trail")}),
        ),
    ],
    failing=[
        (Given(BUCKET, "trail", {"tags": {"LogClass": "audit"}}),),
        (Given(BUCKET_V2, "dumps", {"tags": {"Purpose": "Backup"}, "objectLockEnabled": False}),),
        (Given(BUCKET, "trail"), Given(TRAIL, "all", {"s3BucketName": Ref("trail")})),
    ],
    absence_is_safe=True,
)
def s3_object_lock(bucket: Subject, settings: Locked, graph: Graph) -> Outcome:
    """Audit trails and backups cannot be taken out of their bucket.

    Whoever covers a break-in or asks for a ransom deletes these first. A bucket is one of them by
    a tag that says so, or because a CloudTrail trail is written to it.
    """
    tags = bucket.node("tags")
    values = [one for key in tags.names() for one in tags.each(key)]
    if not graph.referrers(bucket.resource, TRAIL, key="s3BucketName") and not any_text(
        values, lambda one: one.lower() in settings.purposes
    ):
        return NotApplicable("holds neither an audit trail nor backups, by its tags")
    return _is_locked(bucket, graph)


def _is_locked(bucket: Subject, graph: Graph) -> Outcome:
    if bucket.flag("objectLockEnabled"):
        return PASS
    found: list[Node] = list(companions(bucket.resource, graph, LOCKS, "bucket"))
    return some(
        [*bucket.each("objectLockConfiguration"), *found],
        lambda lock: met(lock.text("objectLockEnabled") in {_ENABLED, None}),
        "has no object lock",
    )


@rule(
    types=BUCKETS,
    severity=Severity.MEDIUM,
    remediation="""
        Let AWS refuse to delete it while it holds anything:

            aws.s3.Bucket("uploads", force_destroy=False)
        """,
    passing=[
        (Given(BUCKET, "uploads"),),
        (Given(BUCKET_V2, "uploads", {"forceDestroy": False}),),
    ],
    failing=[
        (Given(BUCKET, "uploads", {"forceDestroy": True}),),
        (Given(BUCKET_V2, "uploads", {"forceDestroy": "true"}),),
    ],
    absence_is_safe=True,
)
def s3_no_force_destroy(bucket: Subject, settings: Settings) -> Outcome:
    """A bucket of production is never deleted with what it holds.

    AWS refuses to delete a bucket that is not empty; `forceDestroy` empties it first.
    """
    if not settings.is_production:
        return NotApplicable("only production is protected")
    return require(not bucket.flag("forceDestroy"), "is emptied when it is deleted", "forceDestroy")


_DELETIONS: Final = ("s3:DeleteObject", "s3:DeleteObjectVersion")
_KEPT: Final = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*",'
    ' "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],'
    ' "Resource": "arn:aws:s3:::logs/*"}]}'
)
_LOGGED: Final = Given(BALANCER, "edge", {"accessLogs": {"enabled": True, "bucket": Ref("logs")}})
_LOGS: Final = Given(BUCKET, "logs", {"versioning": {"enabled": True}})


@rule(
    types=BUCKETS,
    severity=Severity.MEDIUM,
    requirements=["LOG-06"],
    remediation="""
        Deny deletion to everybody, and keep versions so that nothing is written over:

            aws.s3.BucketPolicy("logs", bucket=bucket.id, policy=json.dumps({
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Deny", "Principal": "*",
                               "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
                               "Resource": "arn:aws:s3:::logs/*"}]}))
        """,
    passing=[
        (_LOGS, _LOGGED, Given(BUCKET_POLICY, "kept", {"bucket": Ref("logs"), "policy": _KEPT})),
        (_LOGGED, Given(BUCKET, "logs", {"objectLockEnabled": True})),
        (
            Given(BUCKET, "trail", {"versioning": {"enabled": True}, "policy": _KEPT}),
            Given(TRAIL, "all", {"s3BucketName": Ref("trail")}),
        ),
    ],
    failing=[
        (_LOGS, _LOGGED),
        (
            Given(BUCKET, "logs"),
            _LOGGED,
            Given(BUCKET_POLICY, "kept", {"bucket": Ref("logs"), "policy": _KEPT}),
        ),
        (
            _LOGS,
            _LOGGED,
            Given(
                BUCKET_POLICY,
                "half",
                {
                    "bucket": Ref("logs"),
                    "policy": _KEPT.replace('["s3:DeleteObject", ', "["),
                },
            ),
        ),
        (
            Given(BUCKET, "copies", {"tags": {"LogClass": "audit"}}),
            Given(
                BUCKET_POLICY,
                "one",
                {"bucket": Ref("copies"), "policy": _KEPT.replace('"*"', '{"AWS": "1"}')},
            ),
        ),
    ],
    absence_is_safe=True,
)
def s3_logs_kept(bucket: Subject, _: Settings, graph: Graph) -> Outcome:
    """Logs in a bucket can be added to, and neither changed nor deleted.

    An object lock does it, or a policy that denies deletion to everybody while versions are kept.
    A bucket holds logs where a load balancer, a trail or another bucket writes them to it, or
    where its tag `LogClass` says so.
    """
    if not (
        receives_access_logs(bucket, graph)
        or graph.referrers(bucket.resource, TRAIL, key="s3BucketName")
        or bucket.node("tags").has("LogClass")
    ):
        return NotApplicable("holds no logs")
    locked = attempt(lambda: _is_locked(bucket, graph))
    if locked == PASS:
        return PASS
    policies: list[Node] = [
        policy.document("policy")
        for policy in companions(bucket.resource, graph, [BUCKET_POLICY], "bucket")
    ]
    denials = [
        statement
        for policy in [bucket.document("policy"), *policies]
        for statement in statements(policy, "Deny")
    ]

    def is_denied(action: str) -> Outcome:
        return some(
            denials,
            lambda one: met(
                is_about(one, action)
                and any_text(principals(one), is_anything)
                and not one.has("Condition")
                and any_text(one.each("Resource"), lambda what: bool(OBJECTS.fullmatch(what)))
            ),
            f"its policy does not deny {action} to everybody",
        )

    kept = all_of(lambda: every(_DELETIONS, is_denied), lambda: _keeps_versions(bucket, graph))
    return locked if isinstance(kept, Fail) and isinstance(locked, NotEvaluated) else kept
