"""The bars of the whole road: how fast the project loads, and how fast events do.

Peers: a bare `import dagster`, without which no project loads; and a Python loop that parses each
line with the standard library's json and inserts nothing. Medians of interleaved runs.
"""

import gzip
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sandbox import company
from sandbox.world import World
from sources import events as dumps
from warehouse import database, events

LOAD = "from cdp_assets.definitions import defs; defs()"
RUNS = 3


def run(*, quick: bool) -> list[dict[str, Any]]:
    load_s, import_s = _medians(partial(_python, LOAD), partial(_python, "import dagster"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        company.found(World(datetime(2026, 11, 22, tzinfo=UTC)), folder, 300 if quick else 2000, 7)
        lines = _parse(folder)
        events_s, parse_s = _medians(partial(_load, folder), partial(_parse, folder))
    return [
        _bar("seconds to load the code location", load_s, 3.0),
        _bar("the same against a bare import of dagster", load_s / import_s, 3.0),
        _bar(f"seconds to load {lines} lines of events", events_s, 10.0),
        _bar("the same against json.loads of every line", events_s / parse_s, 10.0),
    ]


def _bar(name: str, value: float, at_most: float) -> dict[str, Any]:
    return {"bar": name, "value": round(value, 2), "at_most": at_most, "holds": value <= at_most}


def _medians(ours: Callable[[], Any], peer: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of each, in turn, so that a slow moment of the machine meets both."""
    pairs = [(_seconds(ours), _seconds(peer)) for _ in range(RUNS)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


def _load(folder: Path) -> None:
    warehouse = folder / "warehouse.duckdb"
    warehouse.unlink(missing_ok=True)
    events.load(partial(database.connect, warehouse), dumps.source(str(folder / "events")).dumps)


def _parse(folder: Path) -> int:
    """Parse every line that can be parsed; how many lines there were."""
    count = 0
    for path in (folder / "events").iterdir():
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for line in file:
                count += 1
                try:
                    json.loads(line)
                except ValueError:
                    continue
    return count
