"""The tables of the event dumps: one per kind of call, the quarantine and the list of files.

Columns are named as Segment's warehouses name them. Context, properties, traits and whatever has
no column of its own (`extra`) stay JSON, so that nothing of a line is lost.
"""

from dataclasses import dataclass

from warehouse.database import Database


@dataclass(frozen=True)
class Kind:
    """A kind of call: its table and, for its own columns, their type and where they come from."""

    call: str
    table: str
    columns: dict[str, tuple[str, str]]
    fields: tuple[str, ...]


# column: (type, expression over the sorted lines of event_lines.py)
COMMON = {
    "id": ("varchar", "id"),
    "anonymous_id": ("varchar", "anonymous_id"),
    "user_id": ("varchar", "user_id"),
    "timestamp": ("timestamptz", "happened_at"),
    "original_timestamp": ("timestamptz", "original_timestamp"),
    "sent_at": ("timestamptz", "sent_at"),
    "received_at": ("timestamptz", "received_at"),
    "context": ("json", "e.context"),
    "integrations": ("json", "e.integrations"),
    "loaded_at": ("timestamptz", "now()"),
    "file": ("varchar", "file"),
    "line": ("bigint", "line"),
}
TIMES = ("timestamp", "originalTimestamp", "sentAt", "receivedAt")
# The write key is a credential: it goes into no table.
COMMON_FIELDS = (
    "type",
    "messageId",
    "anonymousId",
    "userId",
    "context",
    "integrations",
    "writeKey",
)
PROPERTIES = {"properties": ("json", "e.properties")}
TRAITS = {"traits": ("json", "e.traits")}
# go-snakecase in one expression: a word is capitals and digits, then small letters and digits.
SLUG = (
    "nullif(lower(array_to_string(regexp_extract_all("
    "e.event, '[A-Z0-9]+[a-z0-9]*|[a-z0-9]+'), '_')), '')"
)

KINDS = (
    Kind(
        "track",
        "events.tracks",
        {"event": ("varchar", SLUG), "event_text": ("varchar", "e.event"), **PROPERTIES},
        ("event", "properties"),
    ),
    Kind(
        "page",
        "events.pages",
        {"name": ("varchar", "e.name"), "category": ("varchar", "e.category"), **PROPERTIES},
        ("name", "category", "properties"),
    ),
    Kind(
        "screen",
        "events.screens",
        {"name": ("varchar", "e.name"), "category": ("varchar", "e.category"), **PROPERTIES},
        ("name", "category", "properties"),
    ),
    Kind("identify", "events.identifies", TRAITS, ("traits",)),
    Kind(
        "group",
        "events.groups",
        {"group_id": ("varchar", "group_id"), **TRAITS},
        ("groupId", "traits"),
    ),
    Kind("alias", "events.aliases", {"previous_id": ("varchar", "previous_id")}, ("previousId",)),
)

QUARANTINE = """
create table if not exists events.quarantine (
    file varchar, line bigint, code varchar, reason varchar, raw varchar, loaded_at timestamptz
)"""
FILES = """
create table if not exists events.files (
    file varchar,
    version varchar,
    size bigint,
    line_count bigint,
    stored_count bigint,
    duplicate_count bigint,
    quarantined_count bigint,
    blank_count bigint,
    last_line bigint,
    is_done boolean,
    error varchar,
    loaded_at timestamptz,
    primary key (file, version)
)"""


def make_tables(db: Database) -> None:
    """All of them, also those no call has come for yet: a model may read any of them."""
    db.run("create schema if not exists events")
    for kind in KINDS:
        columns = {**COMMON, **kind.columns, "extra": ("json", "")}
        listed = ", ".join(f"{name} {type_}" for name, (type_, _) in columns.items())
        db.run(f"create table if not exists {kind.table} ({listed})")
    db.run(QUARANTINE)
    db.run(FILES)


def insert(kind: Kind) -> str:
    """The stored lines of one kind, from `sorted_lines` into its table."""
    columns = {**COMMON, **kind.columns, "extra": ("json", _extra(kind))}
    return (
        f"insert into {kind.table} by name"
        f" select {', '.join(f'{value} as {name}' for name, (_, value) in columns.items())}"
        f" from sorted_lines where verdict = 'stored' and e.type = '{kind.call}'"
        " order by piece, line"
    )


def _extra(kind: Kind) -> str:
    """What is left of a line without the fields that have columns; a time nobody could read too.

    A JSON merge patch takes out every key that it sets to null (RFC 7396).
    """
    known = [*COMMON_FIELDS, *kind.fields]
    without, without_times = (
        "{" + ", ".join(f'"{field}": null' for field in fields) + "}"
        for fields in (known, [*known, *TIMES])
    )
    patch = f"case when is_time_lost then '{without}' else '{without_times}' end"
    return f"nullif(json_merge_patch(raw, {patch}), '{{}}')"
