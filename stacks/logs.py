"""Where logs are kept: encrypted groups and buckets that keep each kind as long as it must be."""

from dataclasses import dataclass
from enum import StrEnum

from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_aws import cloudwatch, s3

from environments import Stack
from stacks.buckets import PrivateBucket, PrivateBucketArguments
from stacks.naming import Names
from stacks.statements import Statement, from_account


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
    environment: Stack,
    key_arn: Input[str],
    parent: Resource,
    physical_name: Input[str] | None = None,
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


def retention_days(kind: LogKind, environment: Stack) -> int:
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

    environment: Stack


class LogBucket(ComponentResource):
    """A bucket that load balancers, and other buckets, deliver their access logs to.

    Makes the bucket with its ownership, public access block, encryption, versioning, lifecycle
    and policy. Load balancers deliver only to a bucket whose default encryption is SSE-S3: with a
    key of KMS their logs never arrive.
    """

    bucket_name: Output[str]
    """Known once its policy lets logs in: S3 refuses to send them before."""
    policy: s3.BucketPolicy
    """What must be there before a load balancer can deliver."""

    def __init__(
        self, name: str, arguments: LogBucketArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:logs:LogBucket", name, opts=options)
        environment = arguments.environment
        names = Names(environment)
        bucket = PrivateBucket(
            name,
            PrivateBucketArguments(
                bucket=names.bucket(name),
                arn=names.bucket_arn(name),
                is_protected=environment.is_stateful_protected,
                expire_days=retention_days(LogKind.ACCESS, environment),
                statements=_delivery(names, name),
                tags={"LogClass": LogKind.ACCESS.value},
            ),
            ResourceOptions(parent=self),
        )
        self.policy = bucket.policy
        self.bucket_name = Output.all(bucket.name, bucket.policy.id).apply(
            lambda both: str(both[0])
        )
        self.register_outputs({})


def _delivery(names: Names, purpose: str) -> list[Statement]:
    """Let load balancers and buckets add logs; nobody takes one away (LOG-06)."""
    objects = f"{names.bucket_arn(purpose)}/*"
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
        {
            "Sid": "DeliveryOfBuckets",
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": f"{names.bucket_arn(purpose)}/s3/*",
            "Condition": from_account(names),
        },
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
    return statements
