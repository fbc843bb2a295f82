"""The record of who did what in the account, and who is told of what in it (SEC-15, SEC-16)."""

from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import cloudtrail, cloudwatch, iam

from environments import Foundation
from stacks.buckets import Lock, PrivateBucket, PrivateBucketArguments
from stacks.foundation.identities import PATH, Identities
from stacks.foundation.people import BREAK_GLASS
from stacks.foundation.state import kept
from stacks.foundation.watched import WATCHED, Watched, emergencies
from stacks.logs import LogKind, log_group, retention_days
from stacks.metrics import Alarm, Comparison, Limit, Metric, declare_alarm
from stacks.naming import Names
from stacks.statements import Statement, assumed_by_own, document
from stacks.topics import Topics
from standards import Tier

_TOGETHER: Final = 300  # seconds: CloudTrail hands events over every few minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditArguments:
    """What the record of an account is made from."""

    foundation: Foundation
    key_arn: Input[str]
    topics: Topics
    access_logs: Input[str]


class Audit(ComponentResource):
    """The trail of the account: every region, signed, encrypted, in a bucket that keeps it.

    Makes the bucket, the log group and the role that the trail writes through, and the trail; and
    for each kind of events that somebody is told of a filter that counts them and an alarm.
    """

    def __init__(
        self, name: str, arguments: AuditArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:foundation:Audit", name, opts=options)
        self._arguments = arguments
        self._foundation = foundation = arguments.foundation
        self._names = names = Names(foundation)
        self._inside = ResourceOptions(parent=self)
        trail = names.of("audit")
        bucket = self._bucket(names.arn("cloudtrail", f"trail/{trail}"))
        group = log_group(
            "audit", LogKind.AUDIT, environment=foundation, key_arn=arguments.key_arn, parent=self
        )
        role, policy = self._writer(group)
        cloudtrail.Trail(
            "audit",
            name=trail,
            s3_bucket_name=bucket.name,
            kms_key_id=arguments.key_arn,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_logging=True,
            enable_log_file_validation=True,
            cloud_watch_logs_group_arn=Output.concat(group.arn, ":*"),
            cloud_watch_logs_role_arn=role.arn,
            event_selectors=[
                {
                    "read_write_type": "All",
                    "include_management_events": True,
                    "data_resources": [
                        {"type": "AWS::S3::Object", "values": [f"arn:{names.partition}:s3"]}
                    ],
                }
            ],
            insight_selectors=(
                [{"insight_type": kind} for kind in ("ApiCallRateInsight", "ApiErrorRateInsight")]
                if foundation.must("SEC-16")
                else None
            ),
            opts=ResourceOptions(
                parent=self,
                protect=foundation.is_stateful_protected,
                depends_on=[bucket.policy, policy],
            ),
        )
        for watched in (*WATCHED, emergencies(Identities(names).role(BREAK_GLASS))):
            self._watch(watched, group)
        self.register_outputs({})

    def _bucket(self, trail: str) -> PrivateBucket:
        foundation, names = self._foundation, self._names
        bucket = names.bucket_arn("audit")
        days = retention_days(LogKind.AUDIT, foundation)
        delivered: dict[str, object] = {"aws:SourceArn": trail}
        service = {"Service": "cloudtrail.amazonaws.com"}
        statements: list[Statement] = [
            {
                "Sid": "Asking",
                "Effect": "Allow",
                "Principal": service,
                "Action": "s3:GetBucketAcl",
                "Resource": bucket,
                "Condition": {"StringEquals": delivered},
            },
            {
                "Sid": "Delivery",
                "Effect": "Allow",
                "Principal": service,
                "Action": "s3:PutObject",
                "Resource": f"{bucket}/AWSLogs/{foundation.aws.account}/*",
                "Condition": {
                    "StringEquals": delivered | {"s3:x-amz-acl": "bucket-owner-full-control"}
                },
            },
            kept(bucket),
        ]
        return PrivateBucket(
            "audit",
            PrivateBucketArguments(
                bucket=names.bucket("audit"),
                arn=bucket,
                is_protected=foundation.is_stateful_protected,
                key_arn=self._arguments.key_arn,
                expire_days=days,
                lock=(
                    Lock(days=days, is_final=foundation.tier is Tier.PRODUCTION)
                    if foundation.is_stateful_protected
                    else None
                ),
                statements=statements,
                log_bucket=self._arguments.access_logs,
                tags={"LogClass": LogKind.AUDIT.value},
            ),
            self._inside,
        )

    def _writer(self, group: cloudwatch.LogGroup) -> tuple[iam.Role, iam.RolePolicy]:
        """The role through which the trail writes to its log group, and what lets it."""
        role = iam.Role(
            "trail",
            name=self._names.of("trail"),
            path=PATH,
            description="Writes the trail to its log group",
            assume_role_policy=assumed_by_own("cloudtrail.amazonaws.com"),
            opts=self._inside,
        )
        streams = self._names.arn("logs", f"log-group:{self._names.path('audit')}:log-stream:*")
        policy = iam.RolePolicy(
            "trail",
            name="trail",
            role=role.name,
            policy=document(
                {
                    "Effect": "Allow",
                    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                    "Resource": streams,
                }
            ),
            opts=ResourceOptions(parent=self, depends_on=[group]),
        )
        return role, policy

    def _watch(self, watched: Watched, group: cloudwatch.LogGroup) -> None:
        """Count the events, and tell whom they concern."""
        names = self._names
        namespace = f"slipway/{self._foundation.name}"
        cloudwatch.LogMetricFilter(
            watched.name,
            name=names.of(watched.name),
            log_group_name=group.name,
            pattern=watched.pattern,
            metric_transformation={
                "name": watched.name,
                "namespace": namespace,
                "value": "1",
                "default_value": "0",
            },
            opts=self._inside,
        )
        declare_alarm(
            Alarm(
                name=watched.name,
                summary=watched.summary,
                watched=Metric(
                    namespace=namespace, name=watched.name, statistic="Sum", dimensions={}
                ),
                limit=Limit(Comparison.AT_LEAST, watched.at_least, "SEC-16"),
                runbook=watched.runbook,
                period=_TOGETHER,
            ),
            physical_name=names.of(watched.name, limit=255),
            actions=[self._arguments.topics.arns[watched.severity]],
            parent=self,
        )
