"""What a rule can be told: the environment's tier, and its own settings."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from standards import Tier


class Settings(BaseModel):
    """What every rule is told. A rule with settings of its own extends this class.

    The tier is production where nobody says which it is, so that silence is never lenient.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True
    )

    tier: Tier = Tier.PRODUCTION

    @property
    def is_production(self) -> bool:
        """Whether the environment serves live users."""
        return self.tier is Tier.PRODUCTION


class Severity(StrEnum):
    """How bad a violation is, worst first; as AWS Security Hub grades them."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Level(StrEnum):
    """What a violation does: stop the update, or advise. CrossGuard's names."""

    MANDATORY = "mandatory"
    ADVISORY = "advisory"
