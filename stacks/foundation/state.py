"""Where the account's stacks keep their state: each sees its own."""

from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import Provider

from environments import Foundation
from stacks.buckets import PrivateBucket, PrivateBucketArguments
from stacks.foundation.pipeline import own_state
from stacks.logs import LogKind, retention_days
from stacks.naming import Names
from stacks.replicas import Replica, ReplicaArguments
from stacks.statements import Statement, from_account


@dataclass(frozen=True, slots=True, kw_only=True)
class StateArguments:
    """What the store of state is made from."""

    foundation: Foundation
    key_arn: Input[str]
    copy_key_arn: Input[str] | None
    copy_provider: Provider | None
    """Of the second region, with a key there; without them nothing is copied."""


class State(ComponentResource):
    """The bucket of the account's state, and those that record who asked it for what.

    Makes two private buckets: state, versioned and encrypted under its own key, in which the roles
    of an environment reach that environment's objects alone; and access-logs, for all buckets of
    the foundation, to which logs are only ever added (LOG-06). Where it would be missed, state is
    copied to the second region, from which it can be recovered when the first is gone.
    """

    access_logs: Output[str]

    def __init__(
        self, name: str, arguments: StateArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:foundation:State", name, opts=options)
        foundation = arguments.foundation
        names = Names(foundation)
        inside = ResourceOptions(parent=self)
        self._foundation = foundation
        self.access_logs = self._receiver("access-logs", inside)
        bucket = names.arn("s3", foundation.state_bucket, region="", account="")
        source = PrivateBucket(
            "state",
            PrivateBucketArguments(
                bucket=foundation.state_bucket,
                arn=bucket,
                is_protected=foundation.is_stateful_protected,
                key_arn=arguments.key_arn,
                statements=[
                    _apart(environment.name, bucket, foundation)
                    for environment in foundation.environments
                ],
                log_bucket=self.access_logs,
            ),
            inside,
        )
        if arguments.copy_key_arn is not None and arguments.copy_provider is not None:
            Replica(
                "state-copy",
                ReplicaArguments(
                    environment=foundation,
                    source=source,
                    purpose="state",
                    source_arn=bucket,
                    key_arn=arguments.key_arn,
                    copy_key_arn=arguments.copy_key_arn,
                    copy_provider=arguments.copy_provider,
                    log_bucket=self._receiver(
                        "access-logs-copy",
                        ResourceOptions(parent=self, providers={"aws": arguments.copy_provider}),
                    ),
                    lock=None,
                    tags={},
                ),
                inside,
            )
        self.register_outputs({})

    def _receiver(self, purpose: str, options: ResourceOptions) -> Output[str]:
        """The bucket in which S3 says who asked the others of its region for what."""
        names = Names(self._foundation)
        arn = names.bucket_arn(purpose)
        receiver = PrivateBucket(
            purpose,
            PrivateBucketArguments(
                bucket=names.bucket(purpose),
                arn=arn,
                is_protected=self._foundation.is_stateful_protected,
                expire_days=retention_days(LogKind.ACCESS, self._foundation),
                statements=[_delivered(arn, names), kept(arn)],
                tags={"LogClass": LogKind.ACCESS.value},
            ),
            options,
        )
        # S3 takes a bucket for logs only once its policy lets them in.
        return Output.all(receiver.name, receiver.policy.id).apply(lambda both: str(both[0]))


def kept(bucket: str) -> Statement:
    """Let nobody take a log away (LOG-06)."""
    return {
        "Sid": "NobodyDeletes",
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
        "Resource": f"{bucket}/*",
    }


def _delivered(bucket: str, names: Names) -> Statement:
    return {
        "Sid": "Delivery",
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"{bucket}/*",
        "Condition": from_account(names),
    }


def _apart(environment: str, bucket: str, foundation: Foundation) -> Statement:
    """Keep the roles of `environment` from the state of every other stack."""
    arn = Names(foundation).arn
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "NotResource": [bucket, *own_state(foundation, environment)],
        "Condition": {
            "ArnLike": {
                "aws:PrincipalArn": [
                    arn("iam", f"role/foundation/{environment}-*", region=""),
                    arn("iam", f"role/{environment}-*", region=""),
                ]
            }
        },
    }
