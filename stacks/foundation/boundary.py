"""Boundaries: the most that an environment's pipeline, and all roles that it makes, may do."""

from typing import Final

from environments import Foundation
from stacks.foundation.identities import PATH, Identities
from stacks.naming import Names
from stacks.statements import Statement, document

_GLOBAL_REGION: Final = "us-east-1"  # where IAM, Route 53 and CloudFront say that they are
_EVERYWHERE: Final = ("chatbot", "cloudfront-keyvaluestore")
"""Services with one endpoint for the world that is not in us-east-1: what they are asked names a
region that no environment lives in, or none."""
_LOOKING: Final = ("iam:Get*", "iam:List*", "iam:Generate*", "iam:Simulate*")


def boundary(name: str, foundation: Foundation) -> str:
    """The policy document of the boundary `name`, within the 6,144 characters that IAM takes.

    It grants nothing by itself. Whatever else is attached to a role that carries it, the role uses
    the services that the account has reviewed, in its regions; it cannot change the foundation:
    its roles and boundaries, the state of others, the record of who did what; and every role that
    it makes carries the same boundary.
    """
    names = Names(foundation)
    identities = Identities(names)
    aws = foundation.aws
    everywhere = [each for each in _EVERYWHERE if each in foundation.services]
    return document(
        {
            "Sid": "ReviewedServices",
            "Effect": "Allow",
            "Action": [
                f"{service}:*" for service in sorted(set(foundation.services) - set(everywhere))
            ],
            "Resource": "*",
            "Condition": {
                "StringEquals": {
                    "aws:RequestedRegion": sorted({aws.region, aws.backup_region, _GLOBAL_REGION})
                }
            },
        },
        *([_everywhere(everywhere)] if everywhere else []),
        {
            "Sid": "FoundationStays",
            "Effect": "Deny",
            "NotAction": list(_LOOKING),
            "Resource": [
                identities.role("*"),
                names.arn("iam", f"policy{PATH}*", region=""),
                identities.provider,
            ],
        },
        _bound(identities.boundary(name)),
        _no_way_out(),
        _audit_stays(),
        *_stores_stay(foundation, names),
    )


def _everywhere(services: list[str]) -> Statement:
    """Let be used what has no region of its own, whatever region a request names."""
    return {
        "Sid": "ReviewedEverywhere",
        "Effect": "Allow",
        "Action": [f"{service}:*" for service in services],
        "Resource": "*",
    }


def _bound(own: str) -> Statement:
    """Refuse to make or to change a role that does not carry the boundary `own`."""
    return {
        "Sid": "RolesAreBound",
        "Effect": "Deny",
        "Action": [
            "iam:AttachRolePolicy",
            "iam:CreateRole",
            "iam:PutRolePermissionsBoundary",
            "iam:PutRolePolicy",
        ],
        "Resource": "*",
        "Condition": {"StringNotEquals": {"iam:PermissionsBoundary": own}},
    }


def _no_way_out() -> Statement:
    """Refuse to take a boundary off, and what outlives a session: users and their keys."""
    return {
        "Sid": "NoWayOut",
        "Effect": "Deny",
        "Action": [
            "iam:*AccessKey*",
            "iam:*AccountPasswordPolicy",
            "iam:*LoginProfile",
            "iam:*SAMLProvider",
            "iam:*User*",
            "iam:DeleteRolePermissionsBoundary",
        ],
        "Resource": "*",
    }


def _audit_stays() -> Statement:
    """Refuse to switch off, or to blind, what records and watches (SEC-15)."""
    return {
        "Sid": "AuditStays",
        "Effect": "Deny",
        "Action": [
            "access-analyzer:Delete*",
            "access-analyzer:Update*",
            "account:*",
            "cloudtrail:Delete*",
            "cloudtrail:Put*",
            "cloudtrail:Stop*",
            "cloudtrail:Update*",
            "config:Delete*",
            "config:Put*",
            "config:Stop*",
            "ec2:DisableEbsEncryptionByDefault",
            "ec2:DisableImageBlockPublicAccess",
            "ec2:DisableSnapshotBlockPublicAccess",
            "ec2:ModifyInstanceMetadataDefaults",
            "guardduty:Create*",
            "guardduty:Delete*",
            "guardduty:Disassociate*",
            "guardduty:Stop*",
            "guardduty:Update*",
            "inspector2:Disable",
            "organizations:*",
            "s3:PutAccountPublicAccessBlock",
            "securityhub:*Disable*",
            "securityhub:Delete*",
            "securityhub:Update*",
        ],
        "Resource": "*",
    }


def _stores_stay(foundation: Foundation, names: Names) -> list[Statement]:
    """Refuse to touch the foundation's buckets, logs, alarms, topics and keys."""
    state = names.arn("s3", foundation.state_bucket, region="", account="")
    own = f"{foundation.name}-*"
    return [
        {
            "Sid": "StateStays",
            "Effect": "Deny",
            "NotAction": ["s3:Get*", "s3:List*", "s3:PutObject", "s3:DeleteObject"],
            "Resource": [state, f"{state}/*"],
        },
        {
            "Sid": "RecordStays",
            "Effect": "Deny",
            "Action": ["cloudwatch:*", "ecr:*Delete*", "ecr:Put*Policy", "ecr:Set*", "events:*",
                       "logs:*", "s3:*", "sns:*"],
            "Resource": [
                names.arn("cloudwatch", f"alarm:{own}"),
                names.arn("ecr", "repository/*"),
                names.arn("events", f"rule/{own}"),
                names.arn("logs", f"log-group:{names.path('*')}"),
                names.arn("s3", own, region="", account=""),
                names.arn("sns", own),
            ],
        },
        {
            "Sid": "KeysStay",
            "Effect": "Deny",
            "Action": ["kms:Disable*", "kms:Put*", "kms:ScheduleKeyDeletion", "kms:*Alias"],
            "Resource": "*",
            "Condition": {
                "ForAnyValue:StringLike": {
                    "kms:ResourceAliases": [f"alias/{own}", "alias/slipway-state-*"]
                }
            },
        },
    ]  # fmt: skip
