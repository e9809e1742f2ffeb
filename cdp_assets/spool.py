"""The spooled rows of a plan, read in the batches in which they go out."""

from collections.abc import Iterator
from itertools import groupby, islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from cdp_assets.journal import MOST_ROWS

if TYPE_CHECKING:
    import pyarrow as pa


def batches(spool: Path, size: int) -> Iterator["pa.Table"]:
    """The spooled rows in batches: those to send, then those to merge, then those to delete."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(spool) as file:
        for read in file.iter_batches(batch_size=max(MOST_ROWS // size, 1) * size):
            table = pa.Table.from_batches([read])
            counted = table["_action"].value_counts().to_pylist()
            counts = {one["values"]: one["counts"] for one in counted}
            deletes_at = table.num_rows - counts.get("delete", 0)
            merges_at = deletes_at - counts.get("merge", 0)
            bounds = [0, merges_at, deletes_at, table.num_rows]
            for start, end in pairwise(bounds):
                part = table.slice(start, end - start)
                yield from (part.slice(at, size) for at in range(0, part.num_rows, size))


def portions(spool: Path, size: int) -> Iterator[list["pa.Table"]]:
    """As many batches as are marked as sent at once; all of a portion are alike."""
    for _, alike in groupby(batches(spool, size), kind):
        while portion := list(islice(alike, max(MOST_ROWS // size, 1))):
            yield portion


def kind(batch: "pa.Table") -> str:
    action = str(batch["_action"][0])
    return action if action in ("merge", "delete") else "send"
