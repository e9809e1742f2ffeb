"""What it costs to know who is who, beside a floor and Splink on the same rows in the same run.

The floor turns the distinct tuples of strings into integers and asks scipy for their components;
Splink's run gets the same integers and clusters them. Neither knows limits, blocked values,
violations, merges or ids, nor writes a table. Each run is a process of its own, from start to end;
its CPU is user and system time of the whole process. Sizes are (row, identifier) pairs.

Not compared: sql-identity-resolution, which no registry has. Its page says 143 s for 10 million
rows on an M1/M2 laptop with DuckDB: of other data, on another machine.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.bars import Bar, Result, at_most
from bench.events import RunFailed

QUICK, SOME, MANY, MOST = 300_000, 1_000_000, 10_000_000, 50_000_000
# Those of one round come in turn; `day` and the second `resolved` go on from the `full` before.
ROUND = ("floor", "splink", "full", "resolved", "write day", "day", "resolved again")
NOTE = "quick: starting Python weighs more than at the size the bound is for"


class WrongAnswer(Exception):
    """A run that is not right has no time worth telling."""

    def __init__(self, pairs: int, components: set[int]):
        super().__init__(f"Of {pairs} pairs the peers find different components: {components}.")


@dataclass
class Measured:
    """CPU and wall seconds of each run, by size and name; the highest peak of memory."""

    cpu_s: dict[tuple[int, str], list[float]] = field(default_factory=dict)
    wall_s: dict[tuple[int, str], list[float]] = field(default_factory=dict)
    peak_mb: dict[tuple[int, str], int] = field(default_factory=dict)

    def add(self, pairs: int, who: str, cpu_s: float, wall_s: float, peak_mb: int) -> None:
        self.cpu_s.setdefault((pairs, who), []).append(cpu_s)
        self.wall_s.setdefault((pairs, who), []).append(wall_s)
        self.peak_mb[pairs, who] = max(peak_mb, self.peak_mb.get((pairs, who), 0))

    def cpu(self, pairs: int, *whos: str) -> float:
        return sum(statistics.median(self.cpu_s[pairs, who]) for who in whos)

    def rows(self) -> Iterator[dict[str, Any]]:
        for pairs, who in self.cpu_s:
            yield {
                "who": who,
                "pairs": pairs,
                "runs": len(self.cpu_s[pairs, who]),
                "cpu s": round(self.cpu(pairs, who), 2),
                "wall s": round(statistics.median(self.wall_s[pairs, who]), 2),
                "peak MB": self.peak_mb[pairs, who],
            }


def run(*, quick: bool, large: bool = False) -> Result:
    """`large` adds 50 million pairs, which takes long."""
    rounds = {QUICK: 1} if quick else {SOME: 3, MANY: 3, **({MOST: 1} if large else {})}
    measured = Measured()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        for pairs, count in rounds.items():
            for _ in range(count):
                _round(measured, pairs, Path(name) / "warehouse.duckdb", is_alone=pairs == MOST)
        warehouse = Path(name) / "chain.duckdb"
        rounds_of_chain = _python("chain", warehouse)["said"]["rounds"]
        replay_ns = statistics.median(
            _python("replay", warehouse)["said"]["ns a row"] for _ in range(1 if quick else 3)
        )
    size, note = (QUICK, NOTE) if quick else (MANY, "")
    bars = [
        *_bars(measured, size, note),
        at_most(10, "identity: us of CPU a row that is replayed", replay_ns / 1000),
        at_most(20, "identity: rounds for a chain of 1,000 identifiers", rounds_of_chain),
    ]
    if large:
        ratio = measured.cpu(MOST, "full") / measured.cpu(MANY, "full")
        bars.append(at_most(6, "identity: CPU of a full build, 50 million / 10 million", ratio))
    return Result(bars, list(measured.rows()))


def _bars(of: Measured, size: int, note: str) -> list[Bar]:
    label = f"identity, {size / 1e6:g} million"
    full = of.cpu(size, "full", "resolved")
    day = of.cpu(size, "day", "resolved again") / full
    alone = of.cpu(size, "day") / of.cpu(size, "full")
    peak = max(of.peak_mb[size, who] for who in ("full", "day"))
    return [
        at_most(
            1.5, f"{label}: CPU of a full build / Splink's", full / of.cpu(size, "splink"), note
        ),
        at_most(
            2.2, f"{label}: CPU of a full build / the floor's", full / of.cpu(size, "floor"), note
        ),
        at_most(8, f"{label}: a day of 1 %, in % of a full build", day * 100, note),
        at_most(8, f"{label}: the same without resolved.*", alone * 100, note),
        at_most(2000, f"{label}: peak memory, MB", peak, note),
    ]


def _round(measured: Measured, pairs: int, warehouse: Path, *, is_alone: bool) -> None:
    """The largest size is ours alone: what the peers take there, no bar asks."""
    warehouse.unlink(missing_ok=True)
    _data(warehouse, pairs)
    components = set()
    for step in ("full",) if is_alone else ROUND:
        if step == "write day":
            _data(warehouse, pairs, "--day")
            continue
        cpu, started = _cpu_of_children(), time.perf_counter()
        answer = _python(step.split()[0], warehouse)
        cpu_s, wall_s = _cpu_of_children() - cpu, time.perf_counter() - started
        print(
            f"{pairs:>10,} pairs, {step:<14}: {cpu_s:7.2f} s of CPU, {wall_s:7.2f} s",
            file=sys.stderr,
            flush=True,
        )
        measured.add(pairs, step, cpu_s, wall_s, answer["peak_mb"])
        components |= {answer["said"].get("components", -1)} - {-1}
    if len(components) > 1:
        raise WrongAnswer(pairs, components)


def _data(warehouse: Path, pairs: int, *more: str) -> None:
    """In a process of its own: a child's peak memory starts at that of its parent."""
    _call(["bench.identity_data", str(warehouse), str(pairs), *more])


def _python(who: str, warehouse: Path) -> Any:
    return _call(["bench.identity_runs", who, str(warehouse)])


def _call(command: list[str]) -> Any:
    whole = [sys.executable, "-m", *command]
    done = subprocess.run(whole, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RunFailed(whole, done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
