"""The queue that a service takes its work from, and where work goes that keeps failing."""

import json
from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import sqs

from environments import Environment
from stacks.naming import Names

_ATTEMPTS: Final = 5
_WORKING_SECONDS: Final = 900  # the longest that one job may take before another worker gets it
_KEPT_SECONDS: Final = 14 * 24 * 3600  # the longest that SQS keeps a message


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQueueArguments:
    """What the queue of a service is made from."""

    environment: Environment
    service: str
    key_arn: Input[str]


class JobQueue(ComponentResource):
    """A queue of jobs, encrypted and over TLS alone.

    Makes the queue and its dead-letter queue, where a job goes that failed again and again.
    """

    name: Output[str]
    dead_letter_name: Output[str]
    arn: str
    """Known before the first apply."""
    url: str
    """Known before the first apply."""

    def __init__(
        self, name: str, arguments: JobQueueArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:queues:JobQueue", name, opts=options)
        names = Names(arguments.environment)
        aws = arguments.environment.aws
        main = names.of(arguments.service, "jobs", limit=80)
        dead = names.of(arguments.service, "dead-jobs", limit=80)
        self.arn = names.arn("sqs", main)
        self.url = (
            f"{aws.endpoint or f'https://sqs.{aws.region}.amazonaws.com'}/{aws.account}/{main}"
        )
        dead_letter = sqs.Queue(
            f"{name}-dead",
            name=dead,
            kms_master_key_id=arguments.key_arn,
            message_retention_seconds=_KEPT_SECONDS,
            policy=_tls_only(names.arn("sqs", dead)),
            opts=ResourceOptions(parent=self),
        )
        queue = sqs.Queue(
            name,
            name=main,
            kms_master_key_id=arguments.key_arn,
            message_retention_seconds=_KEPT_SECONDS,
            visibility_timeout_seconds=_WORKING_SECONDS,
            policy=_tls_only(self.arn),
            redrive_policy=json.dumps(
                {"deadLetterTargetArn": names.arn("sqs", dead), "maxReceiveCount": _ATTEMPTS}
            ),
            opts=ResourceOptions(parent=self, depends_on=[dead_letter]),
        )
        self.name = queue.name
        self.dead_letter_name = dead_letter.name
        self.register_outputs({})


def _tls_only(arn: str) -> str:
    """Refuse whoever comes without TLS; who may come at all is said by the roles."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "TlsOnly",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "sqs:*",
                    "Resource": arn,
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ],
        }
    )
