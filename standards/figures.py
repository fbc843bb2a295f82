"""Figures of the standards: a number, its unit, and the requirement whose sentence holds it.

A figure knows its unit, so a threshold in percent cannot land where seconds belong; and the numbers
that it yields remember it, so that a plan can say which sentence a value was built from.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final, Self, TypeAlias


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


class Dimension(StrEnum):
    """What kind of quantity a figure is: two figures of one dimension can be compared."""

    SHARE = "a share, in percent"
    DURATION = "a duration"
    SIZE = "a size in bytes"
    RATE = "a rate per second"
    FACTOR = "a factor"
    COUNT = "a count"


_Unit: TypeAlias = tuple[Dimension, int]

# The words of a key that name a unit, with what one of it is in its dimension's base: hundredths of
# a percent, milliseconds, bytes. The first that the key holds decides; without one it is a count.
_UNITS: Final[dict[tuple[str, ...], _Unit]] = {
    ("business", "days"): (Dimension.COUNT, 1),  # only a calendar turns these into a duration
    ("basis", "points"): (Dimension.SHARE, 1),
    ("percentage", "points"): (Dimension.SHARE, 100),
    ("percent",): (Dimension.SHARE, 100),
    ("per", "second"): (Dimension.RATE, 1),
    ("times",): (Dimension.FACTOR, 1),
    ("ms",): (Dimension.DURATION, 1),
    ("seconds",): (Dimension.DURATION, 1000),
    ("minutes",): (Dimension.DURATION, 60_000),
    ("hours",): (Dimension.DURATION, 3_600_000),
    ("day",): (Dimension.DURATION, 86_400_000),
    ("days",): (Dimension.DURATION, 86_400_000),
    ("bytes",): (Dimension.SIZE, 1),
    ("kilobytes",): (Dimension.SIZE, 1000),
    ("megabytes",): (Dimension.SIZE, 1_000_000),
    ("gigabytes",): (Dimension.SIZE, 1_000_000_000),
}
_PLAIN: Final[_Unit] = (Dimension.COUNT, 1)


@cache
def _unit(key: str) -> _Unit:
    words = key.split("_")
    for unit, meaning in _UNITS.items():
        starts = range(len(words) - len(unit) + 1)
        if any(tuple(words[start : start + len(unit)]) == unit for start in starts):
            return meaning
    return _PLAIN


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of one requirement, written once in `standards/requirements/`.

    Each property reads it in one unit, and raises `UnitError` where the figure is of another
    dimension, or where a whole number of that unit would lose a fraction.
    """

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
    def dimension(self) -> Dimension:
        """What kind of quantity it is, from the unit in its key."""
        return _unit(self.key)[0]

    @property
    def percent(self) -> "Ratio":
        """The figure in percent, 0 to 100 (percentage points count as such)."""
        return Ratio.of(self, self._base(Dimension.SHARE) / 100)

    @property
    def fraction(self) -> "Ratio":
        """The figure in percent as a share of one: 5 % is 0.05."""
        return Ratio.of(self, self._base(Dimension.SHARE) / 10_000)

    @property
    def count(self) -> "Whole":
        """The figure as a whole number of things: instances, jobs, business days, a port."""
        return Whole.of(self, self._base(Dimension.COUNT))

    @property
    def mean(self) -> "Ratio":
        """The figure as a number of things that need not be whole, such as a mean."""
        return Ratio.of(self, self._base(Dimension.COUNT))

    @property
    def factor(self) -> "Ratio":
        """The figure as how many times a normal or expected amount."""
        return Ratio.of(self, self._base(Dimension.FACTOR))

    @property
    def per_second(self) -> "Ratio":
        """The figure as a rate, per second."""
        return Ratio.of(self, self._base(Dimension.RATE))

    @property
    def milliseconds(self) -> "Whole":
        """The figure as a duration in whole milliseconds."""
        return Whole.of(self, self._base(Dimension.DURATION))

    @property
    def seconds(self) -> "Whole":
        """The figure as a duration in whole seconds."""
        return Whole.of(self, self._base(Dimension.DURATION) / 1000)

    @property
    def minutes(self) -> "Whole":
        """The figure as a duration in whole minutes."""
        return Whole.of(self, self._base(Dimension.DURATION) / 60_000)

    @property
    def hours(self) -> "Whole":
        """The figure as a duration in whole hours."""
        return Whole.of(self, self._base(Dimension.DURATION) / 3_600_000)

    @property
    def days(self) -> "Whole":
        """The figure as a duration in whole days."""
        return Whole.of(self, self._base(Dimension.DURATION) / 86_400_000)

    @property
    def bytes(self) -> "Whole":
        """The figure as a size in bytes (a kilobyte is 1000)."""
        return Whole.of(self, self._base(Dimension.SIZE))

    def _base(self, dimension: Dimension) -> int | float:
        """The amount in the base unit of `dimension`, which must be the figure's own."""
        own, size = _unit(self.key)
        if own is not dimension:
            message = f"{self} is {own.value}, not {dimension.value}"
            raise UnitError(message)
        return self.amount * size


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


class Text(str):
    """A text that was written from figures, and remembers them.

    Alert rules and dashboards reach AWS as one text each: the numbers in it would be lost to a plan
    that looks for numbers.
    """

    __slots__ = ("figures",)
    figures: tuple[Figure, ...]

    @classmethod
    def of(cls, text: str, numbers: Iterable[Whole | Ratio]) -> Self:
        """`text`, in which each of `numbers` stands.

        Raises:
            ValueError: one of them does not stand there.
        """
        cited = list(numbers)
        for number in cited:
            if not re.search(rf"(?<![\d.]){re.escape(written(number))}(?![\d.]*\d)", text):
                message = f"{number.figure} is {written(number)}, which stands nowhere in the text"
                raise ValueError(message)
        made = cls(text)
        made.figures = tuple(dict.fromkeys(number.figure for number in cited))
        return made


def written(number: float) -> str:
    """`number` as texts have it: in full, without a fraction that says nothing."""
    return str(int(number)) if number == int(number) else repr(float(number))
