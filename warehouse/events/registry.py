"""What is on record of the columns: which field goes to which, and of what type it is by now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from warehouse.database import Database
from warehouse.events.columns import TIMESTAMP, Change, Field, Path
from warehouse.quoting import quoted

NOTE = """
insert into {schema}.column_changes
select
    unnest(?::varchar[]), unnest(?::varchar[][]), unnest(?::varchar[]), unnest(?::varchar[]),
    unnest(?::varchar[]), now()
"""


@dataclass
class Known:
    """Of one table: the fields with columns, and those whose names SQL cannot take."""

    fields: list[Field] = field(default_factory=list)
    nameless: set[Path] = field(default_factory=set)

    def paths(self) -> set[Path]:
        return {known.path for known in self.fields} | self.nameless


def known(db: Database, schema: str) -> dict[str, Known]:
    """By table. The newest change of a column says its type."""
    columns: dict[str, dict[Path, str | None]] = {}
    types: dict[tuple[str, str | None], str] = {}
    for table, path, column, kind in db.run(
        f"select table_name, field, column_name, type from {schema}.column_changes order by rowid"
    ):
        columns.setdefault(table, {})[tuple(path)] = column
        types[table, column] = kind
    return {
        table: Known(
            [Field(path, name, types[table, name]) for path, name in found.items() if name],
            {path for path, name in found.items() if not name},
        )
        for table, found in columns.items()
    }


def note(
    db: Database,
    schema: str,
    changes: Iterable[tuple[str, Change]],
    nameless: Iterable[tuple[str, Path]] = (),
) -> None:
    """Put on record what has changed in tables, and which of their fields have no column."""
    rows: list[tuple[Any, ...]] = [
        (table, list(made.field.path), made.field.column, made.field.type, made.type_before)
        for table, made in changes
    ]
    rows += [(table, list(path), None, None, None) for table, path in nameless]
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        db.run(NOTE.format(schema=schema), columns)


def widen(db: Database, table: str, changes: Sequence[Change]) -> None:
    """Give a table its new columns, and make others wider, with all that is in them."""
    # Several fields of a column may have changed it; each tells of its first and its last type.
    for made in {change.field.column: change for change in changes}.values():
        column, kind = quoted(made.field.column), made.field.type
        before = made.type_before or db.columns_there(table).get(made.field.column)
        if before is None:
            db.run(f"alter table {table} add column {column} {kind}")
        elif before != kind:
            using = _as_text(column, before) if kind == "VARCHAR" else column
            db.run(f"alter table {table} alter {column} type {kind} using {using}")


def _as_text(column: str, kind: str) -> str:
    if kind == TIMESTAMP:
        return f"strftime({column}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    return f"cast({column} as varchar)"
