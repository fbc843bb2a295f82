"""Rules for what no policy grants on everything: a way up, a way out, a key to all data."""

from collections.abc import Callable, Sequence
from typing import Final

from pydantic import Field

from plan.graph import Graph
from policies.grants import is_about, is_narrowed, on_every_one
from policies.nodes import Node, Subject
from policies.outcomes import Outcome, every, require
from policies.registry import Controls, Given, rule
from policies.rules.iam import POLICIES, POLICY, ROLE, ROLE_POLICY, document, every_grant
from policies.settings import Settings, Severity
from policies.statements import on_everything, statements

USER_POLICY: Final = "aws:iam/userPolicy:UserPolicy"

_ESCALATING: Final = (
    *("iam:AddUserToGroup", "iam:AttachGroupPolicy", "iam:AttachRolePolicy"),
    *("iam:AttachUserPolicy", "iam:CreateAccessKey", "iam:CreateLoginProfile"),
    *("iam:CreatePolicyVersion", "iam:CreateServiceSpecificCredential"),
    *("iam:DeleteRolePermissionsBoundary", "iam:DeleteUserPermissionsBoundary", "iam:PassRole"),
    *("iam:PutGroupPolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"),
    *("iam:PutUserPermissionsBoundary", "iam:PutUserPolicy", "iam:ResetServiceSpecificCredential"),
    *("iam:SetDefaultPolicyVersion", "iam:UpdateAccessKey", "iam:UpdateAssumeRolePolicy"),
    *("iam:UpdateLoginProfile", "glue:UpdateDevEndpoint", "lambda:UpdateFunctionCode"),
)
"""What gives its holder more than it has, where nothing says on whom or on what."""

_REVEALING: Final = (
    *("s3:GetObject", "s3:GetObjectVersion", "secretsmanager:GetSecretValue"),
    *("ssm:GetParameter", "ssm:GetParameterHistory", "ssm:GetParameters"),
    *("ssm:GetParametersByPath", "sts:AssumeRole", "rds-db:connect"),
    *("redshift:GetClusterCredentials", "redshift:GetClusterCredentialsWithIAM"),
)
"""What reads data, or hands out credentials to it."""

_DECRYPTING: Final = ("kms:Decrypt", "kms:ReEncryptFrom")

_SILENCING: Final = (
    *("cloudtrail:DeleteTrail", "cloudtrail:PutEventSelectors", "cloudtrail:StopLogging"),
    *("cloudtrail:UpdateTrail", "config:DeleteConfigurationRecorder"),
    *("config:DeleteDeliveryChannel", "config:StopConfigurationRecorder"),
    *("guardduty:DeleteDetector", "guardduty:UpdateDetector", "securityhub:DisableSecurityHub"),
)
"""What switches off, or blinds, the record of who did what."""

_OF_ONE_RESOURCE: Final = frozenset(
    {
        *("aws:resourcetag/", "iam:resourcetag/", "s3:existingobjecttag/", "ssm:resourcetag/"),
        *("secretsmanager:resourcetag/", "iam:permissionsboundary", "iam:policyarn"),
    }
)
"""Condition keys that tell one resource from another, or bound what is given."""


def _refusing(
    actions: Sequence[str], keys: frozenset[str] = _OF_ONE_RESOURCE
) -> Callable[[Node], Outcome]:
    """A check that fails for each of `actions` that a statement allows on all of a kind."""

    def check(statement: Node) -> Outcome:
        def refused(action: str) -> Outcome:
            return require(
                not (
                    is_about(statement, action)
                    and on_every_one(statement)
                    and not is_narrowed(statement, keys)
                ),
                f"allows {action} on every resource",
                statement.here,
            )

        return every(actions, refused)

    return check


def _allow(action: str, resource: str = "*", condition: str = "") -> str:
    """A policy that allows one action, for the examples."""
    return document(
        f'{{"Effect": "Allow", "Action": "{action}", "Resource": "{resource}"{condition}}}'
    )


_TAGGED: Final = ', "Condition": {"StringEquals": {"aws:ResourceTag/Service": "api"}}'
_BOUND: Final = (
    ', "Condition": {"StringEquals": {"iam:PermissionsBoundary":'
    ' "arn:aws:iam::123456789012:policy/boundary"}}'
)
_ONE_ROLE: Final = "arn:aws:iam::123456789012:role/api-task"
_EVERY_ROLE: Final = "arn:aws:iam::123456789012:role/*"


@rule(
    types=[*POLICIES, ROLE],
    severity=Severity.HIGH,
    controls=Controls(checkov=("CKV_AWS_286", "CKV_AWS_289")),
    remediation="""
        Name the roles that may be passed, and let administrators alone change rights:

            {"Effect": "Allow", "Action": "iam:PassRole",
             "Resource": "arn:aws:iam::123456789012:role/api-task",
             "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}}
        """,
    passing=[
        (Given(ROLE_POLICY, "deploy", {"policy": _allow("iam:PassRole", _ONE_ROLE)}),),
        (Given(POLICY, "bounded", {"policy": _allow("iam:PutRolePolicy", "*", _BOUND)}),),
        (Given(POLICY, "looks", {"policy": _allow("iam:List*")}),),
        (Given(ROLE, "task", {"inlinePolicies": [{"policy": _allow("iam:GetRole")}]}),),
    ],
    failing=[
        (Given(ROLE_POLICY, "deploy", {"policy": _allow("iam:PassRole")}),),
        (Given(POLICY, "deploy", {"policy": _allow("iam:passrole", _EVERY_ROLE)}),),
        (Given(USER_POLICY, "any", {"policy": _allow("iam:*Policy*")}),),
        (
            Given(
                ROLE, "task", {"inlinePolicies": [{"policy": _allow("iam:UpdateAssumeRolePolicy")}]}
            ),
        ),
        (
            Given(
                POLICY,
                "almost",
                {"policy": document('{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}')},
            ),
        ),
    ],
    absence_is_safe=True,
)
def iam_no_privilege_escalation(subject: Subject, _: Settings, graph: Graph) -> Outcome:
    """No policy lets its holder give itself more rights.

    Who may pass any role, or change any policy, has every right that anything in the account has.
    """
    return every_grant(subject, graph, _refusing(_ESCALATING))


@rule(
    types=[*POLICIES, ROLE],
    severity=Severity.HIGH,
    controls=Controls(checkov=("CKV_AWS_287", "CKV_AWS_288")),
    remediation="""
        Name what is read:

            {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue",
             "Resource": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:api-??????"}
        """,
    passing=[
        (Given(ROLE_POLICY, "read", {"policy": _allow("s3:GetObject", "arn:aws:s3:::uploads/*")}),),
        (Given(POLICY, "own", {"policy": _allow("ssm:GetParameter*", "*", _TAGGED)}),),
        (Given(POLICY, "list", {"policy": _allow("s3:ListAllMyBuckets")}),),
    ],
    failing=[
        (Given(ROLE_POLICY, "read", {"policy": _allow("s3:GetObject")}),),
        (Given(POLICY, "read", {"policy": _allow("s3:Get*", "arn:aws:s3:::*")}),),
        (Given(POLICY, "read", {"policy": _allow("secretsmanager:GetSecretValue")}),),
        (Given(USER_POLICY, "read", {"policy": _allow("ssm:GetParameter*")}),),
        (Given(POLICY, "become", {"policy": _allow("sts:AssumeRole", _EVERY_ROLE)}),),
        (Given(ROLE, "task", {"inlinePolicies": [{"policy": _allow("s3:*")}]}),),
    ],
    absence_is_safe=True,
)
def iam_no_exfiltration(subject: Subject, _: Settings, graph: Graph) -> Outcome:
    """No policy lets its holder read all data, or take on every role.

    One careless request forged through a service is enough to carry out what its role may read.
    """
    return every_grant(subject, graph, _refusing(_REVEALING))


@rule(
    types=[*POLICIES, ROLE],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("KMS.1", "KMS.2")),
    remediation="""
        Name the key:

            {"Effect": "Allow", "Action": "kms:Decrypt",
             "Resource": "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-..."}
        """,
    passing=[
        (
            Given(
                ROLE_POLICY,
                "read",
                {"policy": _allow("kms:Decrypt", "arn:aws:kms:eu-central-1:123456789012:key/1a")},
            ),
        ),
        (Given(POLICY, "write", {"policy": _allow("kms:GenerateDataKey")}),),
    ],
    failing=[
        (Given(ROLE_POLICY, "read", {"policy": _allow("kms:Decrypt")}),),
        (
            Given(
                POLICY, "move", {"policy": _allow("kms:ReEncrypt*", "arn:aws:kms:*:123456789012:*")}
            ),
        ),
        (
            Given(
                USER_POLICY,
                "read",
                {"policy": _allow("kms:*", "arn:aws:kms:eu-central-1:123456789012:key/*")},
            ),
        ),
        (
            Given(
                ROLE,
                "task",
                {"inlinePolicies": [{"policy": _allow("kms:Decrypt", "*", _TAGGED)}]},
            ),
        ),
    ],
    absence_is_safe=True,
)
def iam_no_kms_decrypt_star(subject: Subject, _: Settings, graph: Graph) -> Outcome:
    """No policy lets its holder decrypt with every key.

    A key of its own for each kind of data is worth nothing to whoever may use them all. As in the
    control that it follows, conditions do not count.
    """
    return every_grant(subject, graph, _refusing(_DECRYPTING, frozenset()))


class AuditGuard(Settings):
    """Who may act on the audit trail."""

    actions: tuple[str, ...] = Field(default=_SILENCING, min_length=1)
    """The actions that no policy may allow."""


@rule(
    types=[*POLICIES, ROLE],
    severity=Severity.HIGH,
    requirements=["SEC-15"],
    settings=AuditGuard,
    remediation="""
        Leave the actions out, or deny them to whoever deploys:

            {"Effect": "Deny", "Resource": "*",
             "Action": ["cloudtrail:StopLogging", "cloudtrail:DeleteTrail",
                        "cloudtrail:UpdateTrail", "cloudtrail:PutEventSelectors"]}
        """,
    passing=[
        (Given(ROLE_POLICY, "look", {"policy": _allow("cloudtrail:LookupEvents")}),),
        (
            Given(
                POLICY,
                "deploy",
                {
                    "policy": document(
                        '{"Effect": "Allow", "Action": "cloudtrail:*", "Resource": "*"}',
                        '{"Effect": "Deny", "Action": ["cloudtrail:*Trail",'
                        ' "cloudtrail:Put*", "cloudtrail:Stop*"], "Resource": "*"}',
                    )
                },
            ),
        ),
        (Given(ROLE, "task", {"inlinePolicies": [{"policy": _allow("config:Describe*")}]}),),
    ],
    failing=[
        (Given(ROLE_POLICY, "deploy", {"policy": _allow("cloudtrail:StopLogging")}),),
        (Given(POLICY, "deploy", {"policy": _allow("guardduty:*")}),),
        (Given(USER_POLICY, "all", {"policy": _allow("*")}),),
        (
            Given(
                ROLE,
                "task",
                {
                    "inlinePolicies": [
                        {
                            "policy": _allow(
                                "cloudtrail:UpdateTrail",
                                "arn:aws:cloudtrail:eu-central-1:123456789012:trail/all",
                            )
                        }
                    ]
                },
            ),
        ),
        (
            Given(
                POLICY,
                "half",
                {
                    "policy": document(
                        '{"Effect": "Allow", "Action": "cloudtrail:*", "Resource": "*"}',
                        '{"Effect": "Deny", "Action": "cloudtrail:Stop*", "Resource": "*",'
                        ' "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}',
                    )
                },
            ),
        ),
    ],
    absence_is_safe=True,
)
def iam_audit_guarded(subject: Subject, settings: AuditGuard) -> Outcome:
    """No policy lets its holder switch off the record of who did what.

    It is the first thing that an intruder does, and the one that hides all others. A policy that
    denies the same action on everything takes it back.
    """

    def silent(policy: Node) -> Outcome:
        read = policy.document("policy")
        denials = [
            denial
            for denial in statements(read, "Deny")
            if not denial.has("Condition") and on_everything(denial)
        ]

        def refused(statement: Node, action: str) -> Outcome:
            return require(
                not is_about(statement, action) or any(is_about(one, action) for one in denials),
                f"allows {action}",
                statement.here,
            )

        return every(
            statements(read, "Allow"),
            lambda statement: every(settings.actions, lambda action: refused(statement, action)),
        )

    return every(subject.each("inlinePolicies") if subject.type == ROLE else [subject], silent)
