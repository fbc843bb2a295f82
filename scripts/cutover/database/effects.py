"""What a statement does to whoever uses the database: its effects, and the locks that it takes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Effect(StrEnum):
    """What both releases meet once a statement has run."""

    ADDS = "adds"
    """Something that the old release does not know and is not disturbed by."""
    WRITES = "writes"
    """Rows are other ones than before."""
    LOOSENS = "loosens"
    """What either release writes is treated in another way: a default, a trigger, fewer rules."""
    BREAKS = "breaks"
    """What the old release reads is gone, or what it writes may be refused."""
    HIDES = "hides"
    """Nobody can tell by reading it."""


@dataclass(frozen=True, slots=True)
class Does:
    """One effect of a statement."""

    effect: Effect
    on: str
    """What it is about: a table, `table.column`, an index."""
    why: str


@dataclass(frozen=True, slots=True)
class Hazard:
    """What is dangerous in how a statement does it, whatever it does."""

    rule: str
    """The name of the rule; squawk's, where it has one like it."""
    on: str
    why: str
    safe: str
    """How the same is done safely."""


Judged = Does | Hazard


@dataclass(slots=True)
class Seen:
    """What the statements so far have made: nobody else uses that yet."""

    tables: set[str] = field(default_factory=set[str])
    columns: set[str] = field(default_factory=set[str])
    """As `table.column`."""
    objects: set[str] = field(default_factory=set[str])
    """Indexes, views, functions, types, triggers and the like, as `kind name`."""
    unchecked: dict[str, int | None] = field(default_factory=dict[str, int | None])
    """The constraints that were added NOT VALID, and in which transaction."""
    not_null: dict[str, str] = field(default_factory=dict[str, str])
    """The columns that a constraint holds to NOT NULL, and which one; not yet validated."""
    never_null: set[str] = field(default_factory=set[str])
    """The columns that a validated constraint holds to NOT NULL."""
    locked: dict[int, str] = field(default_factory=dict[int, str])
    """The table that each transaction locks against everybody."""

    def is_new(self, table: str, columns: Iterable[str] = ()) -> bool:
        """Whether the table is of this change, or all of the columns are."""
        named = {f"{table}.{column}" for column in columns}
        return table in self.tables or bool(named and named <= self.columns)


def adds(on: str, why: str = "it is new") -> Does:
    """An addition."""
    return Does(Effect.ADDS, on, why)


def breaks(on: str, why: str) -> Does:
    """What the old release cannot live with."""
    return Does(Effect.BREAKS, on, why)


def loosens(on: str, why: str) -> Does:
    """What is treated in another way."""
    return Does(Effect.LOOSENS, on, why)


def hides(on: str, why: str) -> Does:
    """What cannot be told."""
    return Does(Effect.HIDES, on, why)
