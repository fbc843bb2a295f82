"""A database change as a small reviewed file declares it: its class, its way back, its limits."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self, cast

import yaml
from pydantic import Field, StringConstraints, ValidationError, model_validator

from environments.record import Record
from scripts.exits import CommandError, ExitCode
from scripts.runs.canonical import Json, digest

Revision = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Object = Annotated[str, StringConstraints(pattern=r"^\S.*$")]


class ChangeError(CommandError):
    """A file that declares no database change that could be carried out."""

    code = ExitCode.USAGE


class Class(StrEnum):
    """How a change is taken back (ROLL-13)."""

    ADDITIVE = "additive"
    """It stays in place: the old release does not notice it."""
    DATA = "data"
    """Its reverse script undoes it."""
    BREAKING = "breaking"
    """It is expanded first and contracted when nobody needs the old form any more; where that
    cannot be, the database is restored to the moment before, into a new instance."""


class Alembic(Record):
    """Migrations that alembic keeps."""

    config: str
    """Its ini file, from the folder of this file."""
    command: Annotated[tuple[str, ...], Field(min_length=1)] = ("alembic",)
    """How it is started where the change is planned: the product's own, with its libraries."""


class Program(Record):
    """The product's own command."""

    program: Annotated[tuple[str, ...], Field(min_length=1)]
    """What is run, with `status`, `sql FROM TO`, `to REVISION` or `back REVISION` behind it."""
    heeds_pgoptions: bool = True
    """Whether its driver reads PGOPTIONS, as libpq does; where not, its SQL sets the timeouts."""


class Loses(Record):
    """What a restore to the moment before would lose; approved before the change is made."""

    tables: Annotated[tuple[Object, ...], Field(min_length=1)]
    """The tables whose rows the services write."""
    at_most_rows: Annotated[int, Field(ge=0)]
    """How many written rows people accept to lose."""
    why: Annotated[str, StringConstraints(min_length=1)]
    """Why it cannot be expanded and contracted."""


class Allowed(Record):
    """A hazard that people looked at and let pass."""

    rule: str
    on: str
    """What the finding names."""
    reason: Annotated[str, StringConstraints(min_length=1)]


class Limits(Record):
    """How long statements may wait and run."""

    lock_timeout_seconds: Annotated[float, Field(gt=0, le=30)] = 2
    """How long a statement may wait for a lock: everybody else waits behind it."""
    statement_timeout_seconds: Annotated[float, Field(gt=0, le=86_400)] = 300
    attempts: Annotated[int, Field(ge=1, le=100)] = 10
    """How often a migration that got no lock is tried."""
    pause_seconds: Annotated[float, Field(gt=0, le=60)] = 5
    """How long it waits between two tries; others get through meanwhile."""
    migration_seconds: Annotated[float, Field(gt=0, le=86_400)] = 480
    """How long a phase may take in all."""
    reverse_seconds: Annotated[float, Field(gt=0, le=600)] = 180
    """How long the way back may take: a rollback has a bound (ROLL-01)."""


class Change(Record):
    """One release's change of the database."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    kind: Annotated[Class, Field(alias="class")]
    from_revision: Annotated[Revision, Field(alias="from")]
    """The schema that the release which serves was made for."""
    to_revision: Annotated[Revision, Field(alias="to")]
    """The schema that the new release needs."""
    contract: Revision | None = None
    """The schema without what only the old release needed; applied when that is gone."""
    migrations: Alembic | Program
    sql: str | None = None
    """A file with the SQL of the change where `migrations` cannot print it."""
    reverse_sql: str | None = None
    """The same for the way back."""
    unread: tuple[Object, ...] = ()
    """What the release that serves does not read any more, `table` or `table.column`: only this
    may be dropped or renamed before it is gone."""
    loses: Loses | None = None
    allow: tuple[Allowed, ...] = ()
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.from_revision == self.to_revision:
            raise ValueError("from and to are the same revision: there is nothing to change")
        if self.kind is Class.BREAKING:
            if bool(self.contract) == bool(self.loses):
                raise ValueError(
                    "a breaking change says either contract (the revision that takes the old form "
                    "away later) or loses (what a restore would lose): ROLL-13"
                )
        elif self.contract or self.loses:
            raise ValueError(f"contract and loses are of breaking changes; this one is {self.kind}")
        if self.contract in {self.from_revision, self.to_revision}:
            raise ValueError("contract is a revision after `to`")
        return self

    @property
    def is_restored(self) -> bool:
        """Whether only a restore takes it back."""
        return self.kind is Class.BREAKING and self.contract is None

    @property
    def hash(self) -> str:
        """What tells this declaration from another."""
        return digest(cast("Json", self.model_dump(mode="json", by_alias=True)))


def read_change(path: Path) -> Change:
    """The change that the file `path` declares.

    Raises:
        ChangeError: it declares none; a line for each problem, with its place.
    """
    try:
        content = cast("object", yaml.safe_load(path.read_text(encoding="utf-8")))
        return Change.model_validate(content)
    except ValidationError as error:
        lines = [
            f"{path}: {'.'.join(str(part) for part in each['loc']) or 'the change'}: {each['msg']}"
            for each in error.errors()
        ]
        raise ChangeError("\n".join(lines)) from None
    except OSError as error:
        raise ChangeError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ChangeError(f"{path}: cannot be read: {error}") from None
