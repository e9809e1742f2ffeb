"""The way back from quarantine: what was refused comes in once its reason is mended."""

import json
from pathlib import Path
from typing import Any

from event_files import NOON, Event, counts, is_balanced, load_events, put, rows, track

from warehouse import database
from warehouse.events import Replayed, replay

GROUP = {"type": "group", "userId": "u1", "timestamp": NOON, "traits": {"name": "Acme"}}
BATCH = {"batch": [track(event="B"), track(event=5), track(event="C")], "context": {"ip": "::1"}}
WRONG: tuple[Event, ...] = (
    track(event=5, properties={"total": 1}),
    "broken",
    BATCH,
    track(properties="none", messageId="m1"),
    GROUP,
    {"batch": []},
)
LYING = "select line, place, code, reason from events.quarantine order by file, line, place"
TOLD = "select line_count, stored_count, duplicate_count, quarantined_count from events.files"


def change(warehouse: Path, *statements: str) -> None:
    """What a user does by hand."""
    with database.connect(warehouse) as db:
        for statement in statements:
            db.run(statement)


def loaded(warehouse: Path, folder: Path) -> None:
    put(folder / "a.json", track(messageId="m0"), *WRONG)
    assert counts(load_events(str(folder), warehouse)) == [("a.json", 9, 3, 0, 6)]


MENDED = (
    # Four lines and a message of a batch, each where it was.
    """update events.quarantine
    set raw = regexp_replace(raw, '("event": ?)5', '\\1"Seen"') where code = 'event_not_string'""",
    f"update events.quarantine set raw = '{json.dumps(track(event='D'))}' where raw = 'broken'",
    """update events.quarantine
    set raw = replace(raw, '"none"', '{}') where code = 'properties_not_object'""",
    """update events.quarantine
    set raw = replace(raw, '"group",', '"group", "groupId": "g1",') where code = 'id_required'""",
)


COMPARED = (
    *(
        f"select * exclude (uuid_ts) from events.{table} order by _line, id"
        for table in ("calls", "tracks", "seen", "b", "c", "d", "groups")
    ),
    "select * exclude (uuid_ts) from events.accounts",
    "select table_name, type, call_count, row_count from events.filled order by table_name",
)


def test_what_is_mended_comes_in_as_if_it_had_never_been_wrong(
    warehouse: Path, folder: Path, tmp_path: Path
) -> None:
    loaded(warehouse, folder)
    change(warehouse, *MENDED, "update events.quarantine set raw = '' where line = 7")
    assert replay(warehouse) == Replayed(6, 5, 0, 0)
    assert rows(warehouse, LYING) == []
    assert is_balanced(warehouse)
    # The same file without anything wrong, in a warehouse of its own.
    right: tuple[Event, ...] = (
        track(event="Seen", properties={"total": 1}),
        track(event="D"),
        {**BATCH, "batch": [track(event="B"), track(event="Seen"), track(event="C")]},
        track(properties={}, messageId="m1"),
        {"type": "group", "groupId": "g1", **GROUP},
        "",
    )
    put(folder / "a.json", track(messageId="m0"), *right)
    undisturbed = tmp_path / "undisturbed.duckdb"
    load_events(str(folder), undisturbed)
    for shown in COMPARED:
        assert rows(warehouse, shown) == rows(undisturbed, shown)
    assert rows(warehouse, TOLD) == rows(undisturbed, TOLD) == [(8, 8, 0, 0)]


def test_of_one_code_or_of_one_file_alone(warehouse: Path, folder: Path) -> None:
    put(folder / "a.json", "broken", track(event=5), track(event=6))
    put(folder / "b.json", track(event=7))
    load_events(str(folder), warehouse)
    change(warehouse, "update events.quarantine set raw = replace(raw, ': 6', ': \"Six\"')")
    assert replay(warehouse, code="event_not_string", file=str(folder / "a.json")) == Replayed(
        2, 1, 0, 1
    )
    change(
        warehouse, "update events.quarantine set raw = regexp_replace(raw, ': [57]', ': \"Odd\"')"
    )
    assert replay(warehouse, code="no_such_code") == Replayed(0, 0, 0, 0)
    assert replay(warehouse, file=str(folder / "b.json")) == Replayed(1, 1, 0, 0)
    assert replay(warehouse, code="event_not_string") == Replayed(1, 1, 0, 0)
    assert rows(warehouse, "select event_text, _line from events.tracks order by all") == [
        ("Odd", 1),
        ("Odd", 2),
        ("Six", 3),
    ]
    assert rows(warehouse, LYING) == [(1, None, "bad_request", "not JSON")]
    assert rows(warehouse, f"{TOLD} order by file") == [(3, 2, 0, 1), (1, 1, 0, 0)]
    assert is_balanced(warehouse)


def everything(warehouse: Path) -> list[list[tuple[Any, ...]]]:
    return [
        rows(warehouse, f"select * exclude (loaded_at) from events.{table} order by all")
        for table in ("files", "quarantine")
    ] + [rows(warehouse, "from events.calls order by all")]


def test_what_is_not_mended_stays_as_it_is_however_often_it_is_tried(
    warehouse: Path, folder: Path
) -> None:
    latin = b'{"type":"track","event":"E","userId":"\xff"}'
    torn = latin.replace(b"\xff", b"\\\xff")
    put(folder / "a.json", *WRONG, latin, torn, track(), {"batch": [5, 5]})
    load_events(str(folder), warehouse)
    before = everything(warehouse)
    assert len(before[1]) == 10
    for _ in range(2):
        assert replay(warehouse) == Replayed(10, 0, 0, 10)
        assert everything(warehouse) == before
        assert is_balanced(warehouse)


def test_a_second_replay_and_a_second_load_find_nothing_to_do(
    warehouse: Path, folder: Path
) -> None:
    loaded(warehouse, folder)
    change(warehouse, *MENDED)
    assert replay(warehouse) == Replayed(6, 5, 0, 1)
    after = everything(warehouse)
    assert replay(warehouse) == Replayed(1, 0, 0, 1)
    assert load_events(str(folder), warehouse) == []
    assert everything(warehouse) == after


def test_what_turns_out_to_be_known_is_a_duplicate(warehouse: Path, folder: Path) -> None:
    put(folder / "a.json", track(messageId="m1"), track(messageId="m1", event=5))
    load_events(str(folder), warehouse)
    change(warehouse, "update events.quarantine set raw = replace(raw, ': 5', ': \"Seen\"')")
    assert replay(warehouse) == Replayed(1, 0, 1, 0)
    assert rows(warehouse, TOLD) == [(2, 1, 1, 0)]
    assert is_balanced(warehouse)


def test_a_line_may_be_mended_into_a_batch(warehouse: Path, folder: Path) -> None:
    loaded(warehouse, folder)
    body = json.dumps({"batch": [track(event="X"), track(event="Y"), 5]})
    change(warehouse, f"update events.quarantine set raw = '{body}' where code = 'empty_batch'")
    assert replay(warehouse, code="empty_batch") == Replayed(3, 2, 0, 1)
    assert rows(
        warehouse, "select event, _line from events.tracks where _line = 7 order by event"
    ) == [
        ("x", 7),
        ("y", 7),
    ]
    assert rows(warehouse, LYING)[-1] == (7, 3, "bad_request", "JSON, but not an object")
    assert rows(warehouse, TOLD) == [(11, 5, 0, 6)]
    assert is_balanced(warehouse)


def test_what_was_emptied_by_hand_is_blank_and_lies_there_no_more(
    warehouse: Path, folder: Path
) -> None:
    put(folder / "a.json", track(), "broken", "torn")
    load_events(str(folder), warehouse)
    change(
        warehouse,
        "update events.quarantine set raw = case when raw = 'torn' then ' ' end",
    )
    assert replay(warehouse) == Replayed(2, 0, 0, 0)
    assert rows(warehouse, "select line_count, blank_count from events.files") == [(1, 2)]
    assert rows(warehouse, LYING) == []
    assert is_balanced(warehouse)


def test_a_clock_that_was_set_back_hides_nothing(warehouse: Path, folder: Path) -> None:
    loaded(warehouse, folder)
    later = "set loaded_at = now() + interval 1 day"
    change(warehouse, *(f"update events.{table} {later}" for table in ("files", "quarantine")))
    change(warehouse, *MENDED)
    assert replay(warehouse) == Replayed(6, 5, 0, 1)
    assert is_balanced(warehouse)


def test_a_replay_of_an_old_version_of_a_file_does_not_make_it_the_newest(
    warehouse: Path, folder: Path
) -> None:
    put(folder / "a.json", "broken", track(messageId="m1"))
    load_events(str(folder), warehouse)
    put(folder / "a.json", track(messageId="m2"))
    [replaced] = load_events(str(folder), warehouse)
    replay(warehouse)
    put(folder / "a.json", track(messageId="m2"), track(messageId="m3"))
    [grown] = load_events(str(folder), warehouse)
    assert (replaced.came, grown.came, grown.line_count) == ("replaced", "grew", 1)
    assert is_balanced(warehouse)
