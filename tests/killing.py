"""Work in a process of its own, killed at a moment."""

import multiprocessing
import signal
import time
from collections.abc import Callable
from typing import Any

# Processes that have what takes long imported before they start.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(
    ["duckdb", "pyarrow", "sources.events", "warehouse.events", "warehouse.identity"]
)


def run_for(limit_s: float | None, work: Callable[..., None], *args: Any) -> float | None:
    """How many seconds it took; None if it was killed at its limit."""
    started = time.monotonic()
    process = processes.Process(target=work, args=args)
    process.start()
    process.join(limit_s)
    process.kill()
    process.join()
    assert process.exitcode in ((0,) if limit_s is None else (0, -signal.SIGKILL))
    return None if process.exitcode else time.monotonic() - started
