"""What looks after a migration from a session of its own: one at a time, no orphans, no debris."""

import time
from collections.abc import Sequence
from typing import Final, LiteralString

import psycopg
from psycopg.sql import SQL, Identifier

from scripts.cutover.database.connection import MIGRATION
from scripts.exits import CommandError

_LOCK: Final = 7_236_512_071_163_054_433
"""The advisory lock that a migration of this database holds."""
_ORPHANS_SECONDS: Final = 20
_POLL_SECONDS: Final = 0.1


class BusyError(CommandError):
    """Another migration of this database runs."""


class OrphanError(CommandError):
    """A session of a migration that was cut off does not end."""


def alone(session: psycopg.Connection, deadline: float) -> None:
    """Wait until no other migration runs, then keep others out until `session` ends.

    Raises:
        BusyError: one runs still at `deadline`.
    """
    while not _one(session, "SELECT pg_try_advisory_lock(%s)", _LOCK):
        if time.monotonic() > deadline:
            holder = _one(
                session,
                "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
                " AND (classid::bigint << 32 | objid::bigint) = %s",
                _LOCK,
            )
            raise BusyError(f"another migration of this database runs (session {holder}): wait")
        time.sleep(_POLL_SECONDS)


def end_orphans(session: psycopg.Connection) -> int:
    """End the sessions of a migration whose process is gone; how many there were.

    Raises:
        OrphanError: one of them does not end.
    """
    ended = 0
    until = time.monotonic() + _ORPHANS_SECONDS
    while found := session.execute(
        "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = %s AND datname = current_database()"
        " AND pid <> pg_backend_pid()",
        (MIGRATION,),
    ).fetchall():
        ended = max(ended, len(found))
        if time.monotonic() > until:
            raise OrphanError(f"the sessions {[row[0] for row in found]} do not end: end them")
        time.sleep(_POLL_SECONDS)
    return ended


def invalid_indexes(session: psycopg.Connection) -> list[str]:
    """Indexes whose concurrent build was cut off: they cost every write and serve nobody."""
    rows = session.execute(
        "SELECT CASE WHEN n.nspname = 'public' THEN '' ELSE n.nspname || '.' END || c.relname"
        " FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE NOT i.indisvalid AND c.relkind = 'i' ORDER BY 1"
    )
    return [str(row[0]) for row in rows]


def drop_debris(session: psycopg.Connection, indexes: Sequence[str]) -> list[str]:
    """Drop what builds of the change's own `indexes` left: IF NOT EXISTS would take it as built."""
    debris = [each for each in invalid_indexes(session) if each in indexes]
    for each in debris:
        name = SQL(".").join(Identifier(part) for part in each.split("."))
        session.execute(SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(name))
    return debris


def revision(session: psycopg.Connection, table: str) -> str:
    """The schema's revision by alembic's own table; `base` where there is none."""
    schema, _, name = table.rpartition(".")
    found = SQL(".").join(Identifier(part) for part in (schema, name) if part)
    if _one(session, "SELECT to_regclass(%s)::text", found.as_string(session)) is None:
        return "base"
    rows = session.execute(SQL("SELECT version_num FROM {} ORDER BY 1").format(found))
    return ",".join(str(row[0]) for row in rows) or "base"


def rows_written(session: psycopg.Connection) -> dict[str, int]:
    """How many rows were ever written, by table, as PostgreSQL counts: a little late."""
    return _numbers(
        session,
        "SELECT CASE WHEN schemaname = 'public' THEN '' ELSE schemaname || '.' END || relname,"
        " n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables",
    )


def rows_there(session: psycopg.Connection) -> dict[str, int]:
    """About how many rows each table has, as PostgreSQL estimates; -1 where it never looked."""
    return _numbers(
        session,
        "SELECT CASE WHEN n.nspname = 'public' THEN '' ELSE n.nspname || '.' END || c.relname,"
        " c.reltuples::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p') AND n.nspname"
        " NOT IN ('pg_catalog', 'information_schema', 'pg_toast')",
    )


def count(session: psycopg.Connection, table: str) -> int:
    """How many rows `table` has, counted."""
    name = SQL(".").join(Identifier(part) for part in table.split("."))
    row = session.execute(SQL("SELECT count(*) FROM {}").format(name)).fetchone()
    return int(row[0]) if row else 0


def who_blocks(session: psycopg.Connection) -> list[str]:
    """The transactions that hold locks on tables for longest, without what they say."""
    rows = session.execute(
        "SELECT a.pid, coalesce(a.usename::text, '?'), coalesce(nullif(a.application_name, ''),"
        " '?'), coalesce(extract(epoch FROM now() - a.xact_start)::bigint, -1),"
        " coalesce(a.state, '?'), string_agg(DISTINCT l.relation::regclass::text, ', ')"
        " FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
        " JOIN pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p')"
        " JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname"
        " NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
        " WHERE l.granted AND l.database = (SELECT oid FROM pg_database"
        " WHERE datname = current_database()) AND a.pid <> pg_backend_pid()"
        " GROUP BY 1, 2, 3, 4, 5 ORDER BY 4 DESC LIMIT 5"
    )
    return [
        f"session {pid} of {user} ({application}): a transaction open for {age} s, {state}, on "
        f"{tables}"
        for pid, user, application, age, state, tables in rows
    ]


def _numbers(session: psycopg.Connection, query: LiteralString) -> dict[str, int]:
    return {str(name): int(number) for name, number in session.execute(query)}


def _one(session: psycopg.Connection, query: LiteralString, *values: object) -> object:
    row = session.execute(query, values).fetchone()
    return row[0] if row else None
