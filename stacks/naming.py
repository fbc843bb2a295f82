"""Physical names and ARNs: known before anything exists, so that policies can hold them."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from environments import Environment, Stack

_DIGEST: Final = 6


@dataclass(frozen=True, slots=True)
class Names:
    """The physical names of one stack's resources; logical names never hold its name."""

    environment: Stack

    @property
    def partition(self) -> str:
        """The partition of AWS that every region which an environment may name is in."""
        return "aws"

    @property
    def root(self) -> str:
        """The ARN that stands for the account: whom its own IAM policies admit."""
        return f"arn:{self.partition}:iam::{self.environment.aws.account}:root"

    def of(self, *parts: str, limit: int = 63) -> str:
        """`production-api` for `api`; beyond `limit` characters cut, with a digest of the whole."""
        return shortened("-".join((self.environment.name, *parts)), limit)

    def path(self, *parts: str) -> str:
        """`/slipway/production/api` for `api`: a name of log groups and parameters."""
        return "/".join(("/slipway", self.environment.name, *parts))

    def bucket(self, purpose: str) -> str:
        """A bucket's name: unique in the world, since it holds the account."""
        return self.of(purpose, self.environment.aws.account)

    def arn(
        self, service: str, resource: str, *, region: str | None = None, account: str | None = None
    ) -> str:
        """The ARN of `resource`; in the environment's own region and account unless given."""
        aws = self.environment.aws
        where = aws.region if region is None else region
        owner = aws.account if account is None else account
        return f"arn:{self.partition}:{service}:{where}:{owner}:{resource}"

    def bucket_arn(self, purpose: str) -> str:
        """The ARN of the bucket for `purpose`."""
        return self.arn("s3", self.bucket(purpose), region="", account="")


def mcp_domain(environment: Environment) -> str:
    """The name that services call the MCP server by, inside the network."""
    return f"mcp.{environment.edge.name}"


def shortened(name: str, limit: int) -> str:
    """`name` within `limit` characters: cut where longer, and told apart by a digest."""
    if len(name) <= limit:
        return name
    digest = sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{name[: limit - _DIGEST - 1].rstrip('-')}-{digest}"
