"""Spooled rows as connectors take them, and what was said of them under the ledger's keys."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from cdp_assets import spool
from destinations.rows import RECORD_ID, Kind, Merge, Outcome, Row
from destinations.wording import WriteValue, from_table
from warehouse.settle import Answer
from warehouse.sync import RESERVED, Sync

if TYPE_CHECKING:
    import pyarrow as pa


# A call for each field of each batch would cost more than its rows do; and of more rows than that,
# what is made for one field no longer lies in the processor's cache when the next one comes.
TOGETHER = 1000


@dataclass(frozen=True)
class Packed:
    """A batch as its connector takes it.

    `names`: the ledger's key of each row by the key that the connector sees; `mute`: why some rows
    cannot be sent, by that key.
    """

    rows: list[Row]
    names: dict[str, str]
    mute: dict[str, str]

    @property
    def speakable(self) -> list[Row]:
        if not self.mute:
            return self.rows
        told = zip(self.rows, self.names, strict=True)
        return [row for row, key in told if key not in self.mute]


def pack(
    sync: Sync, batches: list["pa.Table"], write: WriteValue, is_partial: bool
) -> Iterator[tuple["pa.Table", Packed]]:
    """Each batch, and what of it goes out; all of them are alike."""
    import pyarrow as pa

    left = iter(batches)
    for first in left:
        some = [first, *islice(left, TOGETHER // first.num_rows)]
        whole = pa.concat_tables(some).combine_chunks()
        rows, mute = _rows(sync, whole, write, is_partial)
        keys, start = whole["_key"].to_pylist(), 0
        for batch in some:
            end = start + batch.num_rows
            seen = [str(row[sync.key]) for row in rows[start:end]]
            names = dict(zip(seen, keys[start:end], strict=True))
            silent = {key: mute[key] for key in mute.keys() & names.keys()}
            yield batch, Packed(rows[start:end], names, silent)
            start = end


def _rows(
    sync: Sync, batch: "pa.Table", write: WriteValue, is_partial: bool
) -> tuple[list[Row], dict[str, str]]:
    fields = [name for name in batch.column_names if name not in RESERVED and sync.is_sent(name)]
    if spool.kind(batch) == "send":
        rows, mute = from_table(batch.select(fields), sync.key, write)
        _trim(sync, batch, rows, is_partial)
        return rows, mute
    rows = batch.select(fields).to_pylist()
    told = zip(rows, batch["_key"].to_pylist(), batch["_record_id"].to_pylist(), strict=True)
    for row, key, record_id in told:
        # The ledger may know the row by a field that was not its key then.
        row[sync.key] = row.get(sync.key) or key
        row[RECORD_ID] = record_id
    return rows, {}


def merges(batch: "pa.Table") -> list[Merge]:
    """Records to merge, each with the one it goes into, where the tool has that one."""
    names = ("_key", "_record_id", "_into", "_heir_id")
    found = zip(*(batch[name].to_pylist() for name in names), strict=True)
    return [Merge(*one) for one in found if one[2] is not None]


def answer(
    batch: "pa.Table", names: Mapping[str, str], outcome: Outcome, rejected: Mapping[str, str]
) -> Answer:
    """The part of a batch that has an answer, with the answers under the warehouse's keys."""
    import pyarrow as pa
    import pyarrow.compute as pc

    taken = {names[key]: record_id for key, record_id in outcome.accepted.items() if key in names}
    refused = {names[key]: reason for key, reason in rejected.items() if key in names}
    marks: dict[str, tuple[str | None, Kind]] = {
        names[key]: mark for key, mark in outcome.marks.items() if key in names
    }
    if len(taken) + len(refused) == batch.num_rows:
        return Answer(batch, taken, refused, marks)
    settled = pa.array([*taken, *refused], pa.string())
    return Answer(batch.filter(pc.is_in(batch["_key"], settled)), taken, refused, marks)


def _trim(sync: Sync, batch: "pa.Table", rows: list[Row], is_partial: bool) -> None:
    """Take out the fields that must not be cleared, and those that the tool has as they are."""
    for name in set(sync.keep) - {sync.key}:
        for row, is_null in zip(rows, batch[name].is_null().to_pylist(), strict=True):
            if is_null:
                del row[name]
    changes = batch["_changed"]
    if not is_partial or changes.null_count == batch.num_rows:
        return
    for row, changed in zip(rows, changes.to_pylist(), strict=True):
        if changed:
            for name in row.keys() - {sync.key, *changed}:
                del row[name]
