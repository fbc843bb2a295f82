"""What goes wrong on purpose, drawn from a seed: the same seed brings the same faults again."""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Self, get_type_hints

_DRAWS = 2**64
_LARGEST_DEPTH = 31


class FaultsError(ValueError):
    """Faults that cannot be meant: which, and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Faults:
    """How often what goes wrong; every share lies between 0 and 1."""

    seed: int = 0
    drop: float = 0.0
    """Share of sent transactions that never land."""
    delay: float = 0.0
    """Share of sent transactions that land late."""
    delay_slots: int = 8
    """How many slots late at most."""
    duplicate: float = 0.0
    """Share of sent transactions that arrive a second time, a slot later."""
    gone: float = 0.0
    """Share of sent transactions whose blockhash the node says it does not know."""
    limit: float = 0.0
    """Share of requests refused with HTTP status 429."""
    retry_after: int = 1
    """How many seconds a refused client is told to wait."""
    behind: float = 0.0
    """Share of requests that a node answers which is behind."""
    behind_slots: int = 20
    """How many slots behind it is."""
    fork: float = 0.0
    """Share of slots in which the newest blocks are abandoned."""
    fork_slots: int = 1
    """How many blocks are abandoned; from 2 on, some that clients took for confirmed."""

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(type(self)).items():
            value = getattr(self, name)
            if kind is float and not 0 <= value <= 1:
                raise FaultsError(f"{name} is {value}; a share lies between 0 and 1")
        for name, low in (("delay_slots", 1), ("behind_slots", 1), ("fork_slots", 1)):
            if not low <= getattr(self, name) <= _LARGEST_DEPTH:
                raise FaultsError(
                    f"{name} is {getattr(self, name)}; it lies between {low} and {_LARGEST_DEPTH}"
                )
        if self.retry_after < 0:
            raise FaultsError(f"retry_after is {self.retry_after}; it is at least 0 seconds")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Faults written as `drop=0.3,delay=0.1,seed=7`; `FaultsError` says what is wrong."""
        kinds: dict[str, type[int | float]] = {
            field.name: float if field.type is float else int for field in fields(cls)
        }
        values: dict[str, int | float] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, equals, value = (side.strip() for side in part.partition("="))
            if name not in kinds:
                raise FaultsError(f"{name!r} is no fault; there are {', '.join(kinds)}")
            if name in values:
                raise FaultsError(f"{name} is given twice")
            try:
                values[name] = kinds[name](value)
            except ValueError:
                wanted = "a share, like 0.3" if kinds[name] is float else "a whole number"
                raise FaultsError(f"{name}{equals}{value}: {name} is {wanted}") from None
        return cls(**values)  # pyright: ignore[reportArgumentType] - each was read as its field's type

    def __str__(self) -> str:
        """As `parse` reads it: only what is not as it is by itself."""
        given = ((field.name, getattr(self, field.name), field.default) for field in fields(self))
        return ",".join(f"{name}={value}" for name, value, default in given if value != default)


class Dice:
    """Draws whether a fault happens, by what it would hit and how often that has come before.

    Neither the order in which different things come nor time has a part in a draw, so a run that
    does the same things meets the same faults, however its requests overlap.
    """

    def __init__(self, faults: Faults, told: Callable[[str, str], None] | None = None) -> None:
        """Draw for `faults`; `told` hears of each fault, its kind and what it hit."""
        self.faults = faults
        self.tally: Counter[str] = Counter()
        self._told = told
        self._drawn: Counter[tuple[str, bytes]] = Counter()

    def happens(self, kind: str, share: float, hit: bytes, name: str = "") -> bool:
        """Whether the fault `kind` hits `hit` this time; `name` is how it is told."""
        if not share or self._draw(kind, hit) >= share:
            return False
        self.tally[kind] += 1
        if self._told:
            self._told(kind, name)
        return True

    def between(self, kind: str, low: int, high: int, hit: bytes) -> int:
        """A whole number from `low` to `high`, both possible."""
        return low + int(self._draw(kind, hit) * (high - low + 1))

    def _draw(self, kind: str, hit: bytes) -> float:
        """A number from 0 up to 1."""
        key = (kind, hashlib.sha256(hit).digest())
        self._drawn[key] += 1
        text = f"{self.faults.seed}/{kind}/{key[1].hex()}/{self._drawn[key]}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") / _DRAWS
