"""Names of tables and columns: as in Segment's warehouses, so that old SQL finds what it names."""

from pathlib import Path

import pytest
from event_files import is_balanced, load_events, put, rows, track

from warehouse.events.names import TABLES, column, snake, table

# From the go-snakecase library and from what its rules say of digits, capitals and other letters.
NAMES = {
    "inviteYourCustomersAddInvites": "invite_your_customers_add_invites",
    "samPLE text": "sam_ple_text",
    "2FA Enabled": "2fa_enabled",
    "CStringRef": "cstring_ref",
    "FOO:BAR$BAZ": "foo_bar_baz",
    "___$$Base64Encode": "base64_encode",
    "5test": "5test",
    "THE5r": "the5r",
    "f_pX9": "f_p_x9",
    "lk0B@bFmjrLQ_Z6YL": "lk0_b_b_fmjr_lq_z6yl",
    "Order Completed": "order_completed",
    "order-completed": "order_completed",
    "orderID": "order_id",
    "IDOrder": "idorder",
    "a1B2": "a1_b2",
    "A1b2": "a1b2",
    "1a2B": "1a2_b",
    "  Spaced   Out  ": "spaced_out",
    "_private": "private",
    "trailing_": "trailing",
    "Naïve Café": "na_ve_caf",
    "a\tb\nc\0d": "a_b_c_d",
    "订单 Done 完成": "done",
    "订单完成": "",
    "$$$": "",
    "": "",
}


@pytest.mark.parametrize(("said", "name"), NAMES.items())
def test_a_name_is_what_segment_makes_of_it(said: str, name: str) -> None:
    assert snake(said) == name


@pytest.mark.parametrize(("said", "name"), NAMES.items())
def test_a_name_once_made_stays_as_it_is(said: str, name: str) -> None:
    assert snake(snake(said)) == name


@pytest.mark.parametrize(
    ("event", "name"),
    [
        ("Order Completed", "order_completed"),
        ("2FA Enabled", "_2fa_enabled"),
        ("Context Page", "context_page"),
        ("Event", "event"),
        ("订单完成", None),
        ("", None),
    ],
)
def test_an_event_has_a_table_that_needs_no_quotes_because_of_its_first_letter(
    event: str, name: str | None
) -> None:
    assert table(event) == name


@pytest.mark.parametrize("name", TABLES)
def test_an_event_called_like_another_table_gets_an_underscore(name: str) -> None:
    assert table(name) == f"_{name}"
    assert table(name.replace("_", " ").title()) == f"_{name}"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("total", "total"),
        ("2nd Item", "_2nd_item"),
        ("messageId", "message_id"),
        ("id", "_id"),
        ("userId", "_user_id"),
        ("User-ID", "_user_id"),
        ("context_page", "_context_page"),
        ("contextPage", "_context_page"),
        ("contextual", "contextual"),
        ("context", "context"),
        ("_file", "file"),
        ("价格", None),
    ],
)
def test_a_property_named_like_another_column_gets_an_underscore(
    said: str, name: str | None
) -> None:
    assert column(said, {"id", "user_id"}) == name


def test_no_table_of_ours_can_be_taken_by_an_event(warehouse: Path, folder: Path) -> None:
    put(folder / "a.json", track(event="Seen"))
    load_events(str(folder), warehouse)
    made = rows(
        warehouse,
        "select table_name from information_schema.tables where table_schema = 'events'",
    )
    assert {name for (name,) in made} == {*TABLES, "seen"}


KEYWORDS = ("Order", "Select", "Group", "Table", "Column", "End", "All", "Timestamp", "Null")
SAID = {"from": 1, "order": "o", "at": "2026-11-23T12:00:00Z", "select": True, "Group By": [1]}


def test_names_may_be_words_of_sql(warehouse: Path, folder: Path) -> None:
    put(folder / "a.json", *(track(event=event, properties=SAID) for event in KEYWORDS))
    load_events(str(folder), warehouse)
    # A second load looks its columns up, and one of them widens.
    put(folder / "b.json", *(track(event=event, properties={"from": "x"}) for event in KEYWORDS))
    load_events(str(folder), warehouse)
    for event in KEYWORDS:
        assert rows(
            warehouse,
            'select "from", "order", strftime("at", \'%H:%M\'), "select", group_by'
            f' from events."{event.lower()}" order by _file',
        ) == [("1", "o", "12:00", True, "[1]"), ("x", None, None, None, None)]
    assert is_balanced(warehouse)


def test_words_that_are_no_keywords_of_duckdb_need_no_quotes(warehouse: Path, folder: Path) -> None:
    put(folder / "a.json", track(event="Search", properties={"index": 1, "key": "k", "value": 2.5}))
    load_events(str(folder), warehouse)
    assert rows(warehouse, "select index, key, value, event from events.search") == [
        (1, "k", 2.5, "search")
    ]


def test_quotes_and_dots_in_names_are_nothing_special(warehouse: Path, folder: Path) -> None:
    names = ('say "hi"', "o'clock", "a.b", "semi;colon --", "back\\slash", "br{ace}")
    put(folder / "a.json", *(track(event=name, properties={name: name}) for name in names))
    load_events(str(folder), warehouse)
    for name in names:
        made = snake(name)
        assert rows(warehouse, f"select {made}, event_text from events.{made}") == [(name, name)]
    assert is_balanced(warehouse)


def test_an_event_without_an_ascii_letter_is_in_tracks_alone(warehouse: Path, folder: Path) -> None:
    put(folder / "a.json", track(event="订单完成", properties={"价格": 5, "": 6, "total": 7}))
    load_events(str(folder), warehouse)
    assert rows(warehouse, "select event, event_text from events.tracks") == [(None, "订单完成")]
    assert rows(warehouse, "select _table, properties from events.calls") == [
        (None, '{"价格":5,"":6,"total":7}')
    ]
    assert is_balanced(warehouse)


def test_a_property_without_an_ascii_letter_stays_in_what_was_sent(
    warehouse: Path, folder: Path
) -> None:
    put(folder / "a.json", track(properties={"价格": 5, "total": 7}, context={"地": 1, "ip": "::"}))
    load_events(str(folder), warehouse)
    assert rows(warehouse, "select total, context_ip from events.seen") == [(7, "::")]
    assert rows(warehouse, "select properties, _extra from events.calls") == [
        ('{"价格":5,"total":7}', '{"context":{"地":1,"ip":"::"}}')
    ]


def test_spellings_of_an_event_share_a_table_and_are_kept(warehouse: Path, folder: Path) -> None:
    names = ("Order Completed", "orderCompleted", "order_completed", "ORDER COMPLETED")
    put(folder / "a.json", *(track(event=name) for name in names))
    load_events(str(folder), warehouse)
    assert rows(
        warehouse, "select event, event_text from events.order_completed order by _line"
    ) == [("order_completed", name) for name in names]


def test_several_spellings_of_a_property_share_a_column(warehouse: Path, folder: Path) -> None:
    spellings = ("orderId", "order_id", "Order Id", "order-id", "ORDER_ID")
    put(folder / "a.json", *(track(properties={name: name}) for name in spellings))
    load_events(str(folder), warehouse)
    assert rows(warehouse, "select order_id from events.seen order by _line") == [
        (name,) for name in spellings
    ]


def test_keys_that_differ_in_case_alone_are_both_found(warehouse: Path, folder: Path) -> None:
    put(folder / "a.json", track(properties={"ab": 1}), track(properties={"AB": 2, "aB": 3}))
    load_events(str(folder), warehouse)
    assert rows(warehouse, "select ab, a_b from events.seen order by _line") == [
        (1, None),
        (2, 3),
    ]
