"""Writes event dumps as analytics.js and an archive in a bucket make them, and counts them exactly.

Every line follows from the seed and its number alone. So a duplicate, which is an earlier line
again, can be written without keeping that line, and any file without those before it.
"""

import argparse
import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.event_templates import templates

Numbers = NDArray[np.uint64]

TEMPLATES = 50_000
LINES_IN_A_FILE = 100_000
FILES = 4  # at least: a .gz is unpacked by one thread
EVENTS_OF_A_PERSON = 20
DUPLICATES = 0.01
MALFORMED = 0.001
RETRIED_WITHIN = 1000  # lines, for every other duplicate; the others are of any age
FIRST_AT = np.datetime64("2026-10-01T00:00:00.000", "ms").astype(np.int64)
DAYS = 30


@dataclass(frozen=True)
class Counts:
    """What is in the dumps, and so what a loader has to say of them."""

    lines: int
    stored: int
    duplicate: int
    malformed: int


@dataclass(frozen=True)
class Events:
    """All lines there are to be, of which any can be asked for."""

    count: int
    seed: int
    malformed: float
    templates: list[bytes]

    def lines(self, numbers: Numbers) -> Iterator[bytes]:
        is_malformed, is_duplicate = self._verdicts(numbers)
        numbers = np.where(is_duplicate, self._earlier(numbers), numbers)
        filled = map(bytes.__mod__, self._templates(numbers), self._values(numbers))
        for line, is_cut in zip(filled, is_malformed.tolist(), strict=True):
            yield line[: len(line) // 2] if is_cut else line

    def counts(self, numbers: Numbers) -> Counts:
        malformed, duplicate = (int(is_so.sum()) for is_so in self._verdicts(numbers))
        stored = len(numbers) - duplicate - malformed
        return Counts(len(numbers), stored, duplicate, malformed)

    def _verdicts(self, numbers: Numbers) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which lines are malformed and which duplicates; the first is neither."""
        share = self._share(numbers, "verdict")
        is_malformed = (share < self.malformed) & (numbers > 0)
        is_duplicate = (share >= 1 - DUPLICATES) & (numbers > 0)
        return is_malformed, is_duplicate

    def _earlier(self, numbers: Numbers) -> Numbers:
        """For each line one before it that is neither malformed nor a duplicate itself."""
        span = np.where(self._mix(numbers, "span") % 2 == 0, RETRIED_WITHIN, numbers)
        back = self._mix(numbers, "back") % np.clip(span, 1, np.maximum(numbers, 1))
        earlier: Numbers = numbers - np.minimum(back + np.uint64(1), numbers)
        while np.any(is_bad := np.logical_or(*self._verdicts(earlier))):
            earlier = np.where(is_bad, earlier - np.uint64(1), earlier)
        return earlier

    def _templates(self, numbers: Numbers) -> Iterator[bytes]:
        which = self._mix(numbers, "template") % np.uint64(len(self.templates))
        return map(self.templates.__getitem__, which.tolist())

    def _values(self, numbers: Numbers) -> Iterator[dict[bytes, object]]:
        """What is each event's own; by these names it stands in the templates."""
        people = np.uint64(max(self.count // EVENTS_OF_A_PERSON, 1))
        person: Numbers = self._mix(numbers, "person") % people
        drawn = {
            b"person": person,
            b"device": self._mix(person, "device"),
            b"high": self._mix(numbers, "high"),
            b"low": self._mix(numbers, "low") >> np.uint64(16),
            b"count": self._mix(numbers, "count") % np.uint64(50),
            b"cents": self._mix(numbers, "cents") % np.uint64(100),
            **self._times(numbers),
        }
        names = list(drawn)
        rows = zip(*(column.tolist() for column in drawn.values()), strict=True)
        return (dict(zip(names, row, strict=True)) for row in rows)

    def _times(self, numbers: Numbers) -> dict[bytes, NDArray[np.bytes_]]:
        """In order of receipt. Of twenty devices one has its clock wrong, by up to a day."""
        step = np.uint64(DAYS * 86_400_000 // self.count)
        received = FIRST_AT + (numbers * step).astype(np.int64)
        sent = received - (20 + self._mix(numbers, "way") % np.uint64(800)).astype(np.int64)
        queued = (self._mix(numbers, "queued") % np.uint64(3000)).astype(np.int64)
        skew = (self._mix(numbers, "skew") % np.uint64(86_400_000)).astype(np.int64)
        skew = np.where(self._share(numbers, "clock") < 0.05, skew, 0)
        times = {
            b"received": received,
            b"sent": sent + skew,
            b"original": sent + skew - queued,
            b"timestamp": received - queued,
        }
        return {
            name: np.datetime_as_string(at.astype("datetime64[ms]")).astype(np.bytes_)
            for name, at in times.items()
        }

    def _share(self, numbers: Numbers, salt: str) -> NDArray[np.float64]:
        """From 0 to 1."""
        return self._mix(numbers, salt) / 2.0**64

    def _mix(self, numbers: Numbers, salt: str) -> Numbers:
        """Random bits that follow from the number: splitmix64, https://prng.di.unimi.it."""
        start = int.from_bytes(salt.encode()[:7].ljust(7), "little") * (2 * self.seed + 1)
        x = (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(start % 2**64)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def write(folder: Path, count: int, *, seed: int = 7, malformed: float = MALFORMED) -> Counts:
    """Write .json.gz files of `count` lines in all into a new folder."""
    folder.mkdir(parents=True)
    events = Events(count, seed, malformed, templates(min(count, TEMPLATES), seed))
    size = min(LINES_IN_A_FILE, -(-count // FILES))
    # Packing takes most of the time, and lets other threads work.
    with ThreadPoolExecutor(2) as pool:
        files = list(pool.map(partial(_write_file, folder, events, size), range(0, count, size)))
    columns = zip(*(asdict(file).values() for file in files), strict=True)
    return Counts(*map(sum, columns))


def _write_file(folder: Path, events: Events, size: int, start: int) -> Counts:
    numbers = np.arange(start, min(start + size, events.count), dtype=np.uint64)
    raw = b"\n".join(events.lines(numbers)) + b"\n"
    path = folder / f"events-{start // size:05}.json.gz"
    path.write_bytes(gzip.compress(raw, 6, mtime=0))
    return events.counts(numbers)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.event_dumps", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("--malformed", type=float, default=MALFORMED)
    given = parser.parse_args()
    print(json.dumps(asdict(write(given.folder, given.count, malformed=given.malformed))))
