"""Event dumps in Segment's spec, one JSON object a line: a folder, a glob or a bucket.

https://www.twilio.com/docs/segment/connections/spec
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import fsspec

from sources import _dumps
from sources._dumps import Lines

__all__ = ["STREAMS", "Dump", "EventsUnreachable", "Found", "Lines", "source"]

STREAMS = (
    "calls",
    "tracks",
    "pages",
    "screens",
    "identifies",
    "groups",
    "aliases",
    "users",
    "accounts",
    "files",
    "quarantine",
    "violations",
    "activity",
    "incoming",
    "incoming_columns",
    "column_changes",
)
MARK_BYTES = 64 * 1024


class EventsUnreachable(Exception):
    """A place cannot be listed at all."""

    def __init__(self, url: str, why: str):
        told = f"Cannot read the event dumps at {url}: {why}"
        # A URL may carry a user and a password: ftp://user:password@host.
        super().__init__(re.sub(r"//[^/@\s]*@", "//***@", told))


@dataclass(frozen=True)
class Dump:
    """One file of events. Its version changes when its content does."""

    path: str
    version: str
    size: int
    open: Callable[[], Any]

    def read(self, after_line: int = 0) -> Iterator[Lines]:
        """The lines after the given one, in pieces of 16 MB or one long line; line 1 is the first.

        Where the file cannot be read on, the whole lines before that place still come; a last line
        that was broken off there does not.
        """
        return _dumps.lines(_dumps.blocks(self.open, self.path), after_line)

    def mark(self, upto: int) -> str:
        """Tells by their two ends whether the first `upto` stored bytes are what they were.

        A file that has fewer by now cannot have the mark it had: what was asked for and how much of
        it was found are part of the mark.
        """
        with self.open() as stored:
            head = stored.read(min(MARK_BYTES, upto))
            stored.seek(max(0, upto - MARK_BYTES))
            tail = stored.read(min(MARK_BYTES, upto))
        counts = f"{upto} {len(head)} {len(tail)} ".encode()
        return hashlib.sha256(counts + head + tail).hexdigest()


@dataclass(frozen=True)
class Found:
    """What lies at a place: the dumps in order of their paths, and the files that are none."""

    dumps: tuple[Dump, ...]
    unread: tuple[str, ...]


def source(url: str) -> Found:
    """List the dumps in all folders below: .json, .jsonl or .ndjson, also with .gz, .zst or .zstd.

    A compressed file that does not say what is in it counts as well: Segment names its archive so.
    Files that begin with . or _ are what tools put beside data (_SUCCESS) and count as nothing.
    """
    try:
        fs, path = fsspec.core.url_to_fs(url)
    except ImportError as missing:
        raise EventsUnreachable(
            url, f"{missing} (for s3:// install open-cdp[s3], for gs:// open-cdp[gcs])."
        ) from missing
    except ValueError as unknown:
        raise EventsUnreachable(url, f"{unknown}.") from unknown
    try:
        fs.invalidate_cache()
        files = _files(fs, path)
    except FileNotFoundError as missing:
        raise EventsUnreachable(url, "there is no such folder, file or bucket.") from missing
    except Exception as failed:
        # Each store has errors of its own: no credentials, no right to list, no network.
        why = f"{type(failed).__name__}: {failed}".rstrip(".")
        raise EventsUnreachable(url, f"{why}.") from failed
    shown = [name for name in sorted(files) if name == path or not _is_hidden(name)]
    dumps = [_dump(fs, name, files[name]) for name in shown if _is_dump(name)]
    unread = [_address(fs, name) for name in shown if not _is_dump(name)]
    return Found(tuple(dumps), tuple(unread))


def _is_hidden(path: str) -> bool:
    # Nothing at all comes after the last slash of what a bucket shows as a folder.
    return path.rpartition("/")[2][:1] in ("", ".", "_")


def _is_dump(path: str) -> bool:
    # segment-logs/<source>/<day>/<file>.gz:
    # https://segment.com/docs/connections/storage/catalog/aws-s3/
    name = path.rpartition("/")[2]
    inner = re.sub(r"\.(gz|zst|zstd)$", "", name)
    kind = inner.rpartition(".")[2] if "." in inner else ""
    return kind in ("json", "jsonl", "ndjson") or (inner != name and not kind.isalpha())


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
    # Without its cache a bucket's file gives the bytes asked for and not 50 MB around them.
    opened = partial(fs.open, path, "rb", cache_type="none")
    return Dump(_address(fs, path), stamp, int(info["size"]), opened)


def _address(fs: Any, path: str) -> str:
    return path if "file" in fs.protocol else str(fs.unstrip_protocol(path))
