"""What in the record of an account somebody wants to be told of, as filters of CloudWatch Logs.

The first fifteen are those of the CIS benchmark for AWS, 4.1 to 4.15.
"""

from dataclasses import dataclass
from typing import Final

from stacks.severity import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A kind of events: how many of them in five minutes are worth telling, and whom."""

    name: str
    summary: str
    pattern: str
    severity: Severity = Severity.WARNING
    at_least: int = 1
    runbook: str = "account-record"


def _events(source: str, *names: str) -> str:
    """The pattern of the events of `source` with one of `names`."""
    either = " || ".join(f"($.eventName = {name})" for name in names)
    return f"{{ ($.eventSource = {source}.amazonaws.com) && ({either}) }}"


_NOT_BY_PIPELINE: Final = 5  # refusals: one is a typing error, more are somebody who tries doors


WATCHED: Final = (
    Watched(
        name="refused-calls",
        summary="Calls were refused for want of rights",
        pattern='{ ($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*") }',
        at_least=_NOT_BY_PIPELINE,
    ),
    Watched(
        name="sign-in-without-second-factor",
        summary="Somebody signed in to the console without a second factor",
        pattern='{ ($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes")'
        ' && ($.userIdentity.type = "IAMUser")'
        ' && ($.responseElements.ConsoleLogin = "Success") }',
        severity=Severity.CRITICAL,
    ),
    Watched(
        name="root-user",
        summary="The root user of the account did something",
        pattern='{ ($.userIdentity.type = "Root") && ($.userIdentity.invokedBy NOT EXISTS)'
        ' && ($.eventType != "AwsServiceEvent") }',
        severity=Severity.CRITICAL,
    ),
    Watched(
        name="iam-changes",
        summary="Policies of IAM were changed",
        pattern=_events(
            "iam",
            *("DeleteGroupPolicy", "DeleteRolePolicy", "DeleteUserPolicy", "PutGroupPolicy"),
            *("PutRolePolicy", "PutUserPolicy", "CreatePolicy", "DeletePolicy"),
            *("CreatePolicyVersion", "DeletePolicyVersion", "AttachRolePolicy"),
            *("DetachRolePolicy", "AttachUserPolicy", "DetachUserPolicy", "AttachGroupPolicy"),
            "DetachGroupPolicy",
        ),
    ),
    Watched(
        name="trail-changes",
        summary="The record of who did what was changed, started or stopped",
        pattern=_events(
            "cloudtrail",
            *("CreateTrail", "UpdateTrail", "DeleteTrail", "StartLogging", "StopLogging"),
        ),
        severity=Severity.CRITICAL,
    ),
    Watched(
        name="failed-sign-ins",
        summary="Somebody failed to sign in to the console",
        pattern='{ ($.eventName = ConsoleLogin) && ($.errorMessage = "Failed authentication") }',
    ),
    Watched(
        name="key-changes",
        summary="A key was disabled, or its deletion scheduled",
        pattern=_events("kms", "DisableKey", "ScheduleKeyDeletion"),
        severity=Severity.CRITICAL,
    ),
    Watched(
        name="bucket-policy-changes",
        summary="The policy of a bucket was changed",
        pattern=_events(
            "s3",
            *("PutBucketAcl", "PutBucketPolicy", "PutBucketCors", "PutBucketLifecycle"),
            *("PutBucketReplication", "DeleteBucketPolicy", "DeleteBucketCors"),
            *("DeleteBucketLifecycle", "DeleteBucketReplication"),
        ),
    ),
    Watched(
        name="configuration-changes",
        summary="AWS Config was changed or stopped",
        pattern=_events(
            "config",
            *("StopConfigurationRecorder", "DeleteDeliveryChannel", "PutDeliveryChannel"),
            "PutConfigurationRecorder",
        ),
        severity=Severity.CRITICAL,
    ),
    Watched(
        name="security-group-changes",
        summary="Security groups were changed",
        pattern=_events(
            "ec2",
            *("AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress"),
            *("RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress", "CreateSecurityGroup"),
            "DeleteSecurityGroup",
        ),
    ),
    Watched(
        name="network-acl-changes",
        summary="Access lists of the network were changed",
        pattern=_events(
            "ec2",
            *("CreateNetworkAcl", "CreateNetworkAclEntry", "DeleteNetworkAcl"),
            *("DeleteNetworkAclEntry", "ReplaceNetworkAclEntry"),
            "ReplaceNetworkAclAssociation",
        ),
    ),
    Watched(
        name="gateway-changes",
        summary="Gateways of the network were changed",
        pattern=_events(
            "ec2",
            *("CreateCustomerGateway", "DeleteCustomerGateway", "AttachInternetGateway"),
            *("CreateInternetGateway", "DeleteInternetGateway", "DetachInternetGateway"),
        ),
    ),
    Watched(
        name="route-changes",
        summary="Routes were changed",
        pattern=_events(
            "ec2",
            *("CreateRoute", "CreateRouteTable", "ReplaceRoute", "ReplaceRouteTableAssociation"),
            *("DeleteRouteTable", "DeleteRoute", "DisassociateRouteTable"),
        ),
    ),
    Watched(
        name="network-changes",
        summary="Networks, or what they are connected to, were changed",
        pattern=_events(
            "ec2",
            *("CreateVpc", "DeleteVpc", "ModifyVpcAttribute", "AcceptVpcPeeringConnection"),
            *("CreateVpcPeeringConnection", "DeleteVpcPeeringConnection"),
            "RejectVpcPeeringConnection",
        ),
    ),
    Watched(
        name="organisation-changes",
        summary="The organisation of accounts was changed",
        pattern="{ ($.eventSource = organizations.amazonaws.com) && ($.readOnly IS FALSE) }",
        severity=Severity.CRITICAL,
    ),
)


def emergencies(role_arn: str) -> Watched:
    """Every time that somebody takes on the role for emergencies."""
    return Watched(
        name="break-glass",
        summary="Somebody took on the role for emergencies",
        pattern=(
            f'{{ ($.eventName = AssumeRole) && ($.requestParameters.roleArn = "{role_arn}") }}'
        ),
        severity=Severity.CRITICAL,
        runbook="break-glass",
    )
