"""Rules of identities, where their examples do not reach."""

import json

import pytest

from plan.values import UNKNOWN
from policies.registry import Given, Ref
from policies.rules.iam import POLICY, ROLE, ROLE_ATTACHMENT, ROLE_POLICY
from tests.policies.doors import FAIL, PASS, UNDECIDED, messages, says


def granting(**statement: object) -> Given:
    """A policy of one statement, which allows unless it says otherwise."""
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}
    return Given(ROLE_POLICY, "policy", {"policy": json.dumps(document)})


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("*", "*", FAIL),
        (["s3:GetObject", "*"], ["arn:aws:s3:::a", "*"], FAIL),
        ("*:*", "*", FAIL),
        ("**", "arn:aws:*", FAIL),
        ("*", "arn:aws:*:*:*:*", FAIL),
        ("*", "arn:*", FAIL),
        ("*", "arn:aws:s3:::*", PASS),
        ("*", "arn:aws:s3:::uploads/*", PASS),
        ("s3:*", "*", PASS),
        ("s3:GetObject", "*", PASS),
        ([], "*", PASS),
    ],
)
def test_full_administration_is_every_action_on_every_resource(
    action: object, resource: object, expected: str
) -> None:
    """However the two wildcards are written; one of them alone is another rule's matter."""
    assert says("iam-no-admin", granting(Action=action, Resource=resource)) == expected


def test_all_but_a_few_is_nearly_everything() -> None:
    """`NotAction` and `NotResource` allow what nobody listed."""
    assert says("iam-no-admin", granting(NotAction="iam:*", Resource="*")) == FAIL
    assert says("iam-no-admin", granting(NotAction="iam:*", Resource="arn:aws:s3:::a")) == PASS
    assert says("iam-no-admin", granting(Action="*", NotResource="arn:aws:s3:::a")) == FAIL


def test_what_is_denied_is_not_granted() -> None:
    """Only statements that allow are looked at."""
    assert says("iam-no-admin", granting(Effect="Deny", Action="*", Resource="*")) == PASS


@pytest.mark.parametrize(
    "document", ["{", "[]", '"*"', '{"Version": "2012-10-17"}', '{"Statement": ["*"]}']
)
def test_a_policy_that_is_none_fails(document: str) -> None:
    """AWS would refuse it; a rule does not take it for harmless."""
    assert says("iam-no-admin", Given(POLICY, "policy", {"policy": document})) == FAIL


def test_an_effect_in_another_case_fails() -> None:
    """AWS knows `Allow` and `Deny` alone."""
    assert messages("iam-no-admin", granting(Effect="allow", Action="*", Resource="*")) == [
        "policy.Statement[0].Effect should be Allow or Deny, not str"
    ]


def test_a_policy_may_be_an_object_with_parts_that_are_not_known() -> None:
    """The known parts still count."""
    statement = {"Effect": "Allow", "Action": ["*", UNKNOWN], "Resource": [UNKNOWN, "*"]}
    assert says("iam-no-admin", Given(POLICY, "p", {"policy": {"Statement": statement}})) == FAIL
    statement = {"Effect": "Allow", "Action": "*", "Resource": [UNKNOWN]}
    policy = Given(POLICY, "p", {"policy": {"Statement": statement}})
    assert says("iam-no-admin", policy) == UNDECIDED
    statement = {"Effect": "Allow", "Action": "s3:Get*", "Resource": [UNKNOWN]}
    assert says("iam-no-admin", Given(POLICY, "p", {"policy": {"Statement": statement}})) == PASS


def test_an_attached_policy_is_judged_where_it_is_declared() -> None:
    """An attachment of a policy of this stack says nothing of its own; an unknown one may."""
    policy = Given(POLICY, "policy", {"policy": UNKNOWN})
    attached = Given(ROLE_ATTACHMENT, "attached", {"policyArn": Ref("policy")})
    assert says("iam-no-admin", policy, attached, of="attached") == PASS
    assert says("iam-no-admin", Given(ROLE_ATTACHMENT, "a", {"policyArn": UNKNOWN})) == UNDECIDED
    arn = "arn:aws-us-gov:iam::aws:policy/IAMFullAccess"
    assert says("iam-no-admin", Given(ROLE_ATTACHMENT, "a", {"policyArn": arn})) == FAIL


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("s3:*", FAIL),
        ("s3:Get*", PASS),
        ("*", FAIL),
        (["s3:GetObject", "ec2:*"], FAIL),
        ([UNKNOWN, "ec2:*"], FAIL),
    ],
)
def test_every_action_of_a_service_is_too_much(action: object, expected: str) -> None:
    """A prefix within a service is narrow enough."""
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    policy = Given(POLICY, "p", {"policy": {"Statement": [statement]}})
    assert says("iam-no-service-wildcard", policy) == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Principal": {"Service": "ecs-tasks.amazonaws.com"}}, PASS),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}, PASS),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:role/*"}}, FAIL),
        ({"Principal": {"Service": "*"}}, FAIL),
        ({"Principal": ["*"]}, FAIL),
        ({"NotPrincipal": {"AWS": "arn:aws:iam::123456789012:root"}}, FAIL),
        ({"Principal": "*", "Condition": {}}, FAIL),
        ({"Principal": "*", "Condition": {"StringEquals": {"sts:ExternalId": "x"}}}, PASS),
        ({"Principal": {"Federated": "arn:aws:iam::123456789012:saml-provider/x"}}, FAIL),
        ({"Effect": "Deny", "Principal": "*"}, PASS),
    ],
)
def test_a_role_trusts_somebody_in_particular(statement: dict[str, object], expected: str) -> None:
    """A wildcard needs a condition that narrows it."""
    document = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", **statement}]}
    role = Given(ROLE, "role", {"assumeRolePolicy": json.dumps(document)})
    assert says("iam-trust-specific", role) == expected
