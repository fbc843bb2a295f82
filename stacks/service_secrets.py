"""The secrets that fill a service's variables: made here, filled elsewhere."""

from collections.abc import Iterable
from secrets import token_urlsafe
from typing import Final

from pulumi import Input, Output, Resource, ResourceOptions
from pulumi_aws import secretsmanager

from environments import Environment
from stacks.naming import Names
from stacks.roles import secret_path
from standards import Tier

_RECOVERY_DAYS: Final = 30  # how long a deleted secret can be brought back


def declare_secrets(
    service: str,
    variables: Iterable[str],
    *,
    environment: Environment,
    key_arn: Input[str],
    parent: Resource,
) -> None:
    """Make the secrets; people and scripts put their values there, development draws its own.

    No rotation is scheduled: AWS cannot draw a new key for an application, and the operations
    scripts that can do it run each month (KEY-02).
    """
    is_protected = environment.is_stateful_protected
    for variable in variables:
        secret = secretsmanager.Secret(
            f"{service}-{variable}",
            name=secret_path(Names(environment), service, variable),
            description=f"Fills {variable} of {service}",
            kms_key_id=key_arn,
            recovery_window_in_days=_RECOVERY_DAYS if is_protected else 0,
            opts=ResourceOptions(parent=parent, protect=is_protected),
        )
        if environment.tier is Tier.DEVELOPMENT:
            secretsmanager.SecretVersion(
                f"{service}-{variable}",
                secret_id=secret.id,
                secret_string=Output.secret(token_urlsafe()),
                # The first value stays: each run of the program draws another one.
                opts=ResourceOptions(parent=parent, ignore_changes=["secretString"]),
            )
