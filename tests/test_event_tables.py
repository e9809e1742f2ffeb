"""The tables of the event dumps: which there are, what columns they have, what rows they get."""

from pathlib import Path
from typing import Any

from event_files import NOON, is_balanced, load_events, put, rows, track

TEXT, TIME, JSON, WHOLE = "VARCHAR", "TIMESTAMP WITH TIME ZONE", "JSON", "BIGINT"
ENVELOPE = {
    "id": TEXT,
    "anonymous_id": TEXT,
    "user_id": TEXT,
    "received_at": TIME,
    "sent_at": TIME,
    "timestamp": TIME,
    "original_timestamp": TIME,
    "uuid_ts": TIME,
    "_file": TEXT,
    "_line": WHOLE,
}
KEPT = {"id": TEXT, "received_at": TIME, "uuid_ts": TIME}
ABOUT = {"name": TEXT, "category": TEXT}
PLACE = {"context_page_url": TEXT, "context_os_version": TEXT}

CONTEXT = {"page": {"url": "https://a.b/c"}, "os": {"version": "1.0"}}
STAMPS = {
    "timestamp": "2026-11-23T12:00:00Z",
    "sentAt": "2026-11-23T12:00:08Z",
    "receivedAt": "2026-11-23T12:00:10Z",
}


def call(kind: str, **fields: Any) -> dict[str, Any]:
    """A call with everything that all calls have; its id is its kind."""
    ids = {"anonymousId": "a1", "userId": "u1", "messageId": kind}
    return {"type": kind, **ids, **STAMPS, "context": CONTEXT, **fields}


CALLS = (
    call("track", event="Order Completed", properties={"total": 12.5, "coupon": None}),
    call("page", name="Home", properties={"title": "T", "url": "u"}),
    call("screen", name="Start", category="App", properties={"Width": 5}),
    call("identify", traits={"email": "ada@example.com", "createdAt": "2024-01-02T03:04:05Z"}),
    call("group", groupId="g1", traits={"name": "Acme", "employees": 7}),
    call("alias", previousId="a0"),
)
EMAIL = {"email": TEXT, "created_at": TIME}
COMPANY = {"name": TEXT, "employees": WHOLE}
COLUMNS = {
    "order_completed": ENVELOPE | PLACE | {"event": TEXT, "event_text": TEXT, "total": "DOUBLE"},
    "pages": ENVELOPE | ABOUT | PLACE | {"title": TEXT, "url": TEXT},
    "screens": ENVELOPE | ABOUT | PLACE | {"width": WHOLE},
    "identifies": ENVELOPE | PLACE | EMAIL,
    "users": KEPT | PLACE | EMAIL,
    "groups": ENVELOPE | PLACE | COMPANY | {"group_id": TEXT},
    "accounts": KEPT | PLACE | COMPANY,
    "aliases": ENVELOPE | PLACE | {"previous_id": TEXT},
}


def columns(warehouse: Path, table: str) -> dict[str, str]:
    return dict(rows(warehouse, f"select name, type from pragma_table_info('events.{table}')"))


def test_each_kind_of_call_has_the_columns_that_segment_gives_it(
    warehouse: Path, folder: Path
) -> None:
    put(folder / "a.json", *CALLS)
    load_events(str(folder), warehouse)
    assert {table: columns(warehouse, table) for table in COLUMNS} == COLUMNS
    assert is_balanced(warehouse)


def test_the_tables_are_there_before_the_first_call_of_their_kind(
    warehouse: Path, folder: Path
) -> None:
    put(folder / "a.json", track())
    load_events(str(folder), warehouse)
    assert {
        table: columns(warehouse, table) for table in COLUMNS if table != "order_completed"
    } == {
        "pages": ENVELOPE | ABOUT,
        "screens": ENVELOPE | ABOUT,
        "identifies": ENVELOPE,
        "users": KEPT,
        "groups": ENVELOPE | {"group_id": TEXT},
        "accounts": KEPT,
        "aliases": ENVELOPE | {"previous_id": TEXT},
    }


SENT = ("a1", "u1", "12:00:10", "12:00:08", "12:00:02", "12:00:00", "https://a.b/c", "1.0")
SELECT = """
select
    id, anonymous_id, user_id,
    strftime(received_at, '%H:%M:%S'), strftime(sent_at, '%H:%M:%S'),
    strftime(timestamp, '%H:%M:%S'), strftime(original_timestamp, '%H:%M:%S'),
    context_page_url, context_os_version, uuid_ts, _file, _line, {own}
from events.{table}
"""


ROWS: dict[str, tuple[int, str, tuple[Any, ...]]] = {
    "tracks": (1, "event, event_text", ("order_completed", "Order Completed")),
    "order_completed": (1, "event_text, total", ("Order Completed", 12.5)),
    "pages": (2, "name, category, title, url", ("Home", None, "T", "u")),
    "screens": (3, "name, category, width", ("Start", "App", 5)),
    "identifies": (4, "email, created_at::date::text", ("ada@example.com", "2024-01-02")),
    "groups": (5, "group_id, name, employees", ("g1", "Acme", 7)),
    "aliases": (6, "previous_id, user_id", ("a0", "u1")),
}


def test_a_call_is_one_row_with_all_it_said(warehouse: Path, folder: Path) -> None:
    file = put(folder / "a.json", *CALLS)
    load_events(str(folder), warehouse)
    [(loaded_at,)] = rows(warehouse, "select loaded_at from events.files")
    for table, (line, own, values) in ROWS.items():
        found = rows(warehouse, SELECT.format(table=table, own=own))
        kind = CALLS[line - 1]["messageId"]
        assert found == [(kind, *SENT, loaded_at, str(file), line, *values)]


def test_tracks_has_what_all_events_have_in_common(warehouse: Path, folder: Path) -> None:
    put(folder / "a.json", *CALLS, track(event="Seen", properties={"total": 1}))
    load_events(str(folder), warehouse)
    made = columns(warehouse, "tracks")
    common = {name: kind for name, kind in made.items() if not name.startswith("context_")}
    assert common == ENVELOPE | {"event": TEXT, "event_text": TEXT}
    assert made.items() >= PLACE.items()
    assert rows(warehouse, "select event, event_text from events.tracks order by event") == [
        ("order_completed", "Order Completed"),
        ("seen", "Seen"),
    ]


DEEP = {
    "page": {"url": "u", "Search Params": {"q": "x"}},
    "a": {"b": {"c": {"d": {"e": {"f": 1}}}}},
    "list": [1, {"b": 2}],
    "campaign": {},
    "active": True,
    "nothing": None,
}


def test_context_is_flat_to_some_depth_and_lists_are_json(warehouse: Path, folder: Path) -> None:
    put(folder / "a.json", track(context=DEEP))
    load_events(str(folder), warehouse)
    made = columns(warehouse, "seen")
    assert {name: kind for name, kind in made.items() if name.startswith("context_")} == {
        "context_page_url": TEXT,
        "context_page_search_params_q": TEXT,
        "context_a_b_c_d_e": JSON,
        "context_list": JSON,
        "context_active": "BOOLEAN",
    }
    assert rows(
        warehouse,
        "select context_page_search_params_q, context_a_b_c_d_e ->> '$.f',"
        " context_list -> '$[1]', context_active from events.seen",
    ) == [("x", "1", '{"b":2}', True)]


def test_what_lies_in_a_property_is_json_and_not_text(warehouse: Path, folder: Path) -> None:
    products = [{"sku": "A", "price": 2.5}, {"sku": "B"}]
    nested = {"products": products, "address": {"city": {"name": "Bonn"}}, "none": [], "no": {}}
    put(folder / "a.json", track(properties=nested))
    load_events(str(folder), warehouse)
    assert rows(
        warehouse,
        "select typeof(products), typeof(address), typeof(none), typeof(no), none, no,"
        " products -> '$[0].price', products ->> '$[*].sku', address ->> '$.city.name'"
        " from events.seen",
    ) == [(JSON, JSON, JSON, JSON, "[]", "{}", "2.5", ["A", "B"], "Bonn")]


def test_a_page_may_say_its_name_among_its_properties(warehouse: Path, folder: Path) -> None:
    page = {"type": "page", "userId": "u1", "timestamp": NOON}
    both = {"name": "Other", "category": "Docs", "title": "T"}
    home = {**page, "name": "Home", "properties": both}
    put(folder / "a.json", {**home, "category": "Start"}, home, {**page, "properties": both}, page)
    load_events(str(folder), warehouse)
    assert rows(warehouse, "select name, category, title from events.pages order by _line") == [
        ("Home", "Start", "T"),
        ("Home", "Docs", "T"),
        ("Other", "Docs", "T"),
        (None, None, None),
    ]


def test_what_has_no_column_is_still_in_calls(warehouse: Path, folder: Path) -> None:
    more = {"channel": "server", "_metadata": {"nodeVersion": "20"}, "version": 1}
    told = {"id": "own", "价格": None, "list": [1.5, None]}
    put(
        folder / "a.json",
        call("track", event="Seen", properties=told, integrations={"All": True}, **more),
        call("page", event="no field of a page", traits={"a": 1}),
    )
    load_events(str(folder), warehouse)
    assert rows(
        warehouse, "select properties, integrations, _extra from events.calls order by _line"
    ) == [
        (
            '{"id":"own","价格":null,"list":[1.5,null]}',
            '{"All":true}',
            '{"channel":"server","_metadata":{"nodeVersion":"20"},"version":1}',
        ),
        (None, None, '{"event":"no field of a page","traits":{"a":1}}'),
    ]


def test_columns_appear_as_values_appear(warehouse: Path, folder: Path) -> None:
    put(folder / "a.json", track(properties={"total": None}), track(properties={"coupon": "X"}))
    load_events(str(folder), warehouse)
    plain = ENVELOPE | {"event": TEXT, "event_text": TEXT}
    assert columns(warehouse, "seen") == plain | {"coupon": TEXT}
    late = track(properties={"total": 2, "items": [1]}, context={"app": {"build": 3}})
    put(folder / "b.json", late)
    load_events(str(folder), warehouse)
    new = {"coupon": TEXT, "total": WHOLE, "items": JSON, "context_app_build": WHOLE}
    assert columns(warehouse, "seen") == plain | new
    shown = ", ".join(new)
    assert rows(warehouse, f"select {shown} from events.seen order by _file, _line") == [
        (None, None, None, None),
        ("X", None, None, None),
        (None, 2, "[1]", 3),
    ]
    assert rows(warehouse, "select context_app_build from events.tracks order by _file, _line") == [
        (None,),
        (None,),
        (3,),
    ]


def test_a_second_load_adds_to_all_tables(warehouse: Path, folder: Path) -> None:
    put(folder / "a.json", *CALLS)
    load_events(str(folder), warehouse)
    again = ({**call, "messageId": f"{call['type']} 2"} for call in CALLS)
    put(folder / "b.json", *CALLS, *again, track())
    load_events(str(folder), warehouse)
    counts = {
        table: rows(warehouse, f"select count(*) from events.{table}")[0][0] for table in COLUMNS
    }
    assert counts == {**dict.fromkeys(COLUMNS, 2), "users": 1, "accounts": 1}
    assert rows(warehouse, "select count(*) from events.tracks") == [(3,)]
    assert columns(warehouse, "pages") == COLUMNS["pages"]
    assert is_balanced(warehouse)


def identify(traits: dict[str, Any], at: str = NOON, **ids: Any) -> dict[str, Any]:
    return {"type": "identify", "userId": "u1", "timestamp": at, "traits": traits, **ids}


def test_a_user_has_the_newest_of_each_trait(warehouse: Path, folder: Path) -> None:
    put(
        folder / "a.json",
        identify({"plan": "pro", "email": None}, "2026-11-24T12:00:00Z"),
        identify({"plan": "free", "email": "ada@example.com", "age": 36}),
        identify({"plan": "free"}, userId="u2"),
        identify({"plan": "gone", "email": "nobody@example.com"}, userId=None, anonymousId="a1"),
    )
    load_events(str(folder), warehouse)
    users = "select id, plan, email, age from events.users order by id"
    assert rows(warehouse, users) == [
        ("u1", "pro", "ada@example.com", 36),
        ("u2", "free", None, None),
    ]
    # What comes late but was said early does not win; a type that widens does so for all.
    old = {"plan": "trial", "email": "old@example.com", "city": "London"}
    put(
        folder / "b.json",
        identify(old, "2026-11-22T12:00:00Z"),
        identify({"age": "x"}, userId="u3"),
    )
    load_events(str(folder), warehouse)
    assert rows(warehouse, "select id, plan, email, age, city from events.users order by id") == [
        ("u1", "pro", "ada@example.com", "36", "London"),
        ("u2", "free", None, None, None),
        ("u3", None, None, "x", None),
    ]


def test_an_account_has_the_newest_of_each_trait(warehouse: Path, folder: Path) -> None:
    group = {"type": "group", "anonymousId": "a1", "timestamp": NOON}
    later = {**group, "timestamp": "2026-11-24T12:00:00Z"}
    put(
        folder / "a.json",
        {**later, "groupId": "g1", "traits": {"employees": 8}, "receivedAt": NOON},
        {**group, "groupId": "g1", "traits": {"employees": 7, "name": "Acme"}},
        {**group, "groupId": "g2"},
    )
    load_events(str(folder), warehouse)
    accounts = (
        "select id, name, employees, received_at::date::text from events.accounts order by id"
    )
    assert rows(warehouse, accounts) == [("g1", "Acme", 8, "2026-11-23"), ("g2", None, None, None)]
