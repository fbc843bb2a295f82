"""What a new column and a new constraint do, and to whom."""

from collections.abc import Iterator, Sequence
from typing import Final

from postgast import pg_query_pb2 as pg
from postgast import unwrap_node

from scripts.cutover.database.ddl import calls_in, columns_in, named, words
from scripts.cutover.database.effects import Hazard, Judged, Seen, adds, breaks

_SERIAL: Final = frozenset({"serial", "serial2", "serial4", "serial8", "bigserial", "smallserial"})
_STEADY: Final = frozenset(
    {
        "now", "transaction_timestamp", "statement_timestamp", "timezone", "current_setting",
        "lower", "upper", "to_jsonb", "jsonb_build_object", "json_build_object", "make_interval",
        "jsonb_build_array", "array_fill", "concat", "md5", "length", "coalesce", "date_trunc",
    }
)  # fmt: skip
"""Functions that give one value for a whole statement: a column gets it without a rewrite."""


def constraints_of(column: pg.ColumnDef) -> list[pg.Constraint]:
    """What a column's definition says after its type."""
    found = (unwrap_node(each) for each in column.constraints)
    return [each for each in found if isinstance(each, pg.Constraint)]


def added_column(table: str, column: pg.ColumnDef, seen: Seen) -> Iterator[Judged]:
    """ALTER TABLE ... ADD COLUMN."""
    on = f"{table}.{column.colname}"
    seen.columns.add(on)
    if table in seen.tables:
        yield adds(on)
        return
    constraints = constraints_of(column)
    kinds = {each.contype for each in constraints}
    default = next((each for each in constraints if each.contype == pg.CONSTR_DEFAULT), None)
    is_filled = default is not None or bool(kinds & {pg.CONSTR_IDENTITY, pg.CONSTR_GENERATED})
    serial = _SERIAL & set(words(column.type_name.names))
    if kinds & {pg.CONSTR_NOTNULL, pg.CONSTR_PRIMARY} and not is_filled and not serial:
        yield Hazard(
            "adding-required-field", on,
            "a table with rows refuses it: they have no value for the column",
            f"Give it a constant DEFAULT, or add it without NOT NULL, fill it in batches, and "
            f"require it in the contract phase: {_not_null_safely(table, column.colname)}",
        )  # fmt: skip
        yield breaks(on, "the old release inserts rows without a value for it, which are refused")
    else:
        yield adds(on, "the old release does not name it, and gets its default")
    if serial or pg.CONSTR_IDENTITY in kinds:
        yield _rewrites(on, "each row gets a number of its own")
    elif any(
        each.contype == pg.CONSTR_GENERATED and each.generated_kind != "v" for each in constraints
    ):
        yield _rewrites(on, "each row gets its generated value")
    elif default is not None and (calls := calls_in(default) - _STEADY):
        yield _rewrites(on, f"its default calls {', '.join(sorted(calls))}, for each row anew")
    for each in constraints:
        if each.contype == pg.CONSTR_CHECK:
            yield _unvalidated(table, each.conname or f"{column.colname}_check", "CHECK (...)")
        elif each.contype in {pg.CONSTR_UNIQUE, pg.CONSTR_PRIMARY}:
            yield _index_under_lock(table, each, [column.colname])
        elif each.contype == pg.CONSTR_FOREIGN and is_filled:
            # Without values there is nothing to look up, and PostgreSQL does not.
            yield _foreign_key(table, each, [column.colname])


def added_constraint(
    table: str, each: pg.Constraint, seen: Seen, transaction: int | None
) -> Iterator[Judged]:
    """ALTER TABLE ... ADD CONSTRAINT."""
    name = each.conname or "(without a name)"
    on = f"{table}.{name}"
    columns = [*words(each.keys), *words(each.fk_attrs), *sorted(columns_in(each))]
    is_new = seen.is_new(table, columns)
    if is_new:
        yield adds(on)
    else:
        yield breaks(on, "what the old release writes may be refused by it")
    if table in seen.tables:
        return
    if each.skip_validation:
        seen.unchecked[on] = transaction
        for column in _held_not_null(each):
            seen.not_null[f"{table}.{column}"] = on
    elif each.contype == pg.CONSTR_FOREIGN:
        yield _foreign_key(table, each, columns)
    elif each.contype in {pg.CONSTR_CHECK, pg.CONSTR_NOTNULL}:
        what = "CHECK (...)" if each.contype == pg.CONSTR_CHECK else "NOT NULL"
        yield _unvalidated(table, name, what)
    elif each.contype == pg.CONSTR_EXCLUSION:
        yield Hazard(
            "adding-exclusion-constraint", on,
            "its index is built while nobody can read or write the table, and there is no way "
            "to build it beforehand",
            "Make a new table with it, write to both, move the rows in batches, then switch.",
        )  # fmt: skip
    elif not each.indexname and each.contype in {pg.CONSTR_UNIQUE, pg.CONSTR_PRIMARY}:
        yield _index_under_lock(table, each, columns)


def set_not_null(table: str, column: str, seen: Seen) -> Iterator[Judged]:
    """ALTER TABLE ... ALTER COLUMN ... SET NOT NULL."""
    on = f"{table}.{column}"
    if table in seen.tables:
        yield adds(on)
        return
    yield breaks(on, "rows that the old release writes without a value are refused")
    if on not in seen.never_null:
        yield Hazard(
            "adding-not-nullable-field", on,
            "every row is read while nobody can read or write the table",
            _not_null_safely(table, column),
        )  # fmt: skip


def validated(table: str, name: str, seen: Seen, transaction: int | None) -> Iterator[Judged]:
    """ALTER TABLE ... VALIDATE CONSTRAINT."""
    on = f"{table}.{name}"
    yield adds(on, "the rows are only read")
    for column, constraint in seen.not_null.items():
        if constraint == on:
            seen.never_null.add(column)
    if transaction is not None and seen.unchecked.get(on, -1) == transaction:
        yield Hazard(
            "constraint-validated-in-same-transaction", on,
            "the lock of ADD CONSTRAINT is kept while all rows are read",
            "Validate it in a transaction of its own: a revision after this one.",
        )  # fmt: skip


def _held_not_null(each: pg.Constraint) -> Sequence[str]:
    """The columns that a constraint says to be NOT NULL, and nothing else."""
    if each.contype == pg.CONSTR_NOTNULL:
        return words(each.keys)
    test = unwrap_node(each.raw_expr)
    if isinstance(test, pg.NullTest) and test.nulltesttype == pg.IS_NOT_NULL:
        return sorted(columns_in(test))
    return ()


def _not_null_safely(table: str, column: str) -> str:
    name = f"{column}_not_null"
    return (
        f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IS NOT NULL) NOT VALID; then, "
        f"each in a transaction of its own: ALTER TABLE {table} VALIDATE CONSTRAINT {name}; "
        f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL, DROP CONSTRAINT {name};"
    )


def _rewrites(on: str, why: str) -> Hazard:
    return Hazard(
        "adding-field-with-default", on,
        f"the whole table is written anew while nobody can read or write it: {why}",
        "Add the column without it, set the default in a statement of its own for new rows, and "
        "fill the old ones in batches.",
    )  # fmt: skip


def _unvalidated(table: str, name: str, what: str) -> Hazard:
    return Hazard(
        "constraint-missing-not-valid", f"{table}.{name}",
        "every row is read while nobody can write the table",
        f"ALTER TABLE {table} ADD CONSTRAINT {name} {what} NOT VALID; then, in a transaction of "
        f"its own, ALTER TABLE {table} VALIDATE CONSTRAINT {name};",
    )  # fmt: skip


def _foreign_key(table: str, each: pg.Constraint, columns: Sequence[str]) -> Hazard:
    target = named(each.pktable)
    name = each.conname or f"{table}_{'_'.join(columns)}_fkey"
    return Hazard(
        "adding-foreign-key-constraint", f"{table}.{name}",
        f"nobody can write {table} or {target} while every row is looked up",
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({', '.join(columns)}) REFERENCES "
        f"{target} NOT VALID; then, in a transaction of its own, ALTER TABLE {table} VALIDATE "
        f"CONSTRAINT {name};",
    )  # fmt: skip


def _index_under_lock(table: str, each: pg.Constraint, columns: Sequence[str]) -> Hazard:
    kind = "PRIMARY KEY" if each.contype == pg.CONSTR_PRIMARY else "UNIQUE"
    name = each.conname or f"{table}_{'_'.join(columns)}_key"
    return Hazard(
        "disallowed-unique-constraint", f"{table}.{name}",
        "its index is built while nobody can read or write the table",
        f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ({', '.join(columns)}); then ALTER "
        f"TABLE {table} ADD CONSTRAINT {name} {kind} USING INDEX {name};",
    )  # fmt: skip
