"""Rules for what a release leaves to go back to: artifacts, keys, and earlier revisions."""

from typing import Annotated, Final

from pydantic import Field

from plan.graph import Graph
from plan.model import STACK_TYPE
from policies.nodes import Subject
from policies.outcomes import (
    PASS,
    Fail,
    NotApplicable,
    NotEvaluated,
    Outcome,
    every,
    fail,
    require,
)
from policies.registry import AnyRule, Given, Ref, rule
from policies.rules.ecs import SERVICE, TASK
from policies.rules.s3 import BUCKET, BUCKETS, s3_kms_encryption
from policies.rules.s3_data import (
    LOCKS,
    REPLICATION,
    VERSIONINGS,
    Locked,
    s3_object_lock,
    s3_replication,
    s3_versioning,
)
from policies.settings import Settings, Severity

_ENCRYPTION: Final = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
)
_STACK: Final = Given(STACK_TYPE, "production")
_API: Final = Given(SERVICE, "api")
_TAGS: Final = {"Purpose": "artifacts"}
_STORE: Final = Given(BUCKET, "artifacts", {"tags": _TAGS, "region": "eu-central-1"})
_COPY: Final = Given(BUCKET, "copy", {"region": "eu-west-1"})
_VERSIONED: Final = Given(
    VERSIONINGS[0],
    "kept",
    {"bucket": Ref("artifacts"), "versioningConfiguration": {"status": "Enabled"}},
)
_ENCRYPTED: Final = Given(
    _ENCRYPTION,
    "own",
    {
        "bucket": Ref("artifacts"),
        "rules": [
            {
                "applyServerSideEncryptionByDefault": {
                    "sseAlgorithm": "aws:kms",
                    "kmsMasterKeyId": "arn:aws:kms:eu-central-1:1:key/1",
                }
            }
        ],
    },
)
_LOCKED: Final = Given(LOCKS[0], "lock", {"bucket": Ref("artifacts")})
_COPIED: Final = Given(
    REPLICATION,
    "copies",
    {
        "bucket": Ref("artifacts"),
        "rules": [{"status": "Enabled", "destination": {"bucket": Ref("copy")}}],
    },
)
_WHOLE: Final = (_STACK, _API, _STORE, _COPY, _VERSIONED, _ENCRYPTED, _LOCKED, _COPIED)


def _without(part: Given) -> tuple[Given, ...]:
    return tuple(one for one in _WHOLE if one is not part)


class Stores(Settings):
    """How the buckets that hold artifacts are told from others."""

    purposes: Annotated[tuple[str, ...], Field(min_length=1)] = ("artifacts", "verification-keys")
    """Values of the tag `Purpose`, in lower case."""


@rule(
    types=[STACK_TYPE],
    severity=Severity.MEDIUM,
    requirements=["ZK-03", "ROLL-05"],
    settings=Stores,
    remediation="""
        Keep them in a bucket with versions, a key of its own, a lock and a copy elsewhere:

            bucket = aws.s3.Bucket("artifacts", object_lock_enabled=True,
                                   tags={"Purpose": "artifacts"})
            aws.s3.BucketVersioning("artifacts", bucket=bucket.id,
                                    versioning_configuration={"status": "Enabled"})
            aws.s3.BucketServerSideEncryptionConfiguration("artifacts", bucket=bucket.id, rules=[{
                "apply_server_side_encryption_by_default": {
                    "sse_algorithm": "aws:kms", "kms_master_key_id": key.arn}}])
            aws.s3.BucketReplicationConfig("artifacts", bucket=bucket.id, role=role.arn, rules=[{
                "status": "Enabled", "destination": {"bucket": copy.arn}}])
        """,
    passing=[_WHOLE],
    failing=[
        (_STACK, _API),
        (_STACK, _API, Given(BUCKET, "uploads")),
        *map(_without, (_VERSIONED, _ENCRYPTED, _LOCKED, _COPIED)),
    ],
    absence_is_safe=True,
)
def artifact_store(_: Subject, settings: Stores, graph: Graph) -> Outcome:
    """Verification keys and the artifacts of releases lie where they cannot be lost.

    A verification key that is gone makes every proof worthless, and a release cannot go back to
    what nobody kept. A stack with services has a bucket whose tag `Purpose` says so, versioned,
    locked, encrypted with a key of its own, and copied to another region.
    """
    if not graph.of_type(SERVICE):
        return NotApplicable("deploys no service")
    stores = [
        bucket
        for bucket in map(Subject, graph.of_type(*BUCKETS))
        if (bucket.node("tags").text("Purpose") or "").lower() in settings.purposes
    ]
    if not stores:
        return fail(f"has no bucket whose tag Purpose is {' or '.join(settings.purposes)}")
    plain = Settings(tier=settings.tier)
    locked = Locked(tier=settings.tier, purposes=settings.purposes)
    wanted: tuple[tuple[AnyRule, Settings], ...] = (
        (s3_versioning, plain),
        (s3_kms_encryption, plain),
        (s3_object_lock, locked),
        (s3_replication, plain),
    )
    return every(
        stores,
        lambda store: every(wanted, lambda one: _named(store, one[0].judge(store, one[1], graph))),
    )


def _named(store: Subject, outcome: Outcome) -> Outcome:
    """`outcome` with the bucket's name in what it says, since the stack is what is judged."""
    match outcome:
        case Fail():
            return every(outcome.violations, lambda one: fail(f"{store.name} {one.message}"))
        case NotEvaluated():
            return NotEvaluated(f"{store.name}: {outcome.reason}")
        case _:
            return PASS


def _task(**inputs: object) -> Given:
    return Given(TASK, "api", {"family": "api", **inputs})


@rule(
    types=[TASK],
    severity=Severity.LOW,
    requirements=["ROLL-05"],
    remediation="""
        Let earlier revisions stand when there is a new one:

            aws.ecs.TaskDefinition("api", skip_destroy=True, ...)
        """,
    passing=[(_task(skipDestroy=True),), (_task(skipDestroy="true"),)],
    failing=[(_task(),), (_task(skipDestroy=False),)],
)
def ecs_revisions_kept(task: Subject) -> Outcome:
    """The revisions of a task that a release replaces are kept.

    A revision is image, settings and secrets of a release in one. Pulumi takes the old one away
    when it registers another, and then there is nothing to roll back to.
    """
    return require(
        task.flag("skipDestroy"), "its earlier revisions go with each release", "skipDestroy"
    )
