"""The one door to the warehouse: it waits for others, and says for whom."""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from warehouse import database
from warehouse.database import (
    Database,
    WarehouseMissing,
    connect,
    scratch,
)
from warehouse.lock import WarehouseBusy, log

HOLD = """
import sys, duckdb
held = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
"""


@contextmanager
def held(path: Path) -> Iterator[subprocess.Popen[str]]:
    """The warehouse in the hands of another process."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_who_waits_in_vain_is_told_for_whom(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with held(path) as process, pytest.raises(WarehouseBusy) as caught, connect(path, wait_s=0):
        pass
    said = str(caught.value)
    assert said.startswith(f"The warehouse {path} is in use by process {process.pid} (")
    assert said.endswith("gave up after 0 s. Let it finish or stop it, then run this again.")


def test_who_waits_says_so_and_gets_in_when_the_other_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    said: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    log.addHandler(listener)
    with held(path) as process:
        threading.Timer(1.3, process.kill).start()
        with connect(path, wait_s=20) as db:
            assert db.value("select 1") == 1
    log.removeHandler(listener)
    assert [words.split(" (")[0] for words in said] == [
        f"Waiting for the warehouse {path}: in use by process {process.pid}"
    ]


def test_there_is_nothing_to_read_before_the_first_load(tmp_path: Path) -> None:
    with (
        pytest.raises(WarehouseMissing, match=r"There is no warehouse at .*none\.duckdb yet"),
        connect(tmp_path / "none.duckdb", read_only=True),
    ):
        pass


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    with connect(tmp_path / "warehouse.duckdb") as db:
        db.write("a.b", pa.table({"n": [1]}), "replace")
        with pytest.raises(ZeroDivisionError):
            write_and_fail(db)
        db.write("a.b", pa.table({"n": [3]}), "append")
        assert db.run("from a.b order by n") == [(1,), (3,)]
        assert db.columns("a.b") == {"n": "BIGINT"}
        assert db.columns("a.nosuch") == {}


def write_and_fail(db: Database) -> None:
    with db.transaction():
        db.write("a.b", pa.table({"n": [2]}), "append")
        raise ZeroDivisionError


def test_times_are_utc_whatever_the_machine_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    with connect(tmp_path / "warehouse.duckdb") as db:
        stamp = db.value("select cast(timestamptz '2026-01-01 12:00:00+00' as varchar)")
    assert stamp == "2026-01-01 12:00:00+00"


def test_what_is_saved_can_be_worked_on_beside_the_warehouse(tmp_path: Path) -> None:
    folder = tmp_path / "it's here"
    folder.mkdir()
    with connect(tmp_path / "warehouse.duckdb") as db:
        db.save("select 7 as n", folder / "staging.rows.parquet")
    with scratch(folder) as db:
        assert db.run("from staging.rows") == [(7,)]


def test_what_memory_cannot_hold_is_laid_aside_and_cleared_away(tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    left = tmp_path / "warehouse.duckdb.999999999.tmp"  # no process has such a number
    left.mkdir()
    with database.workbench(warehouse) as db:
        db.run("set memory_limit = '60MB'")
        db.run("create temp table t as select i, md5(i::varchar) as m from range(3000000) as r(i)")
        laid_aside = [path.name for path in tmp_path.iterdir()]
        assert db.value("select count(distinct m) > 0 from (from t limit 10)")
    assert laid_aside == [f"warehouse.duckdb.{os.getpid()}.tmp"]
    assert list(tmp_path.iterdir()) == []
