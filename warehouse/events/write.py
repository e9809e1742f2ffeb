"""One batch into the warehouse: a verdict on each message, and the rows that follow from it."""

from collections.abc import Sequence

from warehouse.database import Database
from warehouse.events import names, registry
from warehouse.events.columns import (
    Change,
    Field,
    catching_misfits,
    contested,
    extraction,
    typed,
)
from warehouse.events.tables import CALLS, KINDS, view_tracks
from warehouse.quoting import quoted

# As many event names as Segment shows of a source; those beyond are in `tracks` alone.
# https://www.twilio.com/docs/segment/connections/sources/schema/schema-unique-limits
MOST_TABLES = 4000

# Before the warehouse is opened.
PREPARED = (
    # messages with an id that an earlier one of this batch has
    """
    create or replace temp table repeated as
    select calls_in.n from calls_in
    join (
        select id, min(n) as first_n from calls_in
        where code is null group by id having count(*) > 1
    ) using (id)
    where calls_in.code is null and calls_in.n > first_n
    """,
    # what goes to quarantine, as it was sent but for the write key, which is a credential
    """
    create or replace temp table refused as
    select
        * replace (case
            when not contains(raw, '"writeKey"') or not json_valid(raw) then rtrim(raw, chr(10))
            when json_type(raw) <> 'OBJECT' then rtrim(raw, chr(10))
            else cast(json_merge_patch(raw, '{"writeKey": null}') as varchar)
        end as raw)
    from (
        select n, piece, line, place, code, reason, false as is_blocked, raw from calls_in
        where code is not null and not is_blank
        union all
        select n, piece, line, place, blocked.code, blocked.reason, true, raw
        from calls_in join blocked using (n)
    )
    """,
    # where each kind of event goes
    """
    create or replace temp table events_in as
    select distinct event_text from calls_in where type = 'track' and code is null
    """,
)

# Few ids are looked for among many: so the few are what the many are compared with.
VERDICTS = (
    """
    create or replace temp table known_ids as
    select calls.id from {schema}.calls semi join calls_in on calls.id = calls_in.id
    """,
    """
    create or replace temp table known_refused as
    select n from refused join event_pieces using (piece)
    semi join {schema}.quarantine using (file, line, raw)
    """,
    """
    create or replace temp table verdicts as
    select
        n, piece,
        case
            when is_blank then 'blank'
            when code is null and n in (from repeated) then 'duplicate'
            when code is null and id in (from known_ids) then 'duplicate'
            when n in (from known_refused) then 'duplicate'
            when code is not null then 'quarantined'
            when n in (select n from blocked) then 'blocked'
            else 'stored'
        end as verdict
    from calls_in
    """,
)

QUARANTINE = """
insert into {schema}.quarantine
select file, version, line, place, code, reason, is_blocked, raw, getvariable('now')
from refused
join event_pieces using (piece)
semi join (select n from verdicts where verdict in ('quarantined', 'blocked')) using (n)
order by n
"""

# A version of a file has one row; a piece of it adds to what its earlier pieces left there.
FILES = """
insert into {schema}.files
select
    file, version,
    any_value(came), any_value(size), any_value(mark), any_value(after_line),
    max(last_line),
    sum(coalesce(unfolded_count, 0)),
    sum(coalesce(line_count, 0)),
    sum(coalesce(stored_count, 0)),
    sum(coalesce(duplicate_count, 0)),
    sum(coalesce(quarantined_count, 0)),
    sum(coalesce(blocked_count, 0)),
    sum(coalesce(blank_count, 0)),
    bool_or(is_cut), bool_or(is_done), any_value(error),
    getvariable('now')
from event_pieces
left join (
    select
        piece,
        count(*) filter (where verdict <> 'blank') as line_count,
        count(*) filter (where verdict = 'stored') as stored_count,
        count(*) filter (where verdict = 'duplicate') as duplicate_count,
        count(*) filter (where verdict = 'quarantined') as quarantined_count,
        count(*) filter (where verdict = 'blocked') as blocked_count,
        count(*) filter (where verdict = 'blank') as blank_count
    from verdicts group by piece
) using (piece)
left join (
    select piece, count(*) - count(distinct batch) as unfolded_count from unfolded group by piece
) using (piece)
group by file, version
on conflict (file, version) do update set
    last_line = coalesce(excluded.last_line, files.last_line),
    unfolded_count = files.unfolded_count + excluded.unfolded_count,
    line_count = files.line_count + excluded.line_count,
    stored_count = files.stored_count + excluded.stored_count,
    duplicate_count = files.duplicate_count + excluded.duplicate_count,
    quarantined_count = files.quarantined_count + excluded.quarantined_count,
    blocked_count = files.blocked_count + excluded.blocked_count,
    blank_count = files.blank_count + excluded.blank_count,
    is_cut = coalesce(excluded.is_cut, files.is_cut),
    is_done = coalesce(excluded.is_done, files.is_done),
    error = case when excluded.is_done is null then files.error else excluded.error end,
    loaded_at = case when excluded.is_done is null then files.loaded_at else excluded.loaded_at end
"""
FILLED = """
insert into {schema}.filled
select _table, any_value(type), count(*), 0, null
from {schema}.calls
where uuid_ts = getvariable('now') and _table is not null
group by _table
on conflict (table_name) do update set call_count = filled.call_count + excluded.call_count
"""
ACTIVITY = """
insert into {schema}.activity
select
    type,
    coalesce(event_text, name, ''),
    time_bucket(interval 1 hour, coalesce(received_at, timestamp)),
    count(*),
    min(coalesce(received_at, timestamp)),
    max(coalesce(received_at, timestamp))
from {schema}.calls
where uuid_ts = getvariable('now')
group by all
on conflict (type, event, hour_at) do update set
    call_count = activity.call_count + excluded.call_count,
    first_seen_at = least(activity.first_seen_at, excluded.first_seen_at),
    last_seen_at = greatest(activity.last_seen_at, excluded.last_seen_at)
"""


def prepare(db: Database, tables: set[str]) -> None:
    """All that needs no warehouse. `tables` are those of the events so far; new ones are added."""
    for step in PREPARED:
        db.run(step)
    events = [event for (event,) in db.run("from events_in order by event_text")]
    db.run(
        "create or replace temp table named as select unnest(?::varchar[]) as event_text,"
        " unnest(?::varchar[]) as _table, unnest(?::varchar[]) as event",
        [
            events,
            [_table(event, tables) for event in events],
            [names.snake(event) or None for event in events],
        ],
    )


def _table(event: str, tables: set[str]) -> str | None:
    """Whoever puts an order number into the names of events shall not get a table for each."""
    name = names.table(event)
    if name and (name in tables or len(tables) < MOST_TABLES):
        tables.add(name)
        return name
    return None


def write(
    db: Database,
    schema: str,
    context: Sequence[Field],
    changes: Sequence[Change],
    *,
    is_checked: bool,
) -> None:
    """Within a transaction: `calls_in` to `calls`, and everything that is kept about it.

    Raises Misfit, if `is_checked`, where a value of the context may not fit its column.
    """
    if changes:
        registry.widen(db, f"{schema}.calls", changes)
        registry.note(db, schema, [("calls", change) for change in changes])
        view_tracks(db, schema)
    for step in VERDICTS:
        db.run(step.format(schema=schema))
    with catching_misfits():
        db.run(_calls(schema, context, is_checked=is_checked))
    for step in (QUARANTINE, FILES, FILLED, ACTIVITY):
        db.run(step.format(schema=schema))


def _calls(schema: str, context: Sequence[Field], *, is_checked: bool) -> str:
    taken = extraction(context, "context")
    tables = " ".join(f"when '{kind.call}' then '{kind.table}'" for kind in KINDS if kind.table)
    columns = {
        **{name: quoted(name) for name in CALLS},
        "_table": f"case type when 'track' then _table {tables} end",
        "uuid_ts": "getvariable('now')",
        "_file": "file",
        "_line": "line",
        # The context is kept nowhere else.
        "_extra": f"case when {contested(context, taken)} then json_merge_patch("
        "coalesce(_extra, '{}'), json_object('context', context)) else _extra end",
        **typed(context, taken, is_checked=is_checked),
    }
    return (
        f"insert into {schema}.calls by name"
        f" select {', '.join(f'{value} as {quoted(name)}' for name, value in columns.items())}"
        f" from (select *, {taken.taken} from calls_in)"
        " anti join (select n from verdicts where verdict <> 'stored') using (n)"
        " join event_pieces using (piece)"
        " left join named using (event_text)"
    )
