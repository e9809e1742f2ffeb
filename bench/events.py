"""What it costs to load event dumps, beside named peers on the same files in the same run.

Each load is a process of its own, from start to end: its CPU is user and system time of the whole
process. The loads of a round come in turn, so that a slow moment of the machine meets all of them;
a figure is the median of the rounds, of 10 million events that of one. What each says it has loaded
must be what is in the files.
"""

import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.bars import Bar, Result, at_least, at_most

FEW, SOME, MANY, MOST = 25_000, 250_000, 1_000_000, 10_000_000
QUICK = 50_000
LIMIT_S = {"dlt": 180.0}
BYTES_AN_EVENT = 1000  # of disk: packed dumps, the warehouse, and what DuckDB lays aside
# `again` loads the same files into the warehouse that the run before it, `ours`, has filled.
FULL = [
    *((FEW, "ours"), (FEW, "dlt")),
    *((SOME, "ours"), (SOME, "floor"), (SOME, "loop")),
    *((MANY, "ours"), (MANY, "floor")),
    *((MOST, "ours"), (MOST, "again")),
]
SHORT = [(QUICK, "ours"), (QUICK, "again"), (QUICK, "floor"), (QUICK, "loop")]


class WrongAnswer(Exception):
    """A load that is not right has no time worth telling."""

    def __init__(self, who: str, events: int, said: dict[str, int], counts: dict[str, int]):
        super().__init__(f"{who} says {said} of {events} events, but the dumps hold {counts}.")


class RunFailed(Exception):
    def __init__(self, command: list[str], complaint: str):
        super().__init__(f"`{' '.join(command)}` failed:\n{complaint}")


class DiskTooSmall(Exception):
    def __init__(self, folder: Path, free: int, needed: int):
        super().__init__(
            f"{folder} has {free / 1e9:.1f} GB free, the bench needs {needed / 1e9:.1f}. "
            "Make room, point TMPDIR to another disk, or run it with --quick."
        )


@dataclass(frozen=True)
class Run:
    """One process. Without an answer it was stopped at its limit, and cost at least this."""

    who: str
    events: int
    cpu_s: float
    wall_s: float
    peak_mb: int = 0
    said: dict[str, int] | None = None


@dataclass(frozen=True)
class Medians:
    """What all rounds come to."""

    runs: list[Run]

    def cpu(self, who: str, events: int) -> float:
        return statistics.median(run.cpu_s for run in self._of(who, events))

    def wall(self, who: str, events: int) -> float:
        return statistics.median(run.wall_s for run in self._of(who, events))

    def peak_mb(self, who: str, events: int) -> int:
        """The highest of the rounds."""
        return max(run.peak_mb for run in self._of(who, events))

    def opened(self, events: int) -> int:
        """Files that the second load opened, in the worst of rounds."""
        return max(run.said["opened"] for run in self._of("again", events) if run.said)

    def is_cut_off(self, who: str, events: int) -> bool:
        return any(run.said is None for run in self._of(who, events))

    def rows(self) -> Iterator[dict[str, Any]]:
        for who, events in dict.fromkeys((run.who, run.events) for run in self.runs):
            cpu = self.cpu(who, events)
            yield {
                "who": who,
                "events": events,
                "runs": len(self._of(who, events)),
                "cpu s": round(cpu, 2),
                "wall s": round(self.wall(who, events), 2),
                "cpu us an event": round(cpu / events * 1e6, 1),
                "peak MB": self.peak_mb(who, events),
            }

    def _of(self, who: str, events: int) -> list[Run]:
        return [run for run in self.runs if (run.who, run.events) == (who, events)]


def run(*, quick: bool) -> Result:
    plan, rounds = (SHORT, 1) if quick else (FULL, 3)
    sizes = list(dict.fromkeys(events for events, _ in plan))
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        _check_disk(folder, sum(sizes) * BYTES_AN_EVENT)
        counts = {events: _generate(folder, events) for events in sizes}
        runs = []
        for number in range(rounds):
            # The largest load is long enough to be its own average.
            for events, who in [step for step in plan if number == 0 or step[0] < MOST]:
                done = _load(folder, events, who)
                check(done, counts[events])
                runs.append(done)
    medians = Medians(runs)
    bars = _quick_bars(medians) if quick else _bars(medians)
    return Result(bars, list(medians.rows()))


def _bars(of: Medians) -> list[Bar]:
    dlt_note = f"dlt was stopped after {LIMIT_S['dlt']:.0f} s" if of.is_cut_off("dlt", FEW) else ""
    dlt_ratio = of.cpu("dlt", FEW) / of.cpu("ours", FEW)
    return [
        *_costs(of, SOME, "250 thousand"),
        *_costs(of, MANY, "1 million"),
        _against_loop(of, SOME, "250 thousand"),
        at_least(15, "events, 25 thousand: CPU of dlt / ours", dlt_ratio, dlt_note),
        at_most(1500, "events, 10 million: peak memory, MB", of.peak_mb("ours", MOST)),
        at_most(11, "events: wall, 10 million / 1 million", _growth(of.wall)),
        at_most(11, "events: CPU, 10 million / 1 million", _growth(of.cpu)),
        *_second_run(of, MOST, "10 million"),
    ]


def _quick_bars(of: Medians) -> list[Bar]:
    """Without dlt and 10 million, for which a minute is too short."""
    note = "quick: starting Python weighs more than at the size the bound is for"
    bars = [*_costs(of, QUICK, "50 thousand", note), _against_loop(of, QUICK, "50 thousand", note)]
    return [*bars, *_second_run(of, QUICK, "50 thousand", "quick: fewer files")]


def _costs(of: Medians, events: int, size: str, note: str = "") -> list[Bar]:
    cpu = of.cpu("ours", events)
    each_us = cpu / events * 1e6
    floors = cpu / of.cpu("floor", events)
    return [
        at_most(25, f"events, {size}: CPU us an event", each_us, note),
        at_most(6, f"events, {size}: CPU of ours / DuckDB's bare parse", floors, note),
    ]


def _against_loop(of: Medians, events: int, size: str, note: str = "") -> Bar:
    loops = of.cpu("loop", events) / of.cpu("ours", events)
    return at_least(2.5, f"events, {size}: CPU of an orjson loop / ours", loops, note)


def _second_run(of: Medians, events: int, size: str, note: str = "") -> list[Bar]:
    return [
        at_most(1, f"events, {size}: seconds of a second run", of.wall("again", events), note),
        at_most(0, f"events, {size}: dumps a second run opens", of.opened(events), note),
    ]


def _growth(figure: Callable[[str, int], float]) -> float:
    return figure("ours", MOST) / figure("ours", MANY)


def _check_disk(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DiskTooSmall(folder, free, needed)


def _generate(folder: Path, events: int) -> dict[str, int]:
    """In a process of its own: a child's peak memory starts at that of its parent."""
    _tell(f"writing {events:,} events")
    # dlt stops at a malformed line, so its dumps have none; nor have ours at that size.
    share = ["--malformed", "0"] if events == FEW else []
    command = ["bench.event_dumps", str(folder / str(events)), str(events), *share]
    counts: dict[str, int] = _python(command)
    return counts


def _load(folder: Path, events: int, who: str) -> Run:
    place = folder / "warehouse"
    if who != "again":
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
    dumps, warehouse = folder / str(events), place / "warehouse.duckdb"
    module = "ours" if who == "again" else who
    command = ["bench.event_runs", module, str(dumps), str(warehouse)]
    cpu, started = _cpu_of_children(), time.perf_counter()
    try:
        answer = _python(command, LIMIT_S.get(who))
    except subprocess.TimeoutExpired:
        answer = {}
    wall_s, cpu_s = time.perf_counter() - started, _cpu_of_children() - cpu
    _tell(f"{events:>10,} events, {who:<5}: {cpu_s:7.2f} s of CPU, {wall_s:7.2f} s")
    return Run(who, events, cpu_s, wall_s, **answer)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _python(command: list[str], limit_s: float | None = None) -> Any:
    whole = [sys.executable, "-m", *command]
    done = subprocess.run(whole, capture_output=True, text=True, timeout=limit_s, check=False)
    if done.returncode:
        raise RunFailed(whole, done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def check(run: Run, counts: dict[str, int]) -> None:
    """Each as far as it counts: all say the lines, only ours and the loop know duplicates."""
    if run.said is None:
        return
    due = dict.fromkeys(counts, 0) if run.who == "again" else counts
    said = {name: count for name, count in run.said.items() if name in due}
    is_blind = run.who == "ours" and not run.said["opened"]  # then `again` would prove nothing
    if is_blind or said != {name: due[name] for name in said}:
        raise WrongAnswer(run.who, run.events, run.said, counts)


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
