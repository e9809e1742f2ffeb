"""The bars of the whole road: how fast the project loads, and how fast a company's events do.

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

from bench.bars import Result, at_most

LOAD = "from cdp_assets.definitions import defs; defs()"


def run(*, quick: bool) -> Result:
    from sandbox import company
    from sandbox.world import World

    medians = partial(_medians, runs=1 if quick else 3)
    load_s, import_s = medians(partial(_python, LOAD), partial(_python, "import dagster"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        company.found(World(datetime(2026, 11, 22, tzinfo=UTC)), folder, 300 if quick else 2000, 7)
        lines = _parse(folder)
        events_s, parse_s = medians(partial(_load, folder), partial(_parse, folder))
    return Result(
        [
            at_most(3, "seconds to load the code location", load_s),
            at_most(3, "the same against a bare import of dagster", load_s / import_s),
            at_most(10, f"seconds to load {lines} lines of events", events_s),
            at_most(10, "the same against json.loads of every line", events_s / parse_s),
        ]
    )


def _medians(ours: Callable[[], Any], peer: Callable[[], Any], runs: int) -> tuple[float, float]:
    """Seconds of each, in turn, so that a slow moment of the machine meets both."""
    pairs = [(_seconds(ours), _seconds(peer)) for _ in range(runs)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


def _load(folder: Path) -> None:
    from sources.events import source
    from warehouse.events import load

    warehouse = folder / "warehouse.duckdb"
    warehouse.unlink(missing_ok=True)
    load(warehouse, source(str(folder / "events")).dumps)


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
