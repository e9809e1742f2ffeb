"""Files of event dumps: each is found, read once, taken up again where a load was stopped."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import fsspec
import pytest
from event_files import NOON, Event, counts, is_balanced, load_events, put, quarantined, rows, track

from sources.events import Dump, EventsUnreachable, source
from warehouse.events import EventsIncomplete, load


def test_one_message_id_is_one_event_whatever_its_kind_or_file(
    warehouse: Path, folder: Path
) -> None:
    put(folder / "a.jsonl", "broken", track(messageId="m1"), track(messageId="m1", event="Again"))
    page = {"type": "page", "userId": "u1", "timestamp": NOON}
    put(folder / "b.ndjson.gz", {**page, "messageId": "m1"}, {**page, "messageId": "m2"})
    assert counts(load_events(str(folder), warehouse)) == [
        ("a.jsonl", 3, 1, 1, 1),
        ("b.ndjson.gz", 2, 1, 1, 0),
    ]
    put(folder / "c.json.zst", {**page, "messageId": "m2"}, track(messageId="m3"))
    assert counts(load_events(str(folder), warehouse)) == [("c.json.zst", 2, 1, 1, 0)]
    assert rows(
        warehouse, "select id, event_text, _file, _line from events.tracks order by id"
    ) == [
        ("m1", "Seen", str(folder / "a.jsonl"), 2),
        ("m3", "Seen", str(folder / "c.json.zst"), 2),
    ]
    assert is_balanced(warehouse)


def test_equal_events_without_a_message_id_are_two_events(warehouse: Path, folder: Path) -> None:
    put(folder / "a.jsonl", track(), track(), track(messageId=""), track(messageId=None))
    assert counts(load_events(str(folder), warehouse)) == [("a.jsonl", 4, 4, 0, 0)]
    assert rows(warehouse, "select count(distinct id) from events.tracks") == [(4,)]


def test_blank_lines_count_in_line_numbers_and_in_nothing_else(
    warehouse: Path, folder: Path
) -> None:
    put(folder / "a.jsonl", b"\xef\xbb\xbf" + b" ", track(), "", "  \r", "broken\r", "\t")
    [loaded] = load_events(str(folder), warehouse)
    assert (loaded.line_count, loaded.blank_count) == (2, 4)
    assert rows(warehouse, "select _line from events.tracks") == [(2,)]
    assert rows(warehouse, "select line, raw from events.quarantine") == [(5, "broken\r")]
    assert is_balanced(warehouse)


def test_a_file_may_start_with_a_byte_order_mark_and_end_without_a_newline(
    warehouse: Path, folder: Path
) -> None:
    line = json.dumps(track()).encode()
    (folder / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + line + b"\r\n" + line)
    assert counts(load_events(str(folder), warehouse)) == [("a.jsonl", 2, 2, 0, 0)]


def test_a_second_run_reads_nothing(warehouse: Path, folder: Path) -> None:
    put(folder / "a.jsonl", track(), "broken")
    load_events(str(folder), warehouse)

    def closed() -> Any:
        raise AssertionError("read again")

    dumps = [Dump(d.path, d.version, d.size, closed) for d in source(str(folder)).dumps]
    assert load(warehouse, dumps) == []


def test_of_a_file_that_grew_only_the_new_lines_are_read(warehouse: Path, folder: Path) -> None:
    lines: list[Event] = [track(messageId="m1"), track(), "broken"]
    os.utime(put(folder / "a.jsonl", *lines), (1, 1))
    [new] = load_events(str(folder), warehouse)
    put(folder / "a.jsonl", *lines, track(messageId="m1"), track(), "broken")
    [grown] = load_events(str(folder), warehouse)
    assert (new.came, grown.came) == ("new", "grew")
    assert counts([new, grown]) == [("a.jsonl", 3, 2, 0, 1), ("a.jsonl", 3, 1, 1, 1)]
    listed = "select _line from events.tracks order by _line"
    assert rows(warehouse, listed) == [(1,), (2,), (5,)]
    assert [line for line, *_ in quarantined(warehouse)] == [3, 6]
    assert is_balanced(warehouse)


def test_a_last_line_that_was_half_written_is_read_again_when_it_is_whole(
    warehouse: Path, folder: Path
) -> None:
    lines = [json.dumps(track(messageId=name)).encode() for name in ("m1", "m2", "m3")]
    whole = b"\n".join(lines)
    sizes = (len(whole) - 5, len(whole), len(whole) + 1)
    for second, size in enumerate(sizes):
        (folder / "a.jsonl").write_bytes((whole + b"\n")[:size])
        os.utime(folder / "a.jsonl", (second, second))
        load_events(str(folder), warehouse)
    files = "select came, after_line, last_line, stored_count, duplicate_count, quarantined_count"
    assert rows(warehouse, f"{files} from events.files order by loaded_at") == [
        ("new", 0, 3, 2, 0, 1),
        ("grew", 2, 3, 1, 0, 0),
        ("grew", 2, 3, 0, 1, 0),
    ]
    assert rows(warehouse, "select id, _line from events.tracks order by _line") == [
        ("m1", 1),
        ("m2", 2),
        ("m3", 3),
    ]
    assert quarantined(warehouse) == [(3, "bad_request", "not JSON")]
    assert is_balanced(warehouse)


def test_a_file_replaced_by_another_of_its_name_is_read_wholly_and_loses_nothing(
    warehouse: Path, folder: Path
) -> None:
    os.utime(put(folder / "a.jsonl", track(messageId="m1"), track()), (1, 1))
    load_events(str(folder), warehouse)
    put(folder / "a.jsonl", track(event="Other"), track(messageId="m1"), track())
    [loaded] = load_events(str(folder), warehouse)
    assert loaded.came == "replaced"
    assert counts([loaded]) == [("a.jsonl", 3, 2, 1, 0)]
    assert rows(warehouse, "select event_text, _line from events.tracks order by all") == [
        ("Other", 1),
        ("Seen", 1),
        ("Seen", 2),
        ("Seen", 3),
    ]
    assert is_balanced(warehouse)


def test_a_gz_file_that_was_cut_off_is_loaded_so_far_and_named(
    warehouse: Path, folder: Path
) -> None:
    whole = put(folder / "a.jsonl.gz", *(track(messageId=str(n) * 9) for n in range(8_000)))
    put(folder / "b.jsonl", track(messageId="b"))
    packed = whole.read_bytes()
    os.utime(put(folder / "a.jsonl.gz"), (1, 1))
    whole.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(EventsIncomplete, match=r"1 event file.*a\.jsonl\.gz \(EOFError"):
        load_events(str(folder), warehouse)
    listed = "select parse_filename(file), stored_count > 1000, is_done from events.files"
    assert rows(warehouse, f"{listed} order by all") == [
        ("a.jsonl.gz", True, False),
        ("b.jsonl", False, True),
    ]
    assert quarantined(warehouse) == []
    whole.write_bytes(packed)
    load_events(str(folder), warehouse)
    assert rows(warehouse, "select count(*) from events.tracks") == [(8_001,)]
    assert is_balanced(warehouse)


def test_what_calls_itself_gz_and_is_not_is_named(warehouse: Path, folder: Path) -> None:
    (folder / "a.json.gz").write_text("{}")
    with pytest.raises(EventsIncomplete, match=r"a\.json\.gz \(BadGzipFile: Not a gz"):
        load_events(str(folder), warehouse)


def test_dumps_are_found_in_folders_globs_single_files_and_other_filesystems(
    folder: Path,
) -> None:
    (folder / "day=1").mkdir()
    for name in ("day=1/a.jsonl", "b.json.gz", "c.parquet", "e.jsonl.zst"):
        put(folder / name, track())
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/events-of-a-test/x.jsonl", b"{}\n")

    def names(url: str) -> list[str]:
        return [dump.path for dump in source(url).dumps]

    found = source(str(folder))
    assert found.unread == (str(folder / "c.parquet"),)
    assert [d.path for d in found.dumps] == [
        str(folder / "b.json.gz"),
        str(folder / "day=1" / "a.jsonl"),
        str(folder / "e.jsonl.zst"),
    ]
    assert names(f"{folder}/day=*") == [str(folder / "day=1" / "a.jsonl")]
    assert names(f"{folder}/**/*.jsonl") == [str(folder / "day=1" / "a.jsonl")]
    assert names(f"{folder}/b.json.gz") == [str(folder / "b.json.gz")]
    assert names("memory://events-of-a-test") == ["memory:///events-of-a-test/x.jsonl"]


def test_a_bucket_is_loaded_like_a_folder(warehouse: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/bucket-of-a-test/a.jsonl.gz", gzip.compress(json.dumps(track()).encode()))
    loaded = load_events("memory://bucket-of-a-test", warehouse)
    assert counts(loaded) == [("a.jsonl.gz", 1, 1, 0, 0)]
    assert load_events("memory://bucket-of-a-test", warehouse) == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "/no/such/folder",
            "at /no/such/folder: there is no such folder, file or bucket.$",
        ),
        (
            "nowhere://bucket",
            "at nowhere://bucket: Protocol not known: nowhere.$",
        ),
        ("nowhere://me:secret@host/x", r"at nowhere://\*\*\*@host/x: "),
    ],
)
def test_a_place_that_cannot_be_read_is_named_without_its_password(url: str, message: str) -> None:
    with pytest.raises(EventsUnreachable, match=message):
        source(url)
