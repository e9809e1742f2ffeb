"""The reader of event dumps alone: every line once, numbered, from whatever file holds it."""

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources import _dumps
from sources.events import Dump, Lines, source

MARK = b"\xef\xbb\xbf"
ENDS = (".gz", ".zst", ".zstd")
PACKED = ("a.json", "a.jsonl.gz", "a.ndjson.zst", "a.json.zstd", "20190202T000000Z_a.gz")
Row = tuple[int, str, bool]


def pack(name: str, raw: bytes) -> bytes:
    if name.endswith(".gz"):
        return gzip.compress(raw)
    if name.endswith((".zst", ".zstd")):
        return bytes(pa.Codec("zstd").compress(raw, asbytes=True))
    return raw


def dump(stored: bytes, name: str = "a.json") -> Dump:
    return Dump(name, "1", len(stored), lambda: io.BytesIO(stored))


def twin(raw: bytes) -> list[Row]:
    """The lines of a file, found the slow and obvious way."""
    *whole, rest = raw.removeprefix(MARK).split(b"\n")
    found = [line + b"\n" for line in whole] + ([rest] if rest else [])
    texts = [line.decode(errors="backslashreplace") for line in found]
    return [
        (n, text, text.encode() == line)
        for n, (text, line) in enumerate(zip(texts, found, strict=True), 1)
    ]


def rows(pieces: list[Lines]) -> list[Row]:
    return [tuple(row.values()) for piece in pieces for row in piece.rows.to_pylist()]


def read(stored: bytes, name: str = "a.json", after_line: int = 0) -> list[Row]:
    pieces = list(dump(stored, name).read(after_line))
    assert [piece.error for piece in pieces] == [None] * len(pieces)
    return rows(pieces)


def many_lines(count: int) -> bytes:
    marks = (hashlib.sha256(b"%d" % n).hexdigest().encode() for n in range(count))
    return b"".join(b'{"n":%d,"m":"%s"}\n' % (n, mark) for n, mark in enumerate(marks))


SCRAPS = [
    b"\n",
    b"\r\n",
    MARK,
    b"\xff",
    b"\xed\xa0\x80",
    "ä😀".encode(),
    b"\0",
    b"{}",
    b"long " * 9,
]


# A first line that is not text makes Arrow look for pandas.
@settings(deadline=None)
@given(
    raw=st.lists(st.sampled_from(SCRAPS) | st.binary(max_size=4), max_size=30).map(b"".join),
    block_bytes=st.integers(1, 60),
    piece_bytes=st.integers(1, 60),
    piece_lines=st.integers(1, 6),
    after_line=st.integers(0, 12),
)
def test_whatever_the_bytes_and_the_sizes_every_line_comes_once(
    raw: bytes, block_bytes: int, piece_bytes: int, piece_lines: int, after_line: int
) -> None:
    blocks = [raw[at : at + block_bytes] for at in range(0, len(raw), block_bytes)]
    pieces = list(_dumps.lines(blocks, after_line, piece_bytes, piece_lines))
    expected = twin(raw)
    assert rows(pieces) == expected[after_line:]
    assert [piece.is_end for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert [piece.last_line for piece in pieces[:-1]] == [
        piece.rows["line"][-1].as_py() for piece in pieces[:-1]
    ]
    assert pieces[-1].last_line == len(expected)
    assert pieces[-1].is_cut == bool(expected and not expected[-1][1].endswith("\n"))
    assert max(piece.rows.num_rows for piece in pieces) <= piece_lines
    longest = max([0, *(len(line) for line in raw.splitlines(keepends=True))])
    held = [sum(len(text.encode()) for text in piece.rows["raw"].to_pylist()) for piece in pieces]
    # Four characters show one byte that is not UTF-8.
    assert max(held) <= 4 * (piece_bytes + longest + block_bytes)


@pytest.mark.parametrize("name", PACKED)
def test_a_file_reads_the_same_however_it_is_packed(name: str) -> None:
    raw = MARK + b'{"a":1}\r\n\n \r\n\xff{"b":2}\n' + many_lines(100) + b'{"cut":'
    [piece] = dump(pack(name, raw), name).read()
    assert rows([piece])[:4] == [
        (1, '{"a":1}\r\n', True),
        (2, "\n", True),
        (3, " \r\n", True),
        (4, '\\xff{"b":2}\n', False),
    ]
    assert rows([piece]) == twin(raw)
    assert (piece.last_line, piece.is_end, piece.is_cut, piece.error) == (105, True, True, None)
    assert piece.rows.schema == pa.schema(
        [("line", pa.int64()), ("raw", pa.large_string()), ("is_text", pa.bool_())]
    )
    assert read(pack(name, raw), name, after_line=103) == twin(raw)[103:]
    assert read(pack(name, b""), name) == []


@pytest.mark.parametrize("name", PACKED[1:])
def test_files_that_were_packed_one_by_one_and_joined_are_one_file(name: str) -> None:
    lines = [b'{"n":%d}\n' % n for n in range(50)]
    assert read(b"".join(pack(name, part) for part in (*lines, b"", *lines)), name) == twin(
        b"".join(lines * 2)
    )


def test_a_gz_file_may_be_filled_up_with_zeros() -> None:
    assert read(gzip.compress(b"{}\n") + bytes(512), "a.json.gz") == [(1, "{}\n", True)]


@pytest.mark.parametrize("name", PACKED[:3])
@pytest.mark.parametrize("size", [5_000_000, 40_000_000])
def test_a_line_may_be_longer_than_a_block_and_than_a_piece(name: str, size: int) -> None:
    raw = b"{}\n" + b"x" * size + b'\n{"after":1}\n'
    assert read(pack(name, raw), name) == twin(raw)
    assert read(pack(name, raw), name, after_line=2) == twin(raw)[2:]


def test_pieces_are_of_16_mb_and_batches_of_8192_lines() -> None:
    line = b"x" * 999 + b"\n"
    pieces = list(dump(line * 40_000).read())
    assert [piece.rows.num_rows for piece in pieces] == [16_777, 16_777, 6_446]
    assert [batch.num_rows for batch in pieces[0].rows.to_batches()] == [8_192, 8_192, 393]
    short = list(dump(b"\n" * 70_000).read())
    assert [(piece.rows.num_rows, piece.is_end) for piece in short] == [
        (65_536, False),
        (4_464, True),
    ]


def cut(name: str, stored: bytes) -> tuple[list[Row], str | None, bool]:
    pieces = list(dump(stored, name).read())
    assert [piece.is_end for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    return rows(pieces), pieces[-1].error, pieces[-1].is_cut


@pytest.mark.parametrize("name", PACKED[1:])
def test_of_a_packed_file_that_was_cut_off_each_whole_line_comes(name: str) -> None:
    raw = [many_lines(9), b"{}\n" * 5000, b'{"last":1}\n' * 30]
    parts = [pack(name, part) for part in raw]
    for count in range(3):
        start = b"".join(parts[:count])
        stored = start + parts[count][: len(parts[count]) // 2]
        found, error, is_cut = cut(name, stored)
        expected = twin(b"".join(raw))
        assert found == expected[: len(found)]
        assert len(found) >= b"".join(raw[:count]).count(b"\n")
        assert error in (
            "EOFError: Compressed file ended before the end-of-stream marker was reached",
            "OSError: Truncated compressed stream",
        )
        assert not is_cut


def test_of_a_large_gz_file_that_was_cut_off_comes_all_that_zlib_can_unpack() -> None:
    raw = many_lines(60_000)
    stored = gzip.compress(raw, 1)
    stored = stored[: len(stored) * 3 // 4]
    unpacked = zlib.decompressobj(31).decompress(stored)
    assert len(unpacked) > 2 * _dumps.BLOCK_BYTES
    found, error, _ = cut("a.json.gz", stored)
    assert found == twin(unpacked[: unpacked.rindex(b"\n") + 1])
    assert error
    assert error.startswith("EOFError")


def test_of_a_large_zst_file_that_was_cut_off_come_all_its_whole_blocks() -> None:
    raw = many_lines(60_000)
    stored = pack("a.json.zst", raw)
    found, error, _ = cut("a.json.zst", stored[: len(stored) * 3 // 4])
    assert found == twin(raw)[: len(found)]
    # A block of zstd unpacks to 128 KiB, and comes whole or not at all.
    assert sum(len(text) for _, text, _ in found) > len(raw) * 3 // 4 - 131_072
    assert error == "OSError: Truncated compressed stream"


@pytest.mark.parametrize("name", PACKED[1:])
def test_what_stands_before_the_damaged_part_of_a_packed_file_comes(name: str) -> None:
    raw = (b"x" * 99 + b"\n") * 20_000
    found, error, _ = cut(name, pack(name, raw) * 2 + b"\xff" * 1000)
    assert found == twin(raw * 2)
    assert error in (
        "BadGzipFile: Not a gzipped file (b'\\xff\\xff')",
        "OSError: ZSTD decompress failed: Unknown frame descriptor",
    )


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("a.json.gz", "BadGzipFile: Not a gzipped file (b'{}')"),
        ("a.json.zst", "OSError: ZSTD decompress failed: Unknown frame descriptor"),
    ],
)
def test_what_is_not_packed_as_it_says_is_named(name: str, error: str) -> None:
    assert cut(name, b"{}\n{}\n") == ([], error, False)


def failing_disk() -> Any:
    """A file that gives 333,333 lines and the beginning of one, and then an error."""
    left = io.BytesIO((b"x" * 8 + b"\n") * 333_333 + b"xxx")

    def readinto(into: memoryview) -> int:
        if count := left.readinto(into[:700_000]):
            return count
        raise OSError(5, "Input/output error")

    nothing = {"flush": lambda: None, "close": lambda: None, "closed": False}
    return SimpleNamespace(readinto=readinto, readable=lambda: True, **nothing)


def test_where_a_disk_fails_the_whole_lines_before_that_place_come() -> None:
    pieces = list(Dump("a.json", "1", 9, failing_disk).read())
    assert pieces[-1].error == "OSError: [Errno 5] Input/output error"
    assert (sum(piece.rows.num_rows for piece in pieces), pieces[-1].is_cut) == (333_333, False)


def test_a_file_that_grew_keeps_its_mark_and_no_other_does() -> None:
    was = many_lines(10_000)
    size = len(was)
    mark = dump(was).mark(size)
    assert len(mark) == 64
    assert dump(was + b"more").mark(size) == mark
    others = {
        "replaced at its beginning": b"[" + was[1:] + b"more",
        "replaced at its end": was[:-2] + b"]\n" + b"more",
        "shorter": was[:-1],
        "much shorter": was[:1000],
        "empty": b"",
    }
    marks = {how: dump(stored).mark(size) for how, stored in others.items()}
    assert mark not in marks.values()
    assert len({*marks.values()}) == len(others)
    assert dump(b"{}\n{}\n").mark(3) == dump(b"{}\n").mark(3) != dump(b"{}").mark(3)


def names(paths: Iterable[str]) -> list[str]:
    return [Path(path).name for path in paths]


def test_a_dump_is_known_by_its_name_and_what_is_hidden_is_nothing(tmp_path: Path) -> None:
    kinds = [f".{kind}{end}" for kind in ("json", "jsonl", "ndjson") for end in ("", *ENDS)]
    dumps = [f"a{kind}" for kind in kinds] + ["1549152000000.gz", "20190202T0Z_a.b-1.gz", "b.zst"]
    unread = ["a.csv.gz", "a.log", "a.parquet", "b.tar.gz", "c.jsonl.bz2", "plain"]
    hidden = ["_SUCCESS", ".DS_Store", "._a.json", "_b.json.gz"]
    (tmp_path / "_day").mkdir()
    for name in [*dumps, *unread, *hidden, "_day/c.json"]:
        (tmp_path / name).write_bytes(b"")
    found = source(str(tmp_path))
    assert sorted(names(dump.path for dump in found.dumps)) == sorted([*dumps, "c.json"])
    assert names(found.unread) == unread
    alone = source(str(tmp_path / "_b.json.gz"))
    assert names(dump.path for dump in alone.dumps) == ["_b.json.gz"]
