"""Files of event dumps: each is found, read once, taken up again where a load was stopped."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import fsspec
import pytest
from event_files import NOON, Event, counts, is_balanced, load_events, put, quarantined, rows, track

from sources.events import Dump, EventsUnreachable, source
from warehouse import database
from warehouse.event_tables import KINDS
from warehouse.events import Connect, EventsIncomplete, load


def test_one_message_id_is_one_event_whatever_its_kind_or_file(
    connect: Connect, folder: Path
) -> None:
    put(folder / "a.jsonl", "broken", track(messageId="m1"), track(messageId="m1", event="Again"))
    page = {"type": "page", "userId": "u1", "timestamp": NOON}
    put(folder / "b.ndjson.gz", {**page, "messageId": "m1"}, {**page, "messageId": "m2"})
    assert counts(load_events(str(folder), connect)) == [
        ("a.jsonl", 3, 1, 1, 1),
        ("b.ndjson.gz", 2, 1, 1, 0),
    ]
    put(folder / "c.json", {**page, "messageId": "m2"}, track(messageId="m3"))
    assert counts(load_events(str(folder), connect)) == [("c.json", 2, 1, 1, 0)]
    assert rows(connect, "select id, event_text, file, line from events.tracks order by id") == [
        ("m1", "Seen", str(folder / "a.jsonl"), 2),
        ("m3", "Seen", str(folder / "c.json"), 2),
    ]
    assert is_balanced(connect)


def test_equal_events_without_a_message_id_are_two_events(connect: Connect, folder: Path) -> None:
    put(folder / "a.jsonl", track(), track(), track(messageId=""), track(messageId=None))
    assert counts(load_events(str(folder), connect)) == [("a.jsonl", 4, 4, 0, 0)]
    assert rows(connect, "select count(distinct id) from events.tracks") == [(4,)]


def test_blank_lines_count_in_line_numbers_and_in_nothing_else(
    connect: Connect, folder: Path
) -> None:
    put(folder / "a.jsonl", b"\xef\xbb\xbf" + b" ", track(), "", "  \r", "broken\r", "\t")
    [loaded] = load_events(str(folder), connect)
    assert (loaded.line_count, loaded.blank_count) == (2, 4)
    assert rows(connect, "select line from events.tracks") == [(2,)]
    assert rows(connect, "select line, raw from events.quarantine") == [(5, "broken\r")]
    assert is_balanced(connect)


def test_a_file_may_start_with_a_byte_order_mark_and_end_without_a_newline(
    connect: Connect, folder: Path
) -> None:
    line = json.dumps(track()).encode()
    (folder / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + line + b"\r\n" + line)
    assert counts(load_events(str(folder), connect)) == [("a.jsonl", 2, 2, 0, 0)]


def test_a_second_run_reads_nothing(connect: Connect, folder: Path) -> None:
    put(folder / "a.jsonl", track(), "broken")
    load_events(str(folder), connect)

    def closed() -> Any:
        raise AssertionError("read again")

    dumps = [Dump(d.path, d.version, d.size, closed) for d in source(str(folder)).dumps]
    assert load(connect, dumps) == []


def test_of_a_file_that_grew_only_the_new_lines_are_stored(connect: Connect, folder: Path) -> None:
    lines: list[Event] = [track(messageId="m1"), track(), "broken"]
    os.utime(put(folder / "a.jsonl", *lines), (1, 1))
    load_events(str(folder), connect)
    put(folder / "a.jsonl", *lines, track(messageId="m2"), track(), "broken")
    assert counts(load_events(str(folder), connect)) == [("a.jsonl", 6, 2, 3, 1)]
    assert rows(connect, "select line from events.tracks order by line") == [(1,), (2,), (4,), (5,)]
    assert is_balanced(connect)


def test_a_file_replaced_by_another_of_its_name_loses_nothing(
    connect: Connect, folder: Path
) -> None:
    os.utime(put(folder / "a.jsonl", track()), (1, 1))
    load_events(str(folder), connect)
    put(folder / "a.jsonl", track(event="Other"))
    load_events(str(folder), connect)
    assert rows(connect, "select event_text from events.tracks order by all") == [
        ("Other",),
        ("Seen",),
    ]


def test_a_gz_file_that_was_cut_off_is_loaded_so_far_and_named(
    connect: Connect, folder: Path
) -> None:
    whole = put(folder / "a.jsonl.gz", *(track(messageId=str(n) * 9) for n in range(8_000)))
    put(folder / "b.jsonl", track(messageId="b"))
    packed = whole.read_bytes()
    os.utime(put(folder / "a.jsonl.gz"), (1, 1))
    whole.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(EventsIncomplete, match=r"1 event file.*a\.jsonl\.gz \(EOFError"):
        load_events(str(folder), connect)
    listed = "select parse_filename(file), stored_count > 1000, is_done from events.files"
    assert rows(connect, f"{listed} order by all") == [
        ("a.jsonl.gz", True, False),
        ("b.jsonl", False, True),
    ]
    assert quarantined(connect) == []
    whole.write_bytes(packed)
    load_events(str(folder), connect)
    assert rows(connect, "select count(*) from events.tracks") == [(8_001,)]
    assert is_balanced(connect)


def test_what_calls_itself_gz_and_is_not_is_named(connect: Connect, folder: Path) -> None:
    (folder / "a.json.gz").write_text("{}")
    with pytest.raises(EventsIncomplete, match=r"a\.json\.gz \(BadGzipFile: Not a gz"):
        load_events(str(folder), connect)


def test_dumps_are_found_in_folders_globs_single_files_and_other_filesystems(
    folder: Path,
) -> None:
    (folder / "day=1").mkdir()
    for name in ("day=1/a.jsonl", "b.json.gz", "c.parquet", "d.jsonl.zst"):
        put(folder / name, track())
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/events-of-a-test/x.jsonl", b"{}\n")

    def names(url: str) -> list[str]:
        return [dump.path for dump in source(url).dumps]

    found = source(str(folder))
    assert found.unread == (str(folder / "c.parquet"), str(folder / "d.jsonl.zst"))
    assert [d.path for d in found.dumps] == [
        str(folder / "b.json.gz"),
        str(folder / "day=1" / "a.jsonl"),
    ]
    assert names(f"{folder}/day=*") == [str(folder / "day=1" / "a.jsonl")]
    assert names(f"{folder}/**/*.jsonl") == [str(folder / "day=1" / "a.jsonl")]
    assert names(f"{folder}/b.json.gz") == [str(folder / "b.json.gz")]
    assert names("memory://events-of-a-test") == ["memory:///events-of-a-test/x.jsonl"]


def test_a_bucket_is_loaded_like_a_folder(connect: Connect) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/bucket-of-a-test/a.jsonl.gz", gzip.compress(json.dumps(track()).encode()))
    loaded = load_events("memory://bucket-of-a-test", connect)
    assert counts(loaded) == [("a.jsonl.gz", 1, 1, 0, 0)]
    assert load_events("memory://bucket-of-a-test", connect) == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "/no/such/folder",
            "there is no such folder, file or bucket. Mend SOURCES__EVENTS__URL=/no/such/folder.",
        ),
        (
            "nowhere://bucket",
            "Protocol not known: nowhere. Mend SOURCES__EVENTS__URL=nowhere://bucket.",
        ),
        ("nowhere://me:secret@host/x", r"SOURCES__EVENTS__URL=nowhere://\*\*\*@host/x\.$"),
    ],
)
def test_a_place_that_cannot_be_read_is_named_with_its_setting_and_no_password(
    url: str, message: str
) -> None:
    with pytest.raises(EventsUnreachable, match=message):
        source(url)


LOAD_AND_TELL = """
import sys
from contextlib import contextmanager
from pathlib import Path
from sources.events import source
from warehouse import database
from warehouse.events import load

@contextmanager
def connect():
    with database.connect(Path(sys.argv[2])) as db:
        print("open", flush=True)
        yield db

load(connect, source(sys.argv[1]).dumps)
"""


def test_a_load_that_is_killed_again_and_again_ends_like_an_undisturbed_one(
    connect: Connect, folder: Path, tmp_path: Path
) -> None:
    # a.jsonl is larger than one batch; half of b.jsonl.gz has come in it already.
    for name, start, end in [("a.jsonl", 0, 52_000), ("b.jsonl.gz", 50_000, 56_000)]:
        events = [track(messageId=f"m{n}", extra=n) for n in range(start, end)]
        put(folder / name, *events, *["broken", ""] * 500)
    load_events(str(folder), connect)
    killed = tmp_path / "killed.duckdb"
    # The first opening makes the tables, each further one loads a batch.
    for openings, seconds in [(2, 0.1), (3, 0.05)]:
        command = [sys.executable, "-c", LOAD_AND_TELL, str(folder), str(killed)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout
            for _ in range(openings):
                process.stdout.readline()
            time.sleep(seconds)
            process.send_signal(signal.SIGKILL)
    mended = partial(database.connect, killed)
    assert (False,) in rows(mended, "select count(*) = 2 and bool_and(is_done) from events.files")
    load_events(str(folder), mended)
    assert is_balanced(mended)
    with connect() as db:
        db.run(f"attach '{killed}' as mended")
        for table in [*(kind.table for kind in KINDS), "events.quarantine", "events.files"]:
            here = f"from (select * exclude (loaded_at) from {table})"
            there = f"from (select * exclude (loaded_at) from mended.{table})"
            assert (
                db.run(f"({here} except all {there}) union all ({there} except all {here})") == []
            )
