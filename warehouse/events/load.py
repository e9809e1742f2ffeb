"""Loads event dumps: each message once, each file once, and every line accounted for.

Pieces of files are read and taken apart while the warehouse is closed, many small files or a part
of a large one at a time. What came of them goes in by one transaction together with the list of
files: a crash at any moment neither loses nor doubles a line, and the next run goes on at the line
where this one stopped. Then the typed tables are filled from what is new.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse import database
from warehouse.database import Database
from warehouse.events import enforce, files, incoming, registry, write
from warehouse.events.columns import Misfit, define, together
from warehouse.events.context import Context, expected
from warehouse.events.files import Dump, Seen
from warehouse.events.fill import fill
from warehouse.events.lines import read
from warehouse.events.plan import Plan, make_table
from warehouse.events.replay import Wanted, lying, take_out
from warehouse.events.tables import make_tables

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Loaded:
    """What has become of one version of a file, in all runs that worked on it."""

    file: str
    came: str
    line_count: int
    stored_count: int
    duplicate_count: int
    quarantined_count: int
    blocked_count: int
    blank_count: int
    is_done: bool
    error: str | None


class EventsIncomplete(Exception):
    """Some files could not be read to their end; everything else is loaded."""

    def __init__(self, loaded: list[Loaded]):
        self.loaded = loaded
        broken = [f"{file.file} ({file.error})" for file in loaded if file.error]
        super().__init__(
            f"{len(broken)} event file(s) could not be read to the end: {'; '.join(broken)}. All "
            "lines before that place are loaded; mend or replace the files and run this again."
        )


@dataclass
class Loader:
    """A load under way: where it works, and what it knows of the warehouse while that is closed.

    Nobody else writes these tables meanwhile: loads of one warehouse wait for each other.
    """

    db: Database
    warehouse: Path
    schema: str
    plan: Plan | None
    known: dict[str, list[Seen]]
    context: Context
    event_tables: set[str]
    last_at: datetime

    def read(self, lines: "pa.Table") -> None:
        """Take some lines of `event_pieces` apart."""
        self._set_now()
        self.db.run(f"set variable is_planned = {self.plan is not None}")
        read(self.db, lines)

    def write(self, *, is_replay: bool = False) -> None:
        """Load what was read, in one transaction, and give its memory back."""
        enforce.judge(self.db, self.plan)
        write.prepare(self.db, self.event_tables)
        known = copy(self.context)
        try:
            self._write(is_replay=is_replay, is_trusting=True)
        except Misfit:
            self.context = known
            self._write(is_replay=is_replay, is_trusting=False)
        self.db.run("drop table calls_in")

    def _write(self, *, is_replay: bool, is_trusting: bool) -> None:
        db = self.db
        changes = self.context.learn(db, is_trusting=is_trusting)
        self.context.keep_nameless(db)
        with database.writing(db, self.warehouse), db.transaction():
            if is_replay:
                take_out(db, self.schema)
            changes = self.context.exactly(db, f"{self.schema}.calls", changes)
            write.write(db, self.schema, self.context.here, changes, is_checked=is_trusting)
            if self.plan and not is_replay:
                enforce.count(db, self.schema)

    def _set_now(self) -> None:
        """The time of this load, later than any before it, even where a clock was set back."""
        self.last_at = max(datetime.now(UTC), self.last_at + timedelta(microseconds=1))
        self.db.run(f"set variable now = timestamptz '{self.last_at.isoformat()}'")


def load(
    warehouse: Path, dumps: Iterable[Dump], plan: Plan | None = None, schema: str = "events"
) -> list[Loaded]:
    """Load what is new, by the plan; says what became of the files it worked on.

    Raises EventsIncomplete, when all is loaded that can be, if a file broke off in the middle.
    """
    with _loader(warehouse, schema, plan) as loader:
        touched = set()
        for batch in files.batches(dumps, loader.known):
            touched |= {(piece.dump.path, piece.dump.version) for piece in batch}
            # Nothing but `read` may hold the lines: what is taken apart needs their memory.
            loader.read(files.lend(loader.db, batch))
            loader.write()
        fill(loader.db, warehouse, schema)
        loaded = _loaded(loader.db, warehouse, schema, touched) if touched else []
    if any(file.error for file in loaded):
        raise EventsIncomplete(loaded)
    return loaded


@dataclass(frozen=True)
class Replayed:
    """What lay in quarantine: how much of it came in, and how much lies there again."""

    taken_count: int
    stored_count: int
    duplicate_count: int
    refused_count: int


def replay(
    warehouse: Path,
    plan: Plan | None = None,
    code: str | None = None,
    file: str | None = None,
    schema: str = "events",
) -> Replayed:
    """Load once more what lies in quarantine: all of it, or that of one code or one file."""
    counts = {"stored": 0, "duplicate": 0, "quarantined": 0, "blocked": 0, "blank": 0}
    with _loader(warehouse, schema, plan) as loader:
        loader._set_now()  # all that lies there by now is older
        wanted = Wanted(loader.last_at, code, file)
        for lines in lying(loader.db, warehouse, schema, wanted):
            loader.read(lines)
            loader.write(is_replay=True)
            for verdict, count in loader.db.run(
                "select verdict, count(*) from verdicts group by 1"
            ):
                counts[verdict] += count
        fill(loader.db, warehouse, schema)
    return Replayed(
        sum(counts.values()),
        counts["stored"],
        counts["duplicate"],
        counts["quarantined"] + counts["blocked"],
    )


# A replay leaves no time in the list of files: the newest version of a file stays the newest.
LAST_AT = """
select greatest(
    timestamptz 'epoch',
    (select max(loaded_at) from {schema}.files),
    (select max(loaded_at) from {schema}.quarantine),
    (select max(uuid_ts) from {schema}.calls)
)"""


@contextmanager
def _loader(warehouse: Path, schema: str, plan: Plan | None) -> Iterator[Loader]:
    lock = warehouse.with_name(f"{warehouse.name}.{schema}.lock")
    with database.one_at_a_time(lock), database.workbench(warehouse) as db:
        # Without it, DuckDB keeps most of what it has read of the warehouse.
        db.run("set memory_limit = '950MB'")
        define(db)
        yield _start(db, warehouse, schema, plan)


def _start(db: Database, warehouse: Path, schema: str, plan: Plan | None) -> Loader:
    wanted = expected()
    with database.writing(db, warehouse), db.transaction():
        make_tables(db, schema, {field.column: field.type for field in wanted})
        make_table(db, schema)
        incoming.make_tables(db, schema)
        columns = registry.known(db, schema).get("calls", registry.Known())
        context = Context(together(wanted, columns.fields), columns.nameless)
        return Loader(
            db,
            warehouse,
            schema,
            plan,
            files.seen(db, schema),
            context,
            {name for (name,) in db.run(f"select table_name from {schema}.filled")},
            db.value(LAST_AT.format(schema=schema)),
        )


def _loaded(
    db: Database, warehouse: Path, schema: str, touched: set[tuple[str, str]]
) -> list[Loaded]:
    with database.writing(db, warehouse):
        rows = db.run(
            "select file, came, line_count, stored_count, duplicate_count, quarantined_count,"
            " blocked_count, blank_count, is_done, error, version"
            f" from {schema}.files order by file, loaded_at"
        )
    return [Loaded(*row) for *row, version in rows if (row[0], version) in touched]
