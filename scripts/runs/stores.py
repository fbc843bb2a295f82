"""Where journals and leases are kept: a team's table where one is named, else a file."""

import os
from pathlib import Path
from typing import Final, cast

from scripts.runs.aws import client
from scripts.runs.journal import Store
from scripts.runs.sqlite import SqliteStore

TABLE_VARIABLE: Final = "SLIPWAY_RUNS_TABLE"
"""Names the DynamoDB table in which a team keeps its journals."""


def open_store(state: Path) -> Store:
    """The table that the environment variable names, else a file in the folder `state`."""
    table = os.environ.get(TABLE_VARIABLE)
    if not table:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        return SqliteStore(state / "runs.sqlite")
    from scripts.runs.dynamodb import DynamoDbClient, DynamoDbStore  # noqa: PLC0415 - as above

    return DynamoDbStore(cast("DynamoDbClient", client("dynamodb")), table)
