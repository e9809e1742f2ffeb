"""`users` and `accounts`: one row per user id and group id, with the newest value of each trait.

https://www.twilio.com/docs/segment/connections/storage/warehouses/schema
"""

from dataclasses import dataclass

from warehouse.database import Database
from warehouse.events.tables import KINDS, typed_columns
from warehouse.quoting import quoted

# What a user or account keeps of the envelope: when it was last heard of.
KEPT = ("received_at", "uuid_ts")


@dataclass(frozen=True)
class Newest:
    table: str
    calls: str
    key: str


ALL = (Newest("users", "identifies", "user_id"), Newest("accounts", "groups", "group_id"))

SINCE = "select filled_until from {schema}.filled where table_name = ?"
DONE = """
insert into {schema}.filled
select '{table}', null, 0, 0, (select max(uuid_ts) from {schema}.{calls})
on conflict (table_name) do update set filled_until = excluded.filled_until
"""
# A call without a value for a trait leaves the older one standing: arg_max passes nulls over.
INSERT = """
insert into {schema}.{table} by name
select {key} as id, {values}
from (
    select
        *,
        row_number() over (
            partition by {key} order by timestamp, received_at, id
        ) as nth
    from {schema}.{calls}
    where {key} in (from touched)
)
group by {key}
"""


def update(db: Database, schema: str) -> None:
    """Those of whom anything new was said are made again from all that was ever said."""
    for newest in ALL:
        _update(db, schema, newest)


def _update(db: Database, schema: str, newest: Newest) -> None:
    columns = _columns(db, schema, newest)
    table = f"{schema}.{newest.table}"
    had = db.columns_there(table)
    since = db.value(SINCE.format(schema=schema), [newest.table])
    if had != {**had, **columns}:
        since = None
        listed = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
        db.run(f"create or replace table {table} ({listed})")
    db.run(
        f"create or replace temp table touched as select distinct {newest.key} as id"
        f" from {schema}.{newest.calls} where {newest.key} is not null"
        " and uuid_ts > coalesce(?, timestamptz '-infinity')",
        [since],
    )
    if not db.count("touched"):
        return
    facts = {"schema": schema, "table": newest.table, "calls": newest.calls, "key": newest.key}
    values = ", ".join(
        f"arg_max({quoted(name)}, nth) as {quoted(name)}" for name in columns if name != "id"
    )
    db.run(f"delete from {table} where id in (from touched)")
    db.run(INSERT.format(values=values, **facts))
    db.run(DONE.format(**facts))


def _columns(db: Database, schema: str, newest: Newest) -> dict[str, str]:
    [kind] = [kind for kind in KINDS if kind.table == newest.calls]
    apart = typed_columns(kind).keys() - set(KEPT)
    found = db.columns_there(f"{schema}.{newest.calls}")
    return {
        "id": "VARCHAR",
        **{name: kind for name, kind in found.items() if name not in apart},
    }
