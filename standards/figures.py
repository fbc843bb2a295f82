"""Figures of the standards: a number, its unit, and the requirement whose sentence holds it.

A figure knows its unit, so a threshold in percent cannot land where seconds belong; and the numbers
that it yields remember it, so that a plan can say which sentence a value was built from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

_SECONDS: Final = {
    "milliseconds": 0.001,
    "ms": 0.001,
    "seconds": 1,
    "minutes": 60,
    "hours": 3600,
    "days": 86_400,
}
_BYTES: Final = {"bytes": 1, "kilobytes": 1000, "megabytes": 1_000_000, "gigabytes": 1_000_000_000}


class UnitError(TypeError):
    """A figure was read in a unit that it does not have."""


class Bound(StrEnum):
    """What a figure limits, as the requirements' own keys word it (`standards/README.md`)."""

    BELOW = "below"
    ABOVE = "above"
    MINIMUM = "min"
    MAXIMUM = "max"
    WITHIN = "within"
    SETTING = "setting"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of one requirement, written once in `standards/requirements/`."""

    requirement: str
    key: str
    amount: int | float

    def __str__(self) -> str:
        return f"{self.requirement} {self.key}"

    @property
    def bound(self) -> Bound:
        """What the figure limits: strict below or above, minimum, maximum, deadline or setting."""
        words = self.key.split("_")
        return next((bound for bound in Bound if bound.value in words), Bound.SETTING)

    @property
    def percent(self) -> "Ratio":
        """The figure in percent, 0 to 100 (percentage points count as such)."""
        return Ratio.of(self, self._in("percent", "points"))

    @property
    def fraction(self) -> "Ratio":
        """The figure in percent as a share of one: 5 % is 0.05."""
        return Ratio.of(self, self._in("percent", "points") / 100)

    @property
    def count(self) -> "Whole":
        """The figure as a whole number of things: instances, jobs, a port."""
        if any(unit in self.key.split("_") for unit in (*_SECONDS, *_BYTES, "percent")):
            message = f"{self} is not a count"
            raise UnitError(message)
        return Whole.of(self, self.amount)

    @property
    def milliseconds(self) -> "Whole":
        """The figure as a duration in milliseconds."""
        return Whole.of(self, self._in_scale(_SECONDS) * 1000)

    @property
    def seconds(self) -> "Whole":
        """The figure as a duration in whole seconds."""
        return Whole.of(self, self._in_scale(_SECONDS))

    @property
    def minutes(self) -> "Whole":
        """The figure as a duration in whole minutes."""
        return Whole.of(self, self._in_scale(_SECONDS) / 60)

    @property
    def hours(self) -> "Whole":
        """The figure as a duration in whole hours."""
        return Whole.of(self, self._in_scale(_SECONDS) / 3600)

    @property
    def days(self) -> "Whole":
        """The figure as a duration in whole days."""
        return Whole.of(self, self._in_scale(_SECONDS) / 86_400)

    @property
    def bytes(self) -> "Whole":
        """The figure as a size in bytes (a kilobyte is 1000)."""
        return Whole.of(self, self._in_scale(_BYTES))

    def _in(self, *units: str) -> float:
        if not any(unit in self.key.split("_") for unit in units):
            message = f"{self} is not in {' or '.join(units)}"
            raise UnitError(message)
        return self.amount

    def _in_scale(self, scale: Mapping[str, float]) -> float:
        words = self.key.split("_")
        unit = next((word for word in reversed(words) if word in scale), None)
        if unit is None:
            message = f"{self} is in none of {', '.join(scale)}"
            raise UnitError(message)
        return self.amount * scale[unit]


class Whole(int):
    """A whole number that remembers the figure it came from."""

    figure: Figure

    @classmethod
    def of(cls, figure: Figure, amount: float) -> Self:
        """`amount`, built from `figure`; refused where it would lose a fraction."""
        if amount != round(amount):
            message = f"{figure} is {amount} here, not a whole number: read it in a finer unit"
            raise UnitError(message)
        number = cls(round(amount))
        number.figure = figure
        return number


class Ratio(float):
    """A number that remembers the figure it came from."""

    figure: Figure

    @classmethod
    def of(cls, figure: Figure, amount: float) -> Self:
        """`amount`, built from `figure`."""
        number = cls(amount)
        number.figure = figure
        return number
