"""A product with a database: its migrations, kept by alembic or by a command of its own."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Any, Final

from scripts.cutover.database.change import Change
from tests.scripts.cutover.database.postgres import binaries

BASE: Final = """\
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    amount integer NOT NULL,
    note text,
    written timestamptz NOT NULL DEFAULT clock_timestamp()
);
"""
"""The first revision, `base1`."""


@dataclass(frozen=True)
class Revision:
    """A step of the schema. SQL below a line `-- alone` runs outside of a transaction."""

    after: str
    up: str
    down: str = ""


Revisions = Mapping[str, Revision]


def every(revisions: Revisions) -> dict[str, Revision]:
    """The revisions from the first on."""
    return {"base1": Revision("base", BASE, "DROP TABLE orders;"), **revisions}


def halves(sql: str) -> tuple[list[str], list[str]]:
    """The statements inside of a transaction, and those alone."""
    inside, _, alone = sql.partition("-- alone\n")
    return _split(inside), _split(alone)


def _split(sql: str) -> list[str]:
    return [each.strip() for each in sql.split(";\n") if each.strip()]


_INI: Final = """\
[alembic]
script_location = %(here)s/migrations
path_separator = os
"""
_ENV: Final = """\
from alembic import context
from sqlalchemy import create_engine, pool

if context.is_offline_mode():
    context.configure(
        dialect_name="postgresql", literal_binds=True, transaction_per_migration=True
    )
    with context.begin_transaction():
        context.run_migrations()
else:
    # libpq reads where the database is from its own variables.
    engine = create_engine("postgresql+psycopg://", poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
"""
_VERSION: Final = """\
from alembic import op

revision = {name!r}
down_revision = {before!r}


def upgrade() -> None:
{up}


def downgrade() -> None:
{down}
"""


def with_alembic(folder: Path, revisions: Revisions) -> Path:
    """The product's folder, with migrations that alembic keeps."""
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    (folder / "alembic.ini").write_text(_INI, encoding="utf-8")
    (folder / "migrations" / "env.py").write_text(_ENV, encoding="utf-8")
    for name, each in every(revisions).items():
        before = None if each.after == "base" else each.after
        text = _VERSION.format(name=name, before=before, up=_calls(each.up), down=_calls(each.down))
        (versions / f"{name}.py").write_text(text, encoding="utf-8")
    return folder


def _calls(sql: str) -> str:
    inside, alone = halves(sql)
    lines = [f"op.execute({each!r})" for each in inside]
    if alone:
        lines += ["with op.get_context().autocommit_block():"]
        lines += [f"    op.execute({each!r})" for each in alone]
    return indent("\n".join(lines or ["pass"]), "    ")


ALEMBIC: Final[dict[str, Any]] = {
    "config": "alembic.ini",
    "command": [sys.executable, "-m", "alembic"],
}


def with_command(folder: Path, revisions: Revisions) -> dict[str, Any]:
    """What a change says of the product's own command; it starts sooner than alembic."""
    told = {
        name: [each.after, *map(halves, (each.up, each.down))]
        for name, each in every(revisions).items()
    }
    file = folder / "revisions.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    command = Path(__file__).with_name("migrator.py")
    programs = binaries()
    assert programs is not None
    return {"program": [sys.executable, "-S", str(command), str(file), str(programs / "psql")]}


def declared(kind: str, migrations: dict[str, Any], **more: Any) -> Change:  # noqa: ANN401 - any key of a change
    """A change of the product's, with waits that suit a test."""
    limits = {"lockTimeoutSeconds": 0.2, "attempts": 20, "pauseSeconds": 0.1} | more.pop(
        "limits", {}
    )
    return Change.model_validate(
        {
            "name": "orders",
            "class": kind,
            "from": "base1",
            "to": "next1",
            "migrations": migrations,
            "limits": limits,
            **more,
        }
    )
