"""Writes event dumps for tests, and asks the warehouse what became of them."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from sources.events import source
from warehouse import database
from warehouse.events import Loaded, load, unbalanced

NOON = "2026-11-23T12:00:00Z"


def track(**fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Seen", "userId": "u1", "timestamp": NOON, **fields}


Event = dict[str, Any] | str | bytes


def put(path: Path, *lines: Event) -> Path:
    texts = [json.dumps(line) if isinstance(line, dict) else line for line in lines]
    raw = b"".join((t.encode() if isinstance(t, str) else t) + b"\n" for t in texts)
    if path.suffix == ".gz":
        raw = gzip.compress(raw)
    elif path.suffix == ".zst":
        raw = pa.compress(raw, codec="zstd", asbytes=True)
    path.write_bytes(raw)
    return path


def counts(loaded: list[Loaded]) -> list[tuple[str, int, int, int, int]]:
    return [
        (
            Path(f.file).name,
            f.line_count,
            f.stored_count,
            f.duplicate_count,
            f.quarantined_count,
        )
        for f in loaded
    ]


def rows(warehouse: Path, sql: str) -> list[tuple[Any, ...]]:
    with database.connect(warehouse) as db:
        return db.run(sql)


def records(warehouse: Path, sql: str) -> list[dict[str, Any]]:
    """Rows by the names of their columns, without what is null."""
    with database.connect(warehouse) as db:
        found = db.read(sql).to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in found]


def table_counts(warehouse: Path) -> dict[str, int]:
    """How many rows each table and view of the events has."""
    listed = "select table_name from information_schema.tables where table_schema = 'events'"
    return {
        table: rows(warehouse, f'select count(*) from events."{table}"')[0][0]
        for (table,) in rows(warehouse, f"{listed} order by table_name")
    }


def quarantined(warehouse: Path) -> list[tuple[Any, ...]]:
    return rows(warehouse, "select line, code, reason from events.quarantine order by file, line")


def is_balanced(warehouse: Path) -> bool:
    with database.connect(warehouse) as db:
        return unbalanced(db) == []


def load_events(url: str, warehouse: Path) -> list[Loaded]:
    return load(warehouse, source(url).dumps)
