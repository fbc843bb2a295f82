"""Where logs are kept: encrypted groups and buckets that keep each kind as long as it must be."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_aws import cloudwatch, s3

from environments import Environment
from stacks.naming import Names
from stacks.statements import Statement, document, from_account, tls_only

_STALE_UPLOAD_DAYS: Final = 7  # an upload that took a week was given up


class LogKind(StrEnum):
    """The kinds of log that the standards tell apart, each with its own retention."""

    APPLICATION = "application"
    ACCESS = "access"
    AUDIT = "audit"
    DEPLOYMENT = "deployment"


def log_group(  # noqa: PLR0913 - each argument is a property of the group
    name: str,
    kind: LogKind,
    *,
    environment: Environment,
    key_arn: Input[str],
    parent: Resource,
    physical_name: str | None = None,
) -> cloudwatch.LogGroup:
    """An encrypted log group that keeps its entries as long as its `kind` must be (LOG-02 to -05).

    `physical_name` is for groups whose name AWS prescribes; others are `/slipway/<env>/<name>`.
    """
    return cloudwatch.LogGroup(
        name,
        name=physical_name or Names(environment).path(name),
        retention_in_days=retention_days(kind, environment),
        kms_key_id=key_arn,
        tags={"LogClass": kind.value},
        opts=ResourceOptions(parent=parent, protect=environment.is_stateful_protected),
    )


def retention_days(kind: LogKind, environment: Environment) -> int:
    """How many days the environment keeps logs of this kind: the standards' figure, or more."""
    kept = environment.log_retention_days
    match kind:
        case LogKind.APPLICATION:
            return kept.application
        case LogKind.ACCESS:
            return kept.access
        case LogKind.AUDIT:
            return kept.audit
        case LogKind.DEPLOYMENT:
            return kept.deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class LogBucketArguments:
    """What a bucket for the logs of load balancers is made from."""

    environment: Environment


class LogBucket(ComponentResource):
    """A bucket that load balancers deliver their access logs to.

    Makes the bucket with its ownership, public access block, encryption, versioning, lifecycle
    and policy. Load balancers deliver only to a bucket whose default encryption is SSE-S3: with a
    key of KMS their logs never arrive.
    """

    bucket_name: Output[str]
    policy: s3.BucketPolicy
    """What must be there before a load balancer can deliver."""

    def __init__(
        self, name: str, arguments: LogBucketArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:logs:LogBucket", name, opts=options)
        environment = arguments.environment
        names = Names(environment)
        inside = ResourceOptions(parent=self)
        bucket = s3.Bucket(
            name,
            bucket=names.bucket(name),
            force_destroy=not environment.is_stateful_protected,
            tags={"LogClass": LogKind.ACCESS.value},
            opts=ResourceOptions(parent=self, protect=environment.is_stateful_protected),
        )
        self.bucket_name = bucket.id
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
            name,
            bucket=bucket.id,
            rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
            opts=inside,
        )
        versioning = s3.BucketVersioning(
            name,
            bucket=bucket.id,
            versioning_configuration={"status": "Enabled"},
            opts=inside,
        )
        days = retention_days(LogKind.ACCESS, environment)
        s3.BucketLifecycleConfiguration(
            name,
            bucket=bucket.id,
            rules=[
                {
                    "id": "expire",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "expiration": {"days": days},
                    "noncurrent_version_expiration": {"noncurrent_days": days},
                    "abort_incomplete_multipart_upload": {
                        "days_after_initiation": _STALE_UPLOAD_DAYS
                    },
                }
            ],
            opts=ResourceOptions(parent=self, depends_on=[versioning]),
        )
        self.policy = s3.BucketPolicy(
            name,
            bucket=bucket.id,
            policy=_delivery(names, name),
            # Concurrent changes of one bucket's access settings conflict.
            opts=ResourceOptions(parent=self, depends_on=[ownership, block]),
        )
        self.register_outputs({})


def _delivery(names: Names, purpose: str) -> str:
    """Let load balancers add logs; nobody comes without TLS, nobody takes a log away (LOG-06)."""
    bucket = names.bucket_arn(purpose)
    objects = f"{bucket}/*"
    statements: list[Statement] = [
        {
            "Sid": "Delivery",
            "Effect": "Allow",
            "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": objects,
            "Condition": from_account(names)
            | {"ArnLike": {"aws:SourceArn": names.arn("elasticloadbalancing", "loadbalancer/*")}},
        },
        tls_only("s3:*", bucket, objects),
    ]
    if names.environment.must("LOG-06"):
        statements.append(
            {
                "Sid": "NobodyDeletes",
                "Effect": "Deny",
                "Principal": "*",
                "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
                "Resource": objects,
            }
        )
    return document(*statements)
