"""The spooled rows of a plan, read in the batches in which they go out."""

import time
from collections.abc import Iterator
from itertools import groupby, islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from cdp_assets.journal import MOST_ROWS

if TYPE_CHECKING:
    import pyarrow as pa

# Answers are entered about so often: what takes longer goes in smaller portions.
ENTERED_EVERY_S = 5.0
# Opening the warehouse costs as much as sending some thousand rows: portions grow fast.
GROWTH = 8


def batches(spool: Path, size: int) -> Iterator["pa.Table"]:
    """The spooled rows in batches: those to send, then those to merge, then those to delete."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with pq.ParquetFile(spool) as file:
        for read in file.iter_batches(batch_size=max(MOST_ROWS // size, 1) * size):
            table = pa.Table.from_batches([read])
            ends = [
                pc.sum(pc.equal(table["_action"], action)).as_py() or 0
                for action in ("merge", "delete")
            ]
            bounds = [0, table.num_rows - sum(ends), table.num_rows - ends[1], table.num_rows]
            for start, end in pairwise(bounds):
                part = table.slice(start, end - start)
                yield from (part.slice(at, size) for at in range(0, part.num_rows, size))


def portions(batches: Iterator["pa.Table"]) -> Iterator[list["pa.Table"]]:
    """As many batches as go out in some seconds, the first alone; all of a portion are alike."""
    size = 1
    for _, alike in groupby(batches, kind):
        while portion := list(islice(alike, size)):
            started = time.monotonic()
            yield portion
            took_s = time.monotonic() - started
            most = MOST_ROWS // max(batch.num_rows for batch in portion)
            growth = min(ENTERED_EVERY_S / max(took_s, 0.001), GROWTH)
            size = max(min(int(size * growth), most), 1)


def kind(batch: "pa.Table") -> str:
    action = str(batch["_action"][0])
    return action if action in ("merge", "delete") else "send"
