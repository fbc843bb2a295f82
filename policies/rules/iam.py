"""Rules for identities: policies, roles and who may take them on."""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Final

from plan.graph import Graph
from policies.nodes import Node, Subject
from policies.outcomes import PASS, Outcome, all_of, every, fail, require
from policies.registry import Controls, Given, Ref, rule
from policies.relations import targets
from policies.settings import Settings, Severity
from policies.statements import any_text, is_anything, on_everything, principals, statements

ROLE: Final = "aws:iam/role:Role"
USER: Final = "aws:iam/user:User"
POLICY: Final = "aws:iam/policy:Policy"
ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
POLICIES: Final = (
    POLICY,
    ROLE_POLICY,
    "aws:iam/userPolicy:UserPolicy",
    "aws:iam/groupPolicy:GroupPolicy",
)
ROLE_ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ATTACHMENTS: Final = (
    ROLE_ATTACHMENT,
    "aws:iam/userPolicyAttachment:UserPolicyAttachment",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
    "aws:iam/policyAttachment:PolicyAttachment",
)

_ADMINISTRATORS: Final = ("policy/administratoraccess", "policy/iamfullaccess")


def document(*statements: str) -> str:
    """An IAM policy document of JSON statements, for the examples."""
    return f'{{"Version": "2012-10-17", "Statement": [{", ".join(statements)}]}}'


_ADMIN: Final = document('{"Effect": "Allow", "Action": "*", "Resource": "*"}')
_ALL_OF_S3: Final = document(
    '{"Effect": "Allow", "Action": ["s3:*"], "Resource": "arn:aws:s3:::uploads/*"}'
)
_READ: Final = document(
    '{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::uploads/*"}',
    '{"Effect": "Deny", "Action": "*", "Resource": "*"}',
)


def every_grant(subject: Subject, graph: Graph, check: Callable[[Node], Outcome]) -> Outcome:
    """Fail if `check` fails for a statement that allows, of a policy or of those inside a role.

    A policy that roles only carry as their boundary grants nothing, whatever it allows.
    """
    if subject.type == POLICY and _only_bounds(subject, graph):
        return PASS

    def grants(policy: Node) -> Outcome:
        return every(statements(policy.document("policy"), "Allow"), check)

    return every(subject.each("inlinePolicies") if subject.type == ROLE else [subject], grants)


def _only_bounds(policy: Subject, graph: Graph) -> bool:
    """Whether a policy is the boundary of identities, and nothing attaches it to any."""
    if not graph.referrers(policy.resource, ROLE, USER, key="permissionsBoundary"):
        return False
    attached = graph.referrers(policy.resource, *ATTACHMENTS, key="policyArn")
    inside = graph.referrers(policy.resource, ROLE, key="managedPolicyArns")
    suffix = f"/{policy.text('name') or policy.name}"
    return not (attached or inside or any(arn.endswith(suffix) for arn in graph.once(_attached)))


def _attached(graph: Graph) -> list[str]:
    """The policies that the stack attaches by an ARN that is known."""
    attachments = (one.inputs.get("policyArn") for one in graph.of_type(*ATTACHMENTS))
    inside = (one.inputs.get("managedPolicyArns") for one in graph.of_type(ROLE))
    lists = (arns for arns in inside if isinstance(arns, Sequence))
    return [arn for arn in (*attachments, *chain(*lists)) if isinstance(arn, str)]


@rule(
    types=[*POLICIES, *ATTACHMENTS, ROLE],
    severity=Severity.HIGH,
    controls=Controls(
        fsbp=("IAM.1",),
        cis=("1.15",),
        checkov=("CKV_AWS_62", "CKV_AWS_63", "CKV2_AWS_40", "CKV_AWS_274", "CKV_AWS_275"),
    ),
    remediation="""
        Name the actions and the resources that are needed:

            aws.iam.RolePolicy("read-uploads", role=role.name, policy=json.dumps({
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"],
                               "Resource": ["arn:aws:s3:::uploads/*"]}]}))
        """,
    passing=[
        (Given(ROLE_POLICY, "read", {"policy": _READ}),),
        (
            Given(POLICY, "read", {"policy": _READ}),
            Given(ROLE_ATTACHMENT, "attached", {"policyArn": Ref("read")}),
        ),
        (Given(ROLE, "task", {"inlinePolicies": [{"name": "read", "policy": _READ}]}),),
        (
            Given(POLICY, "boundary", {"policy": _ADMIN}),
            Given(ROLE, "deploy", {"permissionsBoundary": Ref("boundary")}),
        ),
    ],
    failing=[
        (Given(ROLE_POLICY, "admin", {"policy": _ADMIN}),),
        (
            Given(POLICY, "boundary", {"policy": _ADMIN}),
            Given(ROLE, "deploy", {"permissionsBoundary": Ref("boundary")}),
            Given(ROLE_ATTACHMENT, "attached", {"policyArn": Ref("boundary")}),
        ),
        (
            Given(POLICY, "boundary", {"name": "most", "policy": _ADMIN}),
            Given(ROLE, "deploy", {"permissionsBoundary": Ref("boundary")}),
            Given(ROLE, "admin", {"managedPolicyArns": ["arn:aws:iam::123456789012:policy/most"]}),
        ),
        (Given(ROLE, "admin", {"inlinePolicies": [{"name": "admin", "policy": _ADMIN}]}),),
        (
            Given(
                ROLE_ATTACHMENT,
                "admin",
                {"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
            ),
        ),
        (
            Given(
                ROLE,
                "admin",
                {"managedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]},
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
def iam_no_admin(subject: Subject, _: Settings, graph: Graph) -> Outcome:
    """No policy grants full administration.

    Whoever takes over what holds it owns the account, its backups and its logs.
    """

    def narrow(statement: Node) -> Outcome:
        wide = statement.has("NotAction") or any_text(statement.each("Action"), is_anything)
        return require(
            not (wide and on_everything(statement)),
            "allows every action on every resource",
            statement.here,
        )

    def ordinary(arn: Node) -> Outcome:
        text = arn.as_text()
        return require(not text.lower().endswith(_ADMINISTRATORS), f"attaches {text}", arn.here)

    if subject.type in ATTACHMENTS:
        if targets(subject.resource, graph, "policyArn", [POLICY]):
            return PASS  # that policy is judged where it is declared
        return every(subject.each("policyArn"), ordinary)
    return all_of(
        every_grant(subject, graph, narrow),
        every(subject.each("managedPolicyArns"), ordinary),
    )


@rule(
    types=[*POLICIES, ROLE],
    severity=Severity.LOW,
    controls=Controls(fsbp=("IAM.21",), checkov=("CKV_AWS_355",)),
    remediation="""
        Name the actions that are needed instead of all of a service:

            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": [...]}
        """,
    passing=[(Given(ROLE_POLICY, "read", {"policy": _READ}),)],
    failing=[
        (Given(ROLE_POLICY, "all", {"policy": _ALL_OF_S3}),),
        (Given(POLICY, "admin", {"policy": _ADMIN}),),
    ],
    absence_is_safe=True,
)
def iam_no_service_wildcard(subject: Subject, _: Settings, graph: Graph) -> Outcome:
    """No policy allows every action of a service.

    Such a grant grows with each action that AWS adds, and hides which ones are really used.
    """

    def named(action: Node) -> Outcome:
        text = action.as_text()
        return require(
            not is_anything(text.partition(":")[2] or text), f"allows {text}", action.here
        )

    def narrow(statement: Node) -> Outcome:
        return every(statement.each("Action"), named)

    return every_grant(subject, graph, narrow)


def trust(principal: str, condition: str = "") -> str:
    """A trust policy, for the examples."""
    return document(
        f'{{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {principal}{condition}}}'
    )


@rule(
    types=[ROLE],
    severity=Severity.HIGH,
    requirements=["ENV-03"],
    controls=Controls(checkov=("CKV_AWS_60", "CKV_AWS_61")),
    remediation="""
        Name who may take the role on:

            aws.iam.Role("task", assume_role_policy=json.dumps({
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                               "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]}))
        """,
    passing=[
        (
            Given(
                ROLE,
                "task",
                {"assumeRolePolicy": trust('{"Service": "ecs-tasks.amazonaws.com"}')},
            ),
        ),
        (
            Given(
                ROLE,
                "organisation",
                {
                    "assumeRolePolicy": trust(
                        '{"AWS": "*"}',
                        ', "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3"}}',
                    )
                },
            ),
        ),
    ],
    failing=[
        (Given(ROLE, "anybody", {"assumeRolePolicy": trust('"*"')}),),
        (Given(ROLE, "anybody", {"assumeRolePolicy": trust('{"AWS": ["*"]}')}),),
        (
            Given(
                ROLE,
                "anyrepository",
                {
                    "assumeRolePolicy": trust(
                        '{"Federated": "arn:aws:iam::123456789012:oidc-provider/example.com"}'
                    )
                },
            ),
        ),
    ],
)
def iam_trust_specific(role: Subject) -> Outcome:
    """A role names who may take it on.

    A role that trusts everyone is a way in from any account in the world.
    """

    def named(principal: Node) -> Outcome:
        return require("*" not in principal.as_text(), "trusts everyone", principal.here)

    def own(principals: Node) -> Outcome:
        return require(
            not (principals.is_object and principals.has("Federated")),
            "trusts everyone whom an identity provider knows",
            principals.at("Federated"),
        )

    def specific(statement: Node) -> Outcome:
        if statement.has("Condition"):
            return require(statement.node("Condition").names(), "has an empty condition")
        if statement.has("NotPrincipal"):
            return fail("trusts all but a few", statement.at("NotPrincipal"))
        return all_of(every(principals(statement), named), every(statement.each("Principal"), own))

    if not role.has("assumeRolePolicy"):
        return fail("has no trust policy", "assumeRolePolicy")
    return every(statements(role.document("assumeRolePolicy"), "Allow"), specific)
