"""A bucket that nobody reaches by mistake: private, encrypted, versioned, over TLS alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import s3

from stacks.statements import Statement, document, tls_only

_STALE_UPLOAD_DAYS: Final = 7  # an upload that took a week was given up
_REPLACED_DAYS: Final = 365  # long enough to notice that one was replaced by mistake


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """How long an object cannot be changed or deleted, by anybody but who may lift governance."""

    days: int
    is_final: bool
    """Whether nobody at all may lift it before its time: S3's compliance mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateBucketArguments:
    """What a private bucket is made from."""

    bucket: str
    """Its physical name."""
    arn: str
    is_protected: bool
    """Whether it is kept when its stack goes, with what it holds."""
    key_arn: Input[str] | None = None
    """Of the key of KMS; without it S3 encrypts under its own, as log deliveries demand."""
    expire_days: int | None = None
    """When an object goes; without it only versions that were replaced do, after a year."""
    lock: Lock | None = None
    statements: Sequence[Statement] = ()
    """Who else may do what; without TLS nobody may do anything."""
    log_bucket: Input[str] | None = None
    """Where S3 writes who asked for what."""
    tags: dict[str, str] = field(default_factory=dict[str, str])


class PrivateBucket(ComponentResource):
    """A bucket with everything that keeps it private and its objects safe.

    Makes the bucket with its ownership, public access block, encryption, versioning, lifecycle,
    policy, and, where asked for, its object lock and access log.
    """

    name: Output[str]
    policy: s3.BucketPolicy
    """What must be there before a service can write to it."""
    versioning: s3.BucketVersioning
    """What must be there before it can be replicated."""

    def __init__(
        self, name: str, arguments: PrivateBucketArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:buckets:PrivateBucket", name, opts=options)
        inside = ResourceOptions(parent=self)
        bucket = s3.Bucket(
            name,
            bucket=arguments.bucket,
            object_lock_enabled=True if arguments.lock else None,
            force_destroy=not arguments.is_protected,
            tags=arguments.tags,
            opts=ResourceOptions(parent=self, protect=arguments.is_protected),
        )
        self.name = bucket.id
        ownership = s3.BucketOwnershipControls(
            name,
            bucket=bucket.id,
            rule={"object_ownership": "BucketOwnerEnforced"},
            opts=inside,
        )
        block = s3.BucketPublicAccessBlock(
            name,
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=inside,
        )
        s3.BucketServerSideEncryptionConfiguration(
            name, bucket=bucket.id, rules=[_encryption(arguments.key_arn)], opts=inside
        )
        self.versioning = s3.BucketVersioning(
            name,
            bucket=bucket.id,
            versioning_configuration={"status": "Enabled"},
            opts=inside,
        )
        after_versioning = ResourceOptions(parent=self, depends_on=[self.versioning])
        s3.BucketLifecycleConfiguration(
            name, bucket=bucket.id, rules=[_cycle(arguments)], opts=after_versioning
        )
        if lock := arguments.lock:
            s3.BucketObjectLockConfiguration(
                name,
                bucket=bucket.id,
                rule={
                    "default_retention": {
                        "mode": "COMPLIANCE" if lock.is_final else "GOVERNANCE",
                        "days": lock.days,
                    }
                },
                opts=after_versioning,
            )
        if arguments.log_bucket is not None:
            s3.BucketLogging(
                name,
                bucket=bucket.id,
                target_bucket=arguments.log_bucket,
                target_prefix=f"s3/{name}/",
                opts=inside,
            )
        self.policy = s3.BucketPolicy(
            name,
            bucket=bucket.id,
            policy=document(
                *arguments.statements, tls_only("s3:*", arguments.arn, f"{arguments.arn}/*")
            ),
            # Concurrent changes of one bucket's access settings conflict.
            opts=ResourceOptions(parent=self, depends_on=[ownership, block]),
        )
        self.register_outputs({})


def _encryption(
    key_arn: Input[str] | None,
) -> s3.BucketServerSideEncryptionConfigurationRuleArgsDict:
    if key_arn is None:
        return {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}
    return {
        "apply_server_side_encryption_by_default": {
            "sse_algorithm": "aws:kms",
            "kms_master_key_id": key_arn,
        },
        "bucket_key_enabled": True,
    }


def _cycle(arguments: PrivateBucketArguments) -> s3.BucketLifecycleConfigurationRuleArgsDict:
    """When objects, the versions that others replaced, and uploads that were given up go."""
    days = arguments.expire_days
    cycle: s3.BucketLifecycleConfigurationRuleArgsDict = {
        "id": "expire" if days else "tidy",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "noncurrent_version_expiration": {"noncurrent_days": days or _REPLACED_DAYS},
        "abort_incomplete_multipart_upload": {"days_after_initiation": _STALE_UPLOAD_DAYS},
    }
    if days:
        cycle["expiration"] = {"days": days}
    return cycle
