"""Where resources go: the environment's region, and the second one for copies of its backups."""

from dataclasses import dataclass
from typing import Final

from pulumi_aws import Provider, ProviderDefaultTagsArgs, ProviderEndpointArgs

from environments import Stack

WORLDWIDE: Final = "us-east-1"
"""Where AWS keeps what is in no region: certificates, firewalls and logs of its edge, and DNS."""
EMULATED: Final = (
    "acm", "applicationautoscaling", "backup", "cloudtrail", "cloudwatch", "cloudwatchevents",
    "cloudwatchlogs", "configservice", "dynamodb", "ec2", "ecr", "ecs", "elbv2", "iam", "kms",
    "rds", "route53", "s3", "secretsmanager", "sns", "sqs", "ssm", "sts", "wafv2",
)  # fmt: skip
"""The services that a stack on an emulator calls, as the provider names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Providers:
    """The explicit providers of an environment; the default ones are disabled."""

    main: Provider
    backup: Provider
    """Of the second region, which survives the loss of the first."""
    worldwide: Provider
    """Of the region in which AWS keeps what its edge uses."""


def make_providers(environment: Stack) -> Providers:
    """The providers of `environment`; every resource that they make carries its tags."""
    aws = environment.aws
    main = _provider("main", aws.region, environment)
    backup = _provider("backup", aws.backup_region, environment)
    there = {aws.region: main, aws.backup_region: backup}.get(WORLDWIDE)
    return Providers(
        main=main,
        backup=backup,
        worldwide=there or _provider("worldwide", WORLDWIDE, environment),
    )


def make_provider(stack: Stack) -> Provider:
    """The provider of the region that a stack lives in."""
    return _provider("main", stack.aws.region, stack)


def make_backup_provider(stack: Stack) -> Provider:
    """The provider of the second region, which survives the loss of the first."""
    return _provider("backup", stack.aws.backup_region, stack)


def tags(environment: Stack) -> dict[str, str]:
    """What every resource says of itself: whose it is, and what data it may hold (ENV-02)."""
    return {
        "Environment": environment.name,
        "Owner": environment.owner,
        "Service": "slipway",
        "ManagedBy": "pulumi",
        "DataClass": environment.data_class.value,
    }


def _provider(name: str, region: str, environment: Stack) -> Provider:
    default_tags = ProviderDefaultTagsArgs(tags=tags(environment))
    endpoint = environment.aws.endpoint
    if endpoint is None:
        return Provider(
            name,
            region=region,
            default_tags=default_tags,
            allowed_account_ids=[environment.aws.account],
        )
    return Provider(
        name,
        region=region,
        default_tags=default_tags,
        access_key="emulator",
        secret_key="emulator",  # noqa: S106 - an emulator accepts any
        s3_use_path_style=True,
        skip_credentials_validation=True,
        skip_metadata_api_check=True,
        endpoints=[ProviderEndpointArgs(**dict.fromkeys(EMULATED, endpoint))],
    )
