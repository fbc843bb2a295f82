"""Rules for roles that people and pipelines take on from outside."""

import re
from typing import Final

from plan.graph import Graph
from policies.audience import EQUALITIES
from policies.nodes import Node, Subject
from policies.outcomes import (
    PASS,
    NotApplicable,
    Outcome,
    UnknownValueError,
    all_of,
    every,
    met,
    require,
    some,
)
from policies.registry import Controls, Given, Ref, rule
from policies.relations import targets
from policies.rules.iam import POLICY, ROLE, document
from policies.settings import Settings, Severity
from policies.statements import is_anything, principals, statements

PROVIDER: Final = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"

_MARK: Final = ":oidc-provider/"
_GITHUB: Final = "token.actions.githubusercontent.com"
_GITLAB: Final = "gitlab.com"
_CLUSTERS: Final = "oidc.eks."
_ONE: Final = r"[^/:*?]+"
_SUBJECTS: Final = {
    _GITHUB: re.compile(rf"(repo|repository):{_ONE}/{_ONE}(:.*)?|repository_id:\d+(:.*)?"),
    _GITLAB: re.compile(rf"project_path:{_ONE}(/{_ONE})+(:.*)?"),
}
"""By provider: subjects that name one repository, whatever they leave open within it."""
_EXACT: Final = re.compile(r"[^*?]+")


def _federated(claims: str, provider: str = _GITHUB, operator: str = "StringLike") -> str:
    """The trust of a role in a provider of OIDC, for the examples."""
    return document(
        '{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",'
        f' "Principal": {{"Federated": "arn:aws:iam::123456789012:oidc-provider/{provider}"}},'
        f' "Condition": {{"{operator}": {{{claims}}}}}}}'
    )


_AUD: Final = f'"{_GITHUB}:aud": "sts.amazonaws.com"'
_MAIN: Final = f'"{_GITHUB}:sub": "repo:example/slipway:ref:refs/heads/main"'
_ANY: Final = f'"{_GITHUB}:sub": "repo:example/*"'


@rule(
    types=[ROLE, PROVIDER],
    severity=Severity.HIGH,
    controls=Controls(checkov=("CKV_AWS_358", "CKV_AWS_393")),
    remediation="""
        Name the audience, and the repository with its branch or environment:

            "Condition": {"StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub":
                    "repo:example/slipway:environment:production"}}
        """,
    passing=[
        (Given(ROLE, "deploy", {"assumeRolePolicy": _federated(f"{_AUD}, {_MAIN}")}),),
        (
            Given(
                ROLE,
                "pod",
                {
                    "assumeRolePolicy": _federated(
                        '"oidc.eks.eu-central-1.amazonaws.com/id/1:aud": "sts.amazonaws.com",'
                        ' "oidc.eks.eu-central-1.amazonaws.com/id/1:sub":'
                        ' "system:serviceaccount:payments:api"',
                        "oidc.eks.eu-central-1.amazonaws.com/id/1",
                        "StringEquals",
                    )
                },
            ),
        ),
        (Given(PROVIDER, "github", {"clientIdLists": ["sts.amazonaws.com"]}),),
    ],
    failing=[
        (Given(ROLE, "deploy", {"assumeRolePolicy": _federated(_AUD)}),),
        (Given(ROLE, "deploy", {"assumeRolePolicy": _federated(_MAIN)}),),
        (Given(ROLE, "deploy", {"assumeRolePolicy": _federated(f"{_AUD}, {_ANY}")}),),
        (
            Given(
                ROLE,
                "deploy",
                {"assumeRolePolicy": _federated(f"{_AUD}, {_MAIN}", operator="StringLikeIfExists")},
            ),
        ),
        (
            Given(
                ROLE,
                "faked",
                {
                    "assumeRolePolicy": _federated(
                        f'{_AUD}, "{_GITHUB}:sub": "environment:production"'
                    )
                },
            ),
        ),
        (
            Given(
                ROLE,
                "some",
                {
                    "assumeRolePolicy": _federated(
                        f'{_AUD}, "{_GITHUB}:sub": ["repo:example/slipway:*", "repo:*"]'
                    )
                },
            ),
        ),
        (Given(PROVIDER, "github", {"clientIdLists": ["sts.amazonaws.com", "*"]}),),
    ],
    absence_is_safe=True,
)
def iam_oidc_claims(subject: Subject) -> Outcome:
    """A role that a pipeline takes on names the repository that may.

    The provider vouches for every repository that it hosts, a stranger's too. The subject has to
    begin with what its owner cannot choose; a workflow's or an environment's name anyone can.
    """
    if subject.type == PROVIDER:
        return every(
            subject.each("clientIdLists"),
            lambda one: require(
                not is_anything(one.as_text()), "accepts tokens for any audience", one.here
            ),
        )
    return every(statements(subject.document("assumeRolePolicy"), "Allow"), _names_its_subject)


def _names_its_subject(statement: Node) -> Outcome:
    def bound(principal: Node) -> Outcome:
        _, mark, provider = principal.as_text().partition(_MARK)
        if not mark:
            return PASS
        wanted = _SUBJECTS.get(provider.lower(), _EXACT)
        return all_of(
            lambda: _claims(statement, f"{provider}:aud", _EXACT),
            lambda: _claims(statement, f"{provider}:sub", wanted),
        )

    return every(principals(statement), bound)


def _claims(statement: Node, claim: str, wanted: re.Pattern[str]) -> Outcome:
    """Whether a condition holds only where `claim` is there, and each value is as `wanted`."""
    conditions = statement.node("Condition")
    tests = [
        (conditions.node(operator), key)
        for operator in conditions.names()
        if operator.lower().removeprefix("foranyvalue:") in EQUALITIES
        for key in conditions.node(operator).names()
        if key.lower() == claim.lower()
    ]

    def is_narrow(test: tuple[Node, str]) -> Outcome:
        node, key = test
        return met(node.has(key) and all(wanted.fullmatch(one) for one in node.texts(key)))

    return some(tests, is_narrow, f"no condition binds {claim} to one of ours")


def _trusting(principal: str) -> dict[str, object]:
    """A role that `principal` may take on, for the examples."""
    return {
        "assumeRolePolicy": document(
            f'{{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {principal}}}'
        )
    }


_PEOPLE: Final = _trusting('{"AWS": "arn:aws:iam::123456789012:root"}')
_PIPELINE: Final = {"assumeRolePolicy": _federated(f"{_AUD}, {_MAIN}")}
_BOUNDARY: Final = {"permissionsBoundary": "arn:aws:iam::123456789012:policy/boundary"}


@rule(
    types=[ROLE],
    severity=Severity.MEDIUM,
    remediation="""
        Say the most that anybody in the role may do, whatever is attached to it later:

            aws.iam.Role("deploy", permissions_boundary=boundary.arn, ...)
        """,
    passing=[
        (Given(ROLE, "operators", {**_PEOPLE, **_BOUNDARY}),),
        (
            Given(POLICY, "boundary"),
            Given(ROLE, "deploy", {**_PIPELINE, "permissionsBoundary": Ref("boundary")}),
        ),
        (
            Given(ROLE, "task", _trusting('{"Service": "ecs-tasks.amazonaws.com"}')),
            Given(ROLE, "operators", {**_PEOPLE, **_BOUNDARY}),
        ),
    ],
    failing=[
        (Given(ROLE, "operators", _PEOPLE),),
        (Given(ROLE, "deploy", _PIPELINE),),
        (
            Given(
                ROLE,
                "unbound",
                {**_PEOPLE, "permissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"},
            ),
        ),
        (
            Given(
                ROLE,
                "either",
                _trusting('{"Service": "ec2.amazonaws.com", "AWS": "arn:aws:iam::1:role/ci"}'),
            ),
        ),
    ],
    absence_is_safe=True,
)
def iam_permissions_boundary(role: Subject, _: Settings, graph: Graph) -> Outcome:
    """A role that people or pipelines take on carries a permissions boundary.

    Staging and production admit by the same mechanism, role boundaries included: whoever is let
    in stays within them even if a policy too many is attached. Roles that only a service of AWS
    takes on, or a pod of a cluster, are what a program wrote for one purpose: their policies are
    judged instead.
    """
    if not _admits_from_outside(role):
        return NotApplicable("only a service takes it on")
    if targets(role.resource, graph, "permissionsBoundary", [POLICY]):
        return PASS
    boundary = role.text("permissionsBoundary") or ""
    if boundary.lower().endswith("policy/administratoraccess"):
        boundary = ""
    return require(
        boundary.strip(), "no boundary says what it may do at most", "permissionsBoundary"
    )


def _admits_from_outside(role: Subject) -> bool:
    """Whether the trust of `role` names anybody but services and pods.

    Raises:
        UnknownValueError: nobody known, and somebody who is not.
    """
    unknown: UnknownValueError | None = None
    for statement in statements(role.document("assumeRolePolicy"), "Allow"):
        named = statement.node("Principal") if _by_kind(statement) else None
        if named is None:
            return True  # everybody, or everybody but a few
        for kind in named.names():
            for one in named.each(kind):
                try:
                    if kind != "Service" and _CLUSTERS not in one.as_text():
                        return True
                except UnknownValueError as error:
                    unknown = error
    if unknown:
        raise unknown
    return False


def _by_kind(statement: Node) -> bool:
    return all(one.is_object for one in statement.nodes("Principal")) and statement.has("Principal")
