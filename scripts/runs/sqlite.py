"""Journals and leases in an SQLite file: for one machine."""

import sqlite3
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

from scripts.runs.journal import EMPTY, Entry, Head, JournalError
from scripts.runs.lease import Lease, lost

_TABLES: Final = """
create table if not exists entries (
    journal text not null, sequence integer not null, body text not null,
    primary key (journal, sequence)
) without rowid;
create table if not exists heads (
    journal text primary key, sequence integer not null, hash text not null
) without rowid;
create table if not exists leases (
    target text primary key, token integer not null, body text not null
) without rowid;
"""
_BUSY_SECONDS: Final = 30
"""How long a writer waits for another one's transaction."""


class SqliteStore:
    """A store in the file `path`, made where it is not there, readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self._database: Final = sqlite3.connect(
            path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        self._lock: Final = threading.RLock()
        self._database.execute("pragma journal_mode = wal")
        self._database.execute("pragma synchronous = full")
        self._database.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def head(self, journal: str) -> Head:
        """Where `journal` ends."""
        row = self._one("select sequence, hash from heads where journal = ?", journal)
        return Head(sequence=cast("int", row[0]), hash=cast("str", row[1])) if row else EMPTY

    def entries(self, journal: str, *, newest_first: bool = False) -> Iterator[str]:
        """The texts of the journal's entries, in order."""
        order = "desc" if newest_first else "asc"
        with self._lock:
            rows = cast(
                "list[tuple[str]]",
                self._database.execute(
                    f"select body from entries where journal = ? order by sequence {order}",  # noqa: S608 - one of two words
                    (journal,),
                ).fetchall(),
            )
        return (body for (body,) in rows)

    def append(self, entry: Entry, *, token: int) -> None:
        """Write `entry` and the new head in one transaction, under the lease with `token`."""
        with self._transaction():
            lease = self.lease(entry.journal)
            if lease is None or lease.token != token:
                raise lost(entry.journal, lease)
            head = self.head(entry.journal)
            if (head.sequence + 1, head.hash) != (entry.sequence, entry.previous):
                raise JournalError(
                    f"somebody else wrote entry {head.sequence} of {entry.journal} meanwhile"
                )
            self._database.execute(
                "insert into entries values (?, ?, ?)",
                (entry.journal, entry.sequence, entry.text()),
            )
            self._database.execute(
                "replace into heads values (?, ?, ?)", (entry.journal, entry.sequence, entry.hash)
            )

    def lease(self, target: str) -> Lease | None:
        """The last lease on `target`, in force or not."""
        row = self._one("select body from leases where target = ?", target)
        return Lease.model_validate_json(cast("str", row[0])) if row else None

    def replace_lease(self, old: Lease | None, new: Lease) -> bool:
        """Put `new` in the place of `old`; False, and no change, where `old` is not there."""
        with self._transaction():
            row = self._one("select body from leases where target = ?", new.target)
            if (cast("str", row[0]) if row else None) != (old.model_dump_json() if old else None):
                return False
            self._database.execute(
                "replace into leases values (?, ?, ?)",
                (new.target, new.token, new.model_dump_json()),
            )
            return True

    def _one(self, query: str, key: str) -> tuple[object, ...] | None:
        with self._lock:
            return cast(
                "tuple[object, ...] | None", self._database.execute(query, (key,)).fetchone()
            )

    @contextmanager
    def _transaction(self) -> Generator[None]:
        with self._lock:
            self._database.execute("begin immediate")
            try:
                yield
                self._database.execute("commit")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("rollback")
                raise
