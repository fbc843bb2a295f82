"""Tests of the agent on a real PostgreSQL: locks, kills, orphans, and what it never says."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from scripts.cutover.database.agent import Agent
from scripts.cutover.database.change import Change
from scripts.cutover.database.connection import GUARD, MIGRATION, Connection
from scripts.cutover.database.planned import agent_variables
from scripts.cutover.database.runners import AGENT, AgentError, Job, LocalProcess
from scripts.cutover.database.schema import Status
from scripts.exits import ExitCode
from scripts.runs.sqlite import SqliteStore
from tests.scripts.cutover.database.conftest import Database
from tests.scripts.cutover.database.product import Revision, declared, with_command
from tests.scripts.cutover.database.world import InProcess, around, at_base, carry_out, stage

COLUMN = Revision("base1", "ALTER TABLE orders ADD COLUMN status text;\n")
INDEX = Revision(
    "base1",
    "-- alone\nCREATE INDEX CONCURRENTLY IF NOT EXISTS orders_note ON orders (note);\n",
)
SLOW = Revision(
    "base1",
    "CREATE TABLE n (id int);\n"
    "SELECT pg_sleep(CASE WHEN EXISTS (SELECT FROM brake) THEN 60 ELSE 0 END);\n",
)


_TOKEN = "a-token-of-iam"  # noqa: S105 - a made-up one


def _token(_connection: Connection) -> SecretStr:
    return SecretStr(_TOKEN)


def _at_base(_agent: Agent) -> str:
    return "base1"


def until(is_so: Callable[[], object]) -> None:
    """Wait for it, not for long."""
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def sleeping(database: Database) -> bool:
    """Whether the migration is where it takes long."""
    found = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = %s"
    return bool(database.rows(found, database.name))


def sessions(database: Database, name: str = MIGRATION) -> int:
    """How many sessions there are of that name."""
    found = "SELECT 1 FROM pg_stat_activity WHERE application_name = %s AND datname = %s"
    return len(database.rows(found, name, database.name))


def prepared(folder: Path, database: Database, revision: Revision) -> Change:
    """A change whose database is where it begins."""
    change = declared("additive", with_command(folder, {"next1": revision}))
    at_base(stage(change, folder, database))
    return change


def agent(change: Change, folder: Path, database: Database, *words: str) -> subprocess.Popen[str]:
    """An agent in a process of its own."""
    return subprocess.Popen(  # noqa: S603 - this very module
        [*AGENT, *words],
        env={**database.variables, **agent_variables(change, folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_no_lock(tmp_path: Path, database: Database, sqlite: SqliteStore) -> None:
    """Under a long transaction it is tried, told who blocks, and left as it was."""
    prepared(tmp_path, database, COLUMN)
    change = declared("additive", with_command(tmp_path, {"next1": COLUMN}), limits={"attempts": 2})
    told: list[str] = []
    with database.connect(application_name="reports") as blocker:
        blocker.execute("BEGIN")
        blocker.execute("SELECT * FROM orders")
        outcome = carry_out(
            around(stage(change, tmp_path, database, tell=told.append)).before, sqlite
        )
    assert outcome.code is ExitCode.FAILED
    assert "the schema is at base1, not at next1" in outcome.message
    assert "of postgres (reports): a transaction open for" in outcome.message
    assert told.count("no lock within 0.2 s, attempt 2 of 2") == 1
    assert carry_out(around(stage(change, tmp_path, database)).before, sqlite).code is ExitCode.DONE


def test_lock_in_the_end(tmp_path: Path, database: Database, sqlite: SqliteStore) -> None:
    """It goes through as soon as the transaction that was in its way has ended."""
    change = prepared(tmp_path, database, COLUMN)
    with database.connect() as blocker:
        blocker.execute("BEGIN")
        blocker.execute("SELECT * FROM orders")

        def tell(message: str) -> None:
            if "no lock" in message:
                blocker.execute("ROLLBACK")

        runner = LocalProcess({**database.variables, **agent_variables(change, tmp_path)})
        ran = runner.run(
            Job(arguments=["to", "next1", "--lock-timeout", "0.2", "--pause", "0.1"], name="x"),
            tell,
        )
    assert Status.model_validate(ran.result()).revision == "next1"
    assert [line.get("event") for line in ran.lines] == [
        "began",
        "migration",
        "began",
        "database",
    ]
    assert carry_out(around(stage(change, tmp_path, database)).before, sqlite).code is ExitCode.DONE


def test_killed(tmp_path: Path, database: Database, sqlite: SqliteStore) -> None:
    """What a killed migration left behind is ended before it is begun again, and counts once."""
    change = prepared(tmp_path, database, SLOW)
    database.rows("CREATE TABLE brake (id int)")
    database.rows("INSERT INTO brake VALUES (1)")
    process = agent(change, tmp_path, database, "to", "next1")
    until(lambda: sleeping(database))
    process.kill()
    process.wait()
    assert process.stdout
    process.stdout.close()
    assert sleeping(database)  # psql, which the agent had started, goes on
    database.rows("DELETE FROM brake")
    assert carry_out(around(stage(change, tmp_path, database)).before, sqlite).code is ExitCode.DONE
    assert database.rows("SELECT revision FROM schema_version") == [("next1",)]
    assert not sessions(database)


def test_killed_index(tmp_path: Path, database: Database, sqlite: SqliteStore) -> None:
    """An index whose build was cut off is built anew: IF NOT EXISTS would take it as it is."""
    change = prepared(tmp_path, database, INDEX)
    with database.connect() as blocker:
        blocker.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        blocker.execute("INSERT INTO orders (amount) VALUES (1)")
        process = agent(change, tmp_path, database, "to", "next1", "--lock-timeout", "30")
        invalid = "SELECT 1 FROM pg_index WHERE NOT indisvalid"
        until(lambda: database.rows(invalid))
        process.kill()
        process.communicate()
        database.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
            MIGRATION,
        )
        blocker.execute("COMMIT")
    until(lambda: not sessions(database))
    assert database.rows(invalid)
    told: list[str] = []
    it = stage(change, tmp_path, database, tell=told.append)
    assert it.schema.status().invalid == ("orders_note",)
    assert carry_out(around(it).before, sqlite).code is ExitCode.DONE
    assert "dropped what builds left: orders_note" in told
    assert not database.rows(invalid)
    assert database.rows("SELECT to_regclass('orders_note') IS NOT NULL") == [(True,)]


def test_two_at_once(tmp_path: Path, database: Database) -> None:
    """A second agent waits for the first, and finds its work done."""
    change = prepared(tmp_path, database, COLUMN)
    both = [agent(change, tmp_path, database, "to", "next1") for _ in range(2)]
    said = [each.communicate(timeout=60)[0] for each in both]
    assert [each.returncode for each in both] == [0, 0], said


def test_stopped(tmp_path: Path, database: Database) -> None:
    """Told to stop, as ECS tells a task, it ends its migration, too."""
    change = prepared(tmp_path, database, SLOW)
    database.rows("CREATE TABLE brake (id int)")
    database.rows("INSERT INTO brake VALUES (1)")
    process = agent(change, tmp_path, database, "to", "next1")
    until(lambda: sleeping(database))
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGTERM
    assert not sessions(database, GUARD)
    assert database.rows("SELECT to_regclass('n') IS NULL") == [(True,)]


def test_out_of_time(tmp_path: Path, database: Database) -> None:
    """What takes longer than it may is cut off, and no session of it is left."""
    change = prepared(tmp_path, database, SLOW)
    database.rows("CREATE TABLE brake (id int)")
    database.rows("INSERT INTO brake VALUES (1)")
    runner = InProcess({**database.variables, **agent_variables(change, tmp_path)})
    ran = runner.run(Job(arguments=["to", "next1", "--seconds", "1"], name="x"), lambda _: None)
    with pytest.raises(AgentError, match="the agent ended with 1: cut off: not done within 1 s"):
        ran.result()
    assert not sessions(database)


def test_no_rows_in_logs(tmp_path: Path, database: Database) -> None:
    """An error tells the statement's fault, and quotes no row."""
    change = prepared(
        tmp_path,
        database,
        Revision(
            "base1", "INSERT INTO orders (id, amount) OVERRIDING SYSTEM VALUE VALUES (7, 1);\n"
        ),
    )
    database.rows("INSERT INTO orders (id, amount) OVERRIDING SYSTEM VALUE VALUES (7, 424242)")
    runner = InProcess({**database.variables, **agent_variables(change, tmp_path)})
    ran = runner.run(Job(arguments=["to", "next1"], name="x"), lambda _: None)
    with pytest.raises(AgentError, match="violates unique constraint") as failed:
        ran.result()
    assert "(id)=(7)" not in str(failed.value)


def test_no_password_in_logs(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token goes into the child's environment, and nowhere else: not into arguments or logs."""
    monkeypatch.setattr(Connection, "password", _token)
    leaky = "import os, sys; print(os.environ['PGPASSWORD'], sys.argv); sys.exit(3)"
    variables = {**database.variables, "MIGRATE_PROGRAM": f'["{sys.executable}", "-c", "{leaky}"]'}
    change = declared("additive", with_command(tmp_path, {"next1": COLUMN}))
    at_base(stage(change, tmp_path, database))
    monkeypatch.setattr(Agent, "_revision", _at_base)
    ran = InProcess(variables).run(Job(arguments=["to", "next1"], name="x"), lambda _: None)
    with pytest.raises(AgentError, match=r"\[secret\] \['-c', 'to', 'next1'\]"):
        ran.result()
    assert _TOKEN not in str(ran.lines)


def test_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an address it says which variable is missing."""
    monkeypatch.setattr(os, "environ", {"PATH": os.environ["PATH"]})
    ran = InProcess({}).run(Job(arguments=["status"], name="x"), lambda _: None)
    with pytest.raises(AgentError, match="the variable DATABASE_HOST is not set"):
        ran.result()


def test_token_of_iam(monkeypatch: pytest.MonkeyPatch) -> None:
    """Away from this machine it signs in with a token of IAM, over a checked TLS."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    told = {
        "DATABASE_HOST": "usual.example.com",
        "MIGRATE_HOST": "restored.example.com",
        "DATABASE_PORT": "6432",
        "DATABASE_NAME": "slipway",
        "DATABASE_USER": "migrator",
        "DATABASE_SSLROOTCERT": "/certificates/rds.pem",
    }
    connection = Connection.told(told)
    password = connection.password()
    assert password
    secret = password.get_secret_value()
    assert secret.startswith("restored.example.com:6432/?Action=connect&DBUser=migrator")
    variables = connection.variables(MIGRATION, {"lock_timeout": "2000ms"}, password)
    assert variables["PGSSLMODE"] == "verify-full"
    assert variables["PGSSLROOTCERT"] == "/certificates/rds.pem"
    assert "-c lock_timeout=2000ms" in variables["PGOPTIONS"]
    assert secret not in repr(connection) + repr(LocalProcess(variables))
    with pytest.raises(psycopg.Error):
        Connection("/nowhere", 1, "x", "x", "disable").open()
