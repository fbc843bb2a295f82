"""Rules for how people reach an account: users, their rights, keys and passwords."""

from typing import Final

from pydantic import Field

from plan.graph import Graph
from policies.nodes import Subject
from policies.outcomes import Outcome, all_of, every, fail, require
from policies.registry import Controls, Given, Ref, rule
from policies.relations import targets
from policies.rules.iam import USER
from policies.settings import Settings, Severity

ACCESS_KEY: Final = "aws:iam/accessKey:AccessKey"
LOGIN: Final = "aws:iam/userLoginProfile:UserLoginProfile"
USER_POLICIES: Final = (
    "aws:iam/userPolicy:UserPolicy",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment",
)
POLICY_ATTACHMENT: Final = "aws:iam/policyAttachment:PolicyAttachment"
SIGN_IN: Final = "aws:iam/accountPasswordPolicy:AccountPasswordPolicy"

_READ_ONLY: Final = {"policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}


@rule(
    types=[*USER_POLICIES, POLICY_ATTACHMENT],
    severity=Severity.LOW,
    controls=Controls(fsbp=("IAM.2",), cis=("1.14",), checkov=("CKV_AWS_40",)),
    remediation="""
        Give rights to a role, or to a group that the user is in:

            aws.iam.GroupPolicyAttachment("auditors", group=group.name, policy_arn=policy.arn)
        """,
    passing=[
        (Given(POLICY_ATTACHMENT, "auditors", {"groups": ["auditors"], **_READ_ONLY}),),
        (Given(POLICY_ATTACHMENT, "auditors", {"roles": ["auditor"], "users": []}),),
    ],
    failing=[
        (Given(USER_POLICIES[0], "ann", {"user": "ann", "policy": "{}"}),),
        (Given(USER, "ann"), Given(USER_POLICIES[1], "ann", {"user": Ref("ann"), **_READ_ONLY})),
        (Given(POLICY_ATTACHMENT, "both", {"groups": ["auditors"], "users": ["ann", "bob"]}),),
    ],
    absence_is_safe=True,
)
def iam_no_user_policies(subject: Subject) -> Outcome:
    """Rights go to groups and roles, not to single users.

    Nobody remembers why one user has a right of their own, or takes it away when they move on.
    """
    if subject.type != POLICY_ATTACHMENT:
        return require(not subject.has("user"), "gives rights to a single user", "user")
    return every(
        subject.each("users"),
        lambda user: fail(f"gives rights to the user {user.as_text()}", user.here),
    )


class Users(Settings):
    """Who may be a user of the account itself."""

    break_glass: tuple[str, ...] = ("break-glass",)
    """Names of users for when federation is down."""


@rule(
    types=[USER, ACCESS_KEY, LOGIN],
    severity=Severity.MEDIUM,
    controls=Controls(cis=("1.20",), checkov=("CKV_AWS_273", "CKV_AWS_348")),
    settings=Users,
    remediation="""
        Let people sign in through IAM Identity Center, and pipelines through OIDC, as roles; a
        user for emergencies is named in the settings:

            "iam-no-users": {"breakGlass": ["emergency"]}
        """,
    passing=[
        (Given(USER, "emergency", {"name": "break-glass"}),),
        (
            Given(USER, "emergency", {"name": "break-glass"}),
            Given(LOGIN, "emergency", {"user": Ref("emergency")}),
        ),
    ],
    failing=[
        (Given(USER, "ann", {"name": "ann"}),),
        (Given(USER, "ci"), Given(ACCESS_KEY, "ci", {"user": Ref("ci")})),
        (Given(LOGIN, "ann", {"user": "ann"}),),
    ],
)
def iam_no_users(subject: Subject, settings: Users, graph: Graph) -> Outcome:
    """People and pipelines come as roles, without users and keys of the account.

    A key or a password of one works from anywhere until somebody revokes it; a session ends by
    itself. Users for emergencies are named in the settings.
    """
    if subject.type == USER:
        names = [subject.text("name")]
    else:
        users = targets(subject.resource, graph, "user", [USER])
        names = [user.text("name") for user in users] or [subject.text("user")]
    return require(
        all(name in settings.break_glass for name in names),
        "is a user of the account" if subject.type == USER else "lets a user of the account in",
    )


class Passwords(Settings):
    """What a password of the account's users has to be."""

    min_length: int = Field(default=14, ge=14, le=128)
    """CIS 1.7; FSBP asks for 8."""
    max_age_days: int = Field(default=90, ge=1, le=90)
    reuse_prevention: int = Field(default=24, ge=1, le=24)


_REQUIRED: Final = (
    "requireLowercaseCharacters",
    "requireNumbers",
    "requireSymbols",
    "requireUppercaseCharacters",
)
_STRONG: Final = {
    **dict.fromkeys(_REQUIRED, True),
    "minimumPasswordLength": 14,
    "passwordReusePrevention": 24,
    "maxPasswordAge": 90,
}


@rule(
    types=[SIGN_IN],
    severity=Severity.MEDIUM,
    controls=Controls(
        fsbp=("IAM.7", "IAM.10"),
        cis=("1.7", "1.8"),
        checkov=(
            *("CKV_AWS_9", "CKV_AWS_10", "CKV_AWS_11", "CKV_AWS_12", "CKV_AWS_13"),
            *("CKV_AWS_14", "CKV_AWS_15"),
        ),
    ),
    settings=Passwords,
    remediation="""
        Ask for long ones of each kind of character, and for new ones:

            aws.iam.AccountPasswordPolicy("passwords", minimum_password_length=14,
                password_reuse_prevention=24, max_password_age=90,
                require_lowercase_characters=True, require_uppercase_characters=True,
                require_numbers=True, require_symbols=True)
        """,
    passing=[
        (Given(SIGN_IN, "strong", _STRONG),),
        (
            Given(
                SIGN_IN,
                "stronger",
                {**_STRONG, "minimumPasswordLength": "20", "maxPasswordAge": 30},
            ),
        ),
    ],
    failing=[
        (Given(SIGN_IN, "short", {**_STRONG, "minimumPasswordLength": 8}),),
        (Given(SIGN_IN, "again", {**_STRONG, "passwordReusePrevention": 5}),),
        (Given(SIGN_IN, "old", {**_STRONG, "maxPasswordAge": 365}),),
        (Given(SIGN_IN, "eternal", {**_STRONG, "maxPasswordAge": 0}),),
        (Given(SIGN_IN, "plain", {**_STRONG, "requireSymbols": False}),),
    ],
)
def iam_password_policy(policy: Subject, settings: Passwords) -> Outcome:
    """Passwords of the account are long, mixed, and replaced.

    What few users there are, a guess or an old leak must not open them.
    """

    def least(key: str, wanted: int) -> Outcome:
        found = policy.number(key) or 0
        return require(found >= wanted, f"{key} is {found:g}, not {wanted} or more", key)

    def is_replaced() -> Outcome:
        age = policy.number("maxPasswordAge") or 0
        return require(
            0 < age <= settings.max_age_days,
            f"a password lives {f'{age:g} days' if age else 'for ever'}, "
            f"not {settings.max_age_days} days at most",
            "maxPasswordAge",
        )

    return all_of(
        lambda: every(_REQUIRED, lambda key: require(policy.flag(key), f"{key} is not true", key)),
        lambda: least("minimumPasswordLength", settings.min_length),
        lambda: least("passwordReusePrevention", settings.reuse_prevention),
        is_replaced,
    )
