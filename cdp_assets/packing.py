"""Spooled rows as connectors take them: Python values by field, only what is to be sent."""

from typing import TYPE_CHECKING

from destinations.rows import RECORD_ID, Merge, Row
from warehouse.sync import RESERVED, Sync

if TYPE_CHECKING:
    import pyarrow as pa


def rows(sync: Sync, batch: "pa.Table", is_partial: bool) -> tuple[dict[str, str], list[Row]]:
    """The rows of a batch, and the ledger's key of each by the key that its connector sees."""
    keys = batch["_key"].to_pylist()
    names = [name for name in batch.column_names if name not in RESERVED and sync.is_sent(name)]
    made: list[Row] = batch.select(names).to_pylist()
    if batch["_action"][0].as_py() in ("merge", "delete"):
        for row, key, record_id in zip(made, keys, batch["_record_id"].to_pylist(), strict=True):
            # The ledger may know the row by a field that was not its key then.
            row[sync.key] = row.get(sync.key) or key
            row[RECORD_ID] = record_id
    else:
        made = _trimmed(sync, batch, made, is_partial)
    return dict(zip((str(row[sync.key]) for row in made), keys, strict=True)), made


def merges(batch: "pa.Table") -> list[Merge]:
    """Records to merge, each with the one it goes into, where the tool has that one."""
    names = ("_key", "_record_id", "_into", "_heir_id")
    found = zip(*(batch[name].to_pylist() for name in names), strict=True)
    return [Merge(*one) for one in found if one[2] is not None]


def _trimmed(sync: Sync, batch: "pa.Table", made: list[Row], is_partial: bool) -> list[Row]:
    """Without the fields that must not be cleared, and those that the tool has as they are."""
    kept = set(sync.keep) - {sync.key}
    if kept:
        made = [
            {name: value for name, value in row.items() if value is not None or name not in kept}
            for row in made
        ]
    if not is_partial:
        return made
    changes = batch["_changed"].to_pylist()
    return [
        {name: row[name] for name in row if name == sync.key or name in changed} if changed else row
        for row, changed in zip(made, changes, strict=True)
    ]
