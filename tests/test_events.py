"""Event dumps: every line ends as stored, duplicate or quarantined, once, whatever happens."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from event_files import (
    NOON,
    counts,
    is_balanced,
    load_events,
    put,
    quarantined,
    records,
    rows,
    table_counts,
    track,
)

FIXTURES = Path(__file__).parents[2] / "shared" / "fixtures"
needs_fixtures = pytest.mark.skipif(not FIXTURES.exists(), reason="../shared is not here")
AT_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FIRST_SONG_AT = datetime(2012, 12, 2, 0, 30, 12, 984000, UTC)
SECOND_SONG_AT = datetime(2015, 2, 2, 0, 30, 12, 984000, UTC)


@needs_fixtures
def test_what_official_libraries_really_sent_is_stored_whole(warehouse: Path) -> None:
    loaded = load_events(str(FIXTURES / "segment-sdk-events.jsonl"), warehouse)
    assert counts(loaded) == [("segment-sdk-events.jsonl", 64, 64, 0, 0)]
    calls = {"pages": 14, "screens": 4, "identifies": 10, "groups": 8, "aliases": 8}
    events = {"after_reset": 2, "cta_clicked": 2, "logged_in": 2, "signed_up": 2, "viewed": 4}
    counted = table_counts(warehouse)
    assert {table: counted[table] for table in (*calls, *events)} == {**calls, **events}
    assert (counted["calls"], counted["tracks"], counted["order_completed"]) == (64, 20, 8)
    assert (counted["users"], counted["accounts"], counted["quarantine"]) == (2, 2, 0)
    listed = "* exclude (uuid_ts, sent_at, _file, context_library_version)"
    node, python = records(
        warehouse,
        f"select {listed} from events.order_completed where _line in (2, 52) order by _line",
    )
    sold = {"user_id": "user-1", "event": "order_completed", "event_text": "Order Completed"}
    node_at = datetime(2026, 11, 23, 13, 49, 36, 527000, UTC)
    assert node == {
        **sold,
        "id": "5991b7a9-e1d8-4a1f-bc74-01397483916b",
        "timestamp": node_at,
        "original_timestamp": node_at,
        "_line": 2,
        "total": 12.5,
        "context_library_name": "analytics-node",
    }
    python_at = datetime(2024, 1, 2, 3, 4, 6, 0, UTC)
    assert python == {
        **sold,
        "id": "1d7fbbb9-4ad2-4b8c-8c5c-eb7fe06c4a77",
        "timestamp": python_at,
        "original_timestamp": python_at,
        "_line": 52,
        "total": 12.5,
        "products": '[{"sku":"A","qty":2}]',
        "context_ip": "8.8.8.8",
        "context_library_name": "analytics-python",
    }


@needs_fixtures
def test_the_documentations_samples_are_stored_or_quarantined_for_a_reason(
    warehouse: Path, folder: Path
) -> None:
    samples = (FIXTURES / "segment-docs-sample-events.jsonl").read_text().splitlines()
    put(folder / "docs.jsonl", *(json.loads(line)["event"] for line in samples))
    # One sample is a batch of four. Two pages of the documentation use one messageId, in an alias
    # and in a track call.
    assert counts(load_events(str(folder), warehouse)) == [("docs.jsonl", 67 + 4, 57, 1, 13)]
    nobody = [3, 5, 6, 7, 15, 16, 17, 18, 28, 50, 65, 66, 67]
    assert quarantined(warehouse) == [
        (line, "no_user_anon_id", "neither userId nor anonymousId") for line in nobody
    ]
    sung = "select user_id, name, artist, context_device_name, timestamp from events.song_played"
    assert rows(warehouse, f"{sung} where _line = 36 order by timestamp") == [
        ("019mr8mf4r", "Fallin for You", "Dierks Bentley", "Apple iPhone 6", FIRST_SONG_AT),
        ("971mj8mk7p", "Get Right", "Jennifer Lopez", "Apple iPhone 6", SECOND_SONG_AT),
    ]
    assert is_balanced(warehouse)


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
    '{"type": "track", "event": inf, "userId": "u1"}',
    track(userId="\u00a0", anonymousId="\u3000"),
    track(event="\u3000"),
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
    (24, "event_not_string", "event is not a string"),
    (25, "no_user_anon_id", "neither userId nor anonymousId"),
    (26, "event_not_defined", "no event"),
]


def test_a_line_that_is_no_event_is_kept_whole_with_its_place_and_reason(
    warehouse: Path, folder: Path
) -> None:
    put(folder / "bad.jsonl", *BAD_LINES)
    assert counts(load_events(str(folder), warehouse)) == [("bad.jsonl", 26, 1, 0, 25)]
    assert quarantined(warehouse) == WRONG
    assert rows(warehouse, "select file, raw from events.quarantine where line in (1, 21)") == [
        (str(folder / "bad.jsonl"), '{"type": "track"'),
        (str(folder / "bad.jsonl"), '{"type": "track", "event": "caf\\xe9", "userId": "u1"}'),
    ]
    assert is_balanced(warehouse)


def test_nothing_of_a_line_is_lost_but_the_write_key(warehouse: Path, folder: Path) -> None:
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
    load_events(str(folder), warehouse)
    assert records(warehouse, "select * exclude (uuid_ts) from events.calls") == [
        {
            "_table": "seen",
            "type": "track",
            "id": "m1",
            "user_id": "42",
            "timestamp": AT_NOON,
            "original_timestamp": AT_NOON,
            "event": "seen",
            "event_text": "Seen",
            "properties": '{"n":null,"big":Infinity}',
            "context_ip": "::1",
            "integrations": '{"All":true}',
            "_extra": '{"channel":"server","name":"not of a track"}',
            "_file": str(folder / "a.jsonl"),
            "_line": 1,
        }
    ]


def test_all_tables_are_there_before_any_call_of_their_kind_came(
    warehouse: Path, folder: Path
) -> None:
    assert load_events(str(folder), warehouse) == []
    found = table_counts(warehouse)
    calls = {"calls", "tracks", "pages", "screens", "identifies", "groups", "aliases"}
    assert found.keys() >= {*calls, "users", "accounts", "quarantine", "files"}
    assert set(found.values()) == {0}


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


def test_the_time_of_an_event_is_corrected_for_a_wrong_clock(warehouse: Path, folder: Path) -> None:
    event = {"type": "track", "event": "E", "userId": "u"}
    put(folder / "a.jsonl", *({**event, **stamps} for stamps, _ in STAMPS))
    load_events(str(folder), warehouse)
    times = rows(
        warehouse, "select strftime(timestamp, '%H:%M:%S') from events.tracks order by _line"
    )
    assert [(stamps, time) for (stamps, _), (time,) in zip(STAMPS, times, strict=True)] == STAMPS


def test_a_time_nobody_can_read_stays_readable_and_no_event_is_without_a_time(
    warehouse: Path, folder: Path
) -> None:
    put(folder / "a.jsonl", track(timestamp="last Monday"), track(timestamp=1795441785379))
    before = datetime.now(UTC)
    load_events(str(folder), warehouse)
    stored = rows(
        warehouse, "select timestamp, original_timestamp, _extra from events.calls order by _line"
    )
    assert [row[1:] for row in stored] == [
        (None, '{"timestamp":"last Monday"}'),
        (None, '{"timestamp":1795441785379}'),
    ]
    assert all(before <= row[0] <= datetime.now(UTC) for row in stored)


def test_times_that_cannot_be_added_up_do_not_stop_the_load(warehouse: Path, folder: Path) -> None:
    far = {"sentAt": "9998-01-01T00:00:00Z", "receivedAt": "0001-01-01T00:00:00Z"}
    put(folder / "a.jsonl", track(**far), track(timestamp="290000-01-01T00:00:00Z"))
    assert counts(load_events(str(folder), warehouse)) == [("a.jsonl", 2, 2, 0, 0)]
    assert rows(warehouse, "select timestamp from events.tracks where _line = 1") == [(AT_NOON,)]
