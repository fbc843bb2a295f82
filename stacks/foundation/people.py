"""Who may enter an environment: the groups that its tier admits, its releases, an emergency."""

from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, ResourceOptions
from pulumi_aws import iam

from environments import Environment, Foundation
from environments.foundation import ADMITTED
from stacks.foundation.identities import PATH, SESSION_SECONDS, Identities, people
from stacks.foundation.pipeline import Pipeline
from stacks.naming import Names
from stacks.statements import Statement, document

BREAK_GLASS: Final = "break-glass"
_LOOKING: Final = ("job-function/ViewOnlyAccess", "CloudWatchReadOnlyAccess")


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleArguments:
    """What the roles of people are made from."""

    foundation: Foundation
    pipeline: Pipeline


class People(ComponentResource):
    """The roles that people take on, each within a boundary, for an hour.

    Makes for each environment: a role to look into it, for the groups that its tier admits and
    nobody else (ENV-03); and, on a chain that others use, the role that deploys its program, which
    workflows of its GitHub environment alone take on, and which may sign with the program's key
    and do nothing else. For the account: the role for emergencies, for the people named, with a
    second factor; an alarm tells of every use.
    """

    roles: list[iam.Role]
    """Those that policies of keys name."""

    def __init__(
        self, name: str, arguments: PeopleArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:foundation:People", name, opts=options)
        self._arguments = arguments
        self._names = Names(arguments.foundation)
        self._identities = Identities(self._names)
        for environment in arguments.foundation.environments:
            self._access(environment)
        self.roles = [
            self._program(one) for one in arguments.foundation.environments if one.must("SEC-12")
        ]
        self._break_glass()
        self.register_outputs({})

    def _role(self, name: str, description: str, bound: str, trust: Statement) -> iam.Role:
        return iam.Role(
            name,
            name=name,
            path=PATH,
            description=description,
            assume_role_policy=document(trust),
            permissions_boundary=self._arguments.pipeline.boundaries[bound].arn,
            max_session_duration=SESSION_SECONDS,
            opts=ResourceOptions(parent=self, depends_on=[self._arguments.pipeline]),
        )

    def _attach(self, role: iam.Role, name: str, *policies: str) -> None:
        for policy in policies:
            iam.RolePolicyAttachment(
                f"{name}-{policy.rpartition('/')[2]}",
                role=role.name,
                policy_arn=f"arn:{self._names.partition}:iam::aws:policy/{policy}",
                opts=ResourceOptions(parent=self),
            )

    def _access(self, environment: Environment) -> None:
        groups = dict(self._arguments.foundation.groups)
        admitted = [groups[group] for group in ADMITTED[environment.tier]]
        name = f"{environment.name}-access"
        groups_named = " and ".join(ADMITTED[environment.tier])
        role = self._role(
            name,
            f"Admits {groups_named} to {environment.name}",
            environment.name,
            people(*admitted),
        )
        self._attach(role, name, *_LOOKING)

    def _program(self, environment: Environment) -> iam.Role:
        """The program deployer: its key's own policy lets it sign, so that it needs no other."""
        foundation = self._arguments.foundation
        subject = f"repo:{foundation.repository.name}:environment:{environment.name}"
        return self._role(
            f"{environment.name}-program",
            f"Deploys the Solana program of {environment.name}",
            environment.name,
            self._identities.workflows(subject),
        )

    def _break_glass(self) -> None:
        trust = people(*self._arguments.foundation.break_glass)
        trust["Condition"] = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
        role = self._role(
            BREAK_GLASS, "For emergencies: every use raises an alarm", "account", trust
        )
        self._attach(role, BREAK_GLASS, "PowerUserAccess", "IAMReadOnlyAccess")
