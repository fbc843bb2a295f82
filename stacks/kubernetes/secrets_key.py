"""The key that the secrets of the cluster are encrypted with before they are written down."""

from typing import Final

from pulumi import Output, Resource, ResourceOptions
from pulumi_aws import kms

from environments import Environment
from stacks.keys import administration
from stacks.naming import Names
from stacks.statements import document

_DELETION_WINDOW_DAYS: Final = 30  # the longest that KMS gives to notice a mistake


def secrets_key(environment: Environment, parent: Resource) -> Output[str]:
    """Make the key, which EKS alone may use, and return its ARN.

    EKS asks for a grant in the name of who makes the cluster; it refuses a policy that wants to
    hear that a grant is for a service of AWS.
    """
    names = Names(environment)
    region, account = environment.aws.region, environment.aws.account
    key = kms.Key(
        "kubernetes",
        description=f"Secrets of the cluster of {environment.name}",
        enable_key_rotation=True,
        deletion_window_in_days=_DELETION_WINDOW_DAYS,
        policy=document(
            administration(names),
            {
                "Sid": "UseThroughEks",
                "Effect": "Allow",
                "Principal": {"AWS": names.root},
                "Action": ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt"],
                "Resource": "*",
                "Condition": {
                    "StringEquals": {
                        "kms:CallerAccount": account,
                        "kms:ViaService": f"eks.{region}.amazonaws.com",
                    }
                },
            },
        ),
        opts=ResourceOptions(parent=parent, protect=environment.is_stateful_protected),
    )
    kms.Alias(
        "kubernetes",
        name=f"alias/{names.of('kubernetes')}",
        target_key_id=key.key_id,
        opts=ResourceOptions(parent=parent),
    )
    return key.arn
