"""The bytes of one dump as numbered lines: Arrow tables that share the bytes as they were read."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
from isal import igzip, isal_zlib

PIECE_BYTES = 16 * 1024 * 1024
# Short lines are bounded by their number: each may become a row of many columns.
PIECE_LINES = 65_536
# DuckDB gives each thread one record batch at a time.
BATCH_LINES = 8_192
BLOCK_BYTES = 1024 * 1024
# A bucket is asked for so much at once.
REQUEST_BYTES = 4 * 1024 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NEWLINE = ord("\n")
BROKEN = (OSError, EOFError, zlib.error, isal_zlib.error)

Open = Callable[[], Any]
Block = bytes | memoryview  # a view's memory may be used again for the next
Read = Callable[[int], Block]
Piece = tuple[pa.Buffer, list[np.ndarray]]
Unpack = Callable[[io.BufferedReader], Read]


@dataclass(frozen=True)
class Lines:
    """Consecutive lines of one dump: Arrow columns line, raw and is_text.

    `raw` has the line with its line end, \\n or \\r\\n, which the last line of a file may lack.
    `is_text` is false for what is not UTF-8: such bytes stand in `raw` as \\xNN. `last_line` is the
    number of lines up to here. `is_end` says that nothing follows; then `is_cut` says that the
    file's last line has no line end, so that more of it may be written yet, and `error` why the
    file could not be read to its end.
    """

    rows: pa.Table
    last_line: int
    is_end: bool
    error: str | None = None
    is_cut: bool = False


def lines(
    blocks: Iterable[Block],
    after_line: int = 0,
    piece_bytes: int = PIECE_BYTES,
    piece_lines: int = PIECE_LINES,
) -> Iterator[Lines]:
    """The lines after the given one, some at a time; always ends with `is_end`."""
    last_line = 0
    for number, (piece, ends, is_end, error) in enumerate(_pieces(blocks, piece_bytes)):
        is_marked = number == 0 and piece[:3].to_pybytes() == BYTE_ORDER_MARK
        bounds = np.concatenate(([len(BYTE_ORDER_MARK) if is_marked else 0], *ends))
        if bounds[-1] != piece.size:
            bounds = np.append(bounds, piece.size)
        is_cut = is_end and len(bounds) > 1 and piece[-1] != NEWLINE
        line = max(last_line, min(after_line, last_line + len(bounds) - 1))
        bounds, last_line = bounds[line - last_line :], last_line + len(bounds) - 1
        while last_line - line > piece_lines:
            line += piece_lines
            yield Lines(_arrow(piece, bounds[: piece_lines + 1], line), line, is_end=False)
            bounds = bounds[piece_lines:]
        if is_end or line < last_line:
            yield Lines(_arrow(piece, bounds, last_line), last_line, is_end, error, is_cut)


def blocks(stored: Open, path: str) -> Iterator[Block]:
    """A dump's bytes, unpacked. Where it breaks, all that can be had before the error comes."""
    given = 0
    ways = _ways(path)
    for number, (unpack, size) in enumerate(ways, 1):
        try:
            with io.BufferedReader(stored(), REQUEST_BYTES) as file:
                read = unpack(file)
                _skip(read, given)
                while block := read(size):
                    given += len(block)
                    yield block
            return
        except BROKEN:
            if number == len(ways):
                raise


def _ways(path: str) -> list[tuple[Unpack, int]]:
    """How to read a file, and how many bytes at once: fast, then nearer to where it breaks.

    isal unpacks four times as fast as Python's gzip. What the fast ones were asked for when they
    meet the break is lost; of zstd, the last bytes are asked for one by one.
    """
    if path.endswith(".gz"):
        return [(_igzip_read, BLOCK_BYTES), (_gzip_read, BLOCK_BYTES)]
    if path.endswith((".zst", ".zstd")):
        return [(_zstd_read, BLOCK_BYTES), (_sip, 64 * 1024), (_sip, 1)]
    return [(attrgetter("read"), BLOCK_BYTES), (attrgetter("read1"), BLOCK_BYTES)]


def _igzip_read(file: io.BufferedReader) -> Read:
    unpacked, block = igzip.open(file), memoryview(bytearray(BLOCK_BYTES))
    return lambda size: block[: unpacked.readinto(block[:size])]


def _zstd_read(file: Any) -> Read:
    read: Read = pa.CompressedInputStream(file, "zstd").read
    return read


def _gzip_read(file: io.BufferedReader) -> Read:
    # read1 hands over all that was unpacked before it meets the break.
    return gzip.GzipFile(fileobj=file).read1


def _sip(file: io.BufferedReader) -> Read:
    """The less is given to Arrow at a time, the less is lost of what it unpacks to at the break."""
    sips = SimpleNamespace(read=lambda _: file.read(512), close=file.close, closed=False)
    return _zstd_read(pa.PythonFile(sips, "r"))


def _skip(read: Read, count: int) -> None:
    while count and (block := read(min(count, BLOCK_BYTES))):
        count -= len(block)


class Held:
    """Bytes that were read, and where lines end in them: in memory that Arrow uses again.

    Ends are looked for while a block is still in the processor's cache.
    """

    def __init__(self, size: int):
        self.buffer = pa.allocate_buffer(size)
        self.count = 0
        self.ends: list[np.ndarray] = []

    def add(self, block: Block) -> None:
        count = self.count + len(block)
        if count > self.buffer.size:
            self._grow(2 * count)
        memoryview(self.buffer).cast("B")[self.count : count] = block
        ends = np.flatnonzero(np.frombuffer(block, np.uint8) == NEWLINE)
        if len(ends):
            self.ends.append(ends + (self.count + 1))
        self.count = count

    def all(self) -> Piece:
        return self.buffer.slice(0, self.count), self.ends

    def whole(self) -> Piece:
        """Up to the last line that has come to its end."""
        return self.buffer.slice(0, self._whole_count()), self.ends

    def rest(self, size: int) -> "Held":
        """What is beyond that, held anew."""
        rest = self.buffer.slice(self._whole_count(), self.count - self._whole_count())
        held = Held(max(size, 2 * rest.size))
        held.add(memoryview(rest).cast("B"))
        return held

    def _whole_count(self) -> int:
        return int(self.ends[-1][-1]) if self.ends else 0

    def _grow(self, size: int) -> None:
        held = self.buffer.slice(0, self.count)
        self.buffer = pa.allocate_buffer(size)
        memoryview(self.buffer).cast("B")[: self.count] = memoryview(held).cast("B")


def _pieces(
    blocks: Iterable[Block], size: int
) -> Iterator[tuple[pa.Buffer, list[np.ndarray], bool, str | None]]:
    """Whole lines of about that size, where each ends, whether they are the end, and its error.

    A line is held until its end has come, however long it is; one that breaks off is left out.
    """
    held = Held(size + BLOCK_BYTES)
    try:
        for block in blocks:
            held.add(block)
            if held.ends and held.count >= size:
                yield *held.whole(), False, None
                held = held.rest(size + BLOCK_BYTES)
    except BROKEN as broken:
        yield *held.whole(), True, f"{type(broken).__name__}: {broken}"
    else:
        yield *held.all(), True, None


def _arrow(piece: pa.Buffer, bounds: np.ndarray, last_line: int) -> pa.Table:
    count = len(bounds) - 1
    stored = [None, pa.py_buffer(bounds), piece]
    raw = pa.Array.from_buffers(pa.large_string(), count, stored)
    is_text = np.ones(count, bool)
    try:
        # A cast from binary would say the same, but import all of pyarrow.compute for it.
        raw.validate(full=True)
    except pa.ArrowInvalid:
        was = pa.Array.from_buffers(pa.large_binary(), count, stored).to_pylist()
        texts = [line.decode(errors="backslashreplace") for line in was]
        is_text[:] = [text.encode() == line for text, line in zip(texts, was, strict=True)]
        raw = pa.array(texts, pa.large_string())
    columns = {
        "line": _column(pa.int64(), np.arange(last_line - count, last_line) + 1, count),
        "raw": raw,
        "is_text": _column(pa.bool_(), np.packbits(is_text, bitorder="little"), count),
    }
    rows = pa.RecordBatch.from_arrays([*columns.values()], [*columns])
    at = range(0, max(1, count), BATCH_LINES)
    return pa.Table.from_batches([rows.slice(start, BATCH_LINES) for start in at])


def _column(kind: pa.DataType, values: np.ndarray, count: int) -> pa.Array:
    # pa.array() imports pandas when it is first called, for 0.3 s of CPU.
    return pa.Array.from_buffers(kind, count, [None, pa.py_buffer(values)])
