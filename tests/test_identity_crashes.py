"""A run of identity that is killed at random moments, again and again, ends like an undisturbed one."""

import random
import shutil
from pathlib import Path

import pytest
from killing import run_for
from stitching import Stitched

from bench import identity_data
from bench.identity_runs import SOURCE, ruled
from warehouse import identity

PAIRS, KILLS = 20_000, 5


def build(warehouse: Path, full: bool) -> None:
    """In a process of its own."""
    identity.build(warehouse, [SOURCE], ruled(), full=full)


@pytest.mark.parametrize("full", [False, True])
def test_runs_killed_at_random_moments_leave_no_trace(tmp_path: Path, full: bool) -> None:
    undisturbed, killed = tmp_path / "undisturbed.duckdb", tmp_path / "killed.duckdb"
    before = tmp_path / "before.duckdb"
    identity_data.write(undisturbed, PAIRS)
    build(undisturbed, full=True)
    identity_data.write_day(undisturbed, PAIRS)
    for copy in (before, killed):
        shutil.copy(undisturbed, copy)
    seconds = run_for(None, build, undisturbed, full) or 0
    moments, kills = random.Random(8), 0  # noqa: S311 no secret
    while kills < KILLS:
        done = run_for(moments.uniform(seconds / 5, seconds), build, killed, full)
        kills += done is None
        if done is not None and not full:
            # It came to its end in spite of all, and the next would have nothing to do.
            if kills:
                break
            shutil.copy(before, killed)
            seconds = min(done, 0.8 * seconds)
    run_for(None, build, killed, full)
    assert kills > 0
    assert Stitched(killed).record() == Stitched(undisturbed).record()
