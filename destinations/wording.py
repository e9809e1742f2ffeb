"""Rows in a tool's words, and which of them JSON has no words for.

A batch comes as a table and is worded field by field: one of text needs no look at its values.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from destinations.rows import Row

if TYPE_CHECKING:
    import pyarrow as pa

# How a tool writes a value that is no text; text, and the key, go as they are. A tool takes whole
# numbers as numbers or as text: what is done to one of them is done to all.
WriteValue = Callable[[Any], Any]


def as_it_is(value: Any) -> Any:
    return value


def worded(rows: Mapping[str, Row], key: str, write: WriteValue) -> dict[str, Row]:
    """Rows by key, with their values as the tool writes them."""
    if write is as_it_is:
        return dict(rows)
    return {
        one: {
            name: value if name == key or isinstance(value, str) else write(value)
            for name, value in row.items()
        }
        for one, row in rows.items()
    }


def unspeakable(rows: Mapping[str, Row]) -> dict[str, str]:
    """Why no tool could be told a row: JSON has no word for infinity or for no number."""
    found: dict[str, str] = {}
    for key, row in rows.items():
        for name, value in row.items():
            for number in _endless(value):
                found.setdefault(key, _said(name, value, number))
    return found


def from_table(table: "pa.Table", key: str, write: WriteValue) -> tuple[list[Row], dict[str, str]]:
    """The rows of a table, worded, and why some of them could not be told, by key."""
    fields: dict[str, list[Any]] = {}
    mute: dict[str, str] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        fields[name] = _written(column, as_it_is if name == key else write)
        if _may_be_endless(column):
            pairs = zip(table[key].to_pylist(), column.to_pylist(), strict=True)
            mute = unspeakable({str(one): {name: value} for one, value in pairs}) | mute
    # A copy has room for all fields at once, where a row that grows is moved twice on the way.
    blank: Row = dict.fromkeys(fields)
    rows = [blank.copy() for _ in range(table.num_rows)]
    for name, values in fields.items():
        for row, value in zip(rows, values, strict=True):
            row[name] = value
    return rows, mute


def _written(column: "pa.ChunkedArray", write: WriteValue) -> list[Any]:
    import pyarrow as pa

    is_number = pa.types.is_integer(column.type)
    if is_number and write(1) == "1":
        column = column.cast(pa.string())
    values: list[Any] = column.to_pylist()
    if not (is_number or pa.types.is_string(column.type)):
        return list(map(write, values))
    nothing = write(None) if column.null_count else None
    return values if nothing is None else [nothing if one is None else one for one in values]


def _may_be_endless(column: "pa.ChunkedArray") -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(column.type):
        return not pc.all(pc.is_finite(column)).as_py()
    return bool(pa.types.is_nested(column.type))


def _said(name: str, value: Any, number: float) -> str:
    where = "is" if number is value else "has"
    return f"{name} {where} {number}, which is no number that can be sent"


def _endless(value: Any) -> Iterator[float]:
    """The infinite numbers, and those that are none, in a value."""
    match value:
        case float() if not math.isfinite(value):
            yield value
        case list() | tuple():
            for one in value:
                yield from _endless(one)
        case dict():
            yield from _endless(list(value.values()))
