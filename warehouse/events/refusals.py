"""What is wrong with a message, as SQL: the first rule that holds, with a code and a reason.

The code is one of Segment's own discard codes where one fits:
https://www.twilio.com/docs/segment/connections/delivery-overview
"""

from warehouse.events.tables import KINDS
from warehouse.quoting import begins, is_blank

CALLS = ", ".join(f"'{kind.call}'" for kind in KINDS)
IDS = {
    "messageId": "message_id",
    "anonymousId": "anonymous_id",
    "userId": "user_id",
    "groupId": "group_id",
    "previousId": "previous_id",
}

Rule = tuple[str, str, str]  # condition on the message's fields `e`, code, reason as SQL


def opens(value: str) -> str:
    """As a JSON object does."""
    return begins(value, "{", "{")


def _json_type(field: str, is_suspect: str, wrong: str) -> str:
    """Looks at a field in the line again, but only where its text looks like no string."""
    return f"case when {is_suspect} then json_type(raw, '$.{field}') {wrong} else false end"


def _is_no_id(field: str) -> str:
    return _json_type(field, _is_suspect(field), "in ('OBJECT', 'ARRAY', 'BOOLEAN')")


def _is_no_text(field: str) -> str:
    # DuckDB's JSON has numbers that are none, in capitals or not: they come as they were written.
    value = f"e.{field}"
    number = (
        f"{begins(value, '-', '9')}"
        f" or (strlen({value}) < 9 and lower({value}) in ('inf', 'infinity', 'nan'))"
    )
    return _json_type(field, f"{_is_suspect(field)} or {number}", "<> 'VARCHAR'")


def _is_suspect(field: str) -> str:
    # Hardly any text begins with what comes after {.
    list_ = begins(f"e.{field}", "[", "[")
    return f"{list_} or e.{field} >= '{{' or e.{field} in ('true', 'false')"


def _is_no_object(field: str) -> str:
    return f"not {opens(f'cast(e.{field} as varchar)')}"


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
    # To trim a line is to copy it, which few need.
    (
        f"not ({opens('raw')} or starts_with(ltrim(raw), '{{'))",
        "bad_request",
        "'JSON, but not an object'",
    ),
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
    (
        f"e.type = 'track' and (e.event is null or {is_blank('e.event')})",
        "event_not_defined",
        "'no event'",
    ),
    _is_not("string", PAGES, "name", _is_no_text("name")),
    _is_not("string", PAGES, "category", _is_no_text("category")),
    _is_missing("group", "groupId", "group_id"),
    _is_missing("alias", "userId", "user_id"),
    _is_missing("alias", "previousId", "previous_id"),
    _is_not("object", f"'track', {PAGES}", "properties", _is_no_object("properties")),
    _is_not("object", "'identify', 'group'", "traits", _is_no_object("traits")),
    (_is_no_object("context"), "bad_request", "'context is not an object'"),
]


def verdict() -> str:
    cases = (
        f"when {when} then struct_pack(code := '{code}', reason := {reason})"
        for when, code, reason in RULES
    )
    return f"case {' '.join(cases)} end"
