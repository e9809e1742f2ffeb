"""PostgreSQL: rows of any table, by a unique column. https://www.postgresql.org/docs/current/

`to: postgres.<table>` or `postgres.<schema>.<table>`. The table is yours, and the sync's key is a
column of it with a unique index. URL is postgresql://user:password@host/database.

A batch is one statement: its rows travel as JSON, and Postgres reads each value as the type of its
column.

A second database is a file of its own: a docstring with a link, and
`destination = postgres("name")`.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from destinations.api import Api
from destinations.destination import Destination
from destinations.rows import Accepted, FieldSpec, Rejected, Row, in_json
from destinations.sql import transact

if TYPE_CHECKING:
    import psycopg

COLUMNS = """
    select
        attname,
        format_type(atttypid, null),
        case when atttypid in ('varchar'::regtype, 'bpchar'::regtype) and atttypmod > 4
            then atttypmod - 4 end,
        (
            select array_agg(enumlabel::text order by enumsortorder)
            from pg_enum
            where enumtypid = atttypid
        ),
        attnotnull and not atthasdef and attidentity = '',
        attgenerated = '' and attidentity <> 'a'
    from pg_attribute
    where attrelid = %s::regclass and attnum > 0 and not attisdropped
    order by attnum
"""


def postgres(name: str) -> Destination:
    """A database's address, from DESTINATIONS__<NAME>__URL."""
    made = Destination(name=name, base_url=None, secrets=("url",))
    thing = made.object(
        key=None,
        batch_size=5000,
        name="*",
        modes=("upsert", "update", "create", "append"),
        is_deduplicated=True,
    )(write)
    thing.delete(delete)
    thing.read(read)
    thing.describe(describe)
    return made


def write(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    """Rows of a table, inserted or updated by a unique column."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    statement = _update(api, names) if api.mode == "update" else _insert(api, names)
    done = transact(api, lambda connection: _keys(connection, statement, rows))
    missed = {"update": "no row has this key", "create": "a row has this key already"}.get(api.mode)
    for row in rows if missed else ():
        if api.key_of(row) not in done:
            yield Rejected(api.key_of(row), str(missed))


def delete(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    statement = f"delete from {_table(api)} as target using {_sent(api)} where {_same_key(api)}"
    keys = [{api.key: row[api.key]} for row in rows]
    transact(api, lambda connection: connection.execute(statement, [_json(keys)]))
    yield from ()


def read(api: Api, keys: list[str]) -> dict[str, Row]:
    statement = (
        f"select target.* from {_table(api)} as target join {_sent(api)} on {_same_key(api)}"
    )
    asked = _json([{api.key: key} for key in keys])
    found = transact(api, lambda connection: _rows(connection, statement, asked))
    return {api.key_of(row): row for row in found}


def describe(api: Api) -> dict[str, FieldSpec]:
    asked = _table(api).replace("%%", "%")
    found = transact(api, lambda connection: connection.execute(COLUMNS, [asked]).fetchall())
    return {
        name: FieldSpec(kind, length, tuple(choices) if choices else None, is_required, is_writable)
        for name, kind, length, choices, is_required, is_writable in found
    }


destination = postgres("postgres")


def _insert(api: Api, names: list[str]) -> str:
    """Appended is what is not there yet: sent a second time, it is there."""
    columns = ", ".join(map(_quoted, names))
    changed = ", ".join(
        f"{_quoted(one)} = excluded.{_quoted(one)}" for one in names if one != api.key
    )
    then = f"update set {changed}" if api.mode == "upsert" and changed else "nothing"
    return (
        f"insert into {_table(api)} as target ({columns}) select {columns} from {_sent(api)}"
        f" on conflict ({_quoted(api.key)}) do {then} returning {_key(api)}"
    )


def _update(api: Api, names: list[str]) -> str:
    changed = ", ".join(f"{_quoted(one)} = sent.{_quoted(one)}" for one in names if one != api.key)
    # An update of nothing but the key still tells which keys are there.
    changed = changed or f"{_quoted(api.key)} = sent.{_quoted(api.key)}"
    return (
        f"update {_table(api)} as target set {changed} from {_sent(api)}"
        f" where {_same_key(api)} returning {_key(api)}"
    )


def _sent(api: Api) -> str:
    return f"json_populate_recordset(null::{_table(api)}, %s::json) as sent"


def _same_key(api: Api) -> str:
    return f"target.{_quoted(api.key)} = sent.{_quoted(api.key)}"


def _key(api: Api) -> str:
    return f"target.{_quoted(api.key)}"


def _table(api: Api) -> str:
    return ".".join(map(_quoted, api.object.split(".", 1)))


def _quoted(name: str) -> str:
    """An identifier; a sign % would begin a parameter."""
    return '"' + name.replace('"', '""').replace("%", "%%") + '"'


def _keys(connection: "psycopg.Connection", statement: str, rows: list[Row]) -> set[str]:
    return {str(key) for (key,) in connection.execute(statement, [_json(rows)]).fetchall()}


def _rows(connection: "psycopg.Connection", statement: str, asked: str) -> list[Row]:
    from psycopg.rows import dict_row

    return connection.cursor(row_factory=dict_row).execute(statement, [asked]).fetchall()


def _json(rows: list[Row]) -> str:
    told = [{name: _value(value) for name, value in row.items()} for row in rows]
    return json.dumps(told, ensure_ascii=False)


def _value(value: Any) -> Any:
    """Postgres reads a number from a text too, and then with all its digits."""
    return f"{value:f}" if isinstance(value, Decimal) else in_json(value)
