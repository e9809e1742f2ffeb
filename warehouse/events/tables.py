"""The tables of the event dumps.

`calls` has every stored call of any kind, with its context as columns and its properties or traits
as they were sent, so that nothing of a line is lost and the rest can be made again from it:
`tracks` (a view), one table per kind of call and per event name, as in Segment's warehouses.
https://www.twilio.com/docs/segment/connections/storage/warehouses/schema
"""

from dataclasses import dataclass

from warehouse.database import Database
from warehouse.quoting import quoted


@dataclass(frozen=True)
class Kind:
    """A kind of call: where its rows go, what its fields are called, its own columns.

    A tracked event goes to the table of its name.
    """

    call: str
    table: str | None
    fields: str
    own: tuple[str, ...] = ()
    filled_up: tuple[str, ...] = ()  # from a field of the same name, where they are empty


KINDS = (
    Kind("track", None, "properties", ("event", "event_text")),
    Kind("page", "pages", "properties", ("name", "category"), ("name", "category")),
    Kind("screen", "screens", "properties", ("name", "category"), ("name", "category")),
    Kind("identify", "identifies", "traits"),
    Kind("group", "groups", "traits", ("group_id",)),
    Kind("alias", "aliases", "traits", ("previous_id",)),
)
BY_CALL = {kind.call: kind for kind in KINDS}

ENVELOPE = {
    "id": "VARCHAR",
    "anonymous_id": "VARCHAR",
    "user_id": "VARCHAR",
    "received_at": "TIMESTAMP WITH TIME ZONE",
    "sent_at": "TIMESTAMP WITH TIME ZONE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "original_timestamp": "TIMESTAMP WITH TIME ZONE",
    "uuid_ts": "TIMESTAMP WITH TIME ZONE",
}
OWN = {
    "event": "VARCHAR",
    "event_text": "VARCHAR",
    "name": "VARCHAR",
    "category": "VARCHAR",
    "group_id": "VARCHAR",
    "previous_id": "VARCHAR",
}
ORIGIN = {"_file": "VARCHAR", "_line": "BIGINT"}
AS_SENT = {"integrations": "JSON", "properties": "JSON", "traits": "JSON", "_extra": "JSON"}
CALLS = {"_table": "VARCHAR", "type": "VARCHAR", **ENVELOPE, **OWN, **AS_SENT, **ORIGIN}
# How a table keeps what DuckDB's own choice takes long for. An id is random and gets little
# smaller, and every load reads all of them; zstd is twice as quick with whole objects and makes
# them half as large.
STORED_ID = {"id": "VARCHAR using compression uncompressed"}
STORED = {**STORED_ID, **dict.fromkeys(("properties", "traits"), "JSON using compression zstd")}

# Once a file's content changes it has a new version, and a row of its own here. The lines of a row
# are those after `after_line` up to `last_line`; where a line is a batch, each message counts.
FILES = """
create table if not exists {schema}.files (
    file varchar,
    version varchar,
    came varchar,
    size bigint,
    mark varchar,
    after_line bigint,
    last_line bigint,
    unfolded_count bigint,
    line_count bigint,
    stored_count bigint,
    duplicate_count bigint,
    quarantined_count bigint,
    blocked_count bigint,
    blank_count bigint,
    is_cut boolean,
    is_done boolean,
    error varchar,
    loaded_at timestamptz,
    primary key (file, version)
)"""
QUARANTINE = """
create table if not exists {schema}.quarantine (
    file varchar,
    version varchar,
    line bigint,
    place bigint,
    code varchar,
    reason varchar,
    is_blocked boolean,
    raw varchar,
    loaded_at timestamptz
)"""
# How far each typed table is filled from `calls`.
FILLED = """
create table if not exists {schema}.filled (
    table_name varchar primary key,
    type varchar,
    call_count bigint,
    row_count bigint,
    filled_until timestamptz
)"""
ACTIVITY = """
create table if not exists {schema}.activity (
    type varchar,
    event varchar,
    hour_at timestamptz,
    call_count bigint,
    first_seen_at timestamptz,
    last_seen_at timestamptz,
    primary key (type, event, hour_at)
)"""
# The newest row of a field says which column it is in, and of what type.
COLUMN_CHANGES = """
create table if not exists {schema}.column_changes (
    table_name varchar,
    field varchar[],
    column_name varchar,
    type varchar,
    type_before varchar,
    changed_at timestamptz
)"""


def make_tables(db: Database, schema: str, context: dict[str, str]) -> None:
    """All that a model may read, also what no call has come for yet."""
    db.run(f"create schema if not exists {schema}")
    made = db.columns(f"{schema}.calls")
    listed = _listed({**CALLS, **context, **STORED})
    db.run(f"create table if not exists {schema}.calls ({listed})")
    for table in (FILES, QUARANTINE, FILLED, ACTIVITY, COLUMN_CHANGES):
        db.run(table.format(schema=schema))
    for kind in KINDS:
        if kind.table:
            listed = _listed(typed_columns(kind))
            db.run(f"create table if not exists {schema}.{kind.table} ({listed})")
    for table in ("users", "accounts"):
        listed = _listed({name: ENVELOPE[name] for name in ("id", "received_at", "uuid_ts")})
        db.run(f"create table if not exists {schema}.{table} ({listed})")
    if not made:
        view_tracks(db, schema)


def typed_columns(kind: Kind) -> dict[str, str]:
    """What the typed tables of a kind of call have before any property or trait."""
    own = {name: OWN[name] for name in kind.own}
    return {**ENVELOPE, **own, **ORIGIN}


def view_tracks(db: Database, schema: str) -> None:
    """`tracks`: what all tracked events have in common, among it each column of the context."""
    names = [*ENVELOPE, "event", "event_text", *context_columns(db, schema), *ORIGIN]
    select = f"select {', '.join(map(quoted, names))} from {schema}.calls where type = 'track'"
    db.run(f"create or replace view {schema}.tracks as {select}")


def context_columns(db: Database, schema: str) -> dict[str, str]:
    columns = db.columns_there(f"{schema}.calls")
    return {name: kind for name, kind in columns.items() if name.startswith("context_")}


def _listed(columns: dict[str, str]) -> str:
    return ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
