"""Loads event dumps: each line once, each file once, and every line accounted for.

Pieces of files are read while the warehouse is closed and loaded, many small files or a part of a
large one at a time, in one transaction together with the list of files. So a crash at any moment
neither loses nor doubles a line, and the next run goes on at the line where this one stopped.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from warehouse.database import Database
from warehouse.event_lines import COUNT, QUARANTINE, SORT
from warehouse.event_tables import KINDS, insert, make_tables

if TYPE_CHECKING:
    import pyarrow as pa

LINES_IN_A_BATCH = 50_000
BYTES_IN_A_BATCH = 32 * 1024 * 1024
ROWS_IN_A_MORSEL = 4096

# What the list of files says against itself, and against the rows that are really there.
UNBALANCED = f"""
with rows_of as (
    select file, count(*) as row_count from (
        {" union all ".join(f"select file from {kind.table}" for kind in KINDS)}
    ) group by file
),
quarantined_of as (
    select file, count(*) as row_count from events.quarantine group by file
),
said as (
    select
        file,
        sum(line_count) as line_count,
        sum(stored_count) as stored_count,
        sum(duplicate_count) as duplicate_count,
        sum(quarantined_count) as quarantined_count,
        sum(blank_count) as blank_count,
        sum(last_line) as last_line
    from events.files
    group by file
)
select
    said.file, line_count, stored_count, duplicate_count, quarantined_count, blank_count,
    coalesce(rows_of.row_count, 0) as stored_rows,
    coalesce(quarantined_of.row_count, 0) as quarantined_rows
from said
left join rows_of using (file)
left join quarantined_of using (file)
where line_count <> stored_count + duplicate_count + quarantined_count
    or last_line <> line_count + blank_count
    or stored_count <> coalesce(rows_of.row_count, 0)
    or quarantined_count <> coalesce(quarantined_of.row_count, 0)
order by said.file
"""


class Lines(Protocol):
    """Consecutive lines of one dump: rows has line, raw and is_text."""

    @property
    def rows(self) -> "pa.Table": ...
    @property
    def last_line(self) -> int: ...
    @property
    def is_end(self) -> bool: ...
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
    def read(self, after_line: int) -> Iterator[Lines]: ...


@dataclass(frozen=True)
class Loaded:
    """What has become of one version of a file, in all runs that worked on it."""

    file: str
    line_count: int
    stored_count: int
    duplicate_count: int
    quarantined_count: int
    blank_count: int
    is_done: bool
    error: str | None


Connect = Callable[[], AbstractContextManager[Database]]
Batch = list[tuple[Dump, Lines]]


class EventsIncomplete(Exception):
    """Some files could not be read to their end; everything else is loaded."""

    def __init__(self, loaded: list[Loaded]):
        self.loaded = loaded
        broken = [f"{file.file} ({file.error})" for file in loaded if file.error]
        super().__init__(
            f"{len(broken)} event file(s) could not be read to the end: {'; '.join(broken)}. All "
            "lines before that place are loaded; mend or replace the files and run this again."
        )


def unbalanced(db: Database) -> list[str]:
    """The files whose lines are not all accounted for, each in a sentence."""
    return [
        f"{file}: {lines} lines, but {stored} stored, {duplicate} duplicate and {quarantined}"
        f" quarantined; {blank} blank; the tables hold {rows} of them, the quarantine {held}"
        for file, lines, stored, duplicate, quarantined, blank, rows, held in db.run(UNBALANCED)
    ]


def load(connect: Connect, dumps: Iterable[Dump]) -> list[Loaded]:
    """Load what is new; says what became of the files it worked on.

    Raises EventsIncomplete, when all is loaded that can be, if a file broke off in the middle.
    """
    with connect() as db:
        make_tables(db)
        seen = {
            (file, version): (last_line, is_done)
            for file, version, last_line, is_done in db.run(
                "select file, version, last_line, is_done from events.files"
            )
        }
    touched = set()
    for batch in _batches(dumps, seen):
        touched |= {(dump.path, dump.version) for dump, _ in batch}
        with connect() as db, db.transaction():
            _load_batch(db, batch)
    if not touched:
        return []
    with connect() as db:
        loaded = _loaded(db, touched)
    if any(file.error for file in loaded):
        raise EventsIncomplete(loaded)
    return loaded


def _batches(
    dumps: Iterable[Dump], seen: dict[tuple[str, str], tuple[int, bool]]
) -> Iterator[Batch]:
    batch: Batch = []
    lines, size = 0, 0
    for dump in dumps:
        last_line, is_done = seen.get((dump.path, dump.version), (0, False))
        if is_done:
            continue
        for piece in dump.read(last_line):
            batch.append((dump, piece))
            lines += piece.rows.num_rows
            size += piece.rows.nbytes
            if lines >= LINES_IN_A_BATCH or size >= BYTES_IN_A_BATCH:
                yield batch
                batch, lines, size = [], 0, 0
    if batch:
        yield batch


def _load_batch(db: Database, batch: Batch) -> None:
    import pyarrow as pa

    pieces = pa.table(
        {
            "piece": list(range(len(batch))),
            "file": [dump.path for dump, _ in batch],
            "version": [dump.version for dump, _ in batch],
            "size": [dump.size for dump, _ in batch],
            "last_line": [lines.last_line for _, lines in batch],
            "is_done": [lines.is_end and lines.error is None for _, lines in batch],
            "error": pa.array([lines.error for _, lines in batch], pa.string()),
        }
    )
    rows = pa.concat_tables(
        lines.rows.append_column("piece", pa.repeat(piece, lines.rows.num_rows))
        for piece, (_, lines) in enumerate(batch)
    )
    # DuckDB reads an Arrow table with one thread a chunk.
    rows = pa.Table.from_batches(rows.to_batches(ROWS_IN_A_MORSEL), rows.schema)
    with db.lent("event_pieces", pieces), db.lent("event_lines", rows):
        for step in (SORT, *map(insert, KINDS), QUARANTINE, COUNT):
            db.run(step)


def _loaded(db: Database, touched: set[tuple[str, str]]) -> list[Loaded]:
    rows = db.run(
        "select file, line_count, stored_count, duplicate_count, quarantined_count, blank_count,"
        " is_done, error, version from events.files order by file, version"
    )
    return [Loaded(*row) for *row, version in rows if (row[0], version) in touched]
