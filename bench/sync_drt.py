"""drt (drt-core on PyPI), a peer, on the same rows and the same tools on loopback.

To HubSpot it sends a contact a call, at most nine a second, which is written into it; to a webhook
as many a second as it can, here without its own limit of ten. It has no diff for DuckDB: it goes by
a cursor. Its address of HubSpot is a constant of its module, which is set to the server's before it
starts. Both are timed with the start of their process: drt's takes over a second.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
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
destination: {destination}
sync: {{mode: incremental, cursor_field: place, batch_size: 100, on_error: skip, {limit}}}
"""
HUBSPOT = (
    "{type: hubspot, object_type: contacts, id_property: email,"
    " auth: {type: bearer, token_env: HUBSPOT_TOKEN}}"
)
UNLIMITED = "rate_limit: {requests_per_second: 0}"
ROW_A_CALL = "{type: rest_api, url: 'URL/hook'}"
HUNDRED_A_CALL = (
    "{type: rest_api, url: 'URL/hook', body_mode: batch, max_records_per_request: 100,"
    " headers: {Content-Type: application/json},"
    " batch_template: '{\"rows\": {{ rows | tojson_safe }}}'}"
)


@dataclass(frozen=True)
class Case:
    """What both send to the same tool: `step` is ours, `destination` and `limit` are drt's."""

    name: str
    step: str
    destination: str
    limit: str
    rows: int
    quick_rows: int


CASES = (
    Case("HubSpot", "send", HUBSPOT, "retry: {max_attempts: 1}", 600, 60),
    Case("webhook, a row a call", "webhook", ROW_A_CALL, UNLIMITED, 10_000, 500),
    Case("webhook, 100 rows a call", "webhooks", HUNDRED_A_CALL, UNLIMITED, 100_000, 5_000),
)


def bars(
    server: Callable[[], AbstractContextManager[str]], runs: list[dict[str, Any]], *, quick: bool
) -> Iterator[Bar]:
    """Rows a second of both; none without drt."""
    python = os.environ.get("DRT", "")
    if not python:
        print("drt is not measured: DRT names no Python that has drt-core", file=sys.stderr)
        return
    for case in CASES:
        yield _compared(case, case.quick_rows if quick else case.rows, python, server, runs)


def _compared(
    case: Case,
    rows: int,
    python: str,
    server: Callable[[], AbstractContextManager[str]],
    runs: list[dict[str, Any]],
) -> Bar:
    with server() as url:
        step = [sys.executable, "-m", "bench.sync_runs", case.step, str(rows), "--url", url]
        ours_s, ours = _timed(step), counts(url)
        folder = _project(case, rows, url)
        try:
            command = [python, "-c", START, url, "run", "--select", "contacts"]
            drt_s, first = _timed(command, folder), counts(url)
            assert first["rows"] == rows, f"drt sent {first} of {rows} rows"
            again_s, again = _timed(command, folder), counts(url)
        finally:
            shutil.rmtree(folder)
    # Ours has had its second run, of one row, within the same process.
    runs.append(_row(f"ours, both runs: {case.name}", rows, ours_s, ours))
    runs.append(_row(f"drt: {case.name}", rows, drt_s, first))
    runs.append(_row(f"drt, run after: {case.name}", again["rows"], again_s, again))
    note = f"calls a row: ours {ours['calls'] / rows:.2f}, drt {first['calls'] / rows:.2f}; after "
    note += f"a refused row ours sends {ours['rows'] - rows}, drt {again['rows']}"
    name = f"syncs, {case.name}, {rows:,} rows: rows a second of ours / drt"
    return at_least(5, name, drt_s / ours_s, note)


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


def _project(case: Case, rows: int, url: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="bench-drt-"))
    with connect(folder / "from.duckdb") as db:
        fill(db, rows)
        db.run(f"create table main.contacts as select {LIST}, rowid as place from syncs.bench")
    (folder / "syncs").mkdir()
    (folder / "syncs" / "contacts.yml").write_text(
        SYNC.format(destination=case.destination.replace("URL", url), limit=case.limit)
    )
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


def counts(url: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{url}/counts", timeout=5) as answer:  # noqa: S310 - loopback
        counts: dict[str, int] = json.loads(answer.read())
    return counts
