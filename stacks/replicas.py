"""A bucket's copy in the second region, which S3 keeps as objects arrive."""

from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import Provider, iam, s3

from environments.stack import Stack
from stacks.buckets import Lock, PrivateBucket, PrivateBucketArguments
from stacks.naming import Names
from stacks.statements import assumed_by_own, document


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaArguments:
    """What the copy of a bucket is made from."""

    environment: Stack
    source: PrivateBucket
    purpose: str
    """What the source is called by: its name is `Names.bucket(purpose)`."""
    source_arn: str | None = None
    """Of a source that has another name."""
    key_arn: Input[str]
    """Of the key of the source."""
    copy_key_arn: Input[str]
    """Of a key in the second region."""
    copy_provider: Provider
    """Of the second region."""
    lock: Lock | None
    log_bucket: Input[str]
    """In the second region: where S3 writes who read the copy."""
    tags: dict[str, str]


class Replica(ComponentResource):
    """The copy of a bucket in the second region, under a key of that region.

    Makes the bucket there, the role that S3 copies with, and the replication of everything that
    arrives. A deletion is not copied.
    """

    bucket_name: Output[str]

    def __init__(
        self, name: str, arguments: ReplicaArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:buckets:Replica", name, opts=options)
        self._arguments = arguments
        self._names = names = Names(arguments.environment)
        self._inside = ResourceOptions(parent=self)
        self._copy = f"{arguments.purpose}-copy"
        copy = PrivateBucket(
            self._copy,
            PrivateBucketArguments(
                bucket=names.bucket(self._copy),
                arn=names.bucket_arn(self._copy),
                is_protected=arguments.environment.is_stateful_protected,
                key_arn=arguments.copy_key_arn,
                lock=arguments.lock,
                log_bucket=arguments.log_bucket,
                tags=arguments.tags,
            ),
            ResourceOptions(parent=self, providers={"aws": arguments.copy_provider}),
        )
        self.bucket_name = copy.name
        role, policies = self._role()
        s3.BucketReplicationConfig(
            name,
            bucket=arguments.source.name,
            role=role.arn,
            rules=[
                {
                    "id": "everything",
                    "status": "Enabled",
                    "priority": 0,
                    "filter": {"prefix": ""},
                    "delete_marker_replication": {"status": "Disabled"},
                    "source_selection_criteria": {
                        "sse_kms_encrypted_objects": {"status": "Enabled"}
                    },
                    "destination": {
                        "bucket": Output.concat(f"arn:{names.partition}:s3:::", copy.name),
                        "encryption_configuration": {"replica_kms_key_id": arguments.copy_key_arn},
                    },
                }
            ],
            # Both must keep versions before anything can be replicated.
            opts=ResourceOptions(
                parent=self,
                depends_on=[arguments.source.versioning, copy.versioning, *policies],
            ),
        )
        self.register_outputs({})

    def _role(self) -> tuple[iam.Role, list[iam.RolePolicy]]:
        arguments, names = self._arguments, self._names
        source = arguments.source_arn or names.bucket_arn(arguments.purpose)
        copy = names.bucket_arn(self._copy)
        role = iam.Role(
            self._copy,
            name=names.of(self._copy),
            description=f"Lets S3 copy {arguments.purpose} to the second region",
            assume_role_policy=assumed_by_own("s3.amazonaws.com"),
            opts=self._inside,
        )
        copies = iam.RolePolicy(
            self._copy,
            name="copy",
            role=role.name,
            policy=document(
                {
                    "Effect": "Allow",
                    "Action": ["s3:GetReplicationConfiguration", "s3:ListBucket"],
                    "Resource": source,
                },
                {
                    "Effect": "Allow",
                    "Action": [
                        "s3:GetObjectLegalHold",
                        "s3:GetObjectRetention",
                        "s3:GetObjectVersionAcl",
                        "s3:GetObjectVersionForReplication",
                        "s3:GetObjectVersionTagging",
                    ],
                    "Resource": f"{source}/*",
                },
                {
                    "Effect": "Allow",
                    "Action": ["s3:ReplicateObject", "s3:ReplicateTags"],
                    "Resource": f"{copy}/*",
                },
            ),
            opts=self._inside,
        )
        decrypts = iam.RolePolicy(
            f"{self._copy}-keys",
            name="keys",
            role=role.name,
            policy=Output.json_dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": "kms:Decrypt",
                            "Resource": arguments.key_arn,
                        },
                        {
                            "Effect": "Allow",
                            "Action": ["kms:Encrypt", "kms:GenerateDataKey"],
                            "Resource": arguments.copy_key_arn,
                        },
                    ],
                }
            ),
            opts=self._inside,
        )
        return role, [copies, decrypts]
