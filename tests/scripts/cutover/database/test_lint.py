"""Tests of the linter: what each class lets a statement do, and what is dangerous in any."""

from typing import Any

import pytest

from scripts.cutover.database.ddl import Sql, SqlError
from scripts.cutover.database.lint import Finding, Phase, lint, told, what_it_makes
from tests.scripts.cutover.database.verdicts import FILE, SQUAWK, change, every_verdict, rules

_TASTE = {"require-enum-value-ordering", "ban-create-domain-with-constraint"}
"""Rules of squawk's about statements that hurt nobody who uses the database meanwhile."""
_LOSES: dict[str, Any] = {"tables": ["orders"], "atMostRows": 100, "why": "no room for two columns"}


def test_verdicts() -> None:
    """Every verdict on the corpus is the reviewed one."""
    assert every_verdict() == FILE.read_text(encoding="utf-8")


_QUICK = {"ALTER TABLE t ADD COLUMN a bigint REFERENCES u (id)"}
"""What squawk tells of and PostgreSQL does at once: test_locks shows it."""


@pytest.mark.parametrize(
    "sql", [sql for sql, said in SQUAWK.items() if set(said) - _TASTE and sql not in _QUICK]
)
def test_squawk(sql: str) -> None:
    """What squawk holds to be dangerous is never let into an additive change."""
    assert rules(change(), sql)


def test_finding() -> None:
    """A finding names file, line, statement, rule, reason and the safe form."""
    (found,) = lint(change(), Phase.BEFORE, Sql("a.sql", "\n-- why\nCREATE INDEX i ON orders (a);"))
    assert found == Finding(
        place="a.sql:3",
        statement="CREATE INDEX i ON orders (a)",
        rule="require-concurrent-index-creation",
        on="i",
        why="nobody can write orders while it is built",
        safe="CREATE INDEX CONCURRENTLY i ON orders (a); outside of a transaction (alembic: "
        "autocommit_block).",
    )
    assert told([found]).splitlines() == [
        "a.sql:3: CREATE INDEX i ON orders (a)",
        "  require-concurrent-index-creation (i): nobody can write orders while it is built.",
        f"  Instead: {found.safe}",
    ]


def test_place_of_alembic() -> None:
    """What alembic printed is found in the file of its revision, by the line of its SQL."""
    text = "BEGIN;\n\n-- Running upgrade base1 -> next1\n\nDROP TABLE é;\n\nTRUNCATE b;\nCOMMIT;\n"
    sql = Sql("alembic upgrade", text, {"next1": "versions/next1.py"})
    places = [found.place for found in lint(change(), Phase.BEFORE, sql)]
    assert places[0] == "versions/next1.py: revision next1, line 2 of its SQL"
    assert places[-1] == "versions/next1.py: revision next1, line 4 of its SQL"


def test_own_table_of_alembic() -> None:
    """What alembic writes about itself is no change of the product's."""
    assert not rules(change(), "UPDATE alembic_version SET version_num='b' WHERE version_num='a'")


def test_unreadable() -> None:
    """SQL that PostgreSQL would not read is refused with its line."""
    with pytest.raises(SqlError, match=r'^x\.sql:2: .* at or near "ALTR"$'):
        lint(change(), Phase.BEFORE, Sql("x.sql", "SELECT 1;\nALTR TABLE a;"))


def test_new_table() -> None:
    """What a change makes itself is nobody else's: it may be built as it comes."""
    sql = """
        CREATE TABLE n (id bigint PRIMARY KEY, a int);
        CREATE UNIQUE INDEX i ON n (a);
        ALTER TABLE n ADD CONSTRAINT c CHECK (a > 0);
        ALTER TABLE n ALTER COLUMN a SET NOT NULL;
        ALTER TABLE n ADD COLUMN b uuid DEFAULT gen_random_uuid();
        ALTER TABLE n RENAME COLUMN b TO d;
        INSERT INTO n VALUES (1, 1);
        UPDATE n SET a = 2;
        DROP INDEX i;
        TRUNCATE n;
        DROP TABLE n;
    """
    assert not rules(change(), sql)


def test_new_column() -> None:
    """A rule over a column that the old release does not write refuses it nothing."""
    sql = """
        ALTER TABLE orders ADD COLUMN status text;
        ALTER TABLE orders ADD CONSTRAINT known CHECK (status IN ('a', 'b')) NOT VALID;
    """
    assert not rules(change(), sql)
    assert rules(change(), sql.replace("(status IN", "(amount > 0 OR status IN")) == [
        "class-additive"
    ]


def test_not_null() -> None:
    """NOT NULL is quick once a validated constraint says so; before that it reads every row."""
    steps = [
        "ALTER TABLE orders ADD CONSTRAINT n CHECK (note IS NOT NULL) NOT VALID;",
        "ALTER TABLE orders VALIDATE CONSTRAINT n;",
        "ALTER TABLE orders ALTER COLUMN note SET NOT NULL;",
    ]
    of = change("breaking")
    assert not rules(of, "".join(steps), Phase.CONTRACT)
    assert rules(of, steps[0] + steps[2], Phase.CONTRACT) == ["adding-not-nullable-field"]
    assert rules(of, f"BEGIN; {''.join(steps[:2])} COMMIT;", Phase.CONTRACT) == [
        "constraint-validated-in-same-transaction",
        "lock-held",
    ]
    apart = f"BEGIN; {steps[0]} COMMIT; BEGIN; {steps[1]} COMMIT;"
    assert not rules(of, apart, Phase.CONTRACT)


@pytest.mark.parametrize(
    "slow",
    [
        "UPDATE orders SET a = 1 WHERE id < 100",
        "INSERT INTO archive SELECT * FROM orders",
        "ALTER TABLE other VALIDATE CONSTRAINT c",
    ],
)
def test_lock_held(slow: str) -> None:
    """What takes time does not run while its transaction locks everybody out of another table."""
    sql = f"ALTER TABLE orders ADD COLUMN a int; {slow};"
    assert "lock-held" in rules(change("data"), f"BEGIN; {sql} COMMIT;")
    assert "lock-held" not in rules(change("data"), sql)
    quick = sql.replace("SELECT * FROM orders", "VALUES (1)")
    assert ("lock-held" in rules(change("data"), f"BEGIN; {quick} COMMIT;")) == (quick == sql)


def test_still_read() -> None:
    """Only what the old release is said not to read is dropped under it; the rest waits."""
    sql = "ALTER TABLE orders DROP COLUMN note"
    assert rules(change("breaking", loses=_LOSES), sql) == ["still-read"]
    assert not rules(change("breaking", loses=_LOSES, unread=["orders.note"]), sql)
    assert not rules(change("breaking", loses=_LOSES, unread=["orders"]), sql)
    assert not rules(change("breaking"), sql, Phase.CONTRACT)


def test_way_back() -> None:
    """The way back of a data migration may undo what it made, and nothing else."""
    there = Sql("up.sql", "ALTER TABLE orders ADD COLUMN cents int; UPDATE orders SET a=1 WHERE b;")
    back = "ALTER TABLE orders DROP COLUMN cents; UPDATE orders SET a = 2 WHERE b;"
    made = what_it_makes(there)
    of = change("data")
    assert not lint(of, Phase.REVERSE, Sql("down.sql", back), made=made)
    (found,) = lint(
        of, Phase.REVERSE, Sql("down.sql", back.replace("cents", "note")), made=what_it_makes(there)
    )
    assert (found.rule, found.on) == ("class-data", "orders.note")


def test_allowed() -> None:
    """A hazard that people let pass on one object passes there alone; a class never does."""
    allow = [{"rule": "unbatched-write", "on": "orders", "reason": "it has forty rows"}]
    of = change("data", allow=allow)
    assert not rules(of, "UPDATE orders SET a = 1")
    assert rules(of, "UPDATE others SET a = 1") == ["unbatched-write"]


def test_own_timeouts() -> None:
    """A command whose driver is not told of timeouts has to set them itself, first."""
    of = change(migrations={"program": ["migrate"], "heedsPgoptions": False})
    sql = "CREATE TABLE n (id int); CREATE TABLE m (id int);"
    assert rules(of, sql) == ["require-lock-timeout"]
    assert not rules(of, f"SET lock_timeout = '2s'; {sql}")
