"""The record of a foundation: what an account, and all environments in it, share."""

import re
from collections.abc import Iterator
from typing import Annotated, Final, Self, cast

from pydantic import Field, StringConstraints, model_validator

from environments.bounds import refused
from environments.model import Environment
from environments.record import Record
from environments.stack import DataClass, Stack
from standards import Tier

Principal = Annotated[
    str, StringConstraints(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]+$")
]
"""Who may take on a role, by ARN; never a whole account."""

STATE_KEY: Final = "slipway-state"
"""What the aliases of the keys begin with that encrypt the secrets in a stack's state."""
ADMITTED: Final = {
    Tier.DEVELOPMENT: ("developers",),
    Tier.INTEGRATION: ("developers", "qa"),
    Tier.STAGING: ("qa", "operations"),
    Tier.PRODUCTION: ("production",),
}
"""The groups of people whom an environment admits (ENV-03)."""
_STRICTEST: Final = list(Tier)
_WORTHIEST: Final = list(DataClass)


class Repository(Record):
    """The repository on GitHub whose workflows apply the environments."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$")]
    """Owner and name: `example/slipway`."""
    default_branch: Annotated[str, StringConstraints(pattern=r"^[\w./-]+$")] = "main"
    """Where scheduled workflows run, such as the nightly search for drift."""
    is_pull_request_trusted: bool = False
    """Whether pull requests may look, too: whoever can push a branch can then read settings, and
    the stack's state with what is secret in it, before anybody has read what they wrote."""


class Groups(Record):
    """The role that single sign-on gives to the people of each group (ENV-03)."""

    developers: Principal | None = None
    qa: Principal | None = None
    operations: Principal | None = None
    production: Principal | None = None
    """The one restricted group that production admits."""


class Registry(Record):
    """The account's image repositories, the only place that its environments pull from (ART-05)."""

    repositories: Annotated[
        tuple[
            Annotated[
                str,
                StringConstraints(pattern=r"^[a-z0-9]+([._/-][a-z0-9]+)*$", max_length=256),
            ],
            ...,
        ],
        Field(min_length=1),
    ]
    images_kept: Annotated[int, Field(ge=10, le=10_000)] = 200
    """How many images of a repository are kept: a release or a rollback may need any of them."""


class Foundation(Stack):
    """What an account shares: state, identities, registries, and the record of who did what."""

    environments: Annotated[tuple[Environment, ...], Field(min_length=1)]
    """Those that live in the account; the file names them, their records are in files of their
    own."""
    repository: Repository
    registry: Registry
    services: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")], ...],
        Field(min_length=1),
    ]
    """The services of AWS, by the prefix of their actions, that environments may be made of."""
    groups: Groups
    break_glass: Annotated[tuple[Principal, ...], Field(min_length=1)]
    """Who may take on the role for emergencies, which alarms whenever it is used."""

    @property
    def backend(self) -> str:
        """The URL of the backend that the account's stacks keep their state in."""
        return f"s3://{self.state_bucket}?region={self.aws.region}&awssdk=v2"

    @property
    def state_bucket(self) -> str:
        """The bucket of the account's state: unique in the world, since it holds the account."""
        return f"{STATE_KEY}-{self.aws.account}"

    def must(self, identifier: str) -> bool:
        """Whether the standards ask an environment of the account for `identifier`."""
        return any(environment.must(identifier) for environment in self.environments)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        strictest = max((one.tier for one in self.environments), key=_STRICTEST.index)
        if self.tier is not strictest:
            raise refused(f"tier {self.tier} is not the strictest of its environments, {strictest}")
        worthiest = max((one.data_class for one in self.environments), key=_WORTHIEST.index)
        if self.data_class is not worthiest:
            raise refused(
                f"dataClass {self.data_class} is not that of the environment whose data is worth "
                f"most, {worthiest} (ENV-02)"
            )
        shipping = [one.name for one in self.environments if one.must("LOG-06")]
        if len(shipping) > 1:
            raise refused(
                f"environments {' and '.join(shipping)} each ship every log of their account, "
                "which AWS lets one of them do: give each an account of its own (LOG-06)"
            )
        for environment in self.environments:
            problem = self._misfit(environment) or self._foreign_image(environment)
            if problem:
                raise refused(f"environment {environment.name} {problem}")
        return self

    def _misfit(self, environment: Environment) -> str | None:
        """Why `environment` cannot stand on this foundation."""
        ours, its = self.aws, environment.aws
        if (its.account, its.region) != (ours.account, ours.region):
            return (
                f"lives in {its.account} {its.region}, this foundation in {ours.account} "
                f"{ours.region}: list it in that account's foundation"
            )
        if its.endpoint != ours.endpoint:
            return f"calls {its.endpoint or 'AWS'}, its foundation {ours.endpoint or 'AWS'}"
        wanted = f"awskms://alias/{STATE_KEY}-{environment.name}?region={ours.region}"
        if environment.secrets_provider not in {None, wanted}:
            return (
                f"encrypts its secrets with {environment.secrets_provider}: the key that this "
                f"foundation makes for it is {wanted} (SEC-12)"
            )
        return None

    def _foreign_image(self, environment: Environment) -> str | None:
        """Which image of `environment` comes from elsewhere than the account's registry."""
        host = f"{self.aws.account}.dkr.ecr.{self.aws.region}.amazonaws.com"
        for key, image in _images(environment.model_dump(mode="json", by_alias=True)):
            repository = re.split("[:@]", image.removeprefix(f"{host}/"))[0]
            if repository not in self.registry.repositories:
                return (
                    f"pulls {key} from {repository}: registry.repositories has "
                    f"{', '.join(self.registry.repositories)} (ART-05)"
                )
        return None

    @model_validator(mode="after")
    def _admits(self) -> Self:
        wanted = {group for one in self.environments for group in ADMITTED[one.tier]}
        given = {group for group, principal in self.groups if principal is not None}
        tiers = ", ".join(dict.fromkeys(one.tier for one in self.environments))
        if missing := sorted(wanted - given):
            raise refused(f"groups.{missing[0]} is missing: {tiers} admits it (ENV-03)")
        if more := sorted(given - wanted):
            raise refused(
                f"groups.{more[0]} is not admitted to {tiers}, {', '.join(sorted(wanted))} is "
                "(ENV-03)"
            )
        return self


def _images(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    """Every image, by digest, that a record names, with the key that it stands under."""
    if isinstance(value, dict):
        for name, item in cast("dict[str, object]", value).items():
            yield from _images(item, f"{key}.{name}" if key else name)
    elif isinstance(value, str) and "@sha256:" in value:
        yield key, value
