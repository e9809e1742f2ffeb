"""Which lines of which files are still to be read, in batches that bound memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from warehouse.database import Database

if TYPE_CHECKING:
    import pyarrow as pa

# About a row group of DuckDB's tables, which is written whole.
LINES_IN_A_BATCH = 125_000
BYTES_IN_A_BATCH = 128 * 1024 * 1024


PIECE = {
    "file": "varchar",
    "version": "varchar",
    "came": "varchar",
    "size": "bigint",
    "mark": "varchar",
    "after_line": "bigint",
    "last_line": "bigint",
    "is_cut": "boolean",
    "is_done": "boolean",
    "error": "varchar",
}


class Lines(Protocol):
    """Consecutive lines of one dump: rows has line, raw (with its line end) and is_text.

    `is_cut` says of the last line that it has no line end, so that more of it may come.
    """

    @property
    def rows(self) -> "pa.Table": ...
    @property
    def last_line(self) -> int: ...
    @property
    def is_end(self) -> bool: ...
    @property
    def is_cut(self) -> bool: ...
    @property
    def error(self) -> str | None: ...


class Dump(Protocol):
    """A file of events, as sources/events.py finds it."""

    @property
    def path(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def size(self) -> int: ...
    def read(self, after_line: int = 0) -> Iterator[Lines]: ...
    def mark(self, upto: int) -> str: ...


@dataclass(frozen=True)
class Seen:
    """What is on record of a version of a file."""

    version: str
    came: str
    size: int
    mark: str
    after_line: int
    last_line: int
    is_cut: bool
    is_done: bool


@dataclass(frozen=True)
class Start:
    """Where to begin with a version of a file: `came` says new, grew or replaced."""

    came: str
    mark: str
    after_line: int
    read_after: int


@dataclass(frozen=True)
class Piece:
    dump: Dump
    start: Start
    lines: Lines


def seen(db: Database, schema: str) -> dict[str, list[Seen]]:
    """Every file on record, with its versions from the oldest to the newest."""
    found: dict[str, list[Seen]] = {}
    for file, *row in db.run(
        "select file, version, came, size, mark, after_line, last_line, is_cut, is_done"
        f" from {schema}.files order by file, loaded_at"
    ):
        found.setdefault(file, []).append(Seen(*row))
    return found


def batches(dumps: Iterable[Dump], known: dict[str, list[Seen]]) -> Iterator[list[Piece]]:
    batch: list[Piece] = []
    lines, size = 0, 0
    for dump in dumps:
        start = _start(dump, known.get(dump.path, []))
        if start is None:
            continue
        for piece in dump.read(start.read_after):
            batch.append(Piece(dump, start, piece))
            lines += piece.rows.num_rows
            size += piece.rows.nbytes
            if lines >= LINES_IN_A_BATCH or size >= BYTES_IN_A_BATCH:
                yield batch
                batch, lines, size = [], 0, 0
    if batch:
        yield batch


def _start(dump: Dump, versions: list[Seen]) -> Start | None:
    """None where this version is read to its end.

    A file that grew has all its old bytes at its beginning; its last line may have grown too.
    """
    for seen in versions:
        if seen.version == dump.version:
            return (
                None
                if seen.is_done
                else Start(seen.came, seen.mark, seen.after_line, seen.last_line)
            )
    mark = _mark(dump, dump.size)
    if not versions:
        return Start("new", mark, 0, 0)
    newest = versions[-1]
    if newest.size <= dump.size and _mark(dump, newest.size) == newest.mark:
        after_line = newest.last_line - newest.is_cut
        return Start("grew", mark, after_line, after_line)
    return Start("replaced", mark, 0, 0)


def _mark(dump: Dump, upto: int) -> str:
    """A file that is gone since it was listed has none; reading it will say so."""
    try:
        return dump.mark(upto)
    except OSError:
        return ""


def lend(db: Database, batch: list[Piece]) -> "pa.Table":
    """The batch for SQL: the temporary table `event_pieces`, and rows to be lent as `event_lines`.

    Each line has a number `n` of its own in the batch. Nothing holds the pieces any more.
    """
    import numpy as np
    import pyarrow as pa

    columns = {
        "file": [piece.dump.path for piece in batch],
        "version": [piece.dump.version for piece in batch],
        "came": [piece.start.came for piece in batch],
        "size": [piece.dump.size for piece in batch],
        "mark": [piece.start.mark for piece in batch],
        "after_line": [piece.start.after_line for piece in batch],
        "last_line": [piece.lines.last_line for piece in batch],
        "is_cut": [piece.lines.is_cut for piece in batch],
        "is_done": [piece.lines.is_end and not piece.lines.error for piece in batch],
        "error": [piece.lines.error for piece in batch],
    }
    listed = ", ".join(f"unnest(?::{PIECE[name]}[]) as {name}" for name in columns)
    db.run(
        f"create or replace temp table event_pieces as"
        f" select unnest(range({len(batch)})) as piece, {listed}",
        list(columns.values()),
    )
    counts = [piece.lines.rows.num_rows for piece in batch]
    rows = pa.concat_tables(piece.lines.rows for piece in batch)
    batch.clear()
    # pa.array would import pandas, which takes longer than a small load.
    for name, numbers in (
        ("piece", np.repeat(np.arange(len(counts)), counts)),
        ("n", np.arange(rows.num_rows)),
    ):
        column = pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers)])
        rows = rows.append_column(name, column)
    return rows.append_column("place", pa.nulls(rows.num_rows, pa.int64()))
