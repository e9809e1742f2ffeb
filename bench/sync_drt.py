"""drt (drt-core on PyPI), a peer, on the same rows and the same HubSpot on loopback.

It sends a contact a call, at most nine a second, and has no diff for DuckDB: it goes by a cursor.
Its address of HubSpot is a constant of its module, which is set to the server's before it starts.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from bench.bars import Bar, at_least
from bench.sync_runs import LIST, fill
from warehouse.database import connect

START = """
import sys
import drt.destinations.hubspot as hubspot
hubspot._HUBSPOT_API = sys.argv.pop(1) + "/crm/v3/objects"
hubspot._HUBSPOT_PROPERTIES_API = "http://127.0.0.1:9/none"
from drt.cli.main import app
app()
"""
SYNC = """
name: contacts
model: ref('contacts')
destination:
  type: hubspot
  object_type: contacts
  id_property: email
  auth: {type: bearer, token_env: HUBSPOT_TOKEN}
sync: {mode: incremental, cursor_field: place, batch_size: 100, on_error: skip}
"""


def bars(
    server: Callable[[], AbstractContextManager[str]], rows: int, runs: list[dict[str, Any]]
) -> list[Bar]:
    """Rows a second of both, each with the start of its process; none without drt."""
    python = os.environ.get("DRT", "")
    if not python:
        print("drt is not measured: DRT names no Python that has drt-core", file=sys.stderr)
        return []
    with server() as url:
        ours_s = _timed([sys.executable, "-m", "bench.sync_runs", "send", str(rows), "--url", url])
        ours = _counts(url)
        folder = _project(rows)
        try:
            command = [python, "-c", START, url, "run", "--select", "contacts"]
            drt_s, first = _timed(command, folder), _counts(url)
            assert first["rows"] == rows, f"drt sent {first} of {rows} rows"
            again_s, again = _timed(command, folder), _counts(url)
        finally:
            shutil.rmtree(folder)
    # Ours has had its second run, of one row, within the same process.
    runs.append(_row("ours, both runs", rows, ours_s, ours))
    runs.append(_row("drt", rows, drt_s, first))
    runs.append(_row("drt, run after", again["rows"], again_s, again))
    note = f"calls a row: ours {ours['calls'] / rows:.2f}, drt {first['calls'] / rows:.2f}; after "
    note += f"a refused row drt sends {again['rows']}"
    return [at_least(5, "syncs: rows a second of ours / drt", drt_s / ours_s, note)]


def _row(step: str, rows: int, wall_s: float, counts: dict[str, int]) -> dict[str, Any]:
    return {
        "step": step,
        "rows": rows,
        "runs": 1,
        "cpu s": "",
        "wall s": round(wall_s, 2),
        "cpu us a row": "",
        "peak MB": "",
        "calls": counts["calls"],
    }


def _project(rows: int) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="bench-drt-"))
    with connect(folder / "from.duckdb") as db:
        fill(db, rows)
        db.run(f"create table main.contacts as select {LIST}, rowid as place from syncs.bench")
    (folder / "syncs").mkdir()
    (folder / "syncs" / "contacts.yml").write_text(SYNC)
    (folder / "drt_project.yml").write_text('name: bench\nversion: "0.1"\nprofile: bench\n')
    (folder / ".drt").mkdir()
    profile = f"bench:\n  type: duckdb\n  database: {folder / 'from.duckdb'}\n"
    (folder / ".drt" / "profiles.yml").write_text(profile)
    return folder


def _timed(command: list[str], folder: Path | None = None) -> float:
    told = {**os.environ, "HUBSPOT_TOKEN": "pat-bench"}
    if folder:
        told["HOME"] = str(folder)
    started = time.perf_counter()
    # drt ends with 1 where a row was refused; what it sent is counted by the server.
    subprocess.run(command, cwd=folder, env=told, capture_output=True, check=folder is None)
    return time.perf_counter() - started


def _counts(url: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{url}/counts", timeout=5) as answer:  # noqa: S310 - loopback
        counts: dict[str, int] = json.loads(answer.read())
    return counts
