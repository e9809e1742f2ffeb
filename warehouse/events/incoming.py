"""What is coming in: how much of each event, since when, with which columns, and what stopped.

What Segment shows in its source debugger and schema, for all of time instead of 500 events.
"""

from collections.abc import Sequence

from warehouse.database import Database

# One row per kind of call and event name. A time is that of arrival; "now" is the last arrival of
# any, so that a pause in loading makes nothing look silent.
INCOMING = """
create view if not exists {schema}.incoming as
with newest as (
    select max(last_seen_at) as seen_at from {schema}.activity
),
broken as (
    select type, coalesce(event_text, '') as event, sum(violation_count) as violation_count
    from {schema}.violations group by all
)
select
    activity.type,
    activity.event,
    sum(call_count)::bigint as call_count,
    coalesce(sum(call_count) filter (where hour_at > seen_at - interval 1 day), 0)::bigint
        as last_day_count,
    min(first_seen_at) as first_seen_at,
    max(last_seen_at) as last_seen_at,
    min(first_seen_at) > any_value(seen_at) - interval 1 day as is_new,
    coalesce(any_value(violation_count), 0)::bigint as violation_count
from {schema}.activity
cross join newest
left join broken on activity.type = broken.type and activity.event = broken.event
group by activity.type, activity.event
"""
# One row per column of a typed table that comes from properties, traits or the context.
COLUMNS = """
create view if not exists {schema}.incoming_columns as
select
    column_fill.table_name,
    column_fill.column_name,
    filled_count,
    row_count,
    filled_count / row_count as fill_rate,
    samples,
from {schema}.column_fill
join {schema}.filled using (table_name)
"""
COLUMN_FILL = """
create table if not exists {schema}.column_fill (
    table_name varchar,
    column_name varchar,
    filled_count bigint,
    samples varchar[],
    primary key (table_name, column_name)
)"""
# An event is silent once it is away for a day, and twice as long as it ever was in the fortnight
# before; one that came in fewer than ten hours of that is too rare to tell.
SILENT = """
with hours as (
    select
        type, event, hour_at, last_seen_at,
        hour_at - lag(hour_at) over (partition by type, event order by hour_at) as pause,
        (select max(last_seen_at) from {schema}.activity) as newest_at
    from {schema}.activity
)
select type, event, max(last_seen_at) as stopped_at, any_value(newest_at) as newest_at
from hours
where hour_at > newest_at - interval 15 days
group by type, event
having count(*) >= 10
    and any_value(newest_at) - max(last_seen_at) > greatest(interval 1 day, 2 * max(pause))
order by type, event
"""


VIOLATED = """
select
    type, event_text, field, kind, sum(violation_count)::bigint as violation_count,
    arg_max(example_id, last_seen_at), arg_max(example_message, last_seen_at)
from {schema}.violations
where last_seen_at > (select max(last_seen_at) from {schema}.activity) - interval 1 day
group by all
order by violation_count desc, type, event_text, field, kind
limit 100
"""
ADD = """
insert into {schema}.column_fill
select unnest(?::varchar[]), unnest(?::varchar[]), unnest(?::bigint[]), unnest(?::varchar[][])
on conflict (table_name, column_name) do update set
    filled_count = column_fill.filled_count + excluded.filled_count
"""


def make_tables(db: Database, schema: str) -> None:
    for made in (COLUMN_FILL, INCOMING, COLUMNS):
        db.run(made.format(schema=schema))


def add(db: Database, schema: str, fills: Sequence[tuple[str, str, int, list[str]]]) -> None:
    """Count what was filled in: table, column, how often, and values to show of a new column."""
    if fills:
        columns = [list(column) for column in zip(*fills, strict=True)]
        db.run(ADD.format(schema=schema), columns)


def violated(db: Database, schema: str = "events") -> list[str]:
    """What broke the tracking plan in the last day of arrivals, each in a sentence."""
    return [
        f"{kind} {event or ''!r}, {field}: {wrong} in {count} calls, such as {example}: {message}"
        for kind, event, field, wrong, count, example, message in db.run(
            VIOLATED.format(schema=schema)
        )
    ]


def silent(db: Database, schema: str = "events") -> list[str]:
    """The events that stopped, each in a sentence."""
    return [
        f"{kind} {event!r} last came at {stopped:%Y-%m-%d %H:%M}, others until"
        f" {newest:%Y-%m-%d %H:%M}"
        for kind, event, stopped, newest in db.run(SILENT.format(schema=schema))
    ]
