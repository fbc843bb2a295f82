"""Tests of the classes on a real PostgreSQL, while services write: who rolls back loses nothing."""

from pathlib import Path

import pytest

from scripts.exits import ExitCode
from scripts.runs.sqlite import SqliteStore
from tests.scripts.cutover.database.conftest import Database
from tests.scripts.cutover.database.product import (
    ALEMBIC,
    BASE,
    Revision,
    declared,
    with_alembic,
    with_command,
)
from tests.scripts.cutover.database.world import around, at_base, carry_out, stage
from tests.scripts.cutover.database.writers import writing

NEW = "INSERT INTO orders (amount, note, status) VALUES (%(n)s, %(who)s, 'paid') RETURNING id"
CENTS = "INSERT INTO orders (cents, note) VALUES (%(n)s * 100, %(who)s) RETURNING id"
ADDITIVE = Revision(
    after="base1",
    up="ALTER TABLE orders ADD COLUMN status text DEFAULT 'new';\n"
    "-- alone\n"
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_status ON orders (status);\n",
)
DATA = Revision(
    after="base1",
    up="UPDATE orders SET note = 'by ' || note WHERE note LIKE 'writer%';\n",
    down="UPDATE orders SET note = substr(note, 4) WHERE note LIKE 'by writer%';\n",
)
EXPAND = Revision(
    after="base1",
    up="""\
ALTER TABLE orders ADD COLUMN cents bigint;
ALTER TABLE orders ALTER COLUMN amount DROP NOT NULL;
CREATE FUNCTION both_amounts() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
    NEW.cents := coalesce(NEW.cents, NEW.amount * 100); \
    NEW.amount := coalesce(NEW.amount, NEW.cents / 100); \
    RETURN NEW; END';
CREATE TRIGGER both_amounts BEFORE INSERT OR UPDATE ON orders
    FOR EACH ROW EXECUTE FUNCTION both_amounts();
""",
)
FILL = Revision(
    after="next0",
    up="UPDATE orders SET cents = amount * 100 WHERE cents IS NULL;\n",
)
CONTRACT = Revision(
    after="next1",
    up="""\
DROP TRIGGER both_amounts ON orders;
DROP FUNCTION both_amounts();
ALTER TABLE orders DROP COLUMN amount;
""",
)


def test_additive(tmp_path: Path, database: Database, sqlite: SqliteStore) -> None:
    """An additive change runs under both releases; a rollback leaves it and loses nothing."""
    with_alembic(tmp_path, {"next1": ADDITIVE})
    it = stage(declared("additive", ALEMBIC), tmp_path, database)
    assert it.planned.refusals() == []
    database.rows(f"{BASE} CREATE TABLE alembic_version (version_num text)")
    database.rows("INSERT INTO alembic_version VALUES ('base1')")
    steps = around(it)
    with writing(database.connect) as old:
        assert carry_out(steps.before, sqlite).code is ExitCode.DONE
        with writing(database.connect, NEW, count=1) as new:
            old.after(10)
        old.after(10)
    assert [*steps.after, *steps.back] == []
    assert old.errors == new.errors == []
    assert {row[0] for row in database.rows("SELECT id FROM orders")} == {*old.kept, *new.kept}
    index = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'orders_status'::regclass"
    assert database.rows(index) == [(True,)]
    assert carry_out(steps.before, sqlite).code is ExitCode.DONE


def test_data(tmp_path: Path, database: Database, sqlite: SqliteStore) -> None:
    """A data migration is undone by its reverse script, while the old release goes on writing."""
    change = declared("data", with_command(tmp_path, {"next1": DATA}))
    it = stage(change, tmp_path, database)
    assert it.planned.refusals() == []
    at_base(it)
    steps = around(it)
    with writing(database.connect) as old:
        before = dict(database.rows("SELECT id, note FROM orders"))
        assert carry_out(steps.before, sqlite).code is ExitCode.DONE
        changed = dict(database.rows("SELECT id, note FROM orders"))
        assert all(changed[key] == f"by {note}" for key, note in before.items())
        old.after(10)
        assert carry_out(steps.back, sqlite).code is ExitCode.DONE
        old.after(10)
    assert old.errors == []
    after = dict(database.rows("SELECT id, note FROM orders"))
    assert set(after) == set(old.kept)
    assert {note.rstrip("0123456789") for note in after.values()} == {"writer "}
    assert carry_out(steps.back, sqlite).code is ExitCode.DONE


@pytest.mark.parametrize("goes_back", [True, False])
def test_expand_and_contract(
    tmp_path: Path, database: Database, sqlite: SqliteStore, *, goes_back: bool
) -> None:
    """Expanded, both releases write side by side, and a rollback needs nothing; then contracted."""
    revisions = {"next0": EXPAND, "next1": FILL, "next2": CONTRACT}
    change = declared("breaking", with_command(tmp_path, revisions), contract="next2")
    it = stage(change, tmp_path, database)
    assert it.planned.refusals() == []
    at_base(it)
    steps = around(it)
    with writing(database.connect) as old:
        assert carry_out(steps.before, sqlite).code is ExitCode.DONE
        with writing(database.connect, CENTS, count=1) as new:
            old.after(10)
        if goes_back:
            assert carry_out(steps.back, sqlite).code is ExitCode.DONE
            old.after(10)
    assert old.errors == new.errors == []
    rows = database.rows("SELECT id, amount, cents FROM orders")
    assert {row[0] for row in rows} == {*old.kept, *new.kept}
    assert all(cents == amount * 100 for _, amount, cents in rows)
    if goes_back:
        return
    with writing(database.connect, CENTS, count=1) as newest:
        assert carry_out(steps.after, sqlite).code is ExitCode.DONE
        newest.after(10)
    assert newest.errors == []
    there = {row[0] for row in database.rows("SELECT id FROM orders WHERE cents IS NOT NULL")}
    assert there == {*old.kept, *new.kept, *newest.kept}
    refused = carry_out(steps.back, sqlite)
    assert refused.code is ExitCode.FAILED
    assert "was contracted to next2: the old release cannot use it" in refused.message
