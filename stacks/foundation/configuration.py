"""AWS Config: how every resource of the account is set, and which of them no stack declares."""

import json
from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Input, ResourceOptions
from pulumi_aws import cfg, cloudwatch, iam

from environments import Foundation
from stacks.buckets import PrivateBucket, PrivateBucketArguments
from stacks.foundation.identities import PATH
from stacks.foundation.state import kept
from stacks.logs import LogKind, retention_days
from stacks.naming import Names
from stacks.providers import tags
from stacks.statements import Statement, assumed_by, document, from_account
from stacks.topics import Topics

_IN_NO_STACK: Final = "in-no-stack"
_RULES: Final = {
    "no-open-ssh": "INCOMING_SSH_DISABLED",
    "no-public-buckets-read": "S3_BUCKET_PUBLIC_READ_PROHIBITED",
    "no-public-buckets-written": "S3_BUCKET_PUBLIC_WRITE_PROHIBITED",
    "no-root-keys": "IAM_ROOT_ACCESS_KEY_CHECK",
    "root-second-factor": "ROOT_ACCOUNT_MFA_ENABLED",
    "trail-on": "MULTI_REGION_CLOUD_TRAIL_ENABLED",
}
"""The rules of AWS that say what no program shows: what was changed by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationArguments:
    """What AWS Config is made from."""

    foundation: Foundation
    key_arn: Input[str]
    topics: Topics
    access_logs: Input[str]


class Configuration(ComponentResource):
    """What AWS Config records and judges, every type of resource in the account.

    Makes the bucket that it keeps its record in, without an object lock, which it cannot write to;
    the service-linked role, the recorder, its channel and its start; rules; and the event that
    tells of what breaks one. The rule `in-no-stack` finds what carries no tag of a stack: somebody
    made it by hand (IAC-01).
    """

    def __init__(
        self, name: str, arguments: ConfigurationArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:foundation:Configuration", name, opts=options)
        self._arguments = arguments
        self._names = names = Names(arguments.foundation)
        self._inside = inside = ResourceOptions(parent=self)
        bucket = self._bucket()
        role, may = self._role()
        recorder = cfg.Recorder(
            "account",
            name=names.of("account"),
            role_arn=role.arn,
            recording_group={"all_supported": True, "include_global_resource_types": True},
            opts=ResourceOptions(parent=self, depends_on=may),
        )
        channel = cfg.DeliveryChannel(
            "account",
            name=names.of("account"),
            s3_bucket_name=bucket.name,
            s3_kms_key_arn=arguments.key_arn,
            snapshot_delivery_properties={"delivery_frequency": "TwentyFour_Hours"},
            opts=ResourceOptions(parent=self, depends_on=[recorder, bucket.policy]),
        )
        started = cfg.RecorderStatus(
            "account",
            name=recorder.name,
            is_enabled=True,
            opts=ResourceOptions(parent=self, depends_on=[channel]),
        )
        self._judging = ResourceOptions(parent=self, depends_on=[started])
        for purpose, identifier in _RULES.items():
            self._rule(purpose, identifier)
        managed = {"tag1Key": "ManagedBy", "tag1Value": tags(arguments.foundation)["ManagedBy"]}
        self._rule(_IN_NO_STACK, "REQUIRED_TAGS", managed)
        self._tell(inside)
        self.register_outputs({})

    def _bucket(self) -> PrivateBucket:
        foundation, names = self._arguments.foundation, self._names
        bucket = names.bucket_arn("configuration")
        service = {"Service": "config.amazonaws.com"}
        statements: list[Statement] = [
            {
                "Sid": "Asking",
                "Effect": "Allow",
                "Principal": service,
                "Action": ["s3:GetBucketAcl", "s3:ListBucket"],
                "Resource": bucket,
                "Condition": from_account(names),
            },
            {
                "Sid": "Delivery",
                "Effect": "Allow",
                "Principal": service,
                "Action": "s3:PutObject",
                "Resource": f"{bucket}/AWSLogs/{foundation.aws.account}/Config/*",
                "Condition": from_account(names),
            },
            kept(bucket),
        ]
        return PrivateBucket(
            "configuration",
            PrivateBucketArguments(
                bucket=names.bucket("configuration"),
                arn=bucket,
                is_protected=foundation.is_stateful_protected,
                key_arn=self._arguments.key_arn,
                expire_days=retention_days(LogKind.AUDIT, foundation),
                statements=statements,
                log_bucket=self._arguments.access_logs,
                tags={"LogClass": LogKind.AUDIT.value},
            ),
            self._inside,
        )

    def _role(self) -> tuple[iam.Role, list[iam.RolePolicy | iam.RolePolicyAttachment]]:
        """The role through which the recorder looks at everything and delivers what it saw."""
        names = self._names
        role = iam.Role(
            "configuration",
            name=names.of("configuration"),
            path=PATH,
            description="Records how resources are set",
            assume_role_policy=assumed_by("config.amazonaws.com", names),
            opts=self._inside,
        )
        looks = iam.RolePolicyAttachment(
            "configuration",
            role=role.name,
            policy_arn=f"arn:{names.partition}:iam::aws:policy/service-role/AWS_ConfigRole",
            opts=self._inside,
        )
        bucket = names.bucket_arn("configuration")
        delivers = iam.RolePolicy(
            "configuration",
            name="configuration",
            role=role.name,
            policy=document(
                {
                    "Effect": "Allow",
                    "Action": "s3:PutObject",
                    "Resource": f"{bucket}/AWSLogs/*",
                },
                {"Effect": "Allow", "Action": "s3:GetBucketAcl", "Resource": bucket},
            ),
            opts=self._inside,
        )
        return role, [looks, delivers]

    def _rule(
        self, purpose: str, identifier: str, parameters: dict[str, str] | None = None
    ) -> None:
        cfg.Rule(
            purpose,
            name=self._names.of(purpose),
            source={"owner": "AWS", "source_identifier": identifier},
            input_parameters=json.dumps(parameters) if parameters else None,
            opts=self._judging,
        )

    def _tell(self, inside: ResourceOptions) -> None:
        """Tell of every resource that begins to break a rule."""
        rule = cloudwatch.EventRule(
            "configuration",
            name=self._names.of("configuration"),
            description="A resource breaks a rule of AWS Config",
            event_pattern=json.dumps(
                {
                    "source": ["aws.config"],
                    "detail-type": ["Config Rules Compliance Change"],
                    "detail": {"newEvaluationResult": {"complianceType": ["NON_COMPLIANT"]}},
                }
            ),
            opts=inside,
        )
        cloudwatch.EventTarget(
            "configuration", rule=rule.name, arn=self._arguments.topics.warning_arn, opts=inside
        )
