"""Batches, as the libraries send them: each message is an event, or is refused, on its own."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from event_files import NOON, counts, is_balanced, load_events, put, rows, track

FIXTURES = Path(__file__).parents[2] / "shared" / "fixtures"
needs_fixtures = pytest.mark.skipif(not FIXTURES.exists(), reason="../shared is not here")
Json = dict[str, Any]


def bodies(name: str) -> list[Json]:
    """What a library really sent, request by request."""
    lines = (FIXTURES / f"{name}.jsonl").read_text().splitlines()
    return [json.loads(line)["body"] for line in lines]


def message(number: int, **fields: Any) -> Json:
    return {"type": "track", "event": "Seen", "userId": "u1", "messageId": f"m{number}", **fields}


def stored(warehouse: Path, columns: str) -> list[tuple[Any, ...]]:
    return rows(warehouse, f"select {columns} from events.calls order by _line, id")


@needs_fixtures
@pytest.mark.parametrize(
    ("library", "event_counts"),
    [
        ("segment-analytics-node", {"track": 4, "identify": 2, "page": 2, "screen": 2}),
        ("segment-analytics-python", {"track": 4, "identify": 2, "page": 2, "screen": 2}),
        ("rudder-sdk-node", {"track": 2, "identify": 2, "page": 2}),
    ],
)
def test_what_the_libraries_send_is_stored_message_by_message(
    warehouse: Path, folder: Path, library: str, event_counts: dict[str, int]
) -> None:
    sent = bodies(library)
    put(folder / "a.json", *sent)
    load_events(str(folder), warehouse)
    messages = [each for body in sent for each in body["batch"]]
    assert sorted(stored(warehouse, "id")) == sorted((each["messageId"],) for each in messages)
    found = dict(rows(warehouse, "select type, count(*) from events.calls group by type"))
    others = {"group": 2, "alias": 2}
    assert found == event_counts | others
    assert is_balanced(warehouse)


@needs_fixtures
def test_a_batch_and_its_messages_one_by_one_are_the_same_events(
    warehouse: Path, folder: Path
) -> None:
    put(folder / "a.json", *bodies("rudder-sdk-node"), *bodies("segment-analytics-node"))
    count = len([each for body in bodies("rudder-sdk-node") for each in body["batch"]])
    count += len([each for body in bodies("segment-analytics-node") for each in body["batch"]])
    assert counts(load_events(str(folder), warehouse)) == [("a.json", count, count, 0, 0)]
    put(folder / "b.json", *(each for b in bodies("rudder-sdk-node") for each in b["batch"]))
    [again] = load_events(str(folder), warehouse)
    assert (again.stored_count, again.duplicate_count) == (0, again.line_count)


@needs_fixtures
def test_no_write_key_of_a_batch_gets_into_a_table(warehouse: Path, folder: Path) -> None:
    put(
        folder / "a.json", *bodies("segment-analytics-node"), {"batch": [5], "writeKey": "WRITEKEY"}
    )
    load_events(str(folder), warehouse)
    for table in ("calls", "quarantine"):
        assert rows(warehouse, f"from events.{table} as t where t::varchar like '%WRITEKEY%'") == []


def test_messages_take_over_what_the_batch_says_and_keep_what_they_say(
    warehouse: Path, folder: Path
) -> None:
    batch = {
        "batch": [
            message(1),
            message(2, context={"ip": "::2", "page": {"url": "u"}}, integrations={"A": False}),
            message(3, sentAt="2026-11-23T12:00:05Z"),
        ],
        "context": {"ip": "::1", "page": {"path": "/"}, "library": {"name": "mine"}},
        "integrations": {"A": True, "All": True},
        "sentAt": "2026-11-23T12:00:08Z",
        "receivedAt": "2026-11-23T12:00:10Z",
    }
    put(folder / "a.json", batch)
    load_events(str(folder), warehouse)
    assert stored(
        warehouse,
        "id, context_ip, context_page_path, context_page_url, context_library_name, integrations ->> ['A', 'All'],"
        " strftime(sent_at, '%S'), strftime(received_at, '%S')",
    ) == [
        ("m1", "::1", "/", None, "mine", ["true", "true"], "08", "10"),
        ("m2", "::2", "/", "u", "mine", ["false", "true"], "08", "10"),
        ("m3", "::1", "/", None, "mine", ["true", "true"], "05", "10"),
    ]


def test_the_clock_is_corrected_by_when_the_batch_was_sent(warehouse: Path, folder: Path) -> None:
    sent = {"sentAt": "2026-11-23T12:00:00Z", "receivedAt": "2026-11-23T12:01:00Z"}
    messages = [
        message(1, timestamp="2026-11-23T11:59:50Z"),
        message(2, originalTimestamp="2026-11-23T11:59:50Z"),
        message(3, originalTimestamp="2026-11-23T11:59:50Z", timestamp="2026-11-23T11:00:00Z"),
        message(4),
    ]
    put(folder / "a.json", {"batch": messages, **sent})
    load_events(str(folder), warehouse)
    assert stored(
        warehouse, "id, strftime(timestamp, '%H:%M:%S'), strftime(original_timestamp, '%H:%M:%S')"
    ) == [
        ("m1", "12:00:50", "11:59:50"),
        ("m2", "12:00:50", "11:59:50"),
        ("m3", "11:00:00", "11:59:50"),
        ("m4", "12:00:00", None),
    ]


def test_only_what_is_wrong_in_a_batch_is_refused_and_keeps_its_place(
    warehouse: Path, folder: Path
) -> None:
    wrong = {"type": "track", "userId": "u1"}
    batch = {"batch": [message(1), wrong, message(2), 5, None, [], {}], "context": {"ip": "::1"}}
    put(folder / "a.json", track(messageId="m0"), {"batch": []}, batch)
    assert counts(load_events(str(folder), warehouse)) == [("a.json", 9, 3, 0, 6)]
    assert stored(warehouse, "_line, id") == [(1, "m0"), (3, "m1"), (3, "m2")]
    assert rows(
        warehouse, "select line, place, code, reason, raw from events.quarantine order by all"
    ) == [
        (2, None, "empty_batch", "a batch without a message", '{"batch": []}'),
        (
            *(3, 2, "event_not_defined", "no event"),
            '{"type":"track","userId":"u1","context":{"ip":"::1"}}',
        ),
        (3, 4, "bad_request", "JSON, but not an object", "5"),
        (3, 5, "bad_request", "JSON, but not an object", "null"),
        (3, 6, "bad_request", "JSON, but not an object", "[]"),
        (3, 7, "bad_request", "no type", '{"context":{"ip":"::1"}}'),
    ]
    assert is_balanced(warehouse)


def test_what_is_called_batch_but_is_none(warehouse: Path, folder: Path) -> None:
    put(folder / "a.json", {"batch": {"a": 1}}, {"batch": "x"}, {**message(1), "batch": [1]})
    load_events(str(folder), warehouse)
    assert rows(warehouse, "select line, code, reason from events.quarantine order by line") == [
        (1, "bad_request", "no type"),
        (2, "bad_request", "no type"),
    ]
    assert stored(warehouse, "id, _extra") == [("m1", '{"batch":[1]}')]


def test_a_message_twice_in_a_batch_is_one_event(warehouse: Path, folder: Path) -> None:
    put(folder / "a.json", {"batch": [message(1), message(1), message(2)]}, message(2))
    assert counts(load_events(str(folder), warehouse)) == [("a.json", 4, 2, 2, 0)]
    assert is_balanced(warehouse)


def test_messages_without_an_id_are_as_many_events_as_there_are(
    warehouse: Path, folder: Path
) -> None:
    batch = {"batch": [track(), track(), track()]}
    put(folder / "a.json", batch, batch)
    assert counts(load_events(str(folder), warehouse)) == [("a.json", 6, 6, 0, 0)]
    assert stored(warehouse, "count(distinct id) over ()")[0] == (6,)


@pytest.mark.parametrize(
    ("name", "pack"),
    [("a.json.gz", gzip.compress), ("a.json.zst", lambda raw: pa.compress(raw, "zstd", True))],
)
def test_a_batch_may_be_packed(warehouse: Path, folder: Path, name: str, pack: Any) -> None:
    body = {"batch": [message(1, timestamp=NOON), 5], "sentAt": NOON}
    (folder / name).write_bytes(pack(json.dumps(body).encode()))
    assert counts(load_events(str(folder), warehouse)) == [(name, 2, 1, 0, 1)]
    assert is_balanced(warehouse)


def test_a_file_of_batches_that_grew_goes_on_behind_the_last(warehouse: Path, folder: Path) -> None:
    first = {"batch": [message(1), message(2), 5]}
    put(folder / "a.json", first)
    load_events(str(folder), warehouse)
    put(folder / "a.json", first, {"batch": [message(3), message(1), 6]})
    assert counts(load_events(str(folder), warehouse)) == [("a.json", 3, 1, 1, 1)]
    assert stored(warehouse, "_line, id") == [(1, "m1"), (1, "m2"), (2, "m3")]
    assert is_balanced(warehouse)
