"""Stores to test on: an SQLite file, and a DynamoDB table as moto has it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import boto3  # pyright: ignore[reportMissingTypeStubs] - boto3 has no types
import pytest
from moto import mock_aws

from scripts.runs.dynamodb import DynamoDbClient, DynamoDbStore
from scripts.runs.journal import Store
from scripts.runs.sqlite import SqliteStore

TABLE = "runs"


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoDbClient]:
    """A client of a DynamoDB that has the table."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        client = cast("Any", boto3).client("dynamodb")
        client.create_table(
            TableName=TABLE,
            KeySchema=[
                {"AttributeName": "journal", "KeyType": "HASH"},
                {"AttributeName": "item", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "journal", "AttributeType": "S"},
                {"AttributeName": "item", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqliteStore]:
    """A store in a file."""
    store = SqliteStore(tmp_path / "runs.sqlite")
    yield store
    store.close()


@pytest.fixture(params=["sqlite", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each kind of store."""
    if request.param == "sqlite":
        return cast("Store", request.getfixturevalue("sqlite"))
    return DynamoDbStore(cast("DynamoDbClient", request.getfixturevalue("dynamodb")), TABLE)
