"""Where all logs are copied to: a bucket that services add to, and nobody takes from (LOG-06)."""

import json
from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Output, ResourceOptions
from pulumi_aws import cloudwatch, iam, kinesis

from environments import Environment
from stacks.buckets import Lock, PrivateBucket, PrivateBucketArguments
from stacks.keys import Keys
from stacks.logs import LogKind, log_group, retention_days
from stacks.naming import Names
from stacks.statements import assumed_by_own, document

PURPOSE: Final = "log-archive"
_BUFFERED_MEBIBYTES: Final = 64
_BUFFERED_SECONDS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class LogArchiveArguments:
    """What the archive of logs is made from."""

    environment: Environment
    keys: Keys
    log_bucket: Output[str]
    """Where S3 writes who read the archive."""


class LogArchive(ComponentResource):
    """The copy of every log group's entries, locked as long as audit logs are kept.

    Makes the bucket with its lock; the Firehose stream that fills it, with its role and log; and
    the subscription of the account's log groups to it, with the role that CloudWatch sends with.
    The subscription is the account's, so that a group that somebody makes later is shipped, too:
    an account has one in each region, and no two protected environments.
    """

    def __init__(
        self, name: str, arguments: LogArchiveArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:logs:LogArchive", name, opts=options)
        self._arguments = arguments
        environment = arguments.environment
        self._names = names = Names(environment)
        self._inside = ResourceOptions(parent=self)
        self._stream_name = names.of(PURPOSE, limit=64)
        days = retention_days(LogKind.AUDIT, environment)
        bucket = PrivateBucket(
            PURPOSE,
            PrivateBucketArguments(
                bucket=names.bucket(PURPOSE),
                arn=names.bucket_arn(PURPOSE),
                is_protected=environment.is_stateful_protected,
                key_arn=arguments.keys.logs_arn,
                expire_days=days + 1,  # once its lock has ended
                lock=Lock(days=days, is_final=False),
                statements=[
                    {
                        "Sid": "NobodyDeletes",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": [
                            "s3:DeleteObject",
                            "s3:DeleteObjectVersion",
                            "s3:BypassGovernanceRetention",
                        ],
                        "Resource": f"{names.bucket_arn(PURPOSE)}/*",
                    }
                ],
                log_bucket=arguments.log_bucket,
                tags={"LogClass": LogKind.AUDIT.value},
            ),
            self._inside,
        )
        stream = self._stream(bucket)
        self._subscribe(stream)
        self.register_outputs({})

    def _stream(self, bucket: PrivateBucket) -> kinesis.FirehoseDeliveryStream:
        arguments, names = self._arguments, self._names
        log = log_group(
            PURPOSE,
            LogKind.APPLICATION,
            environment=arguments.environment,
            key_arn=arguments.keys.logs_arn,
            parent=self,
        )
        lines = cloudwatch.LogStream(
            PURPOSE, name="delivery", log_group_name=log.name, opts=self._inside
        )
        role = self._role(
            "delivers",
            assumed_by_own("firehose.amazonaws.com"),
            "Lets Firehose add logs to their archive",
        )
        objects = names.bucket_arn(PURPOSE)
        adds = self._policy(
            "delivers",
            role,
            document(
                {
                    "Effect": "Allow",
                    # Nothing that changes or deletes an object.
                    "Action": ["s3:AbortMultipartUpload", "s3:PutObject"],
                    "Resource": f"{objects}/*",
                },
                {
                    "Effect": "Allow",
                    "Action": [
                        "s3:GetBucketLocation",
                        "s3:ListBucket",
                        "s3:ListBucketMultipartUploads",
                    ],
                    "Resource": objects,
                },
                {
                    "Effect": "Allow",
                    "Action": "logs:PutLogEvents",
                    "Resource": names.arn(
                        "logs", f"log-group:{names.path(PURPOSE)}:log-stream:delivery"
                    ),
                },
            ),
        )
        encrypts = self._policy(
            "delivers-key",
            role,
            Output.json_dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                            "Resource": arguments.keys.logs_arn,
                        }
                    ],
                }
            ),
        )
        configuration = kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationArgs
        return kinesis.FirehoseDeliveryStream(
            PURPOSE,
            name=self._stream_name,
            destination="extended_s3",
            server_side_encryption=kinesis.FirehoseDeliveryStreamServerSideEncryptionArgs(
                enabled=True,
                key_type="CUSTOMER_MANAGED_CMK",
                key_arn=arguments.keys.logs_arn,
            ),
            extended_s3_configuration=configuration(
                role_arn=role.arn,
                bucket_arn=names.bucket_arn(PURPOSE),
                kms_key_arn=arguments.keys.logs_arn,
                buffering_size=_BUFFERED_MEBIBYTES,
                buffering_interval=_BUFFERED_SECONDS,
                compression_format="UNCOMPRESSED",  # CloudWatch sends what is compressed already
                prefix="logs/!{timestamp:yyyy/MM/dd}/",
                error_output_prefix="failed/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/",
                file_extension=".gz",
                cloudwatch_logging_options=kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationCloudwatchLoggingOptionsArgs(
                    enabled=True, log_group_name=log.name, log_stream_name=lines.name
                ),
            ),
            opts=ResourceOptions(parent=self, depends_on=[adds, encrypts, bucket.policy]),
        )

    def _subscribe(self, stream: kinesis.FirehoseDeliveryStream) -> None:
        names = self._names
        arn = names.arn("firehose", f"deliverystream/{self._stream_name}")
        trust = document(
            {
                "Effect": "Allow",
                "Principal": {"Service": f"logs.{names.environment.aws.region}.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"ArnLike": {"aws:SourceArn": names.arn("logs", "*")}},
            }
        )
        role = self._role("sends", trust, "Lets CloudWatch send logs to their archive")
        sends = self._policy(
            "sends",
            role,
            document(
                {
                    "Effect": "Allow",
                    "Action": ["firehose:PutRecord", "firehose:PutRecordBatch"],
                    "Resource": arn,
                }
            ),
        )
        cloudwatch.LogAccountPolicy(
            PURPOSE,
            policy_name=names.of(PURPOSE),
            policy_type="SUBSCRIPTION_FILTER_POLICY",
            policy_document=json.dumps(
                {
                    "DestinationArn": arn,
                    "RoleArn": names.arn("iam", f"role/{self._role_name('sends')}", region=""),
                    "FilterPattern": "",
                    "Distribution": "Random",
                }
            ),
            scope="ALL",
            # What the stream logs of itself must not go through it again, for ever.
            selection_criteria=f"LogGroupName NOT IN {json.dumps([names.path(PURPOSE)])}",
            opts=ResourceOptions(parent=self, depends_on=[stream, sends]),
        )

    def _role_name(self, purpose: str) -> str:
        return self._names.of(PURPOSE, purpose)

    def _role(self, purpose: str, trust: str, description: str) -> iam.Role:
        return iam.Role(
            f"{PURPOSE}-{purpose}",
            name=self._role_name(purpose),
            description=description,
            assume_role_policy=trust,
            opts=self._inside,
        )

    def _policy(self, purpose: str, role: iam.Role, policy: str | Output[str]) -> iam.RolePolicy:
        return iam.RolePolicy(
            f"{PURPOSE}-{purpose}", name=purpose, role=role.name, policy=policy, opts=self._inside
        )
