"""Event dumps in Segment's spec, one JSON object a line: a folder, a glob or a bucket.

https://www.twilio.com/docs/segment/connections/spec
"""

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import fsspec
import pyarrow as pa

STREAMS = (
    "tracks",
    "pages",
    "screens",
    "identifies",
    "groups",
    "aliases",
    "quarantine",
    "files",
)
LINES_AT_A_TIME = 50_000
BYTES_AT_A_TIME = 32 * 1024 * 1024
BLOCK_BYTES = 1024 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class EventsUnreachable(Exception):
    """The place the setting names cannot be listed at all."""

    def __init__(self, url: str, why: str):
        # A URL may carry a user and a password: ftp://user:password@host.
        shown = re.sub(r"//[^/@]*@", "//***@", url)
        super().__init__(f"Cannot read the event dumps: {why} Mend SOURCES__EVENTS__URL={shown}.")


@dataclass(frozen=True)
class Lines:
    """Consecutive lines of one dump: Arrow columns line, raw and is_text.

    `is_end` says that nothing follows; then `error` says why a dump ended before its end.
    """

    rows: pa.Table
    last_line: int
    is_end: bool
    error: str | None = None


@dataclass(frozen=True)
class Dump:
    """One file of events. Its version changes when its content does."""

    path: str
    version: str
    size: int
    open: Callable[[], Any]

    def read(self, after_line: int = 0) -> Iterator[Lines]:
        """The lines after the given one, in pieces that bound memory; always ends with `is_end`.

        Line numbers start at 1 and count blank lines. Where the file cannot be read on, the whole
        lines before that place still come; a last line that was cut off does not.
        """
        held: list[bytes] = []
        held_bytes, last_line, error = 0, 0, None
        try:
            for block in self._blocks():
                fresh = block[max(0, after_line - last_line) :]
                last_line += len(block)
                held += fresh
                held_bytes += sum(map(len, fresh))
                if len(held) >= LINES_AT_A_TIME or held_bytes >= BYTES_AT_A_TIME:
                    yield Lines(_arrow(held, last_line), last_line, is_end=False)
                    held, held_bytes = [], 0
        except (OSError, EOFError, zlib.error) as broken:
            error = f"{type(broken).__name__}: {broken}"
        yield Lines(_arrow(held, last_line), last_line, is_end=True, error=error)

    def _blocks(self) -> Iterator[list[bytes]]:
        begun: list[bytes] = []
        is_first = True
        with self.open() as raw:
            # read1 hands over all that was unpacked before it meets the place where a .gz breaks.
            read = gzip.GzipFile(fileobj=raw).read1 if self.path.endswith(".gz") else raw.read
            while block := read(BLOCK_BYTES):
                if is_first:
                    block, is_first = block.removeprefix(BYTE_ORDER_MARK), False
                whole, newline, tail = block.rpartition(b"\n")
                if newline:
                    yield b"".join([*begun, whole]).split(b"\n")
                    begun = []
                begun.append(tail)
        if last := b"".join(begun):
            yield [last]


@dataclass(frozen=True)
class Found:
    """What lies at a place: the dumps in order of their paths, and the files that are none."""

    dumps: tuple[Dump, ...]
    unread: tuple[str, ...]


def source(url: str) -> Found:
    """List the dumps: .json, .jsonl or .ndjson, also with .gz, in all folders below."""
    try:
        fs, path = fsspec.core.url_to_fs(url)
    except ImportError as missing:
        raise EventsUnreachable(
            url, f"{missing} (for s3:// install open-cdp[s3], for gs:// open-cdp[gcs])."
        ) from missing
    except ValueError as unknown:
        raise EventsUnreachable(url, f"{unknown}.") from unknown
    fs.invalidate_cache()
    try:
        files = _files(fs, path)
    except FileNotFoundError as missing:
        raise EventsUnreachable(url, "there is no such folder, file or bucket.") from missing
    dumps = [_dump(fs, name, files[name]) for name in sorted(files) if _is_dump(name)]
    unread = [name for name in sorted(files) if not _is_dump(name)]
    return Found(tuple(dumps), tuple(unread))


def _is_dump(path: str) -> bool:
    return path.removesuffix(".gz").endswith((".json", ".jsonl", ".ndjson"))


def _files(fs: Any, path: str) -> dict[str, dict[str, Any]]:
    """Every file at a path with what its store says of it; a glob may name folders too."""
    if not fsspec.core.has_magic(path):
        if not fs.exists(path):
            raise FileNotFoundError(path)
        return dict(fs.find(path, detail=True))
    files: dict[str, dict[str, Any]] = {}
    for name, info in fs.glob(path, detail=True).items():
        files.update(fs.find(name, detail=True) if info["type"] == "directory" else {name: info})
    return files


def _dump(fs: Any, path: str, info: dict[str, Any]) -> Dump:
    # S3 says ETag, Google and Azure etag, a local disk mtime, memory created.
    stamps = ("ETag", "etag", "mtime", "LastModified", "last_modified", "created")
    stamp = next((str(info[key]).strip('"') for key in stamps if info.get(key)), "")
    name = path if "file" in fs.protocol else fs.unstrip_protocol(path)
    return Dump(name, stamp, int(info["size"]), lambda: fs.open(path, "rb"))


def _arrow(lines: list[bytes], last_line: int) -> pa.Table:
    """Bytes that are not UTF-8 stay readable as \\xNN; is_text is false for their line."""
    is_text = [True] * len(lines)
    try:
        raw = pa.array(lines, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        texts = [line.decode(errors="backslashreplace") for line in lines]
        is_text = [text.encode() == line for text, line in zip(texts, lines, strict=True)]
        raw = pa.array(texts, pa.string())
    numbers = pa.array(range(last_line - len(lines) + 1, last_line + 1), pa.int64())
    return pa.table({"line": numbers, "raw": raw, "is_text": pa.array(is_text, pa.bool_())})
