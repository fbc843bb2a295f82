"""What the repository's workflows may do in the account, and from which branch or environment."""

from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi import ComponentResource, ResourceOptions
from pulumi_aws import iam

from environments import Environment, Foundation
from stacks.foundation.boundary import boundary
from stacks.foundation.identities import AUDIENCE, GITHUB, PATH, SESSION_SECONDS, Identities
from stacks.naming import Names
from stacks.statements import Statement, document

_MANAGED: Final = "arn:{}:iam::aws:policy/{}"
_UNREAD: Final = [
    "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PartiQL*", "dynamodb:Query",
    "dynamodb:Scan", "ecs:ExecuteCommand", "rds-data:*", "rds-db:connect", "sqs:ReceiveMessage",
    "ssm:SendCommand", "ssm:StartSession",
]  # fmt: skip
"""What reads or enters what an environment holds: a deployment needs none of it."""
_MADE: Final = [
    "iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy", "iam:PassRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy",
    "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
    "iam:UpdateRoleDescription", "iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicy",
    "iam:DeletePolicyVersion", "iam:TagPolicy", "iam:UntagPolicy",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineArguments:
    """What the identities of workflows are made from."""

    foundation: Foundation


class Pipeline(ComponentResource):
    """Who workflows are in the account: a token of GitHub's for an hour, never a key.

    Makes the identity provider; for the account, and for each of its environments, a boundary; for
    each environment a role that applies it, from the GitHub environment of its name alone, which
    holds the approvals; and for each stack a role that only looks, from the branch that it is
    released from. A pull request gets no role unless the file says so: what it would change is
    previewed without any.
    """

    roles: list[iam.Role]
    """Those that policies of keys and buckets name."""
    boundaries: dict[str, iam.Policy]
    """By environment; that of the account is under `account`."""

    def __init__(
        self, name: str, arguments: PipelineArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:foundation:Pipeline", name, opts=options)
        self._foundation = foundation = arguments.foundation
        self._names = Names(foundation)
        self._identities = Identities(self._names)
        provider = iam.OpenIdConnectProvider(
            "github",
            url=f"https://{GITHUB}",
            client_id_lists=[AUDIENCE],
            opts=ResourceOptions(parent=self),
        )
        self._inside = ResourceOptions(parent=self, depends_on=[provider])
        everyone = [environment.name for environment in foundation.environments]
        self.boundaries = {one: self._boundary(one) for one in ["account", *everyone]}
        default = self._branch(foundation.repository.default_branch)
        self.roles = [self._preview(foundation.name, "account", default)]
        proposed = f"repo:{foundation.repository.name}:pull_request"
        for environment in foundation.environments:
            subjects = {default, self._branch(environment.release.branch)}
            if foundation.repository.is_pull_request_trusted:
                subjects.add(proposed)
            looks = self._preview(environment.name, environment.name, *sorted(subjects))
            self._let_page(looks, environment)
            self.roles += [looks, self._apply(environment)]
        self.register_outputs({})

    def _branch(self, branch: str) -> str:
        return f"repo:{self._foundation.repository.name}:ref:refs/heads/{branch}"

    def _boundary(self, name: str) -> iam.Policy:
        return iam.Policy(
            f"{name}-boundary",
            name=f"{name}-boundary",
            path=PATH,
            description=f"The most that any role of {name} may do",
            policy=boundary(name, self._foundation),
            opts=ResourceOptions(parent=self),
        )

    def _role(self, name: str, description: str, bound: str, *subjects: str) -> iam.Role:
        return iam.Role(
            name,
            name=name,
            path=PATH,
            description=description,
            assume_role_policy=document(self._identities.workflows(*subjects)),
            permissions_boundary=self.boundaries[bound].arn,
            max_session_duration=SESSION_SECONDS,
            opts=self._inside,
        )

    def _preview(self, stack: str, bound: str, *subjects: str) -> iam.Role:
        """A role that reads settings and the stack's own state, and changes nothing."""
        role = self._role(
            f"{stack}-preview", f"Previews {stack} and looks for drift", bound, *subjects
        )
        for managed in ("job-function/ViewOnlyAccess", "SecurityAudit"):
            self._attach(role, f"{stack}-preview", managed)
        self._grant(
            role,
            f"{stack}-preview",
            {
                "Sid": "OwnState",
                "Effect": "Allow",
                "Action": "s3:GetObject",
                "Resource": own_state(self._foundation, stack),
            },
        )
        return role

    def _let_page(self, role: iam.Role, environment: Environment) -> None:
        """Let what previews read the one secret that the program reads: whom to page, and how."""
        secret = environment.alerts.paging_secret
        if secret is None:
            return
        self._grant(
            role,
            f"{environment.name}-preview-paging",
            {
                "Sid": "PagingKey",
                "Effect": "Allow",
                "Action": "secretsmanager:GetSecretValue",
                "Resource": secret,
            },
        )

    def _apply(self, environment: Environment) -> iam.Role:
        """A role that applies the environment: its roles are its own, its data stays unread."""
        name = f"{environment.name}-apply"
        subject = f"repo:{self._foundation.repository.name}:environment:{environment.name}"
        role = self._role(name, f"Applies {environment.name}", environment.name, subject)
        self._attach(role, name, "PowerUserAccess")
        arn = self._names.arn
        self._grant(
            role,
            name,
            {
                "Sid": "OwnIdentities",
                "Effect": "Allow",
                "Action": _MADE,
                "Resource": [
                    arn("iam", f"{kind}/{environment.name}-*", region="")
                    for kind in ("policy", "role")
                ],
            },
            {
                "Sid": "RolesOfServices",
                "Effect": "Allow",
                "Action": "iam:CreateServiceLinkedRole",
                "Resource": arn("iam", "role/aws-service-role/*", region=""),
            },
            {
                "Sid": "IdentitiesOfPods",
                "Effect": "Allow",
                "Action": ["iam:CreateOpenIDConnectProvider", "iam:DeleteOpenIDConnectProvider",
                           "iam:TagOpenIDConnectProvider", "iam:UntagOpenIDConnectProvider"],
                "Resource": arn("iam", "oidc-provider/oidc.eks.*", region=""),
            },
            {
                "Sid": "Looking",
                "Effect": "Allow",
                "Action": ["iam:Get*", "iam:List*"],
                "Resource": "*",
            },
            {
                "Sid": "DataStaysUnread",
                "Effect": "Deny",
                "Action": _UNREAD,
                "Resource": "*",
            },
        )  # fmt: skip
        return role

    def _attach(self, role: iam.Role, name: str, managed: str) -> None:
        iam.RolePolicyAttachment(
            f"{name}-{managed.rpartition('/')[2]}",
            role=role.name,
            policy_arn=_MANAGED.format(self._names.partition, managed),
            opts=self._inside,
        )

    def _grant(self, role: iam.Role, name: str, *statements: Statement) -> None:
        iam.RolePolicy(
            name, name=name, role=role.name, policy=document(*statements), opts=self._inside
        )


def own_state(foundation: Foundation, stack: str) -> list[str]:
    """The objects that Pulumi keeps for `stack`, and what it keeps for all: its version."""
    bucket = Names(foundation).arn("s3", foundation.state_bucket, region="", account="")
    kept = f"{bucket}/.pulumi/*/{pulumi.get_project()}/{stack}"
    return [f"{bucket}/.pulumi/meta.yaml", f"{kept}.json*", f"{kept}/*"]
