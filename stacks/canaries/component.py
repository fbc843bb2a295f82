"""Canaries: each public endpoint asked from outside, once a minute (MON-08).

A canary runs in the environment's own region, so that its alarm stands with those of the service
that it asks and is composed with them; the metrics of a Route 53 health check, which decides where
DNS points, are in us-east-1 alone. It costs about 0.0012 US dollars a run.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from pulumi import AssetArchive, ComponentResource, FileAsset, Input, Output, ResourceOptions
from pulumi_aws import iam, s3, synthetics

from environments import Environment
from stacks.buckets import PrivateBucket, PrivateBucketArguments
from stacks.canaries.health import ENDPOINT, TIMEOUT
from stacks.logs import LogKind, log_group, retention_days
from stacks.naming import Names
from stacks.statements import assumed_by_own, document

_CODE: Final = Path(__file__).with_name("health.py")
_RUNTIME: Final = "syn-python-selenium-14.0"  # AWS retires each after a year or so
_LONGEST_SECONDS: Final = 60
_MEBIBYTES: Final = 960  # the least
_FUNCTION: Final = 6  # arn:aws:lambda:<region>:<account>:function:<name>:<version>


@dataclass(frozen=True, slots=True, kw_only=True)
class CanariesArguments:
    """What the canaries of an environment are made from."""

    environment: Environment
    key_arn: Input[str]
    """Of the key that encrypts what runs leave behind."""
    log_bucket: Input[str]


class Canaries(ComponentResource):
    """What asks the public endpoints of an environment whether they are well.

    Makes a canary for each and the log group of its function; the bucket for what their runs leave
    behind, which also holds the code; and the role that they share.
    """

    def __init__(
        self, name: str, arguments: CanariesArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:canaries:Canaries", name, opts=options)
        environment, names = arguments.environment, Names(arguments.environment)
        inside = ResourceOptions(parent=self)
        bucket = PrivateBucket(
            "canaries",
            PrivateBucketArguments(
                bucket=names.bucket("canaries"),
                arn=names.bucket_arn("canaries"),
                is_protected=environment.is_stateful_protected,
                key_arn=arguments.key_arn,
                expire_days=retention_days(LogKind.APPLICATION, environment),
                log_bucket=arguments.log_bucket,
            ),
            inside,
        )
        code = s3.BucketObject(
            "canary",
            bucket=bucket.name,
            # Another name for other code: a canary looks at nothing else.
            key=f"code/health-{sha256(_CODE.read_bytes()).hexdigest()[:16]}.zip",
            source=AssetArchive({"python/health.py": FileAsset(str(_CODE))}),
            opts=inside,
        )
        role = iam.Role(
            "canaries",
            name=names.of("canaries"),
            description="What the canaries may do: leave results, logs and metrics behind",
            assume_role_policy=assumed_by_own("lambda.amazonaws.com"),
            opts=inside,
        )
        policies = [
            iam.RolePolicy(
                "canaries", name="canaries", role=role.name, policy=_leaves(names), opts=inside
            ),
            iam.RolePolicy(
                "canaries-key",
                name="canaries-key",
                role=role.name,
                policy=Output.json_dumps(
                    {
                        "Version": "2012-10-17",
                        "Statement": {
                            "Effect": "Allow",
                            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                            "Resource": arguments.key_arn,
                        },
                    }
                ),
                opts=inside,
            ),
        ]
        for endpoint, (url, seconds) in endpoints(environment).items():
            canary = synthetics.Canary(
                endpoint,
                name=canary_name(endpoint, names),
                runtime_version=_RUNTIME,
                handler="health.handler",
                s3_bucket=bucket.name,
                s3_key=code.key,
                artifact_s3_location=f"s3://{names.bucket('canaries')}/{endpoint}",
                execution_role_arn=role.arn,
                schedule=synthetics.CanaryScheduleArgs(expression="rate(1 minute)"),
                run_config=synthetics.CanaryRunConfigArgs(
                    timeout_in_seconds=_LONGEST_SECONDS,
                    memory_in_mb=_MEBIBYTES,
                    environment_variables={ENDPOINT: url, TIMEOUT: str(seconds)},
                ),
                success_retention_period=retention_days(LogKind.APPLICATION, environment),
                failure_retention_period=retention_days(LogKind.APPLICATION, environment),
                start_canary=True,
                delete_lambda=True,
                opts=ResourceOptions(parent=self, depends_on=[*policies, bucket.policy]),
            )
            log_group(
                f"canary-{endpoint}",
                LogKind.APPLICATION,
                environment=environment,
                key_arn=arguments.key_arn,
                parent=self,
                physical_name=canary.engine_arn.apply(log_of),
            )
        self.register_outputs({})


def endpoints(environment: Environment) -> Mapping[str, tuple[str, int]]:
    """The public endpoints by name: the address that is asked, and how many seconds it may take."""
    return dict(_endpoints(environment))


def _endpoints(environment: Environment) -> Iterator[tuple[str, tuple[str, int]]]:
    for name, service in environment.services.items():
        if service.outside_path is not None:
            url = f"https://{environment.edge.name}{service.outside_path}"
            yield name, (url, service.health_check.timeout_seconds)
    if environment.frontend is not None:
        yield "frontend", (f"https://{environment.frontend.name}/", 5)


def canary_name(endpoint: str, names: Names) -> str:
    """What AWS calls the canary of `endpoint`, in its metrics, too."""
    return names.of(endpoint, "health")


def log_of(function_arn: str) -> str:
    """The log group of a canary's function, whose name ends in what AWS draws."""
    return f"/aws/lambda/{function_arn.split(':')[_FUNCTION]}"


def _leaves(names: Names) -> str:
    """Leave results in the bucket, lines in the log, and metrics.

    The function makes no log group: before the stack has made the one with a key and a retention,
    which is a moment after the canary, its lines are lost.
    """
    bucket = names.bucket_arn("canaries")
    return document(
        {
            "Sid": "Results",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": f"{bucket}/*",
        },
        {
            "Sid": "Bucket",
            "Effect": "Allow",
            "Action": "s3:GetBucketLocation",
            "Resource": bucket,
        },
        {
            "Sid": "Logs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": names.arn("logs", f"log-group:/aws/lambda/cwsyn-{names.of('*')}"),
        },
        {
            "Sid": "Metrics",
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": "CloudWatchSynthetics"}},
        },
    )
