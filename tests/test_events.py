"""Event dumps: every line ends as stored, duplicate or quarantined, once, whatever happens."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest
from event_files import NOON, counts, is_balanced, load_events, put, quarantined, rows, track
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.events import Dump
from warehouse import database
from warehouse.database import Database
from warehouse.event_tables import KINDS
from warehouse.events import Connect, load, unbalanced

FIXTURES = Path(__file__).parents[2] / "shared" / "fixtures"
needs_fixtures = pytest.mark.skipif(not FIXTURES.exists(), reason="../shared is not here")
AT_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@needs_fixtures
def test_what_official_libraries_really_sent_is_stored_whole(connect: Connect) -> None:
    loaded = load_events(str(FIXTURES / "segment-sdk-events.jsonl"), connect)
    assert counts(loaded) == [("segment-sdk-events.jsonl", 64, 64, 0, 0)]
    with connect() as db:
        assert {kind.table: db.count(kind.table) for kind in KINDS} == {
            "events.tracks": 20,
            "events.pages": 14,
            "events.screens": 4,
            "events.identifies": 10,
            "events.groups": 8,
            "events.aliases": 8,
        }
        stored = db.run(
            "select anonymous_id, user_id, timestamp, original_timestamp, received_at, event,"
            " event_text, properties, context ->> '$.library.name', line from events.tracks"
            " where id in ('5991b7a9-e1d8-4a1f-bc74-01397483916b',"
            " '1d7fbbb9-4ad2-4b8c-8c5c-eb7fe06c4a77') order by line"
        )
    node_at = datetime(2026, 11, 23, 13, 49, 36, 527000, UTC)
    python_at = datetime(2024, 1, 2, 3, 4, 6, 0, UTC)
    order = ("order_completed", "Order Completed")
    products = '{"total":12.5,"products":[{"sku":"A","qty":2}]}'
    assert stored == [
        (None, "user-1", node_at, node_at, None, *order, '{"total":12.5}', "analytics-node", 2),
        (None, "user-1", python_at, python_at, None, *order, products, "analytics-python", 52),
    ]


@needs_fixtures
def test_the_documentations_samples_are_stored_or_quarantined_for_a_reason(
    connect: Connect, folder: Path
) -> None:
    samples = (FIXTURES / "segment-docs-sample-events.jsonl").read_text().splitlines()
    put(folder / "docs.jsonl", *(json.loads(line)["event"] for line in samples))
    # Two pages of the documentation use one messageId, in an alias and in a track call.
    assert counts(load_events(str(folder), connect)) == [("docs.jsonl", 68, 53, 1, 14)]
    nobody = [3, 5, 6, 7, 15, 16, 17, 18, 28, 50, 65, 66, 67]
    assert quarantined(connect) == sorted(
        [(line, "no_user_anon_id", "neither userId nor anonymousId") for line in nobody]
        + [(36, "bad_request", "a batch: one message a line is read")]
    )
    assert is_balanced(connect)


BAD_LINES = (
    '{"type": "track"',
    '["no", "object"]',
    "null",
    track(type="purchase"),
    {"event": "Seen", "userId": "u1"},
    track(userId=None),
    track(userId="", anonymousId=" "),
    track(userId=["u1"]),
    track(userId=True),
    track(event=None),
    track(event=12),
    track(event={"a": 1}),
    track(properties="x"),
    {"type": "identify", "userId": "u1", "traits": [1]},
    {"type": "group", "userId": "u1"},
    {"type": "alias", "anonymousId": "a1", "previousId": "a0"},
    {"type": "alias", "userId": "u1"},
    {"type": "page", "userId": "u1", "name": {"a": 1}},
    {"type": "screen", "userId": "u1", "category": 4},
    track(context="x"),
    b'{"type": "track", "event": "caf\xe9", "userId": "u1"}',
    '{"type": "track", "event": "half a letter \\ud83d", "userId": "u1"}',
    track(event="{curly}", userId="[u1]"),
)
WRONG = [
    (1, "bad_request", "not JSON"),
    (2, "bad_request", "JSON, but not an object"),
    (3, "bad_request", "JSON, but not an object"),
    (
        4,
        "bad_request",
        "type is purchase, none of track, page, screen, identify, group, alias",
    ),
    (5, "bad_request", "no type"),
    (6, "no_user_anon_id", "neither userId nor anonymousId"),
    (7, "no_user_anon_id", "neither userId nor anonymousId"),
    (8, "id_not_string", "userId is not a string"),
    (9, "id_not_string", "userId is not a string"),
    (10, "event_not_defined", "no event"),
    (11, "event_not_string", "event is not a string"),
    (12, "event_not_string", "event is not a string"),
    (13, "properties_not_object", "properties is not an object"),
    (14, "traits_not_object", "traits is not an object"),
    (15, "id_required", "no groupId in the group call"),
    (16, "id_required", "no userId in the alias call"),
    (17, "id_required", "no previousId in the alias call"),
    (18, "name_not_string", "name is not a string"),
    (19, "category_not_string", "category is not a string"),
    (20, "bad_request", "context is not an object"),
    (21, "bad_request", "not UTF-8: the bytes are shown as \\xNN"),
    (22, "bad_request", "not JSON"),
]


def test_a_line_that_is_no_event_is_kept_whole_with_its_place_and_reason(
    connect: Connect, folder: Path
) -> None:
    put(folder / "bad.jsonl", *BAD_LINES)
    assert counts(load_events(str(folder), connect)) == [("bad.jsonl", 23, 1, 0, 22)]
    assert quarantined(connect) == WRONG
    assert rows(connect, "select file, raw from events.quarantine where line in (1, 21)") == [
        (str(folder / "bad.jsonl"), '{"type": "track"'),
        (str(folder / "bad.jsonl"), '{"type": "track", "event": "caf\\xe9", "userId": "u1"}'),
    ]
    assert is_balanced(connect)


def test_nothing_of_a_line_is_lost_but_the_write_key(connect: Connect, folder: Path) -> None:
    put(
        folder / "a.jsonl",
        track(
            messageId="m1",
            userId=42,
            anonymousId=None,
            properties={"n": None, "big": 1e400},
            context={"ip": "::1"},
            integrations={"All": True},
            channel="server",
            name="not of a track",
            writeKey="w",
        ),
    )
    load_events(str(folder), connect)
    assert rows(connect, "select * exclude (loaded_at) from events.tracks") == [
        (
            *("m1", None, "42", AT_NOON, AT_NOON, None, None, '{"ip":"::1"}', '{"All":true}'),
            *(str(folder / "a.jsonl"), 1, "seen", "Seen", '{"n":null,"big":Infinity}'),
            '{"channel":"server","name":"not of a track"}',
        )
    ]


def test_all_tables_are_there_before_any_call_of_their_kind_came(
    connect: Connect, folder: Path
) -> None:
    assert load_events(str(folder), connect) == []
    tables = [kind.table for kind in KINDS] + ["events.quarantine", "events.files"]
    with connect() as db:
        assert [db.count(table) for table in tables] == [0] * 8


T, SENT, ORIGINAL, R = "timestamp", "sentAt", "originalTimestamp", "receivedAt"


STAMPS = [
    ({T: "2026-11-23T12:00:00"}, "12:00:00"),
    ({T: "2026-11-23T12:00:00+02:00"}, "10:00:00"),
    ({ORIGINAL: NOON, SENT: "2026-11-23T12:00:05Z"}, "12:00:00"),
    ({ORIGINAL: NOON, SENT: "2026-11-23T12:00:05Z", R: "2026-11-23T09:00:06Z"}, "09:00:01"),
    ({T: NOON, SENT: "2026-11-23T12:00:05Z", R: "2026-11-23T09:00:06Z"}, "09:00:01"),
    (
        {T: "2026-11-23T08:00:00Z", ORIGINAL: NOON, SENT: NOON, R: "2026-11-23T09:00:06Z"},
        "08:00:00",
    ),
    ({T: NOON, R: "2026-11-23T12:00:06Z"}, "12:00:00"),
    ({SENT: NOON, R: "2026-11-23T12:00:06Z"}, "12:00:00"),
    ({R: NOON}, "12:00:00"),
    ({T: "yesterday", SENT: NOON}, "12:00:00"),
    ({T: "infinity", R: NOON}, "12:00:00"),
]


def test_the_time_of_an_event_is_corrected_for_a_wrong_clock(
    connect: Connect, folder: Path
) -> None:
    event = {"type": "track", "event": "E", "userId": "u"}
    put(folder / "a.jsonl", *({**event, **stamps} for stamps, _ in STAMPS))
    load_events(str(folder), connect)
    times = rows(connect, "select strftime(timestamp, '%H:%M:%S') from events.tracks order by line")
    assert [(stamps, time) for (stamps, _), (time,) in zip(STAMPS, times, strict=True)] == STAMPS


def test_a_time_nobody_can_read_stays_readable_and_no_event_is_without_a_time(
    connect: Connect, folder: Path
) -> None:
    put(folder / "a.jsonl", track(timestamp="last Monday"), track(timestamp=1795441785379))
    before = datetime.now(UTC)
    load_events(str(folder), connect)
    stored = rows(connect, "select timestamp, original_timestamp, extra from events.tracks")
    assert [row[1:] for row in stored] == [
        (None, '{"timestamp":"last Monday"}'),
        (None, '{"timestamp":1795441785379}'),
    ]
    assert all(before <= row[0] <= datetime.now(UTC) for row in stored)


def test_times_that_cannot_be_added_up_do_not_stop_the_load(connect: Connect, folder: Path) -> None:
    far = {"sentAt": "9998-01-01T00:00:00Z", "receivedAt": "0001-01-01T00:00:00Z"}
    put(folder / "a.jsonl", track(**far), track(timestamp="290000-01-01T00:00:00Z"))
    assert counts(load_events(str(folder), connect)) == [("a.jsonl", 2, 2, 0, 0)]
    assert rows(connect, "select timestamp from events.tracks where line = 1") == [(AT_NOON,)]


def test_a_line_of_five_megabytes_and_a_very_deep_one_are_stored(
    connect: Connect, folder: Path
) -> None:
    deep = '{"a":' * 100_000 + "1" + "}" * 100_000
    put(
        folder / "a.jsonl.gz",
        track(properties={"x": "y" * 5_000_000}),
        json.dumps(track(properties="deep")).replace('"deep"', deep),
    )
    assert counts(load_events(str(folder), connect)) == [("a.jsonl.gz", 2, 2, 0, 0)]


@contextmanager
def same(db: Database) -> Iterator[Database]:
    yield db


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all examples: what is duplicate depends on what came before."""
    return tmp_path_factory.mktemp("any") / "warehouse.duckdb"


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
FIELDS = ("messageId", "userId", "event", "name", "groupId", "previousId", "timestamp", "sentAt")
EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from([kind.call for kind in KINDS]), "anonymousId": ANY_JSON},
    optional=dict.fromkeys(
        (*FIELDS, "receivedAt", "originalTimestamp", "properties", "traits", "context"), ANY_JSON
    ),
).map(json.dumps)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(max_size=40) | st.text() | EVENTS, max_size=12))
def test_no_bytes_stop_the_load_and_the_sums_always_hold(
    warehouse: Path, lines: list[bytes | str]
) -> None:
    raw = b"\n".join(x.encode() if isinstance(x, str) else x for x in lines)
    dump = Dump(f"{time.monotonic_ns()}.json", "1", len(raw), lambda: BytesIO(raw))
    with database.connect(warehouse) as db:
        [loaded] = load(partial(same, db), [dump])
        assert unbalanced(db) == []
    whole = raw.removesuffix(b"\n").split(b"\n") if raw else []
    assert loaded.is_done
    assert loaded.line_count + loaded.blank_count == len(whole)
