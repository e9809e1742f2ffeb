"""Lines of event dumps, sorted in SQL into stored, duplicate, quarantined and blank.

A line becomes one row of the temporary table `sorted_lines`. A line that is no event gets a code,
one of Segment's own discard codes where one fits, and a reason in words:
https://www.twilio.com/docs/segment/connections/delivery-overview
"""

from warehouse.event_tables import KINDS, TIMES

CALLS = ", ".join(f"'{kind.call}'" for kind in KINDS)
IDS = ("messageId", "anonymousId", "userId", "groupId", "previousId")
TEXTS = ("type", *IDS, "event", "name", "category")
OBJECTS = ("context", "integrations", "properties", "traits", "batch")
SHAPE = (
    "{"
    + ", ".join(
        [f'"{name}": "VARCHAR"' for name in (*TEXTS, *TIMES)]
        + [f'"{name}": "JSON"' for name in OBJECTS]
    )
    + "}"
)


def _json_type(field: str, suspects: str, wrong: str) -> str:
    """Looks at a field in the line again, but only where its text looks like no string."""
    return (
        f"case when regexp_matches(e.{field}, '^({suspects})')"
        f" then json_type(raw, '$.{field}') {wrong} else false end"
    )


def _is_no_id(field: str) -> str:
    return _json_type(field, r"\{|\[|true$|false$", "in ('OBJECT', 'ARRAY', 'BOOLEAN')")


def _is_no_text(field: str) -> str:
    return _json_type(field, r"[-0-9{\[NI]|true$|false$", "<> 'VARCHAR'")


def _is_no_object(field: str) -> str:
    return f"not starts_with(cast(e.{field} as varchar), '{{')"


Rule = tuple[str, str, str]  # condition on the line's fields `e`, code, reason as SQL

NO_MESSAGE: list[Rule] = [
    ("not is_text", "bad_request", "'not UTF-8: the bytes are shown as \\xNN'"),
    ("not is_json", "bad_request", "'not JSON'"),
    ("json_type(raw) <> 'OBJECT'", "bad_request", "'JSON, but not an object'"),
    (
        "e.type is null and e.batch is not null",
        "bad_request",
        "'a batch: one message a line is read'",
    ),
    ("e.type is null", "bad_request", "'no type'"),
    (
        f"e.type not in ({CALLS})",
        "bad_request",
        f"'type is ' || left(e.type, 40) || ', none of {CALLS.replace(chr(39), '')}'",
    ),
]


PHRASES = {"string": "a string", "object": "an object"}


def _is_missing(call: str, field: str, column: str) -> Rule:
    condition = f"e.type = '{call}' and {column} is null"
    return condition, "id_required", f"'no {field} in the {call} call'"


def _is_not(kind: str, calls: str, field: str, condition: str) -> Rule:
    code = f"{field}_not_{kind}"
    return f"e.type in ({calls}) and {condition}", code, f"'{field} is not {PHRASES[kind]}'"


PAGES = "'page', 'screen'"

# The first that holds counts.
RULES: list[Rule] = [
    *NO_MESSAGE,
    *((_is_no_id(field), "id_not_string", f"'{field} is not a string'") for field in IDS),
    (
        "user_id is null and anonymous_id is null",
        "no_user_anon_id",
        "'neither userId nor anonymousId'",
    ),
    _is_not("string", "'track'", "event", _is_no_text("event")),
    ("e.type = 'track' and trim(coalesce(e.event, '')) = ''", "event_not_defined", "'no event'"),
    _is_not("string", PAGES, "name", _is_no_text("name")),
    _is_not("string", PAGES, "category", _is_no_text("category")),
    _is_missing("group", "groupId", "group_id"),
    _is_missing("alias", "userId", "user_id"),
    _is_missing("alias", "previousId", "previous_id"),
    _is_not("object", f"'track', {PAGES}", "properties", _is_no_object("properties")),
    _is_not("object", "'identify', 'group'", "traits", _is_no_object("traits")),
    (_is_no_object("context"), "bad_request", "'context is not an object'"),
]


def _verdict() -> str:
    cases = (
        f"when {when} then struct_pack(code := '{code}', reason := {reason})"
        for when, code, reason in RULES
    )
    return f"case {' '.join(cases)} end"


def _id(field: str) -> str:
    return f"case when trim(e.{field}) <> '' then e.{field} end"


def _sane(time: str) -> str:
    """Infinity, and years beyond four digits, are no times."""
    return (
        f"case when {time} between timestamptz '0001-01-01 00:00:00+00'"
        f" and timestamptz '9999-12-31 00:00:00+00' then {time} end"
    )


def _time(field: str) -> str:
    """A time without an offset is UTC, as the warehouse is."""
    return _sane(f'try_cast(e."{field}" as timestamptz)')


# The client's clock may be wrong, the time between its own two stamps is right. Where both
# timestamp and originalTimestamp are there, Segment has done this sum already.
# https://www.twilio.com/docs/segment/connections/spec/common#timestamps
CORRECTED = "time_received - (time_sent - coalesce(time_original, time_said))"
HAPPENED_AT = f"""
    case when time_original is not null and time_said is not null then time_said
        else coalesce(
            {_sane(CORRECTED)}, time_original, time_said, time_sent, time_received, now()
        ) end"""
IS_TIME_LOST = " or ".join(
    f"coalesce(e.\"{field}\", '') <> '' and time_{name} is null"
    for field, name in zip(TIMES, ("said", "original", "sent", "received"), strict=True)
)

# 1. lines: the fields of each line that is JSON, by one parse
# 2. fields: ids without empty ones, times in UTC
# 3. judged: the first thing that is wrong with it
# 4. numbered: which of the lines with one id in this batch comes first
# 5. the verdict, against all that was loaded before
SORT = f"""
create or replace temp table sorted_lines as
with lines as (
    select
        piece, file, line, raw, is_text,
        is_text and json_valid(raw) as is_json,
        regexp_full_match(raw, '\\s*') as is_blank,
        case when is_text and json_valid(raw) then json_transform(raw, '{SHAPE}') end as e
    from event_lines
    join event_pieces using (piece)
),
fields as (
    select
        *,
        {_id("messageId")} as message_id,
        {_id("anonymousId")} as anonymous_id,
        {_id("userId")} as user_id,
        {_id("groupId")} as group_id,
        {_id("previousId")} as previous_id,
        {_time("timestamp")} as time_said,
        {_time("originalTimestamp")} as time_original,
        {_time("sentAt")} as time_sent,
        {_time("receivedAt")} as time_received
    from lines
),
judged as (
    select
        *,
        {_verdict()} as wrong,
        coalesce(message_id, 'line-' || md5(concat_ws(chr(10), file, line, raw))) as id
    from fields
),
numbered as (
    select
        *,
        row_number() over (partition by id, wrong is null order by piece, line) as nth
    from judged
)
select
    piece, file, line, raw, e, id, anonymous_id, user_id, group_id, previous_id,
    wrong.code as code, wrong.reason as reason,
    coalesce(time_original, time_said) as original_timestamp,
    time_sent as sent_at,
    time_received as received_at,
    {HAPPENED_AT} as happened_at,
    {IS_TIME_LOST} as is_time_lost,
    case
        when is_blank then 'blank'
        when wrong is not null then case
            when (file, line, raw) in (select (file, line, raw) from events.quarantine)
                then 'duplicate' else 'quarantined' end
        when nth > 1 then 'duplicate'
        when id in ({" union all ".join(f"select id from {kind.table}" for kind in KINDS)})
            then 'duplicate'
        else 'stored'
    end as verdict
from numbered
"""

QUARANTINE = """
insert into events.quarantine
select file, line, code, reason, raw, now() from sorted_lines where verdict = 'quarantined'
order by piece, line
"""

# One row for each version of a file; a piece of it adds to what its earlier pieces left there.
COUNT = """
insert into events.files
select
    p.file,
    p.version,
    any_value(p.size),
    count(s.verdict) filter (where s.verdict <> 'blank'),
    count(s.verdict) filter (where s.verdict = 'stored'),
    count(s.verdict) filter (where s.verdict = 'duplicate'),
    count(s.verdict) filter (where s.verdict = 'quarantined'),
    count(s.verdict) filter (where s.verdict = 'blank'),
    any_value(p.last_line),
    any_value(p.is_done),
    any_value(p.error),
    now()
from event_pieces as p
left join sorted_lines as s using (piece)
group by p.piece, p.file, p.version
on conflict (file, version) do update set
    line_count = files.line_count + excluded.line_count,
    stored_count = files.stored_count + excluded.stored_count,
    duplicate_count = files.duplicate_count + excluded.duplicate_count,
    quarantined_count = files.quarantined_count + excluded.quarantined_count,
    blank_count = files.blank_count + excluded.blank_count,
    last_line = excluded.last_line,
    is_done = excluded.is_done,
    error = excluded.error,
    loaded_at = excluded.loaded_at
"""
