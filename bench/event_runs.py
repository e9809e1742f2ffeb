"""One load of event dumps, ours or a peer's, as a process of its own; prints what it found.

The peers: `floor` is DuckDB reading the same files' envelopes, less than which no loader on DuckDB
can do; `loop` is event_loop.py; `dlt` is its filesystem source and normaliser as they come.
"""

import argparse
import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

TEXTS = (
    *("type", "messageId", "anonymousId", "userId", "groupId", "previousId", "event", "name"),
    *("category", "originalTimestamp", "sentAt", "receivedAt", "timestamp"),
)
OBJECTS = ("context", "properties", "traits", "integrations")


def ours(folder: Path, warehouse: Path) -> dict[str, int]:
    """Says too how many of the dumps were opened, as Python's audit saw it."""
    opened = set()

    def audit(event: str, given: tuple[Any, ...]) -> None:
        if event == "open" and str(given[0]).startswith(f"{folder}/"):
            opened.add(str(given[0]))

    sys.addaudithook(audit)
    from sources.events import source
    from warehouse.events import load

    files = load(warehouse, source(str(folder)).dumps)
    return {
        "lines": sum(file.line_count for file in files),
        "stored": sum(file.stored_count for file in files),
        "duplicate": sum(file.duplicate_count for file in files),
        "malformed": sum(file.quarantined_count for file in files),
        "opened": len(opened),
    }


def floor(folder: Path, _warehouse: Path) -> dict[str, int]:
    import duckdb

    columns = {**dict.fromkeys(TEXTS, "VARCHAR"), **dict.fromkeys(OBJECTS, "JSON")}
    with duckdb.connect() as connection:
        connection.execute(
            "create temp table read as from read_json(?, format = 'newline_delimited',"
            f" ignore_errors = true, columns = {columns})",
            [f"{folder}/*.json.gz"],
        )
        counted = connection.execute("select count(*), count(messageId) from read").fetchall()
    lines, good = counted[0]
    return {"lines": lines, "malformed": lines - good}


def loop(folder: Path, warehouse: Path) -> dict[str, int]:
    from bench.event_loop import load

    return load(folder, warehouse)


def dlt(folder: Path, warehouse: Path) -> dict[str, int]:
    """A table per event name. It keeps duplicates, and stops at a malformed line."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["DLT_DATA_DIR"] = str(warehouse.parent / "dlt")
    import dlt as library
    from dlt.sources.filesystem import filesystem, read_jsonl

    def table(event: Any) -> str:
        return str(event["event"] if event["type"] == "track" else event["type"])

    lines = filesystem(f"file://{folder}", file_glob="*.json.gz") | read_jsonl()
    lines.apply_hints(table_name=table)
    destination = library.destinations.duckdb(str(warehouse))
    pipeline = library.pipeline("events", destination=destination, dataset_name="events")
    pipeline.run(lines)
    counts: dict[str, int] = cast(Any, pipeline.last_trace).last_normalize_info.row_counts
    # Its own tables, and the arrays' elements, are no lines.
    stored = sum(n for name, n in counts.items() if not name.startswith("_") and "__" not in name)
    return {"lines": stored}


RUNS: dict[str, Callable[[Path, Path], dict[str, int]]] = {
    run.__name__: run for run in (ours, floor, loop, dlt)
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.event_runs", description=__doc__)
    parser.add_argument("who", choices=RUNS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("warehouse", type=Path)
    given = parser.parse_args()
    said = RUNS[given.who](given.folder, given.warehouse)
    # Kilobytes on Linux, bytes on macOS (getrusage(2) of each).
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    print(json.dumps({"said": said, "peak_mb": round(peak / 1e6)}))
