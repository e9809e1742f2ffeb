"""DuckDB's own lock on a warehouse's file: one process writes at a time, the others wait for it."""

import logging
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

log = logging.getLogger(__name__)

FIRST_WORD_AFTER_S = 1.0


class WarehouseBusy(Exception):
    """Another process kept the warehouse locked for longer than we were willing to wait."""

    def __init__(self, path: Path, holder: str, waited_s: float):
        super().__init__(
            f"The warehouse {path} is in use by {holder}; gave up after {waited_s:.0f} s. "
            "Let it finish or stop it, then run this again."
        )


def wait_for_lock(
    take: Callable[[], duckdb.DuckDBPyConnection], path: Path, wait_s: float, pause_s: float
) -> duckdb.DuckDBPyConnection:
    """Try to open the file until it is free; says for whom it waits. Raises WarehouseBusy."""
    started, told = time.monotonic(), False
    while True:
        try:
            return take()
        except duckdb.IOException as error:
            if not _is_lock(error):
                raise
            waited = time.monotonic() - started
            if waited >= wait_s:
                raise WarehouseBusy(path, _holder(error), waited) from error
            if waited >= FIRST_WORD_AFTER_S and not told:
                log.warning("Waiting for the warehouse %s: in use by %s.", path, _holder(error))
                told = True
            time.sleep(pause_s)


def _is_lock(error: duckdb.IOException) -> bool:
    """DuckDB words a taken lock differently on Windows (dagster issue 26848)."""
    text = str(error)
    return "Could not set lock" in text or "used by another process" in text


def _holder(error: duckdb.IOException) -> str:
    """Who holds the lock, as DuckDB tells it: `process 42 (dagster)`."""
    found = re.search(r"PID (\d+)", str(error))
    if not found:
        return "another process"
    try:
        command = Path(f"/proc/{found[1]}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return f"process {found[1]}"
    return f"process {found[1]} ({os.path.basename(command.strip())[:80]})"
