"""Where product artifacts are kept: verification keys, and what a release could go back to."""

from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Output, ResourceOptions
from pulumi_aws import Provider, ssm

from environments import Environment
from stacks.buckets import Lock, PrivateBucket, PrivateBucketArguments
from stacks.keys import Keys
from stacks.logs import LogBucket, LogBucketArguments, LogKind, retention_days
from stacks.naming import Names
from stacks.replicas import Replica, ReplicaArguments
from stacks.statements import Statement

PURPOSE: Final = "artifacts"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactsArguments:
    """What the store of artifacts is made from."""

    environment: Environment
    keys: Keys
    copy_provider: Provider
    """Of the second region."""
    log_bucket: Output[str]


class Artifacts(ComponentResource):
    """The store of product artifacts: verification keys, programs, the configuration of releases.

    Makes a bucket with versions, its own key and a lock as long as a deployment's log is kept
    (ZK-03, ROLL-05); a copy of everything in the second region, with the log of who read it; and
    the parameter that says where it is. S3 keeps a checksum of each object, against which a copy
    that is read back is held; a body that its sender did not sign is refused, so that the checksum
    is of what was sent.
    """

    bucket_name: Output[str]

    def __init__(
        self, name: str, arguments: ArtifactsArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:artifacts:Artifacts", name, opts=options)
        environment, keys = arguments.environment, arguments.keys
        names = Names(environment)
        inside = ResourceOptions(parent=self)
        tags = {"Purpose": PURPOSE}
        lock = Lock(days=retention_days(LogKind.DEPLOYMENT, environment), is_final=False)
        bucket = PrivateBucket(
            PURPOSE,
            PrivateBucketArguments(
                bucket=names.bucket(PURPOSE),
                arn=names.bucket_arn(PURPOSE),
                is_protected=environment.is_stateful_protected,
                key_arn=keys.artifacts_arn,
                lock=lock,
                statements=_guarded(names),
                log_bucket=arguments.log_bucket,
                tags=tags,
            ),
            inside,
        )
        self.bucket_name = bucket.name
        copy_logs = LogBucket(
            "copy-logs",
            LogBucketArguments(environment=environment),
            ResourceOptions(parent=self, providers={"aws": arguments.copy_provider}),
        )
        Replica(
            PURPOSE,
            ReplicaArguments(
                environment=environment,
                source=bucket,
                purpose=PURPOSE,
                key_arn=keys.artifacts_arn,
                copy_key_arn=keys.artifacts_copy_arn,
                copy_provider=arguments.copy_provider,
                lock=lock,
                log_bucket=copy_logs.bucket_name,
                tags=tags,
            ),
            inside,
        )
        ssm.Parameter(
            PURPOSE,
            name=names.path(PURPOSE, "bucket"),
            type=ssm.ParameterType.STRING,
            value=bucket.name,
            opts=inside,
        )
        self.register_outputs({})


def _guarded(names: Names) -> list[Statement]:
    """Take nothing away before its time, not even who may lift a lock; take in what is signed."""
    objects = f"{names.bucket_arn(PURPOSE)}/*"
    return [
        {
            "Sid": "NobodyDeletes",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"],
            "Resource": objects,
        },
        {
            "Sid": "SignedBody",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": objects,
            "Condition": {"StringEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}},
        },
    ]
