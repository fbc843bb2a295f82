"""What every stack's record holds, be it an environment's or a foundation's."""

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from environments.alerts import Alerts
from environments.bounds import AtLeast, refused
from environments.record import Email, Name, Record, Region
from standards import Tier, figure, requirement


class Kind(StrEnum):
    """What a stack is: an environment, or what an account and all in it share."""

    ENVIRONMENT = "environment"
    FOUNDATION = "foundation"


class DataClass(StrEnum):
    """What data an environment may hold (ENV-02), the most worth protecting last."""

    SYNTHETIC = "synthetic"
    SANITISED = "sanitised"
    REAL = "real"


RETENTION_DAYS: Final = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
)  # fmt: skip
"""How many days CloudWatch can keep a log group's entries."""


_OTHER_PARTITIONS: Final = ("cn-", "us-gov-", "us-iso", "eu-iso", "eusc-")
"""How regions begin that share neither accounts nor names with the others: China, governments."""


class Aws(Record):
    """The account and regions that a stack lives in."""

    account: Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
    region: Region
    backup_region: Region
    """Where copies of backups go: another region, so that they survive the loss of the first."""
    endpoint: Annotated[str, StringConstraints(pattern=r"^http://127\.0\.0\.1:\d+$")] | None = None
    """An AWS emulator on loopback, for development; every call goes there."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        for region in (self.region, self.backup_region):
            if region.startswith(_OTHER_PARTITIONS):
                message = f"region {region} is in another partition of AWS, which lacks its edge"
                raise refused(f"{message}: name one of the commercial regions, such as us-east-1")
        if self.backup_region == self.region:
            message = f"backupRegion {self.backup_region} is the environment's own region"
            raise refused(f"{message}: name another one")
        return self


class LogRetention(Record):
    """How many days each kind of log is kept: the standards' figure, or longer."""

    application: Annotated[int, AtLeast(figure("LOG-02", "retention_days").days)] = figure(
        "LOG-02", "retention_days"
    ).days
    access: Annotated[int, AtLeast(figure("LOG-03", "retention_days").days)] = figure(
        "LOG-03", "retention_days"
    ).days
    audit: Annotated[int, AtLeast(figure("LOG-04", "retention_days").days)] = figure(
        "LOG-04", "retention_days"
    ).days
    deployment: Annotated[int, AtLeast(figure("LOG-05", "retention_days").days)] = figure(
        "LOG-05", "retention_days"
    ).days

    @model_validator(mode="after")
    def _offered(self) -> Self:
        for kind, days in self:
            if days not in RETENTION_DAYS:
                longer = min((more for more in RETENTION_DAYS if more > days), default=None)
                advice = f"the next longer is {longer}" if longer else "take a shorter one"
                raise refused(f"{kind} {days} is no retention that CloudWatch has: {advice}")
        return self


class Stack(Record):
    """What is said of every stack: what it is for, where it lives and who answers for it."""

    kind: Kind = Kind.ENVIRONMENT
    name: Name
    tier: Tier
    owner: Email
    secrets_provider: str | None = None
    """What encrypts the secrets in the stack's state: Pulumi's `secretsprovider`."""
    data_class: DataClass
    aws: Aws
    log_retention_days: LogRetention = Field(default_factory=LogRetention)
    alerts: Alerts

    @property
    def is_stateful_protected(self) -> bool:
        """Whether a resource that holds state is protected from deletion: where data matters."""
        return self.tier in {Tier.STAGING, Tier.PRODUCTION}

    def must(self, identifier: str) -> bool:
        """Whether the standards ask this stack for the requirement `identifier`."""
        return self.tier in requirement(identifier).environments
