"""Tests of what the linter says about locks, against what a real PostgreSQL does."""

from typing import LiteralString

import psycopg

from scripts.cutover.database.ddl import Sql
from scripts.cutover.database.lint import Phase, lint
from tests.scripts.cutover.database.conftest import Database
from tests.scripts.cutover.database.verdicts import change

_TABLES = """
CREATE TABLE u (id bigint PRIMARY KEY);
CREATE TABLE t (
    id bigint PRIMARY KEY, a integer DEFAULT 3, b bigint NOT NULL DEFAULT 1, n text
);
INSERT INTO u VALUES (1);
INSERT INTO t (id, a, n) SELECT i, 1, 'x' FROM generate_series(1, 50) i;
ALTER TABLE t ADD CONSTRAINT there CHECK (n IS NOT NULL) NOT VALID;
"""
_REWRITING = {"adding-field-with-default", "changing-column-type", "rewriting-table"}
STATEMENTS = [
    "ALTER TABLE t ADD COLUMN c text",
    "ALTER TABLE t ADD COLUMN c text NOT NULL DEFAULT 'x'",
    "ALTER TABLE t ADD COLUMN c timestamptz DEFAULT now()",
    "ALTER TABLE t ADD COLUMN c timestamptz DEFAULT clock_timestamp()",
    "ALTER TABLE t ADD COLUMN c uuid DEFAULT gen_random_uuid()",
    "ALTER TABLE t ADD COLUMN c jsonb DEFAULT jsonb_build_object('a', 1)",
    "ALTER TABLE t ADD COLUMN c text DEFAULT lower('X') || 'y'",
    "ALTER TABLE t ADD COLUMN c bigint GENERATED ALWAYS AS IDENTITY",
    "ALTER TABLE t ADD COLUMN c bigint GENERATED ALWAYS AS (b * 2) STORED",
    "ALTER TABLE t ADD COLUMN c bigserial",
    "ALTER TABLE t ADD COLUMN c bigint CHECK (c > 0)",
    "ALTER TABLE t ADD COLUMN c bigint REFERENCES u (id)",
    "ALTER TABLE t ADD COLUMN c bigint DEFAULT 1 REFERENCES u (id)",
    "ALTER TABLE t ALTER COLUMN a TYPE bigint",
    "ALTER TABLE t ALTER COLUMN a SET DEFAULT 5",
    "ALTER TABLE t ALTER COLUMN a DROP DEFAULT",
    "ALTER TABLE t ALTER COLUMN n SET NOT NULL",
    "ALTER TABLE t ALTER COLUMN b DROP NOT NULL",
    "ALTER TABLE t ALTER COLUMN a SET STATISTICS 500",
    "ALTER TABLE t ALTER COLUMN n SET STORAGE EXTERNAL",
    "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0)",
    "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID",
    "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES u (id)",
    "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES u (id) NOT VALID",
    "ALTER TABLE t ADD CONSTRAINT k UNIQUE (id, a)",
    "ALTER TABLE t VALIDATE CONSTRAINT there",
    "ALTER TABLE t DROP CONSTRAINT there",
    "ALTER TABLE t SET UNLOGGED",
    "ALTER TABLE t SET (fillfactor = 70)",
    "ALTER TABLE t DROP COLUMN a",
    "ALTER TABLE t RENAME COLUMN a TO c",
    "CREATE INDEX i ON t (a)",
    "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",  # noqa: E501
    "REINDEX TABLE t",
    "COMMENT ON TABLE t IS 'x'",
    "GRANT SELECT ON t TO pg_monitor",
]


def test_rewrites(database: Database) -> None:
    """It tells of a rewrite where PostgreSQL writes the table anew, and nowhere else."""
    with database.connect() as session:
        session.execute(_TABLES)  # pyright: ignore[reportArgumentType, reportCallIssue] - this file's own
        wrong: list[str] = []
        for sql in STATEMENTS:
            rules = {each.rule for each in lint(change(), Phase.BEFORE, Sql("x.sql", sql))}
            before = session.execute("SELECT pg_relation_filenode('t')").fetchone()
            session.execute("BEGIN")
            session.execute(sql)  # pyright: ignore[reportArgumentType, reportCallIssue] - this file's own
            after = session.execute("SELECT pg_relation_filenode('t')").fetchone()
            session.execute("ROLLBACK")
            told = bool(rules & _REWRITING)
            if told != (before != after):
                wrong.append(f"{sql}: {rules}")
    assert wrong == []


def test_reads_under_a_lock(database: Database) -> None:
    """It tells of each statement that reads the table while nobody writes, and of no other."""
    wrong: list[str] = []
    read = 0
    with database.connect() as session:
        session.execute(_TABLES)  # pyright: ignore[reportArgumentType, reportCallIssue] - this file's own
        for sql in STATEMENTS:
            found = lint(change(), Phase.BEFORE, Sql("x.sql", sql))
            hazards = {each.rule for each in found if not each.rule.startswith("class-")}
            session.execute("BEGIN")
            session.execute(sql)  # pyright: ignore[reportArgumentType, reportCallIssue] - this file's own
            rows = _one(session, _ROWS) - read
            stops_writers = bool(_one(session, _LOCKS))
            session.execute("ROLLBACK")
            read += rows
            if bool(hazards - _SHORT) != (rows > 0 and stops_writers):
                wrong.append(f"{sql}: reads {rows} rows; {hazards}")
    assert wrong == []


_ROWS: LiteralString = "SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 't'"
_LOCKS: LiteralString = """
SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass AND pid = pg_backend_pid()
AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
"""
_SHORT = {"renaming-column"}
"""What takes no time, and hurts in another way."""


def _one(session: psycopg.Connection, query: LiteralString) -> int:
    row = session.execute(query).fetchone()
    return int(row[0]) if row else 0
