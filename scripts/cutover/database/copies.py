"""Copies of a database: snapshots before a change, and the instance that a restore makes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Moment:
    """The last moment at which the database was as the old release needs it."""

    at: datetime
    """By the database's own clock."""
    written: Mapping[str, int]
    """How many rows had ever been written then, by table."""

    def lost(self, written: Mapping[str, int], tables: Sequence[str]) -> dict[str, int | None]:
        """At most how many rows were written since, by table; None where the count began anew."""
        return {
            each: after - before if (after := written.get(each, 0)) >= before else None
            for each in tables
            for before in (self.written.get(each, 0),)
        }


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A full backup."""

    name: str
    at: datetime
    is_complete: bool
    is_encrypted: bool
    moment: Moment | None
    """What was written down with it, right before the change."""


@dataclass(frozen=True, slots=True)
class Restored:
    """The instance that a restore makes, beside the one that serves."""

    name: str
    host: str
    is_ready: bool
    state: str


class Copies(Protocol):
    """Where copies are made. Calls may fail with `TimeoutError`, having happened or not."""

    @property
    def database(self) -> str:
        """What the database is called."""
        ...

    def snapshots(self) -> Sequence[Snapshot]:
        """The backups that were made by hand, of which a change's begin with its name."""
        ...

    def take(self, name: str) -> None:
        """Begin a full backup."""
        ...

    def remember(self, snapshot: str, moment: Moment) -> None:
        """Write the moment down with a backup: whoever restores finds it there."""
        ...

    def restorable(self) -> tuple[datetime, datetime]:
        """From when until when the database can be restored."""
        ...

    def restored(self, name: str) -> Restored | None:
        """The instance of that name, if it was begun."""
        ...

    def restore(self, name: str, at: datetime) -> None:
        """Begin, or go on with, a new instance that holds what the database held at that moment."""
        ...

    def discard(self, name: str) -> None:
        """Take the new instance away; it is a rehearsal's."""
        ...
