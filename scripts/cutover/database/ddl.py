"""SQL as PostgreSQL itself reads it: statements with their place, revision and transaction."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.message import Message
from postgast import PgQueryError, parse, unwrap_node, walk
from postgast import pg_query_pb2 as pg

from scripts.exits import CommandError, ExitCode

_REVISION: Final = re.compile(
    r"^-- Running (?:up|down)grade (\S*) -> (\S*?),?(?: .*)?$", re.MULTILINE
)
_SHOWN: Final = 160
_BEGIN: Final = frozenset({pg.TRANS_STMT_BEGIN, pg.TRANS_STMT_START})
_END: Final = frozenset({pg.TRANS_STMT_COMMIT, pg.TRANS_STMT_ROLLBACK, pg.TRANS_STMT_PREPARE})
_OWN: Final = "alembic_version"
"""Where alembic keeps the revision: what it writes there is no change of the product's."""


class SqlError(CommandError):
    """SQL that PostgreSQL's parser does not read."""

    code = ExitCode.USAGE


@dataclass(frozen=True, slots=True)
class Sql:
    """A text of SQL, and what people call it."""

    name: str
    text: str
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where each revision is written that the text was made from."""
    in_transaction: bool = False
    """Whether whoever runs it begins a transaction first, which the text does not show."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement."""

    file: str
    line: int
    text: str
    kind: str
    """As PostgreSQL's parser names it: `alter_table_stmt`."""
    node: Message
    revision: str
    """The revision of alembic's that it is part of, or nothing."""
    transaction: int | None
    """Which transaction it runs in; statements with the same one commit together."""

    @property
    def place(self) -> str:
        """Where it stands: in a file of SQL, or what a file of alembic's makes of itself."""
        if self.revision:
            return f"{self.file}: revision {self.revision}, line {self.line} of its SQL"
        return f"{self.file}:{self.line}"


def statements(sql: Sql) -> Iterator[Statement]:
    """The statements of `sql` but those of transactions, and of the migration tool itself.

    Raises:
        SqlError: PostgreSQL would not read it.
    """
    encoded = sql.text.encode()
    try:
        parsed = parse(sql.text)
    except PgQueryError as error:
        line = sql.text.count("\n", 0, max(error.cursorpos - 1, 0)) + 1
        raise SqlError(f"{sql.name}:{line}: PostgreSQL cannot read it: {error}") from None
    marks = [
        (len(sql.text[: found.end()].encode()), found[2] or found[1])
        for found in _REVISION.finditer(sql.text)
    ]
    begun = 1
    transaction = begun if sql.in_transaction else None
    for raw in parsed.stmts:
        kind = raw.stmt.WhichOneof("node") or ""
        node = unwrap_node(raw.stmt)
        if isinstance(node, pg.TransactionStmt):
            if node.kind in _BEGIN:
                begun += 1
                transaction = begun
            elif node.kind in _END:
                transaction = None
            continue
        if _is_tools_own(node):
            continue
        end = raw.stmt_location + raw.stmt_len if raw.stmt_len else len(encoded)
        start, text = _without_comments(encoded, raw.stmt_location, end)
        at, revision = next((mark for mark in reversed(marks) if mark[0] <= start), (0, ""))
        yield Statement(
            file=sql.files.get(revision, sql.name),
            line=encoded.count(b"\n", at, start) + (0 if revision else 1),
            text=shortened(text),
            kind=kind,
            node=node,
            revision=revision,
            transaction=transaction,
        )


def shortened(text: str) -> str:
    """`text` on one line, not too long."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"


def named(of: pg.RangeVar) -> str:
    """The name of a table, as the statement has it; `public` goes without saying."""
    schema = of.schemaname if of.schemaname != "public" else ""
    return f"{schema}.{of.relname}" if schema else of.relname


def words(nodes: Iterable[Message]) -> tuple[str, ...]:
    """The strings in a list of names."""
    found = (unwrap_node(each) for each in nodes)
    return tuple(each.sval for each in found if isinstance(each, pg.String))


def columns_in(node: Message) -> set[str]:
    """The columns that an expression names."""
    return {
        names[-1]
        for _, found in walk(node)
        if isinstance(found, pg.ColumnRef) and (names := words(found.fields))
    }


def calls_in(node: Message) -> set[str]:
    """The functions that an expression calls, without the schema of PostgreSQL's own."""
    return {
        ".".join(part for part in words(found.funcname) if part != "pg_catalog")
        for _, found in walk(node)
        if isinstance(found, pg.FuncCall)
    }


def _is_tools_own(node: Message) -> bool:
    relation = getattr(node, "relation", None)
    return isinstance(relation, pg.RangeVar) and relation.relname == _OWN


def _without_comments(encoded: bytes, start: int, end: int) -> tuple[int, str]:
    """Where the statement itself begins, behind blanks and comments, and its text."""
    text = encoded[start:end]
    skipped = re.match(rb"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*", text, re.DOTALL)
    skip = skipped.end() if skipped else 0
    return start + skip, text[skip:].decode()
