"""Lines of event dumps, read in SQL as messages: each with its fields, or with what is wrong.

A message becomes one row of the temporary table `calls_in`. One that is no event has a code and a
reason there.
"""

from typing import TYPE_CHECKING

from warehouse.database import Database
from warehouse.events.refusals import IDS, IN_A_BATCH, opens, verdict
from warehouse.quoting import is_blank, text

if TYPE_CHECKING:
    import pyarrow as pa

TIMES = {
    "timestamp": "time_said",
    "originalTimestamp": "time_original",
    "sentAt": "time_sent",
    "receivedAt": "time_received",
}
TEXTS = ("type", *IDS, "event", "name", "category", *TIMES)
OBJECTS = ("context", "integrations", "properties", "traits")
SHAPE = (
    "{"
    + ", ".join(
        [f'"{name}": "VARCHAR"' for name in TEXTS] + [f'"{name}": "JSON"' for name in OBJECTS]
    )
    + "}"
)
# Fields with a column of their own; the write key is a credential and goes into no table.
COMMON_FIELDS = ("type", "messageId", "anonymousId", "userId", "context", "integrations")
KNOWN = {
    "track": ("event", "properties"),
    "page": ("name", "category", "properties"),
    "screen": ("name", "category", "properties"),
    "identify": ("traits",),
    "group": ("groupId", "traits"),
    "alias": ("previousId", "traits"),
}


def _sane(time: str) -> str:
    """Infinity, and years beyond four digits, are no times."""
    return (
        f"case when {time} between timestamptz '0001-01-01 00:00:00+00'"
        f" and timestamptz '9999-12-31 00:00:00+00' then {time} end"
    )


# A time without an offset is UTC, as the warehouse is.
PARSED_TIMES = ", ".join(
    f"{_sane(f'try_cast(e.{field} as timestamptz)')} as {name}" for field, name in TIMES.items()
)
PARSED_IDS = ", ".join(
    f"case when not {is_blank(f'e.{field}')} then e.{field} end as {name}"
    for field, name in IDS.items()
)

# The client's clock may be wrong, the time between its own two stamps is right. Where both
# timestamp and originalTimestamp are there, Segment has done this sum already.
# https://www.twilio.com/docs/segment/connections/spec/common#timestamps
CORRECTED = "time_received - (time_sent - coalesce(time_original, time_said))"
HAPPENED_AT = f"""
    case when time_original is not null and time_said is not null then time_said
        else coalesce(
            {_sane(CORRECTED)}, time_original, time_said, time_sent, time_received,
            getvariable('now')
        ) end"""
IS_TIME_LOST = " or ".join(
    f"coalesce(e.{field}, '') <> '' and {name} is null" for field, name in TIMES.items()
)


def _of_call(field: str) -> str:
    """The field where it belongs to the kind of call; elsewhere it goes to `_extra`."""
    calls = ", ".join(f"'{call}'" for call, fields in KNOWN.items() if field in fields)
    return f"case when e.type in ({calls}) then e.{field} end"


def _fields(call: str) -> str:
    return f"[{', '.join(map(text, (*COMMON_FIELDS, 'writeKey', *TIMES, *KNOWN[call])))}]"


# Messages of the same keys have the same shape, and there are few shapes. A line that was cut off
# would make TRY ask its two thousand neighbours one by one; of the others, hardly any is no JSON.
SHAPED = f"""
create or replace temp table shaped as
select n, keys is not null as is_json, if(keys is null, null, hash(keys)) as shape
from (
    select n, case
        when not is_text then null
        when {opens("raw")} and suffix(raw, '}}' || chr(10)) then try(json_keys(raw))
        when json_valid(raw) then json_keys(raw)
    end as keys
    from messages
)
"""
# The shapes with keys that have no column, for each kind of call.
SURPLUS = f"""
create or replace temp table surplus as
with shapes as (
    select shape, json_keys(raw) as keys
    from messages
    join (select shape, min(n) as n from shaped where is_json group by shape) using (n)
),
calls as (
    select unnest({list(KNOWN)}) as call,
        unnest([{", ".join(_fields(call) for call in KNOWN)}]) as fields
)
select shape, call from shapes cross join calls where not list_has_all(fields, keys)
"""


def _without(call: str, *, but_times: bool) -> str:
    times = () if but_times else TIMES
    fields = (*COMMON_FIELDS, "writeKey", *KNOWN[call], *times)
    return "{" + ", ".join(f'"{field}": null' for field in fields) + "}"


EXTRA = f"""
    case when wrong is null and (is_time_lost or has_surplus) then nullif(json_merge_patch(raw, case
        {
    " ".join(
        f"when e.type = '{call}' and is_time_lost = {lost} then '{_without(call, but_times=lost)}'"
        for call in KNOWN
        for lost in (True, False)
    )
} end), '{{}}') end"""


def _merged(field: str) -> str:
    """What the batch says of it, and over that what the message says."""
    both = (f"coalesce(nullif({of} -> '$.{field}', 'null'), '{{}}')" for of in ("raw", "message"))
    return f"nullif(json_merge_patch({', '.join(both)}), '{{}}')"


def _of_either(field: str) -> str:
    return f"coalesce(nullif(message -> '$.{field}', 'null'), raw -> '$.{field}')"


# Messages of a batch take over what the batch says for all of them. An empty batch stays a line.
# https://www.twilio.com/docs/segment/connections/sources/catalog/libraries/server/http-api#batch
UNFOLD = f"""
create or replace temp table unfolded as
with batches as materialized (
    select n, piece, line, raw from calls_in where reason = {IN_A_BATCH}
),
messages as (
    select
        n as batch, piece, line, raw,
        unnest(json_extract(raw, '$.batch[*]')) as message,
        generate_subscripts(json_extract(raw, '$.batch[*]'), 1) as place
    from batches
)
select
    (select max(n) from calls_in) + row_number() over (order by batch, place) as n,
    batch, piece, line, place,
    cast(case
        when json_type(message) = 'OBJECT' then json_merge_patch(
            message,
            json_merge_patch('{{}}', json_object(
                'context', {_merged("context")},
                'integrations', {_merged("integrations")},
                'sentAt', {_of_either("sentAt")},
                'receivedAt', {_of_either("receivedAt")}
            ))
        )
        else message
    end as varchar) as raw,
    true as is_text
from messages
"""
LINES = "select n, piece, line, place, raw, is_text from event_lines"
UNFOLDED = "select * exclude (batch) from unfolded"
REPLACED = "delete from calls_in where n in (select batch from unfolded)"

# 1. parsed: the fields of those that are JSON, by one parse
# 2. fields: ids without empty ones, times in UTC
# 3. judged: the first thing that is wrong with it, and whether it holds more than has a column
# The line itself is kept where something is wrong with it, or a plan may yet find something.
# The order puts together what goes into one table, for the steps that take a table at a time.
CALLS_IN = f"""
with parsed as (
    select *, case when is_json then json_transform(raw, '{SHAPE}') end as e
    from messages
    join shaped using (n)
),
fields as (
    select *, {PARSED_IDS}, {PARSED_TIMES} from parsed
),
judged as (
    select
        fields.*,
        {verdict()} as wrong,
        {IS_TIME_LOST} as is_time_lost,
        surplus.call is not null as has_surplus
    from fields
    left join surplus on surplus.shape = fields.shape and surplus.call = e.type
)
select
    n, piece, line, place,
    case when is_json then false else regexp_full_match(raw, '\\s*') end as is_blank,
    wrong.code as code,
    wrong.reason as reason,
    case when wrong is not null or getvariable('is_planned') then raw end as raw,
    e.type as type,
    {_of_call("event")} as event_text,
    {_of_call("name")} as name,
    {_of_call("category")} as category,
    coalesce(
        message_id,
        'line-' || md5(concat_ws(chr(10), file, line, place, rtrim(raw, chr(13) || chr(10))))
    ) as id,
    anonymous_id, user_id,
    case when e.type = 'group' then group_id end as group_id,
    case when e.type = 'alias' then previous_id end as previous_id,
    time_received as received_at,
    time_sent as sent_at,
    {HAPPENED_AT} as timestamp,
    coalesce(time_original, time_said) as original_timestamp,
    e.context as context,
    e.integrations as integrations,
    {_of_call("properties")} as properties,
    {_of_call("traits")} as traits,
    {EXTRA} as _extra
from judged
join event_pieces using (piece)
order by type, event_text, n
"""


def read(db: Database, lines: "pa.Table") -> None:
    """Make `calls_in` of lines of `event_pieces`, with its messages in place of a batch."""
    with db.lent("event_lines", lines):
        _read(db, LINES, "create or replace temp table calls_in as")
    db.run(UNFOLD)
    if db.count("unfolded"):
        db.run(REPLACED)
        _read(db, UNFOLDED, "insert into calls_in by name")


def _read(db: Database, messages: str, into: str) -> None:
    for step in (f"create or replace temp view messages as {messages}", SHAPED, SURPLUS):
        db.run(step)
    db.run(f"{into} {CALLS_IN}")
    db.run("drop table shaped")
