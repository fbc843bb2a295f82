"""Names of the foundation's identities, and what their trust policies have in common."""

from dataclasses import dataclass
from typing import Final

from stacks.naming import Names
from stacks.statements import Statement

PATH: Final = "/foundation/"
"""Where all identities of a foundation stand, so that a boundary can name them at once."""
GITHUB: Final = "token.actions.githubusercontent.com"
AUDIENCE: Final = "sts.amazonaws.com"
SESSION_SECONDS: Final = 3600  # the shortest that IAM has: credentials that leak soon end


@dataclass(frozen=True, slots=True)
class Identities:
    """The ARNs of a foundation's identities, known before any of them exists."""

    names: Names

    def role(self, name: str) -> str:
        """The ARN of the foundation's role `name`."""
        return self.names.arn("iam", f"role{PATH}{name}", region="")

    def boundary(self, environment: str) -> str:
        """The ARN of the policy that says what an environment may do at most."""
        return self.names.arn("iam", f"policy{PATH}{environment}-boundary", region="")

    @property
    def provider(self) -> str:
        """The ARN of the identity provider of GitHub's workflows."""
        return self.names.arn("iam", f"oidc-provider/{GITHUB}", region="")

    def workflows(self, *subjects: str) -> Statement:
        """Let the workflows with one of the token's `subjects` take on a role, and no others."""
        audience, subject = f"{GITHUB}:aud", f"{GITHUB}:sub"
        exact = {audience: AUDIENCE}
        # Development takes any branch; every other subject stands here letter by letter.
        condition = (
            {"StringEquals": exact, "StringLike": {subject: list(subjects)}}
            if any("*" in one for one in subjects)
            else {"StringEquals": {**exact, subject: list(subjects)}}
        )
        return {
            "Effect": "Allow",
            "Principal": {"Federated": self.provider},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition,
        }


def people(*principals: str) -> Statement:
    """Let the people behind `principals` take on a role, by name."""
    return {
        "Effect": "Allow",
        "Principal": {"AWS": list(principals)},
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"],
    }
