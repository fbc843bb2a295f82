"""What each kind of statement does, and the locks that it takes."""

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from google.protobuf.message import Message
from postgast import pg_query_pb2 as pg
from postgast import unwrap_node

from scripts.cutover.database.ddl import Statement, calls_in, named, words
from scripts.cutover.database.effects import (
    Does,
    Effect,
    Hazard,
    Judged,
    Seen,
    adds,
    breaks,
    hides,
    loosens,
)
from scripts.cutover.database.tables import altered, locks

_SETTINGS: Final = frozenset(
    {
        "lock_timeout", "statement_timeout", "search_path", "idle_in_transaction_session_timeout",
        "maintenance_work_mem", "max_parallel_maintenance_workers", "client_min_messages",
        "check_function_bodies", "default_table_access_method", "standard_conforming_strings",
        "client_encoding", "row_security", "xmloption", "transaction_timeout", "timezone",
    }
)  # fmt: skip
_TIMEOUTS: Final = frozenset({"lock_timeout", "statement_timeout"})
_CALLS: Final = frozenset({"set_config", "setval", "pg_sleep", "now", "count", "version"})
_WEAK_LOCKS: Final = 3
"""LOCK TABLE up to ROW EXCLUSIVE stops nobody who reads or writes rows."""
_KINDS: Final = {
    pg.OBJECT_TABLE: "table", pg.OBJECT_VIEW: "view", pg.OBJECT_MATVIEW: "materialized view",
    pg.OBJECT_INDEX: "index", pg.OBJECT_SEQUENCE: "sequence", pg.OBJECT_FUNCTION: "function",
    pg.OBJECT_PROCEDURE: "function", pg.OBJECT_TRIGGER: "trigger", pg.OBJECT_TYPE: "type",
    pg.OBJECT_DOMAIN: "type", pg.OBJECT_SCHEMA: "schema", pg.OBJECT_EXTENSION: "extension",
    pg.OBJECT_POLICY: "policy", pg.OBJECT_RULE: "rule", pg.OBJECT_STATISTIC_EXT: "statistics",
    pg.OBJECT_COLUMN: "column", pg.OBJECT_TABCONSTRAINT: "constraint",
}  # fmt: skip

Node = TypeVar("Node", bound=Message)
_Judge = Callable[[Statement, Seen], Iterator[Judged]]


def judge(statement: Statement, seen: Seen) -> Iterator[Judged]:
    """What `statement` does after those that made what was `seen`."""
    own = _JUDGES.get(statement.kind)
    if own is None:
        what = statement.kind.removesuffix("_stmt").replace("_", " ")
        yield hides(what, "no rule knows what it does to the release that serves")
        return
    locked = _locks(statement, seen)
    if statement.transaction is not None and not locked:
        yield from _under_lock(statement, seen, seen.locked.get(statement.transaction, ""))
    yield from own(statement, seen)
    if statement.transaction is not None and locked:
        seen.locked.setdefault(statement.transaction, locked)


def _locks(statement: Statement, seen: Seen) -> str:
    """The table that others use and nobody can read from here to the end of the transaction."""
    node = statement.node
    if isinstance(node, pg.AlterTableStmt) and locks(node):
        table = named(node.relation)
        return "" if table in seen.tables else table
    if isinstance(node, pg.RenameStmt) and node.relation.relname:
        return named(node.relation)
    return ""


def _under_lock(statement: Statement, seen: Seen, locked: str) -> Iterator[Judged]:
    """What takes time while a transaction still holds its lock on `locked`."""
    node = statement.node
    takes_time = isinstance(node, pg.UpdateStmt | pg.DeleteStmt | pg.MergeStmt) or (
        isinstance(node, pg.InsertStmt)
        and unwrap_node(node.select_stmt) is not node.select_stmt
        and not _is_values(node)
    )
    if isinstance(node, pg.AlterTableStmt):
        takes_time = any(
            isinstance(command := unwrap_node(each), pg.AlterTableCmd)
            and command.subtype == pg.AT_ValidateConstraint
            for each in node.cmds
        )
    if isinstance(node, pg.IndexStmt):
        takes_time = named(node.relation) not in seen.tables
    if locked and takes_time:
        yield Hazard(
            "lock-held", locked,
            f"nobody can read or write {locked} until this is done: the transaction still holds "
            "the lock of what it altered before",
            "Put it into a transaction of its own: a revision after this one, or alembic's "
            "autocommit_block.",
        )  # fmt: skip


def _is_values(node: pg.InsertStmt) -> bool:
    select = unwrap_node(node.select_stmt)
    return isinstance(select, pg.SelectStmt) and bool(select.values_lists)


def _as(kind: type[Node], statement: Statement) -> Node:
    assert isinstance(statement.node, kind)  # noqa: S101 - the key of _JUDGES says so
    return statement.node


def _alter_table(statement: Statement, seen: Seen) -> Iterator[Judged]:
    yield from altered(statement, _as(pg.AlterTableStmt, statement), seen)


def _create_table(statement: Statement, seen: Seen) -> Iterator[Judged]:
    node = _as(pg.CreateStmt, statement)
    table = named(node.relation)
    parents = [unwrap_node(each) for each in node.inh_relations]
    seen.tables.add(table)
    yield adds(table)
    for parent in parents:
        if not isinstance(parent, pg.RangeVar) or named(parent) in seen.tables:
            continue
        if node.HasField("partbound"):
            yield Hazard(
                "creating-partition", named(parent),
                "nobody can read or write the parent meanwhile",
                f"CREATE TABLE {table} (LIKE {named(parent)} INCLUDING ALL); then ALTER TABLE "
                f"{named(parent)} ATTACH PARTITION {table} ...;",
            )  # fmt: skip
        else:
            yield loosens(named(parent), f"reading it gives the rows of {table}, too")


def _create_table_as(statement: Statement, seen: Seen) -> Iterator[Judged]:
    node = _as(pg.CreateTableAsStmt, statement)
    seen.tables.add(named(node.into.rel))
    seen.objects.add(f"materialized view {named(node.into.rel)}")
    yield adds(named(node.into.rel))


def _index(statement: Statement, seen: Seen) -> Iterator[Judged]:
    node = _as(pg.IndexStmt, statement)
    table = named(node.relation)
    elements = [unwrap_node(each) for each in node.index_params]
    columns = [each.name for each in elements if isinstance(each, pg.IndexElem)]
    name = node.idxname or f"{table}_{'_'.join(columns)}_idx"
    if node.unique and not seen.is_new(table, columns):
        yield breaks(name, "what the old release writes may be refused as a duplicate")
    else:
        yield adds(name)
    seen.objects.add(f"index {name}")
    if table in seen.tables:
        return
    safe = (
        f"CREATE {'UNIQUE ' if node.unique else ''}INDEX CONCURRENTLY {name} ON {table} "
        f"({', '.join(columns)}); outside of a transaction (alembic: autocommit_block)."
    )
    if not node.concurrent:
        yield Hazard(
            "require-concurrent-index-creation", name,
            f"nobody can write {table} while it is built", safe,
        )  # fmt: skip
    elif statement.transaction is not None:
        yield Hazard(
            "ban-concurrent-index-creation-in-transaction", name,
            "PostgreSQL refuses it inside of a transaction", safe,
        )  # fmt: skip
    if node.concurrent and not node.idxname:
        yield Hazard(
            "concurrent-index-without-name", name,
            "what a build that was cut off leaves, an invalid index, cannot be found again", safe,
        )  # fmt: skip


def _drop(statement: Statement, seen: Seen) -> Iterator[Judged]:
    node = _as(pg.DropStmt, statement)
    kind = _KINDS.get(node.remove_type, pg.ObjectType.Name(node.remove_type))
    for each in node.objects:
        on = _object(unwrap_node(each))
        if on in seen.tables or f"{kind} {on}" in seen.objects:
            yield adds(on, "it came with this change")
            continue
        if kind in {"index", "statistics"}:
            yield loosens(on, "queries of the old release may take longer")
            if kind == "index" and not node.concurrent:
                yield Hazard(
                    "require-concurrent-index-deletion", on,
                    "nobody can read or write its table meanwhile, nor while it waits to begin",
                    f"DROP INDEX CONCURRENTLY {on}; outside of a transaction.",
                )  # fmt: skip
        elif kind in {"trigger", "rule"}:
            yield loosens(on, "what the old release writes does not set it off any more")
        else:
            yield breaks(on, f"the old release uses the {kind}; what was in it is gone")
        if node.behavior == pg.DROP_CASCADE:
            yield Hazard(
                "drop-cascade", on,
                "CASCADE drops what nobody named here", "Name each object that is to go.",
            )  # fmt: skip


def _object(node: Message) -> str:
    if isinstance(node, pg.ObjectWithArgs):
        return ".".join(words(node.objname))
    if isinstance(node, pg.TypeName):
        return ".".join(words(node.names))
    if isinstance(node, pg.String):
        return node.sval
    if isinstance(node, pg.List):
        return ".".join(part for part in words(node.items) if part != "public")
    return "(something)"


def _rename(statement: Statement, seen: Seen) -> Iterator[Judged]:
    node = _as(pg.RenameStmt, statement)
    table = named(node.relation)
    kind = _KINDS.get(node.rename_type, "object")
    on = f"{table}.{node.subname}" if node.subname else table
    if seen.is_new(table, [node.subname] if node.subname else []):
        yield adds(on)
        if kind == "table":
            seen.tables.add(node.newname)
        if kind == "column":
            seen.columns.add(f"{table}.{node.newname}")
        return
    if kind in {"index", "constraint", "trigger", "policy", "statistics"}:
        yield adds(on, "no release reads its name")
        return
    yield breaks(on, f"the old release uses the {kind} by its old name")
    yield Hazard(
        f"renaming-{kind}", on,
        "whatever release serves at that moment knows only one of the two names",
        f"Add {node.newname} beside it (a view, or a column that a trigger fills), move the "
        "releases over, and drop the old one in the contract phase.",
    )  # fmt: skip


def _written(statement: Statement, seen: Seen) -> Iterator[Judged]:
    """INSERT, UPDATE, DELETE, MERGE."""
    node = statement.node
    relation = getattr(node, "relation", None)
    table = named(relation) if isinstance(relation, pg.RangeVar) else "(a table)"
    if calls := calls_in(node) & {"pg_terminate_backend", "pg_cancel_backend", "dblink_exec"}:
        yield hides(table, f"it calls {', '.join(sorted(calls))}")
    if table in seen.tables:
        yield adds(table)
        return
    yield Does(Effect.WRITES, table, "its rows are other ones than before")
    if isinstance(node, pg.UpdateStmt | pg.DeleteStmt) and not node.HasField("where_clause"):
        yield Hazard(
            "unbatched-write", table,
            "every row stays locked until the last is written, and the table grows by as much",
            "Write it in batches of some thousand rows by their key, each in a transaction of its "
            "own, so that it can be cut off anywhere and goes on (WHERE not yet done).",
        )  # fmt: skip


def _copy(statement: Statement, seen: Seen) -> Iterator[Judged]:
    node = _as(pg.CopyStmt, statement)
    table = named(node.relation)
    if node.is_program or node.filename:
        yield hides(table, "it reads or writes a file or a program on the server")
    elif not node.is_from or table in seen.tables:
        yield adds(table)
    else:
        yield Does(Effect.WRITES, table, "it has more rows than before")


def _truncate(statement: Statement, seen: Seen) -> Iterator[Judged]:
    for each in _as(pg.TruncateStmt, statement).relations:
        node = unwrap_node(each)
        table = named(node) if isinstance(node, pg.RangeVar) else "(a table)"
        if table in seen.tables:
            yield adds(table)
            continue
        yield breaks(table, "what was in it is gone")
        yield Hazard(
            "ban-truncate", table,
            "nobody can read or write the table meanwhile, nor while it waits to begin",
            "Delete the rows in batches, or drop the table in the contract phase.",
        )  # fmt: skip


def _set(statement: Statement, _seen: Seen) -> Iterator[Judged]:
    node = _as(pg.VariableSetStmt, statement)
    name = node.name.lower()
    if name not in _SETTINGS:
        yield hides(name or "all settings", "what follows may do something else under this setting")
        return
    value = next((unwrap_node(each) for each in node.args), None)
    zero = isinstance(value, pg.A_Const) and (
        (value.HasField("ival") and value.ival.ival == 0)
        or (value.HasField("sval") and value.sval.sval.strip("0smin h") == "")
    )
    if name in _TIMEOUTS and (zero or node.kind != pg.VAR_SET_VALUE):
        yield Hazard(
            "timeout-switched-off", name,
            "what follows may wait for a lock for ever, and everybody else behind it",
            f"Leave {name} to the change's limits, or set a shorter one.",
        )  # fmt: skip


def _select(statement: Statement, _seen: Seen) -> Iterator[Judged]:
    node = _as(pg.SelectStmt, statement)
    if node.HasField("into_clause"):
        yield hides("SELECT INTO", "write it as CREATE TABLE ... AS")
    elif calls := calls_in(node) - _CALLS:
        yield hides(", ".join(sorted(calls)), "what the function does stands elsewhere")


def _vacuum(statement: Statement, _seen: Seen) -> Iterator[Judged]:
    node = _as(pg.VacuumStmt, statement)
    options = {
        each.defname for raw in node.options if isinstance(each := unwrap_node(raw), pg.DefElem)
    }
    if "full" in options:
        yield _exclusive("VACUUM FULL", "Leave it to autovacuum, or use pg_repack.")


def _cluster(_statement: Statement, _seen: Seen) -> Iterator[Judged]:
    yield _exclusive("CLUSTER", "Use pg_repack, which keeps the table readable and writable.")


def _reindex(statement: Statement, _seen: Seen) -> Iterator[Judged]:
    node = _as(pg.ReindexStmt, statement)
    options = {
        each.defname for raw in node.params if isinstance(each := unwrap_node(raw), pg.DefElem)
    }
    if "concurrently" not in options:
        yield _exclusive("REINDEX", "REINDEX ... CONCURRENTLY, outside of a transaction.")


def _refresh(statement: Statement, seen: Seen) -> Iterator[Judged]:
    node = _as(pg.RefreshMatViewStmt, statement)
    if not node.concurrent and named(node.relation) not in seen.tables:
        yield _exclusive("REFRESH MATERIALIZED VIEW", "Refresh it CONCURRENTLY.")


def _lock(statement: Statement, _seen: Seen) -> Iterator[Judged]:
    if _as(pg.LockStmt, statement).mode > _WEAK_LOCKS:
        yield _exclusive("LOCK TABLE", "Let each statement take the lock that it needs.")


def _exclusive(what: str, safe: str) -> Hazard:
    return Hazard("exclusive-lock", what, "nobody can write the table until it is done", safe)


def _view(statement: Statement, seen: Seen) -> Iterator[Judged]:
    node = _as(pg.ViewStmt, statement)
    on = named(node.view)
    if node.replace and f"view {on}" not in seen.objects:
        yield loosens(on, "the old release may read something else from it")
        return
    seen.objects.add(f"view {on}")
    yield adds(on)


def _function(statement: Statement, seen: Seen) -> Iterator[Judged]:
    node = _as(pg.CreateFunctionStmt, statement)
    on = ".".join(words(node.funcname))
    if node.replace and f"function {on}" not in seen.objects:
        yield loosens(on, "where there is one by this name, it does something else from now on")
        return
    seen.objects.add(f"function {on}")
    yield adds(on)


def _trigger(statement: Statement, seen: Seen) -> Iterator[Judged]:
    node = _as(pg.CreateTrigStmt, statement)
    seen.objects.add(f"trigger {named(node.relation)}.{node.trigname}")
    if named(node.relation) in seen.tables:
        yield adds(node.trigname)
    else:
        yield loosens(node.trigname, "what the old release writes sets it off")


def _alter_enum(statement: Statement, _seen: Seen) -> Iterator[Judged]:
    node = _as(pg.AlterEnumStmt, statement)
    on = ".".join(words(node.type_name))
    if node.old_val:
        yield breaks(on, "the old release uses the value by its old name")
    else:
        yield adds(f"{on}.{node.new_val}", "no row has the value before the new release writes it")


def _grant(statement: Statement, _seen: Seen) -> Iterator[Judged]:
    node = statement.node
    if isinstance(node, pg.AlterDefaultPrivilegesStmt):
        node = node.action
    if getattr(node, "is_grant", False):
        yield adds("GRANT", "nobody may do less")
    else:
        yield breaks("REVOKE", "the old release may do less")


def _new(kind: str, name: Callable[[Message], str]) -> _Judge:
    def of(statement: Statement, seen: Seen) -> Iterator[Judged]:
        on = name(statement.node)
        seen.objects.add(f"{kind} {on}")
        yield adds(on)

    return of


def _always(effect: Effect, why: str) -> _Judge:
    def of(statement: Statement, _seen: Seen) -> Iterator[Judged]:
        yield Does(effect, statement.kind.removesuffix("_stmt").replace("_", " "), why)

    return of


def _type_name(node: Message) -> str:
    for field in ("domainname", "type_name", "defnames"):
        if hasattr(node, field):
            return ".".join(words(getattr(node, field)))
    return named(node.typevar) if isinstance(node, pg.CompositeTypeStmt) else ""


def _sequence_name(node: Message) -> str:
    return named(node.sequence) if isinstance(node, pg.CreateSeqStmt) else ""


def _statistics_name(node: Message) -> str:
    return ".".join(words(node.defnames)) if isinstance(node, pg.CreateStatsStmt) else ""


def _field(name: str) -> Callable[[Message], str]:
    return lambda node: str(getattr(node, name))


_JUDGES: Final[dict[str, _Judge]] = {
    "alter_table_stmt": _alter_table,
    "create_stmt": _create_table,
    "create_table_as_stmt": _create_table_as,
    "index_stmt": _index,
    "drop_stmt": _drop,
    "rename_stmt": _rename,
    "insert_stmt": _written,
    "update_stmt": _written,
    "delete_stmt": _written,
    "merge_stmt": _written,
    "copy_stmt": _copy,
    "truncate_stmt": _truncate,
    "variable_set_stmt": _set,
    "select_stmt": _select,
    "vacuum_stmt": _vacuum,
    "cluster_stmt": _cluster,
    "reindex_stmt": _reindex,
    "refresh_mat_view_stmt": _refresh,
    "lock_stmt": _lock,
    "view_stmt": _view,
    "create_function_stmt": _function,
    "create_trig_stmt": _trigger,
    "alter_enum_stmt": _alter_enum,
    "grant_stmt": _grant,
    "alter_default_privileges_stmt": _grant,
    "create_enum_stmt": _new("type", _type_name),
    "create_range_stmt": _new("type", _type_name),
    "create_domain_stmt": _new("type", _type_name),
    "composite_type_stmt": _new("type", _type_name),
    "define_stmt": _new("type", _type_name),
    "create_seq_stmt": _new("sequence", _sequence_name),
    "create_schema_stmt": _new("schema", _field("schemaname")),
    "create_extension_stmt": _new("extension", _field("extname")),
    "create_stats_stmt": _new("statistics", _statistics_name),
    "comment_stmt": _always(Effect.ADDS, "no release reads it"),
    "alter_seq_stmt": _always(Effect.LOOSENS, "the old release gets other numbers"),
    "create_policy_stmt": _always(Effect.BREAKS, "rows may be hidden from the old release"),
    "alter_policy_stmt": _always(Effect.BREAKS, "rows may be hidden from the old release"),
    "alter_domain_stmt": _always(Effect.BREAKS, "what the old release writes may be refused"),
    "alter_object_schema_stmt": _always(Effect.BREAKS, "the old release uses it by its old name"),
    "alter_owner_stmt": _always(Effect.BREAKS, "whoever owned it may do less with it"),
    "drop_owned_stmt": _always(Effect.BREAKS, "what the old release uses may be gone"),
    "rule_stmt": _always(Effect.LOOSENS, "what the old release writes is rewritten"),
    "do_stmt": _always(Effect.HIDES, "what stands in the block cannot be judged: write statements"),
    "call_stmt": _always(Effect.HIDES, "what the procedure does stands elsewhere"),
}
