"""Writes event dumps for tests, and asks the warehouse what became of them."""

import gzip
import json
from pathlib import Path
from typing import Any

from sources.events import source
from warehouse.events import Connect, Loaded, load, unbalanced

NOON = "2026-11-23T12:00:00Z"


def track(**fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Seen", "userId": "u1", "timestamp": NOON, **fields}


Event = dict[str, Any] | str | bytes


def put(path: Path, *lines: Event) -> Path:
    texts = [json.dumps(line) if isinstance(line, dict) else line for line in lines]
    raw = b"".join((t.encode() if isinstance(t, str) else t) + b"\n" for t in texts)
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
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


def rows(connect: Connect, sql: str) -> list[tuple[Any, ...]]:
    with connect() as db:
        return db.run(sql)


def quarantined(connect: Connect) -> list[tuple[Any, ...]]:
    return rows(connect, "select line, code, reason from events.quarantine order by file, line")


def is_balanced(connect: Connect) -> bool:
    with connect() as db:
        return unbalanced(db) == []


def load_events(url: str, connect: Connect) -> list[Loaded]:
    return load(connect, source(url).dumps)
