"""drt (drt-core on PyPI), a peer, on the same rows and the same tools on loopback.

To HubSpot it sends a contact a call, at most nine a second, which is written into it; to a webhook
as many a second as it can, here without its own limit of ten. It has no diff for DuckDB: it goes by
a cursor. Its address of HubSpot is a constant of its module, which is set to the server's before it
starts.

Of both the table is filled before the clock starts, and a run is a process of its own, timed with
its start: the first run, of which the tool refuses a row, and the run after it. Ours is the engine
by itself, told in Python what to send: Dagster, which starts it on its schedule, is not in it. drt
reads the files of its project.
"""

import json
import os
import resource
import shutil
import statistics
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
from bench.sync_once import let_refused_go, warehouse
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
    """What both send to the same tool: `way` is ours, `destination` and `limit` are drt's."""

    name: str
    way: str
    destination: str
    limit: str
    rows: int
    quick_rows: int
    rounds: int


CASES = (
    # At nine calls a second the machine's mood does not show.
    Case("HubSpot", "hubspot", HUBSPOT, "retry: {max_attempts: 1}", 600, 60, 1),
    Case("webhook, a row a call", "webhook", ROW_A_CALL, UNLIMITED, 10_000, 500, 3),
    Case("webhook, 100 rows a call", "webhooks", HUNDRED_A_CALL, UNLIMITED, 100_000, 5_000, 3),
)


TIMES = ("wall_s", "cpu_s")


@dataclass(frozen=True)
class Ran:
    """A run of a process: what it took, and what reached the tool."""

    wall_s: float
    cpu_s: float
    calls: int
    rows: int


def bars(
    server: Callable[[], AbstractContextManager[str]], runs: list[dict[str, Any]], *, quick: bool
) -> Iterator[Bar]:
    """Rows a second of both; none without drt."""
    python = os.environ.get("DRT", "")
    if not python:
        print("drt is not measured: DRT names no Python that has drt-core", file=sys.stderr)
        return
    for case in CASES:
        yield _compared(case, python, server, runs, quick=quick)


def _compared(
    case: Case,
    python: str,
    server: Callable[[], AbstractContextManager[str]],
    runs: list[dict[str, Any]],
    *,
    quick: bool,
) -> Bar:
    rows, rounds = (case.quick_rows, 1) if quick else (case.rows, case.rounds)
    both: dict[str, list[Ran]] = {}
    for _ in range(rounds):
        with server() as url:
            for who, (first, after) in (
                ("ours", _ours(case, rows, url)),
                ("drt", _drts(case, rows, python, url)),
            ):
                assert first.rows == rows, f"{who} sent {first} of {rows} rows"
                both.setdefault(who, []).append(first)
                both.setdefault(f"{who}, run after", []).append(after)
    found = {who: _median(each) for who, each in both.items()}
    runs += [_row(f"{who}: {case.name}", ran, rounds) for who, ran in found.items()]
    ours, drt = found["ours"], found["drt"]
    ours_after, drt_after = found["ours, run after"], found["drt, run after"]
    note = f"calls a row: ours {ours.calls / rows:.2f}, drt {drt.calls / rows:.2f}; after a "
    note += f"refused row ours sends {ours_after.rows} in {ours_after.wall_s:.1f} s, drt "
    note += f"{drt_after.rows} in {drt_after.wall_s:.1f} s"
    name = f"syncs, {case.name}, {rows:,} rows: rows a second of ours / drt"
    return at_least(5, name, drt.wall_s / ours.wall_s, note)


def _ours(case: Case, rows: int, url: str) -> tuple[Ran, Ran]:
    folder = Path(tempfile.mkdtemp(prefix="bench-ours-"))
    command = [sys.executable, "-m", "bench.sync_once", case.way, url, str(folder)]
    try:
        with connect(warehouse(folder)) as db:
            fill(db, rows)
        first = _timed([*command, "first"], url)
        # drt knows no pause before it tries again, so ours is not what is compared.
        let_refused_go(folder)
        return first, _timed([*command, "after"], url)
    finally:
        shutil.rmtree(folder)


def _drts(case: Case, rows: int, python: str, url: str) -> tuple[Ran, Ran]:
    folder = _project(case, rows, url)
    command = [python, "-c", START, url, "run", "--select", "contacts"]
    try:
        return _timed(command, url, folder), _timed(command, url, folder)
    finally:
        shutil.rmtree(folder)


def _median(each: list[Ran]) -> Ran:
    wall_s, cpu_s = (statistics.median(getattr(one, name) for one in each) for name in TIMES)
    return Ran(wall_s, cpu_s, each[0].calls, each[0].rows)


def _row(step: str, ran: Ran, rounds: int) -> dict[str, Any]:
    return {
        "step": step,
        "rows": ran.rows,
        "runs": rounds,
        "cpu s": round(ran.cpu_s, 2),
        "wall s": round(ran.wall_s, 2),
        "cpu us a row": round(ran.cpu_s / ran.rows * 1e6, 1) if ran.rows else "",
        "peak MB": "",
        "calls": ran.calls,
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


def _timed(command: list[str], url: str, folder: Path | None = None) -> Ran:
    told = {**os.environ, "HUBSPOT_TOKEN": "pat-bench"}
    if folder:
        told["HOME"] = str(folder)
    began_s, cpu_s = time.perf_counter(), _children_s()
    # drt ends with 1 where a row was refused; what it sent is counted by the server.
    subprocess.run(command, cwd=folder, env=told, capture_output=True, check=folder is None)
    wall_s, cpu_s = time.perf_counter() - began_s, _children_s() - cpu_s
    told_of = counts(url)
    return Ran(wall_s, cpu_s, told_of["calls"], told_of["rows"])


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def counts(url: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{url}/counts", timeout=5) as answer:  # noqa: S310 - loopback
        counts: dict[str, int] = json.loads(answer.read())
    return counts
