"""What a product may set for itself, within the bounds of the standards.

A bound on a field cites the figure that it comes from: the error names it, and `slipway trace`
finds it there.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from standards import Ratio, Whole


@dataclass(frozen=True, slots=True, eq=False)
class AtLeast:
    """A field that must not be below a figure of the standards.

    Compared by identity: `Annotated` would take two bounds of one amount for the same.
    """

    least: Whole | Ratio

    def __get_pydantic_core_schema__(
        self,
        source: Any,  # noqa: ANN401 - pydantic's own signature
        handler: GetCoreSchemaHandler,
    ) -> CoreSchema:
        """Check the value once the field's own type has accepted it."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, value: float) -> float:
        if value < self.least:
            cited = self.least.figure.requirement
            raise refused(f"{value} is below {self.least}, the least allowed ({cited})")
        return value


def refused(sentence: str) -> PydanticCustomError:
    """The error that says `sentence` to the reader."""
    return PydanticCustomError("refused", "{sentence}", {"sentence": sentence})
