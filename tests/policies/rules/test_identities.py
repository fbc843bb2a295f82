"""Rules of grants, people and federation, where their examples do not reach."""

import json

import pytest

from plan.values import UNKNOWN
from policies.registry import Given, Ref
from policies.rules.iam import POLICY, ROLE, ROLE_POLICY
from policies.rules.iam_people import ACCESS_KEY, SIGN_IN, USER, Users
from tests.policies.doors import FAIL, PASS, SILENT, UNDECIDED, messages, says

GITHUB = "token.actions.githubusercontent.com"


def granting(*more: dict[str, object], **statement: object) -> Given:
    """A policy whose first statement allows, unless it says otherwise."""
    statements = [{"Effect": "Allow", "Resource": "*", **statement}, *more]
    return Given(ROLE_POLICY, "policy", {"policy": json.dumps({"Statement": statements})})


@pytest.mark.parametrize(
    ("rule", "action", "expected"),
    [
        ("iam-no-privilege-escalation", "iam:PassRole", FAIL),
        ("iam-no-privilege-escalation", ["iam:Get*", "IAM:ATTACHROLEPOLICY"], FAIL),
        ("iam-no-privilege-escalation", "lambda:UpdateFunction*", FAIL),
        ("iam-no-privilege-escalation", "iam:Get*", PASS),
        ("iam-no-exfiltration", "secretsmanager:*", FAIL),
        ("iam-no-exfiltration", "sts:Assume*", FAIL),
        ("iam-no-exfiltration", "ssm:GetParametersByPath", FAIL),
        ("iam-no-exfiltration", "ecr:GetAuthorizationToken", PASS),
        ("iam-no-kms-decrypt-star", "kms:*", FAIL),
        ("iam-no-kms-decrypt-star", "kms:Encrypt", PASS),
        ("iam-audit-guarded", "cloudtrail:Stop*", FAIL),
        ("iam-audit-guarded", "config:*", FAIL),
        ("iam-audit-guarded", "cloudtrail:Get*", PASS),
    ],
)
def test_what_is_too_much_is_found_in_each_pattern(
    rule: str, action: object, expected: str
) -> None:
    """Patterns grant what they match, whatever they were written for."""
    assert says(rule, granting(Action=action)) == expected


def test_one_resource_is_not_all() -> None:
    """The same action on what is named passes; a tag narrows all but decryption."""
    one = "arn:aws:iam::123456789012:role/api-task"
    assert says("iam-no-privilege-escalation", granting(Action="iam:*", Resource=one)) == PASS
    tagged = {"StringEquals": {"aws:ResourceTag/Service": "api"}}
    for action, rule, expected in (
        ("ssm:GetParameter", "iam-no-exfiltration", PASS),
        ("kms:Decrypt", "iam-no-kms-decrypt-star", FAIL),
    ):
        assert says(rule, granting(Action=action, Condition=tagged)) == expected


def test_each_action_is_named_and_an_unknown_one_hides_none() -> None:
    """A finding says what to take out."""
    found = messages("iam-no-privilege-escalation", granting(Action=["iam:Attach*Policy"]))
    assert found == [
        "allows iam:AttachGroupPolicy on every resource",
        "allows iam:AttachRolePolicy on every resource",
        "allows iam:AttachUserPolicy on every resource",
    ]
    roles = Given(ROLE, "task", {"inlinePolicies": [{"policy": UNKNOWN}]})
    assert says("iam-no-exfiltration", roles) == UNDECIDED


def test_a_denial_takes_back_what_is_granted() -> None:
    """Only one that always holds, on everything."""
    denial: dict[str, object] = {"Effect": "Deny", "Action": "cloudtrail:*", "Resource": "*"}
    assert says("iam-audit-guarded", granting(denial, Action="cloudtrail:*")) == PASS
    for less in (
        {"Resource": "arn:aws:cloudtrail:eu-central-1:123456789012:trail/one"},
        {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}},
        {"Action": "cloudtrail:StopLogging"},
    ):
        assert says("iam-audit-guarded", granting(denial | less, Action="cloudtrail:*")) == FAIL


def federated(operator: str, wanted: dict[str, object], provider: str = GITHUB) -> Given:
    """A role that a pipeline takes on."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{provider}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {operator: wanted},
    }
    return Given(ROLE, "deploy", {"assumeRolePolicy": json.dumps({"Statement": [statement]})})


def claims(subject: object, provider: str = GITHUB) -> dict[str, object]:
    """The condition on audience and subject."""
    return {f"{provider}:aud": "sts.amazonaws.com", f"{provider}:sub": subject}


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("repo:example/slipway:ref:refs/heads/main", PASS),
        ("repo:example/slipway:*", PASS),
        ("repo:example/slipway", PASS),
        (["repo:example/slipway:*", "repo:example/other:environment:production"], PASS),
        ("repository_id:1234:environment:production", PASS),
        ("repo:example/slip*:ref:refs/heads/main", FAIL),
        ("repo:*/slipway:ref:refs/heads/main", FAIL),
        ("repo:example/?lipway:*", FAIL),
        ("ref:refs/heads/main:repo:example/slipway", FAIL),
        ("*", FAIL),
        ([], FAIL),
    ],
)
def test_a_pipeline_names_its_repository_first(subject: object, expected: str) -> None:
    """What follows the repository may be open; what comes before it must not be."""
    assert says("iam-oidc-claims", federated("StringLike", claims(subject))) == expected


@pytest.mark.parametrize(
    ("provider", "subject", "expected"),
    [
        ("gitlab.com", "project_path:group/sub/slipway:ref_type:branch:ref:main", PASS),
        ("gitlab.com", "project_path:group/*:ref_type:branch:ref:main", FAIL),
        ("oidc.eks.eu-central-1.amazonaws.com/id/1", "system:serviceaccount:pay:api", PASS),
        ("oidc.eks.eu-central-1.amazonaws.com/id/1", "system:serviceaccount:pay:*", FAIL),
    ],
)
def test_each_provider_has_its_own_subjects(provider: str, subject: str, expected: str) -> None:
    """Of one that is not known here, the subject is exact."""
    role = federated("StringEquals", claims(subject, provider), provider)
    assert says("iam-oidc-claims", role) == expected


@pytest.mark.parametrize(
    "operator", ["StringEqualsIfExists", "ForAllValues:StringEquals", "StringNotEquals"]
)
def test_a_condition_that_holds_without_the_claim_binds_nothing(operator: str) -> None:
    """A token of a stranger need only lack it."""
    role = federated(operator, claims("repo:example/slipway:*"))
    assert says("iam-oidc-claims", role) == FAIL


def trusting(principal: object, **more: object) -> Given:
    """A role that `principal` may take on."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    trust = json.dumps({"Statement": [statement]})
    return Given(ROLE, "role", {"assumeRolePolicy": trust, **more})


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ({"Service": ["ecs-tasks.amazonaws.com", "ec2.amazonaws.com"]}, SILENT),
        ({"Federated": "arn:aws:iam::1:oidc-provider/oidc.eks.eu-central-1.amazonaws.com"}, SILENT),
        ({"Federated": "arn:aws:iam::1:saml-provider/people"}, FAIL),
        ({"AWS": "arn:aws:iam::123456789012:role/ci"}, FAIL),
        ("*", FAIL),
    ],
)
def test_whoever_comes_from_outside_stays_within_a_boundary(
    principal: object, expected: str
) -> None:
    """A service and a pod are no one who could be given more by mistake."""
    assert says("iam-permissions-boundary", trusting(principal)) == expected


def test_a_boundary_is_one_that_bounds() -> None:
    """A policy of the stack, or the name of one; one that is unknown is not yet any."""
    people = {"AWS": "arn:aws:iam::123456789012:root"}
    bounded = trusting(people, permissionsBoundary=Ref("most"))
    rule = "iam-permissions-boundary"
    assert says(rule, Given(POLICY, "most", {"policy": "{}"}), bounded) == PASS
    assert says(rule, trusting(people, permissionsBoundary=UNKNOWN)) == UNDECIDED
    assert says(rule, trusting(people, permissionsBoundary=" ")) == FAIL


def test_users_for_emergencies_are_named() -> None:
    """Their keys, too, whether by reference or by name."""
    settings = Users(break_glass=("emergency",))
    user = Given(USER, "user", {"name": "emergency"})
    for key in (
        Given(ACCESS_KEY, "key", {"user": Ref("user")}),
        Given(ACCESS_KEY, "key", {"user": "emergency"}),
    ):
        assert says("iam-no-users", user, key, settings=settings) == PASS
        assert says("iam-no-users", user, key) == FAIL
    assert says("iam-no-users", Given(ACCESS_KEY, "key", {"user": UNKNOWN})) == UNDECIDED


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("minimumPasswordLength", 13, "minimumPasswordLength is 13, not 14 or more"),
        ("passwordReusePrevention", None, "passwordReusePrevention is 0, not 24 or more"),
        ("maxPasswordAge", 91, "a password lives 91 days, not 90 days at most"),
        ("maxPasswordAge", 0, "a password lives for ever, not 90 days at most"),
        ("requireNumbers", False, "requireNumbers is not true"),
    ],
)
def test_each_weakness_of_passwords_is_named(key: str, value: object, said: str) -> None:
    """One at a time, with what it should be."""
    strong: dict[str, object] = {
        **dict.fromkeys(
            (
                "requireLowercaseCharacters",
                "requireNumbers",
                "requireSymbols",
                "requireUppercaseCharacters",
            ),
            True,
        ),
        "minimumPasswordLength": 14,
        "passwordReusePrevention": 24,
        "maxPasswordAge": 90,
    }
    assert messages("iam-password-policy", Given(SIGN_IN, "all", strong | {key: value})) == [said]


def _trusting(**statement: object) -> Given:
    document = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", **statement}]}
    return Given(ROLE, "role", {"assumeRolePolicy": json.dumps(document)})


def test_all_but_a_few_is_nobody_in_particular() -> None:
    """Nor is a condition that holds for everybody."""
    few = _trusting(NotPrincipal={"AWS": "arn:aws:iam::123456789012:root"})
    assert messages("iam-trust-specific", few) == ["trusts all but a few"]
    empty = _trusting(Principal={"AWS": "arn:aws:iam::123456789012:root"}, Condition={})
    assert says("iam-trust-specific", empty) == PASS


def test_a_claim_is_bound_by_any_operator_that_compares() -> None:
    """With a prefix for claims of several values, in any case of letters."""
    claims = {
        f"{GITHUB}:aud": "sts.amazonaws.com",
        f"{GITHUB}:sub": "repo:example/slipway:environment:production",
    }
    provider = f"arn:aws:iam::123456789012:oidc-provider/{GITHUB}"
    for operator, expected in (
        ("StringEquals", PASS),
        ("ForAnyValue:StringEquals", PASS),
        ("foranyvalue:stringequals", PASS),
        ("ForAllValues:StringEquals", FAIL),
        ("StringNotEquals", FAIL),
    ):
        role = _trusting(Principal={"Federated": provider}, Condition={operator: claims})
        assert says("iam-oidc-claims", role) == expected, operator


_ANYTHING = json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


def test_a_boundary_grants_nothing_until_it_is_attached() -> None:
    """By a reference or by its ARN, to whom it bounds or to somebody else."""
    boundary = Given(POLICY, "most", {"policy": _ANYTHING})
    attachment = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    users = "aws:iam/userPolicyAttachment:UserPolicyAttachment"
    arn = "arn:aws:iam::123456789012:policy/most"
    bounded = [
        Given(type_, "bounded", {"permissionsBoundary": Ref("most")}) for type_ in (ROLE, USER)
    ]
    for identity in bounded:
        assert says("iam-no-admin", boundary, identity, of="most") != FAIL
        for attached in (
            Given(attachment, "attached", {"policyArn": Ref("most")}),
            Given(users, "attached", {"policyArn": arn}),
            Given(ROLE, "inside", {"managedPolicyArns": [Ref("most")]}),
            Given(ROLE, "inside", {"managedPolicyArns": ["arn:aws:iam::aws:policy/Read", arn]}),
        ):
            assert says("iam-no-admin", boundary, identity, attached, of="most") == FAIL
        for other in (
            Given(attachment, "other", {"policyArn": "arn:aws:iam::123456789012:policy/almost"}),
            Given(ROLE, "other", {"managedPolicyArns": ["arn:aws:iam::aws:policy/Read"]}),
        ):
            assert says("iam-no-admin", boundary, identity, other, of="most") != FAIL
    assert says("iam-no-admin", boundary) == FAIL
    named = Given(POLICY, "most", {"policy": _ANYTHING, "name": "boundary"})
    by_name = Given(attachment, "attached", {"policyArn": "arn:aws:iam::1:policy/boundary"})
    assert says("iam-no-admin", named, bounded[0], by_name, of="most") == FAIL
