"""One measurement of a sync, as a process of its own; prints what it found as JSON.

steady    a plan of rows of which one in a hundred has changed, beside DuckDB's own join of the
          same tables: the keys and stored hashes of the ledger with the hashes of the table
first     a plan of rows none of which the tool has, and their encoding as JSON
send      a sync to HubSpot on loopback, from plan to ledger; and again, after the one refusal
limited   the same with HubSpot's limit; `marketo` with Marketo's
loop      a bare loop of `requests` that sends the same batches from a list
"""

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from bench import sync_once
from bench.sync_once import SYNC, warehouse
from warehouse import ledger, plan
from warehouse.database import Database, connect

NUMBERS, TEXTS = range(8), range(11)
FIELDS = ["email", *(f"n{k}" for k in NUMBERS), *(f"t{k}" for k in TEXTS)]
UPSERT = "/crm/v3/objects/contacts/batch/upsert"
LIST = ", ".join(FIELDS)


def steady(rows: int, folder: Path, _url: str) -> dict[str, Any]:
    # In a process of its own: what the join takes in memory is not the plan's.
    with get_context("spawn").Pool(1) as other:
        said = other.apply(_joined, (rows, folder))
    with connect(warehouse(folder)) as db, _timed(said, "plan"):
        made = plan.plan(db, SYNC, "r1", folder, datetime.now(UTC))
    assert made.updated == said["differing"], made
    return said


def _joined(rows: int, folder: Path) -> dict[str, Any]:
    with connect(warehouse(folder)) as db:
        db.run("set enable_progress_bar = false")
        fill(db, rows)
        ledger.make_tables(db)
        ledger.fit_ledger(db, SYNC, db.columns(SYNC.table))
        db.run(
            f"insert into {SYNC.ledger} by name"
            f" select email as _key, now() as _accepted_at, * from {SYNC.table}"
        )
        db.run(f"update {SYNC.table} set t0 = 'x' where hash(email) % 100 = 0")
        db.run(f"create table stored as select _key, hash({LIST}) as _hash from {SYNC.ledger}")
    said: dict[str, Any] = {}
    with connect(warehouse(folder)) as db:
        db.run("set enable_progress_bar = false")
        with _timed(said, "join"):
            said["differing"] = db.value(
                f"select count(*) from (select email as _key, hash({LIST}) as _hash"
                f" from {SYNC.table}) as w left join stored as s using (_key)"
                " where s._hash is distinct from w._hash"
            )
    return said


def planned(rows: int, folder: Path, _url: str) -> dict[str, Any]:
    said: dict[str, Any] = {}
    with connect(warehouse(folder)) as db:
        fill(db, rows)
    with connect(warehouse(folder)) as db, _timed(said, "plan"):
        plan.plan(db, SYNC, "r1", folder, datetime.now(UTC))
    return said


def first(rows: int, folder: Path, _url: str) -> dict[str, Any]:
    from cdp_assets import packing, spool
    from destinations.rows import on_wire
    from destinations.wording import as_it_is

    _warm_up()
    said: dict[str, Any] = {}
    with connect(warehouse(folder)) as db:
        fill(db, rows)
    # Two threads of one core share what is in it, and each then takes longer for the same.
    if sys.platform == "linux":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with connect(warehouse(folder)) as db, _timed(said, "plan"):
        made = plan.plan(db, SYNC, "r1", folder, datetime.now(UTC))
    said["encoded"] = 0
    with _timed(said, "encode"):
        for portion in spool.portions(made.spool, 100):
            for _, packed in packing.pack(SYNC, portion, as_it_is, is_partial=False):
                said["encoded"] += len(packed.rows)
                on_wire(packed.rows)
    assert made.created == said["encoded"] == rows, made
    return said


def send(rows: int, folder: Path, url: str, *, way: str = "hubspot") -> dict[str, Any]:
    aimed = sync_once.target(sync_once.WAYS[way], url)
    with connect(warehouse(folder)) as db:
        fill(db, rows)
    said: dict[str, Any] = {}
    _warm_up()
    with _timed(said, "send"):
        said["accepted"] = sync_once.run(aimed, folder, "send").accepted
    assert said["accepted"] == rows - 1, said
    # The one row that is refused is all that goes again.
    sync_once.let_refused_go(folder)
    with _timed(said, "again_run"):
        after = sync_once.run(aimed, folder, "again")
    said["again"] = after.planned - after.held
    return said


def loop(rows: int, folder: Path, url: str) -> dict[str, Any]:
    import requests

    with connect(warehouse(folder)) as db:
        fill(db, rows)
        values = db.run(f"select {LIST} from {SYNC.table}")
    batches = [
        {"inputs": [_input(dict(zip(FIELDS, row, strict=True))) for row in values[at : at + 100]]}
        for at in range(0, rows, 100)
    ]
    said: dict[str, Any] = {}
    with requests.Session() as session, _timed(said, "loop"):
        for batch in batches:
            session.post(
                f"{url}/crm/v3/objects/contacts/batch/upsert", json=batch, timeout=60
            ).json()
    return said


def _warm_up() -> None:
    """What is imported once a process is no cost of a row."""
    import pyarrow.compute
    import pyarrow.parquet

    assert pyarrow.compute
    assert pyarrow.parquet
    # To tell a list from a DataFrame, Arrow imports pandas.
    pyarrow.array([""])


def _input(row: dict[str, Any]) -> dict[str, Any]:
    key = row.pop("email")
    properties = {name: str(value) for name, value in row.items()}
    return {
        "id": key, "idProperty": "email", "objectWriteTraceId": key, "properties": properties,
    }  # fmt: skip


def fill(db: Database, rows: int) -> None:
    """Rows of twenty columns; the first has an address that the tool refuses."""
    db.run(f"set memory_limit = '{plan.MEMORY}'")
    numbers = ", ".join(f"(i * {k + 7}) % 1000 as n{k}" for k in NUMBERS)
    texts = ", ".join(f"'value ' || ((i * {k + 3}) % 5000) as t{k}" for k in TEXTS)
    db.materialize(
        SYNC.table,
        f"select if(i = 0, 'bad', 'user' || i || '@example.com') as email, {numbers}, {texts}"
        f" from range({rows}) as r (i)",
    )


@contextmanager
def _timed(said: dict[str, Any], name: str) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    said[f"{name}_wall_s"] = time.perf_counter() - wall
    said[f"{name}_cpu_s"] = time.process_time() - cpu


STEPS: dict[str, Callable[[int, Path, str], dict[str, Any]]] = {
    "steady": steady,
    "planned": planned,
    "first": first,
    "send": send,
    "limited": partial(send, way="limited"),
    "marketo": partial(send, way="marketo"),
    "loop": loop,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("rows", type=int)
    parser.add_argument("--url", default="")
    given = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        found = STEPS[given.step](given.rows, place, given.url)
    finally:
        shutil.rmtree(place)
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(found))
