"""Whether every value of an event can be read in the warehouse, whole, and no other stands there."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from event_files import records, rows

from warehouse.events import names

# Where a kind of call has its fields, and its rows.
FIELDS = {"track": "properties", "identify": "traits"}
TABLES = {"track": "seen", "identify": "identifies"}
Row = dict[str, Any]
Columns = dict[tuple[str, ...], str | None]  # by table and field; None where there is none


@dataclass(frozen=True)
class Sent:
    """A call of an event called Seen, or of none, with its fields and its context as JSON."""

    call: str
    fields: str
    context: str


def astray(warehouse: Path, sent: dict[str, Sent]) -> list[Any]:
    """What is not where one would look for it, or stands where nothing was sent; `sent` by id."""
    listed = "select table_name, field, column_name from events.column_changes order by rowid"
    columns = {(table, *field): column for table, field, column in rows(warehouse, listed)}
    calls = {row["id"]: row for row in records(warehouse, "from events.calls")}
    typed: dict[str, Row] = {}
    for table in {TABLES[event.call] for event in sent.values()}:
        typed |= {row["id"]: row for row in records(warehouse, f"from events.{table}")}
    found: list[Any] = []
    for name, event in sent.items():
        stored, table = calls[name], TABLES[event.call]
        if repr(pairs(stored[FIELDS[event.call]])) != repr(pairs(event.fields)):
            found.append((name, stored[FIELDS[event.call]], event.fields))
        fields, context = parsed(event.fields), parsed(event.context)
        found += lost_fields(typed[name], fields, table, columns)
        found += lost_of_context(stored, context, columns)
        found += invented(typed[name], fields, table, columns)
        found += invented(stored, context, "calls", columns)
    return found


def lost_fields(row: Row, fields: Row, table: str, columns: Columns) -> Iterator[Any]:
    """Of several fields that share a column one is in it; all are in `calls`."""
    by_column: dict[str, list[Any]] = {}
    for key, value in fields.items():
        if value is not None and names.column(key, ()) and "\0" not in key:
            by_column.setdefault(columns[table, key] or "", []).append(value)
    for column, values in by_column.items():
        if not any(holds(row.get(column), value) for value in values):
            yield column, values, row.get(column)


def lost_of_context(row: Row, context: Row, columns: Columns) -> Iterator[Any]:
    """The context is nowhere as it was sent: each value of it stands in a column of its own, in
    that of an object around it, or with all of the context in `_extra`."""
    kept = inside(parsed(row.get("_extra")), ("context",))
    for path, value in leaves(context):
        cell = row.get(columns.get(("calls", *path)) or "")
        around = [(kept, path)]
        for depth in range(1, len(path)):
            column = columns.get(("calls", *path[:depth]))
            around.append((parsed(row.get(column or "")), path[depth:]))
        if not holds(cell, value) and not any(
            repr(inside(tree, rest)) == repr(value) for tree, rest in around
        ):
            yield path, value, cell, kept


def invented(row: Row, tree: Row, table: str, columns: Columns) -> Iterator[Any]:
    """Columns of fields, and none of these fields was sent."""
    known: dict[str, list[tuple[str, ...]]] = {}
    for (of, *path), column in columns.items():
        if of == table and column:
            known.setdefault(column, []).append(tuple(path))
    for column, paths in known.items():
        if column in row and all(inside(tree, path) is None for path in paths):
            yield column, row[column], tree


def holds(cell: Any, value: Any) -> bool:
    """Whether a typed column says all that the JSON value said."""
    if isinstance(cell, datetime):
        return cell == instant(value)
    if isinstance(cell, str) and isinstance(value, str):
        is_same = cell == value or parsed(cell) == value
        return is_same or (instant(cell) == instant(value) and instant(cell) is not None)
    if isinstance(cell, str):
        # A whole number in a column that was a number before it was text is the same number.
        was_double = isinstance(value, int) and isinstance(read := parsed(cell), float)
        return read == value if was_double else repr(parsed(cell)) == repr(value)
    if isinstance(cell, float) and isinstance(value, int):
        return int(cell) == value
    return type(cell) is type(value) and repr(cell) == repr(value)


def instant(text: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def leaves(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, (*path, key))
    elif tree is not None:
        yield path, tree


def inside(tree: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree


def parsed(text: str | None) -> Any:
    """None where it is no JSON; of a key that comes twice the first one counts."""
    try:
        return json.loads(text or "", object_pairs_hook=lambda found: dict(reversed(found)))
    except (TypeError, ValueError):
        return None


def pairs(text: str) -> Any:
    return json.loads(text, object_pairs_hook=tuple)
