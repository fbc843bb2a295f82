"""Tests of a change's SQL as whatever migrates prints it, and of why a change is refused."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.cutover.database.change import ChangeError
from scripts.cutover.database.ddl import Sql
from scripts.cutover.database.lint import Phase
from scripts.cutover.database.planned import Planned, plan_sql
from tests.scripts.cutover.database.product import (
    ALEMBIC,
    Revision,
    declared,
    with_alembic,
    with_command,
)
from tests.scripts.cutover.database.verdicts import change

INDEX = Revision(
    "base1",
    "ALTER TABLE orders ADD COLUMN status text;\n"
    "-- alone\n"
    "CREATE INDEX CONCURRENTLY orders_status ON orders (status);\n",
    "DROP INDEX CONCURRENTLY orders_status;\nALTER TABLE orders DROP COLUMN status;\n",
)
DROPPED = Revision("next0", "ALTER TABLE orders DROP COLUMN amount;\n")


def test_alembic(tmp_path: Path) -> None:
    """Alembic prints the SQL without a database; a finding names the revision's own file."""
    with_alembic(tmp_path, {"next0": INDEX, "next1": DROPPED})
    planned = plan_sql(declared("additive", ALEMBIC), tmp_path)
    assert planned.indexes(Phase.BEFORE) == ["orders_status"]
    (found,) = planned.findings()
    assert found.place == "migrations/versions/next1.py: revision next1, line 2 of its SQL"
    assert found.on == "orders.amount"


def test_own_command(tmp_path: Path) -> None:
    """The product's own command prints the SQL of its way there and back."""
    planned = plan_sql(declared("data", with_command(tmp_path, {"next1": INDEX})), tmp_path)
    assert "CREATE INDEX CONCURRENTLY orders_status" in planned.before.text
    assert planned.reverse is not None
    assert "DROP COLUMN status" in planned.reverse.text
    assert planned.contract is None


def test_own_file(tmp_path: Path) -> None:
    """What cannot print its SQL has it in a reviewed file."""
    (tmp_path / "up.sql").write_text("DROP TABLE orders;", encoding="utf-8")
    of = declared("additive", {"program": ["false"]}, sql="up.sql")
    (refused,) = plan_sql(of, tmp_path).refusals()
    assert refused.startswith(f"{tmp_path}/up.sql:1: DROP TABLE orders\n  class-additive (orders):")
    of = declared("additive", {"program": ["false"]}, sql="none.sql")
    with pytest.raises(ChangeError, match=r"none\.sql: cannot be read"):
        plan_sql(of, tmp_path)


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (["/nowhere/at-all"], "cannot be run: .*No such file"),
        (
            [sys.executable, "-c", "import sys; sys.exit('no database')"],
            "ended with 1:\nno database",
        ),
    ],
)
def test_not_printed(tmp_path: Path, program: list[str], why: str) -> None:
    """A command that prints no SQL is told, with what to do instead."""
    with pytest.raises(ChangeError, match=f"(?s){why}"):
        plan_sql(declared("additive", {"program": program}), tmp_path)


def test_no_way_back() -> None:
    """A data migration whose way back is empty is refused (ROLL-13)."""
    of = change("data")
    sql = Sql("up.sql", "UPDATE orders SET a = 1 WHERE b;")
    (refused,) = Planned(of, sql, None, Sql("down.sql", "-- nothing\n")).refusals()
    assert "its way back is empty, and nothing undoes the data migration (ROLL-13)" in refused


def test_unused_allowance() -> None:
    """What people let pass and is there no more is to be taken out."""
    allow: list[dict[str, Any]] = [{"rule": "unbatched-write", "on": "t", "reason": "it is small"}]
    of = change("data", allow=allow)
    back = Sql("down.sql", "UPDATE t SET a = 2 WHERE b;")
    assert Planned(of, Sql("up.sql", "UPDATE t SET a = 1;"), None, back).refusals() == []
    (refused,) = Planned(of, back, None, back).refusals()
    assert "allow: nothing breaks unbatched-write on t any more" in refused


def test_hash() -> None:
    """Other SQL or another declaration is another change: approvals do not hold for it."""
    sql = Sql("up.sql", "CREATE TABLE n (id int);")
    other = Sql("up.sql", "CREATE TABLE m (id int);")
    hashes = {
        Planned(change(), sql, None, None).hash,
        Planned(change(), other, None, None).hash,
        Planned(change(limits={"attempts": 3}), sql, None, None).hash,
    }
    assert len(hashes) == 3
    assert json.loads(json.dumps(sorted(hashes))) == sorted(hashes)
