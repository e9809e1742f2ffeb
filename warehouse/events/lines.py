"""Lines of event dumps, read in SQL as messages: each with its fields, or with what is wrong.

A message becomes one row of the temporary table `calls_in`. One that is no event gets a code, one
of Segment's own discard codes where one fits, and a reason in words:
https://www.twilio.com/docs/segment/connections/delivery-overview
"""

from warehouse.events.tables import KINDS

CALLS = ", ".join(f"'{kind.call}'" for kind in KINDS)
IDS = {
    "messageId": "message_id",
    "anonymousId": "anonymous_id",
    "userId": "user_id",
    "groupId": "group_id",
    "previousId": "previous_id",
}
TIMES = {
    "timestamp": "time_said",
    "originalTimestamp": "time_original",
    "sentAt": "time_sent",
    "receivedAt": "time_received",
}
TEXTS = ("type", *IDS, "event", "name", "category", "writeKey", *TIMES)
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

Rule = tuple[str, str, str]  # condition on the message's fields `e`, code, reason as SQL


def _json_type(field: str, is_suspect: str, wrong: str) -> str:
    """Looks at a field in the line again, but only where its text looks like no string."""
    return (
        f"case when {is_suspect.format(f'e.{field}')}"
        f" then json_type(raw, '$.{field}') {wrong} else false end"
    )


def _is_no_id(field: str) -> str:
    suspect = "starts_with({0}, '{{') or starts_with({0}, '[') or {0} in ('true', 'false')"
    return _json_type(field, suspect, "in ('OBJECT', 'ARRAY', 'BOOLEAN')")


def _is_no_text(field: str) -> str:
    # From '-' to '9', or the first letter of Infinity and NaN.
    suspect = (
        "ascii({0}) between 45 and 57 or left({0}, 1) in ('{{', '[', 'I', 'N')"
        " or {0} in ('true', 'false')"
    )
    return _json_type(field, suspect, "<> 'VARCHAR'")


def _is_no_object(field: str) -> str:
    return f"not starts_with(cast(e.{field} as varchar), '{{')"


def _is_missing(call: str, field: str, column: str) -> Rule:
    condition = f"e.type = '{call}' and {column} is null"
    return condition, "id_required", f"'no {field} in the {call} call'"


def _is_not(kind: str, calls: str, field: str, condition: str) -> Rule:
    phrase = {"string": "a string", "object": "an object"}[kind]
    return (
        f"e.type in ({calls}) and {condition}",
        f"{field}_not_{kind}",
        f"'{field} is not {phrase}'",
    )


PAGES = "'page', 'screen'"

IN_A_BATCH = "'a batch within a batch'"

# The first that holds counts.
RULES: list[Rule] = [
    ("not is_text", "bad_request", "'not UTF-8: the bytes are shown as \\xNN'"),
    ("not is_json", "bad_request", "'not JSON'"),
    ("not starts_with(ltrim(raw), '{')", "bad_request", "'JSON, but not an object'"),
    # A batch with messages is read again, with these in its place; all but one in a batch.
    (
        "e.type is null and json_type(raw, '$.batch') = 'ARRAY'"
        " and json_array_length(raw, '$.batch') = 0",
        "empty_batch",
        "'a batch without a message'",
    ),
    ("e.type is null and json_type(raw, '$.batch') = 'ARRAY'", "bad_request", IN_A_BATCH),
    ("e.type is null", "bad_request", "'no type'"),
    (
        f"e.type not in ({CALLS})",
        "bad_request",
        f"'type is ' || left(e.type, 40) || ', none of {CALLS.replace(chr(39), '')}'",
    ),
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
    f"case when trim(e.{field}) <> '' then e.{field} end as {name}" for field, name in IDS.items()
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


def _count(fields: tuple[str, ...]) -> str:
    return " + ".join(f"(e.{field} is not null)::int" for field in fields)


# A message has something more when it has more fields than are known; only then it is looked at
# again. A JSON merge patch takes out every key that it sets to null (RFC 7396).
HAS_MORE = f"""
    len(json_keys(raw)) > {_count((*COMMON_FIELDS, "writeKey", *TIMES))} + case e.type
        {" ".join(f"when '{call}' then {_count(fields)}" for call, fields in KNOWN.items())} end"""


def _without(call: str, *, but_times: bool) -> str:
    times = () if but_times else TIMES
    fields = (*COMMON_FIELDS, "writeKey", *KNOWN[call], *times)
    return "{" + ", ".join(f'"{field}": null' for field in fields) + "}"


EXTRA = f"""
    case when wrong is null and (is_time_lost or has_more) then nullif(json_merge_patch(raw, case
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
    select n, piece, line, raw from event_lines
    semi join (select n from calls_in where reason = {IN_A_BATCH}) using (n)
),
messages as (
    select
        n as batch, piece, line, raw,
        unnest(json_extract(raw, '$.batch[*]')) as message,
        generate_subscripts(json_extract(raw, '$.batch[*]'), 1) as place
    from batches
)
select
    (select count(*) from event_lines) + row_number() over (order by batch, place) - 1 as n,
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
UNFOLDED = f"""
    {LINES} where n not in (select batch from unfolded)
    union all
    select n, piece, line, place, raw, is_text from unfolded"""


def read(*, is_unfolded: bool = False) -> str:
    """Makes `calls_in` of `event_lines`, with the messages of `unfolded` in place of their batch.

    The order puts together what goes into one table, for the steps that take a table at a time.
    """
    # 1. messages: each line, or each message of a batch
    # 2. parsed: the fields of those that are JSON, by one parse
    # 3. fields: ids without empty ones, times in UTC
    # 4. judged: the first thing that is wrong with it
    # 5. weighed: whether it holds more than the fields that have columns
    return f"""
create or replace temp table calls_in as
with messages as (
    {UNFOLDED if is_unfolded else LINES}
),
parsed as (
    select *, case when is_json then json_transform(raw, '{SHAPE}') end as e
    from (select *, is_text and json_valid(raw) as is_json from messages)
),
fields as (
    select *, {PARSED_IDS}, {PARSED_TIMES} from parsed
),
judged as (
    select *, {_verdict()} as wrong, {IS_TIME_LOST} as is_time_lost from fields
),
weighed as (
    select *, case when wrong is null then {HAS_MORE} end as has_more from judged
)
select
    n, piece, line,
    case when is_json then false else regexp_full_match(raw, '\\s*') end as is_blank,
    wrong.code as code,
    wrong.reason as reason,
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
from weighed
join event_pieces using (piece)
order by type, event_text, n
"""
