"""A run of identity that is killed at random moments, again and again, ends like an undisturbed one."""

import multiprocessing
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
from stitching import Stitched

from bench import identity_data
from bench.identity_runs import SOURCE, ruled
from warehouse import identity

PAIRS, KILLS = 60_000, 8
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["duckdb", "pyarrow", "warehouse.identity"])


def build(warehouse: Path, full: bool) -> None:
    """In a process of its own."""
    identity.build(warehouse, [SOURCE], ruled(), full=full)


@pytest.mark.parametrize("full", [False, True])
def test_runs_killed_at_random_moments_leave_no_trace(tmp_path: Path, full: bool) -> None:
    undisturbed, killed = tmp_path / "undisturbed.duckdb", tmp_path / "killed.duckdb"
    identity_data.write(undisturbed, PAIRS)
    build(undisturbed, full=True)
    identity_data.write_day(undisturbed, PAIRS)
    shutil.copy(undisturbed, killed)
    seconds = build_for(None, undisturbed, full) or 0
    moments, kills = random.Random(8), 0  # noqa: S311 no secret
    while kills < KILLS:
        done = build_for(moments.uniform(seconds / 5, seconds), killed, full)
        kills += done is None
        if done is not None and not full:
            break  # it came to its end in spite of all, and the next would have nothing to do
    build_for(None, killed, full)
    assert kills > 0
    assert Stitched(killed).record() == Stitched(undisturbed).record()


def build_for(limit_s: float | None, warehouse: Path, full: bool) -> float | None:
    """How many seconds it took; None if it was killed at its limit."""
    started = time.monotonic()
    process = processes.Process(target=build, args=(warehouse, full))
    process.start()
    process.join(limit_s)
    process.kill()
    process.join()
    assert process.exitcode in ((0,) if limit_s is None else (0, -signal.SIGKILL))
    return None if process.exitcode else time.monotonic() - started
