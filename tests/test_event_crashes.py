"""A load of events that is killed at random moments, again and again, ends like an undisturbed one."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from event_files import Event, is_balanced, put, rows, track
from killing import run_for

from sources import _dumps
from sources.events import Dump, Lines, source
from warehouse.events import files, fill, load

KILLS = 20
# When a row was loaded; all else is the same in every load of the same files.
LOAD_TIMES = ("uuid_ts", "loaded_at", "filled_until", "changed_at")


@dataclass(frozen=True)
class InSmallPieces:
    """A dump, a few lines at a time."""

    dump: Dump

    @property
    def path(self) -> str:
        return self.dump.path

    @property
    def version(self) -> str:
        return self.dump.version

    @property
    def size(self) -> int:
        return self.dump.size

    def mark(self, upto: int) -> str:
        return self.dump.mark(upto)

    def read(self, after_line: int = 0) -> Iterator[Lines]:
        blocks = _dumps.blocks(self.dump.open, self.path)
        return _dumps.lines(blocks, after_line, piece_lines=150)


def load_in_small_steps(folder: Path, warehouse: Path) -> None:
    """In a process of its own: two thousand lines in fifteen transactions."""
    files.LINES_IN_A_BATCH = 300
    fill.ROWS_AT_A_TIME = 400
    load(warehouse, [InSmallPieces(dump) for dump in source(str(folder)).dumps])


def test_twenty_kills_at_random_moments_leave_no_trace(folder: Path, tmp_path: Path) -> None:
    write_dumps(folder)
    undisturbed = tmp_path / "undisturbed.duckdb"
    seconds = run_for(None, load_in_small_steps, folder, undisturbed) or 0
    moments = random.Random(20)  # noqa: S311 no secret
    killed, kills, places = [tmp_path / "killed_0.duckdb"], 0, set()
    while kills < KILLS:
        if (
            run_for(moments.uniform(0, seconds / 5), load_in_small_steps, folder, killed[-1])
            is None
        ):
            kills += 1
            places.add(place(killed[-1]))
        else:  # it has come to its end in spite of all: now another one
            killed.append(tmp_path / f"killed_{len(killed)}.duckdb")
    run_for(None, load_in_small_steps, folder, killed[-1])
    assert len(places) > 3
    assert is_balanced(undisturbed)
    for warehouse in killed:
        assert differences(undisturbed, warehouse) == {}


def place(warehouse: Path) -> tuple[Any, ...]:
    """How far the load has come: lines that were read, and rows in typed tables."""
    try:
        lines = "(select sum(last_line) from events.files)"
        [found] = rows(warehouse, f"select {lines}, (select sum(row_count) from events.filled)")
    except duckdb.CatalogException:
        return ()
    return found


def write_dumps(folder: Path) -> None:
    """Four files in which types widen, columns come and ids come twice, with all that goes wrong."""
    chance = random.Random(3)  # noqa: S311 no secret
    for number, name in enumerate("abcd"):
        lines: list[Event] = [event(chance, number) for _ in range(600)]
        lines += ["broken", "", {"batch": []}, track(userId=None)] * 5
        lines += [{"batch": [event(chance, number) for _ in range(3)] + [5]} for _ in range(20)]
        chance.shuffle(lines)
        put(folder / f"{name}.jsonl{'.gz' if number % 2 else ''}", *lines)


def event(chance: random.Random, number: int) -> dict[str, Any]:
    n = chance.randrange(10_000)
    # What a field holds changes from file to file.
    value = [n, n / 4, str(n), {"n": n}][number]
    common = {
        "messageId": f"m{n}",
        "userId": f"u{n % 50}",
        "timestamp": f"2026-11-{1 + n % 28:02}T{n % 24:02}:00:{n % 60:02}.{n:06}Z",
        "context": {"page": {"url": f"/{n}"}, "app": {"build": value, f"only{number}": n}},
    }
    kind = chance.choice(("track", "track", "track", "page", "identify", "group"))
    if kind == "track":
        name = f"Event {n % 2}"
        return track(**common, event=name, properties={"value": value, f"p{n % 9}": n}, extra=n)
    traits = {"email": f"{n}@example.com", "age": value, f"t{n % 5}": n}
    fields = {"name": "Home"} if kind == "page" else {"traits": traits}
    return {"type": kind, **common, **fields, "groupId": f"g{n % 9}"}


def differences(one: Path, other: Path) -> dict[str, list[Any]]:
    """The rows that only one of the two warehouses has, by table."""
    with duckdb.connect() as db:
        db.execute(f"attach '{one}' as one; attach '{other}' as other")
        found: dict[str, list[Any]] = {}
        assert tables(db, "one") == tables(db, "other")
        for table, columns in tables(db, "one").items():
            listed = ", ".join(f'"{name}"' for name, _ in columns if name not in LOAD_TIMES)
            here, there = (f'(select {listed} from {w}.events."{table}")' for w in ("one", "other"))
            apart = f"(from {here} except all from {there})"
            back = f"(from {there} except all from {here})"
            rows = db.execute(f"{apart} union all {back} limit 3").fetchall()
            found |= {table: rows} if rows else {}
    return found


def tables(db: duckdb.DuckDBPyConnection, warehouse: str) -> dict[str, list[tuple[str, str]]]:
    """The columns of each table, with their types."""
    listed = db.execute(
        "select table_name, column_name, data_type from duckdb_columns()"
        f" where database_name = '{warehouse}' and schema_name = 'events' order by all"
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in listed.fetchall():
        found.setdefault(table, []).append((column, kind))
    return found
