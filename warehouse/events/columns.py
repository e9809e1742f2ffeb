"""Typed columns out of JSON: which column a field goes to, of what type, and what widens it.

A column takes the narrowest type that holds every value so far: boolean, bigint, double, timestamp
or JSON. What does not fit makes it wider, bigint to double and anything else to text, and no value
is ever cut or rounded to fit.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from warehouse.database import Database
from warehouse.quoting import quoted, text

Path = tuple[str, ...]

# Types by the names that DuckDB gives them when asked for the columns of a table.
TIMESTAMP = "TIMESTAMP WITH TIME ZONE"
# The kind of an integer that needs bigint and that no double holds exactly: beyond 2^53.
LARGE = "LARGE"
LARGEST_EXACT = 2**53
MISFIT = "a value may not fit the type of its column"


@dataclass(frozen=True)
class Field:
    """Where in the JSON a column finds its values; several fields may share a column."""

    path: Path
    column: str
    type: str


# Conditions over {0}, a value as JSON text. A number is compared as text with what was read of it,
# so that one with more digits than its type can hold does not fit.
FITS = {
    "BOOLEAN": "{0} in ('true', 'false')",
    "BIGINT": "coalesce(cast(try_cast({0} as bigint) as varchar) = {0}, false)",
    "DOUBLE": (
        "left({0}, 1) not in ('\"', '{{', '[', 't', 'f') and coalesce("
        "isfinite(try_cast({0} as double)) and (strlen({0}) < 16 or contains({0}, '.')"
        f" or try_cast({{0}} as bigint) between -{LARGEST_EXACT} and {LARGEST_EXACT}), false)"
    ),
    TIMESTAMP: (
        "{0} like '\"____-__-__T%\"' and not regexp_matches({0}, '[.][0-9]{{7}}')"
        " and coalesce(try_cast(trim({0}, '\"') as timestamptz)"
        " between timestamptz '0001-01-01 00:00:00+00'"
        " and timestamptz '9999-12-31 23:59:59+00', false)"
    ),
}
# What surely fits, in fewer words: a long condition takes longer to plan than a small load to run.
SURELY_FITS = {
    "BOOLEAN": FITS["BOOLEAN"],
    "BIGINT": "cast(try_cast({0} as bigint) as varchar) = {0}",
    "DOUBLE": ("(strlen({0}) < 16 or contains({0}, '.')) and abs(try_cast({0} as double)) < 1e300"),
    TIMESTAMP: (
        "regexp_full_match({0}, '\"[12][0-9]{{3}}-[0-9][0-9]-[0-9][0-9]T[0-9:]+([.][0-9]{{1,6}})?"
        "([Z+-].*)?\"')"
        " and try_cast(trim({0}, '\"') as timestamptz) is not null"
    ),
}
KIND = f"""
    case
        when starts_with({{0}}, '"') then case when {FITS[TIMESTAMP]} then '{TIMESTAMP}'
            else 'VARCHAR' end
        when left({{0}}, 1) in ('{{{{', '[') then 'JSON'
        when {FITS["BOOLEAN"]} then 'BOOLEAN'
        when {FITS["BIGINT"]} then case when {FITS["DOUBLE"]} then 'BIGINT' else '{LARGE}' end
        when {FITS["DOUBLE"]} then 'DOUBLE'
        else 'VARCHAR'
    end"""
CASTS = {
    "BOOLEAN": "try_cast({0} as boolean)",
    "BIGINT": "try_cast({0} as bigint)",
    "DOUBLE": "try_cast({0} as double)",
    TIMESTAMP: "try_cast(trim({0}, '\"') as timestamptz)",
}

# A cast of JSON itself would parse each value once more, and take "1.5" and true for numbers.
AS_TEXT = "cast(x as varchar)"

# What a statement calls for a value that is checked. It takes as long to read as it has letters.
CHECKED = {
    "BOOLEAN": "as_boolean",
    "BIGINT": "as_bigint",
    "DOUBLE": "as_double",
    TIMESTAMP: "as_time",
}


class Misfit(Exception):
    """A value may not fit the type that its column has, or was guessed to have."""


def define(db: Database) -> None:
    """Make the functions of CHECKED, for as long as the connection lasts."""
    for kind, name in CHECKED.items():
        value, fits = CASTS[kind].format(AS_TEXT), SURELY_FITS[kind].format(AS_TEXT)
        db.run(
            f"create or replace temp macro {name}(x) as"
            f" case when x is null or {fits} then {value} else error('{MISFIT}') end"
        )


@contextmanager
def catching_misfits() -> Iterator[None]:
    """Around a statement with values that are checked (see `typed`). It ends its transaction."""
    try:
        yield
    except duckdb.InvalidInputException as error:
        if MISFIT in str(error):
            raise Misfit from error
        raise


def widest(types: Iterable[str]) -> str:
    """The type that holds the values of all; the first one is the column's own so far.

    JSON holds anything without loss, so a column that is JSON stays so.
    """
    found = list(dict.fromkeys(types))
    if set(found) <= {"BIGINT", LARGE}:
        return "BIGINT"
    if len(found) == 1 or found[0] == "JSON":
        return found[0]
    return "DOUBLE" if set(found) == {"BIGINT", "DOUBLE"} else "VARCHAR"


def together(fields: Iterable[Field], newer: Sequence[Field]) -> list[Field]:
    """All of them once; a column has the type that a newer field of it says."""
    types = {field.column: field.type for field in newer}
    paths = {field.path: field for field in [*fields, *newer]}
    return [replace(field, type=types.get(field.column, field.type)) for field in paths.values()]


@dataclass(frozen=True)
class Extraction:
    """How to take fields out of a JSON column: into `taken`, and where each is then found."""

    taken: str
    values: dict[Path, str]


def extraction(fields: Iterable[Field], source: str) -> Extraction:
    """Text and JSON come out as they are stored, all else as JSON text, which can be checked.

    One json_transform, called `taken`, takes all it can. A struct's names cannot differ in case
    alone, and one place cannot be both value and object: such a field is looked up on its own.
    """
    shape: dict[str, Any] = {}
    places: dict[Path, tuple[Path, bool]] = {}
    values: dict[Path, str] = {}
    for field in sorted(fields, key=lambda field: field.path):
        steps = [field.path[:depth] for depth in range(1, len(field.path) + 1)]
        claims = {_lower(step): (step, step == field.path) for step in steps}
        if all(field.path) and all(
            places.get(low, claim) == claim for low, claim in claims.items()
        ):
            places |= claims
            inner = shape
            for part in field.path[:-1]:
                inner = inner.setdefault(part, {})
            inner[field.path[-1]] = "VARCHAR" if field.type == "VARCHAR" else "JSON"
            values[field.path] = ".".join(["taken", *map(quoted, field.path)])
        else:
            values[field.path] = _looked_up(field, source)
    taken = f"json_transform({source}, {text(json.dumps(shape))})" if shape else "null"
    return Extraction(f"{taken} as taken", values)


def _lower(path: Path) -> Path:
    return tuple(part.lower() for part in path)


def pointer(path: Path) -> str:
    """A JSON pointer (RFC 6901): unlike a JSON path it can name any key.

    But a pointer's number also counts in a list, and a path's does not.
    """
    if any(part.isdigit() for part in path) and all(path) and "*" not in path:
        quoted = (part.replace("\\", "\\\\").replace('"', '\\"') for part in path)
        return "$" + "".join(f'."{part}"' for part in quoted)
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)


def _looked_up(field: Field, source: str) -> str:
    if field.type == "VARCHAR":
        return f"json_extract_string({source}, {text(pointer(field.path))})"
    return f"nullif(cast(json_extract({source}, {text(pointer(field.path))}) as varchar), 'null')"


def typed(
    fields: Iterable[Field], taken: Extraction, *, is_checked: bool = False
) -> dict[str, str]:
    """The value of each column: the first of its fields that is there.

    If `is_checked`, a value that may not fit its type ends the statement with MISFIT.
    """
    found: dict[str, list[str]] = {}
    for field in fields:
        value = taken.values[field.path]
        if is_checked and field.type in CHECKED:
            cast = f"{CHECKED[field.type]}({value})"
        else:
            cast = CASTS.get(field.type, "{0}").format(value)
        found.setdefault(field.column, []).append(cast)
    return {
        column: f"coalesce({', '.join(casts)})" if len(casts) > 1 else casts[0]
        for column, casts in found.items()
    }


def contested(fields: Iterable[Field], taken: Extraction) -> str:
    """Whether fields that share a column have different values, of which it can hold one."""
    found: dict[str, list[str]] = {}
    for field in fields:
        found.setdefault(field.column, []).append(taken.values[field.path])
    shared = (", ".join(values) for values in found.values() if len(values) > 1)
    return " or ".join(f"least({values}) <> greatest({values})" for values in shared) or "false"


@dataclass(frozen=True)
class Change:
    """A field that has got a column, or has made its column wider."""

    field: Field
    type_before: str | None
