"""What ALTER TABLE does, command by command."""

from collections.abc import Iterator
from typing import Final

from postgast import pg_query_pb2 as pg
from postgast import unwrap_node

from scripts.cutover.database.columns import (
    added_column,
    added_constraint,
    set_not_null,
    validated,
)
from scripts.cutover.database.ddl import Statement, named
from scripts.cutover.database.effects import Hazard, Judged, Seen, adds, breaks, hides, loosens

_HARMLESS: Final = frozenset(
    {
        pg.AT_SetStatistics, pg.AT_SetOptions, pg.AT_ResetOptions, pg.AT_SetStorage,
        pg.AT_SetCompression, pg.AT_SetRelOptions, pg.AT_ResetRelOptions, pg.AT_ClusterOn,
        pg.AT_DropCluster, pg.AT_ReplicaIdentity,
    }
)  # fmt: skip
"""What changes how PostgreSQL stores or plans, and nothing that anybody reads."""
_REWRITES: Final = {
    pg.AT_SetTableSpace: "SET TABLESPACE",
    pg.AT_SetAccessMethod: "SET ACCESS METHOD",
    pg.AT_SetLogged: "SET LOGGED",
    pg.AT_SetUnLogged: "SET UNLOGGED",
    pg.AT_SetExpression: "SET EXPRESSION",
}
_LOOSENS: Final = {
    pg.AT_DropNotNull: "the old release may read rows without a value, which it never met",
    pg.AT_DropConstraint: "either release may write what was refused before",
    pg.AT_ColumnDefault: "rows that the old release writes get another value",
    pg.AT_DropExpression: "rows that the old release writes get no value",
    pg.AT_AddIdentity: "rows that the old release writes get another value",
    pg.AT_SetIdentity: "rows that the old release writes get another value",
    pg.AT_DropIdentity: "rows that the old release writes get no value",
    pg.AT_AlterConstraint: "it is checked at another time",
    pg.AT_EnableTrig: "what either release writes sets it off",
    pg.AT_EnableAlwaysTrig: "what either release writes sets it off",
    pg.AT_DisableTrig: "what the old release writes does not set it off any more",
    pg.AT_DisableTrigUser: "what the old release writes does not set them off any more",
}
_BREAKS: Final = {
    pg.AT_EnableRowSecurity: "rows that the old release reads are hidden from it",
    pg.AT_DisableRowSecurity: "rows that were hidden are shown",
    pg.AT_ForceRowSecurity: "rows that the owner reads are hidden from it",
    pg.AT_NoForceRowSecurity: "rows that were hidden are shown",
    pg.AT_ChangeOwner: "whoever owned it may do less with it",
    pg.AT_DisableTrigAll: "no foreign key is checked any more",
    pg.AT_AddInherit: "reading the parent gives more rows",
    pg.AT_DropInherit: "reading the parent gives fewer rows",
}
QUICK: Final = frozenset(
    {pg.AT_ValidateConstraint, pg.AT_SetStatistics, pg.AT_SetOptions, pg.AT_ResetOptions}
)
"""What everybody goes on reading and writing under."""


def altered(statement: Statement, node: pg.AlterTableStmt, seen: Seen) -> Iterator[Judged]:
    """ALTER TABLE, and ALTER of what is like one."""
    table = named(node.relation)
    if node.objtype == pg.OBJECT_INDEX:
        yield adds(table, "only how the index is stored")
        return
    for each in node.cmds:
        command = unwrap_node(each)
        if isinstance(command, pg.AlterTableCmd):
            yield from _command(statement, table, command, seen)


def locks(node: pg.AlterTableStmt) -> bool:
    """Whether nobody can read the table until its transaction ends."""
    commands = [unwrap_node(each) for each in node.cmds]
    return any(
        isinstance(each, pg.AlterTableCmd) and each.subtype not in QUICK for each in commands
    )


def _command(
    statement: Statement, table: str, command: pg.AlterTableCmd, seen: Seen
) -> Iterator[Judged]:
    subtype, on = command.subtype, f"{table}.{command.name}" if command.name else table
    definition = unwrap_node(getattr(command, "def"))  # `def` is a word of Python's
    match subtype:
        case pg.AT_AddColumn if isinstance(definition, pg.ColumnDef):
            yield from added_column(table, definition, seen)
        case pg.AT_AddConstraint if isinstance(definition, pg.Constraint):
            yield from added_constraint(table, definition, seen, statement.transaction)
        case pg.AT_ValidateConstraint:
            yield from validated(table, command.name, seen, statement.transaction)
        case pg.AT_SetNotNull:
            yield from set_not_null(table, command.name, seen)
        case pg.AT_AttachPartition | pg.AT_DetachPartition:
            yield from _partition(table, command, definition, seen)
        case _ if seen.is_new(table, [command.name] if command.name else []):
            yield adds(on)
        case _:
            yield from _changed(on, subtype)


def _changed(on: str, subtype: pg.AlterTableType) -> Iterator[Judged]:
    """A command on what others use already."""
    match subtype:
        case pg.AT_DropColumn:
            yield breaks(on, "the old release reads it; what was in it is gone")
        case pg.AT_AlterColumnType:
            yield breaks(on, "the old release reads and writes another type")
            yield Hazard(
                "changing-column-type", on,
                "the table and its indexes may be written anew while nobody can read or write it",
                "Add a column of the new type, write to both (a trigger), fill it in batches, read "
                "from it in the next release, and drop the old one in the contract phase.",
            )  # fmt: skip
        case _ if subtype in _REWRITES:
            yield adds(on, "only how the table is stored")
            yield Hazard(
                "rewriting-table", on,
                f"{_REWRITES[subtype]} writes the whole table anew while nobody can read or write "
                "it",
                "Make a new table that way, write to both, move the rows in batches, then switch.",
            )  # fmt: skip
        case _ if subtype in _HARMLESS:
            yield adds(on, "only how it is stored or planned")
        case _ if subtype in _LOOSENS:
            yield loosens(on, _LOOSENS[subtype])
        case _ if subtype in _BREAKS:
            yield breaks(on, _BREAKS[subtype])
        case _:
            name = pg.AlterTableType.Name(subtype).removeprefix("AT_")
            yield hides(on, f"no rule knows what {name} does to the release that serves")


def _partition(
    table: str, command: pg.AlterTableCmd, definition: object, seen: Seen
) -> Iterator[Judged]:
    if not isinstance(definition, pg.PartitionCmd):  # pragma: no cover - PostgreSQL's grammar
        return
    partition = named(definition.name)
    if command.subtype == pg.AT_AttachPartition:
        yield loosens(table, f"reading it gives the rows of {partition}, too")
        if partition not in seen.tables:
            yield Hazard(
                "attaching-partition", partition,
                "every row of it is read while nobody can write it, unless a validated CHECK "
                "says that they fit",
                f"Add a CHECK with the bounds to {partition}, NOT VALID; validate it in a "
                "transaction of its own; then attach.",
            )  # fmt: skip
        return
    yield breaks(table, f"reading it does not give the rows of {partition} any more")
    if not definition.concurrent:
        yield Hazard(
            "detaching-partition", table,
            "nobody can read or write the table meanwhile",
            f"ALTER TABLE {table} DETACH PARTITION {partition} CONCURRENTLY;",
        )  # fmt: skip
