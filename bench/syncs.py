"""What it costs to plan and to send a sync, beside named peers in the same run.

Each measurement is a process of its own; a figure is the median of the rounds. The tool is a server
on loopback, in another process, so that its CPU is nobody's. drt is measured where its command is
on the path (`pip install drt-core[duckdb]` into an environment of its own; DRT says where it is).
"""

import json
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench import sync_drt
from bench.bars import Bar, Result, at_least, at_most

MILLION = 1_000_000
# Each tool's own ceiling: calls in so many seconds, rows a call, and rows a second. Two windows and
# a half are sent: the first needs no wait, and the last half costs a whole one.
CEILINGS = {
    "HubSpot": ("limited", 190, 10.0, 100, 1900),
    "Marketo": ("marketo", 100, 20.0, 300, 1500),
}


class RunFailed(Exception):
    def __init__(self, command: list[str], complaint: str):
        super().__init__(f"`{' '.join(command)}` failed:\n{complaint}")


def run(*, quick: bool) -> Result:
    sizes = {"steady": MILLION, "first": 50_000, "send": 10_000} if quick else {
        "steady": 10 * MILLION, "first": MILLION, "send": 100_000,
    }  # fmt: skip
    rounds = 1 if quick else 3
    runs: list[dict[str, Any]] = []
    bars = [*_plans(sizes["steady"], 1, runs)]
    if not quick:
        bars += [*_plans(MILLION, rounds, runs), *_memory(runs)]
    bars += _encoded(sizes["first"], rounds, runs)
    bars += _sent(sizes["send"], rounds, runs)
    if not quick:
        bars += _ceilings(runs)
    bars += sync_drt.bars(server, runs, quick=quick)
    return Result(bars, runs)


def _plans(rows: int, rounds: int, runs: list[dict[str, Any]]) -> Iterator[Bar]:
    found = _measured("steady", rows, rounds, runs)
    size = f"{rows // MILLION} million"
    ratio = found["plan_cpu_s"] / found["join_cpu_s"]
    yield at_most(2, f"syncs, plan of {size}: CPU of ours / stored hashes joined", ratio)
    if rows == MILLION:
        yield at_most(2, f"syncs, plan of {size}: seconds", found["plan_wall_s"])
    else:
        yield at_most(1500, f"syncs, plan of {size}: peak memory, MB", found["peak_mb"])


def _memory(runs: list[dict[str, Any]]) -> list[Bar]:
    found = _measured("planned", 10 * MILLION, 1, runs)
    return [at_most(1500, "syncs, 10 million rows all new: peak memory, MB", found["peak_mb"])]


def _encoded(rows: int, rounds: int, runs: list[dict[str, Any]]) -> list[Bar]:
    found = _measured("first", rows, rounds, runs)
    each = rows / (found["plan_cpu_s"] + found["encode_cpu_s"])
    return [at_least(100_000, "syncs, first run: rows a second, planned and encoded", each)]


def _sent(rows: int, rounds: int, runs: list[dict[str, Any]]) -> list[Bar]:
    with server() as url:
        sent = _measured("send", rows, rounds, runs, url)
        loop = _measured("loop", rows, rounds, runs, url)
    ratio = sent["send_cpu_s"] / loop["loop_cpu_s"]
    note = "quick: opening the warehouse weighs more" if rows < 100_000 else ""
    return [
        at_most(1.5, "syncs, sending: CPU of ours / a bare requests loop", ratio, note),
        at_most(1, "syncs, after one refused row: rows the next run sends", sent["again"]),
    ]


def _ceilings(runs: list[dict[str, Any]]) -> Iterator[Bar]:
    for tool, (step, calls, window_s, batch_size, ceiling) in CEILINGS.items():
        rows = calls * batch_size * 5 // 2
        with server(calls, window_s) as url:
            found = _measured(step, rows, 1, runs, url)
            busy = sync_drt.counts(url)["busy"]
        rate = rows / found["send_wall_s"]
        note = f"busy answers: {busy}"
        yield at_least(ceiling, f"syncs, sending at {tool}'s limit: rows a second", rate, note)


def _measured(
    step: str, rows: int, rounds: int, runs: list[dict[str, Any]], url: str = ""
) -> dict[str, float]:
    """The medians of a step; of memory, the highest."""
    each = [_python(["bench.sync_runs", step, str(rows), "--url", url]) for _ in range(rounds)]
    found = {name: statistics.median(one[name] for one in each) for name in each[0]}
    found["peak_mb"] = max(one["peak_mb"] for one in each)
    for name in [name.removesuffix("_cpu_s") for name in found if name.endswith("_cpu_s")]:
        runs.append(
            {
                "step": name if step in ("steady", "first", name) else f"{step}: {name}",
                "rows": rows,
                "runs": rounds,
                "cpu s": round(found[f"{name}_cpu_s"], 2),
                "wall s": round(found[f"{name}_wall_s"], 2),
                "cpu us a row": round(found[f"{name}_cpu_s"] / rows * 1e6, 1),
                "peak MB": int(found["peak_mb"]),
                "calls": "",
            }
        )
    return found


@contextmanager
def server(limit: int = 0, window_s: float = 10.0) -> Iterator[str]:
    """A tool on loopback; where it is."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "bench.sync_server",
        "--port",
        str(port),
        "--limit",
        str(limit),
        "--window-s",
        str(window_s),
    ]
    process = subprocess.Popen(command)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(url: str) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"{url}/counts", timeout=5):  # noqa: S310 - loopback
                return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _python(command: list[str]) -> Any:
    whole = [sys.executable, "-m", *command]
    print(" ".join(command), file=sys.stderr, flush=True)
    done = subprocess.run(whole, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RunFailed(whole, done.stderr)
    return json.loads(done.stdout.splitlines()[-1])
