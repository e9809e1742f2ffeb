"""Runs a sync: plan under the warehouse's lock, send in batches without it, record each answer.

Between two batches the warehouse is opened once: the answer to the last goes in, and the next is
marked as sent, in one transaction. Killed at any moment, a run leaves at most the batch in flight
unknown; the next plan finds what the ledger lacks and sends it again.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from destinations.errors import DestinationError
from destinations.rows import Outcome, Row
from warehouse.database import Database
from warehouse.ledger import Answer, Report, finish, mark_sent, settle
from warehouse.plan import plan
from warehouse.sync import Sync

if TYPE_CHECKING:
    import pyarrow as pa

UNMENTIONED = "the tool's answer does not mention this row"


@dataclass(frozen=True)
class Target:
    """An object of a destination, ready to take rows: `send` says what became of each."""

    send: Callable[[list[Row]], Outcome]
    batch_size: int


@dataclass(frozen=True)
class Workshop:
    """Where runs work: how to open the warehouse, and a folder for the rows of a plan."""

    connect: Callable[[], AbstractContextManager[Database]]
    folder: Path


def run(
    sync: Sync, target: Target, workshop: Workshop, run_id: str, now: Callable[[], datetime]
) -> Report:
    """Bring the tool to what the sync's table says, as far as it lets us.

    Whatever stops the destination is recorded with the run, then raised; the rows it had not taken
    wait for the next run.
    """
    with workshop.connect() as db:
        made = plan(db, sync, run_id, workshop.folder, now())
        if not made.to_send:
            made.spool.unlink()
            return finish(db, sync, run_id, now())
    answer, stopped = None, None
    for batch in _batches(made.spool, target.batch_size):
        with workshop.connect() as db, db.transaction():
            if answer:
                settle(db, sync, run_id, answer, now())
            mark_sent(db, sync, run_id, batch.column("_key").to_pylist(), now())
        answer, stopped = _ask(target, sync.key, batch)
        if stopped:
            break
    with workshop.connect() as db, db.transaction():
        if answer:
            settle(db, sync, run_id, answer, now())
        report = finish(db, sync, run_id, now(), _words(stopped))
    made.spool.unlink()
    if stopped:
        raise stopped
    return report


def _batches(spool: Path, size: int) -> Iterator["pa.Table"]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(spool) as file:
        for batch in file.iter_batches(batch_size=size):
            yield pa.Table.from_batches([batch])


def _ask(target: Target, key: str, batch: "pa.Table") -> tuple[Answer, Exception | None]:
    """Send a batch: what the tool said to it, and what stopped it on the way, if anything did."""
    rows: list[Row] = batch.drop_columns(["_key"]).to_pylist()
    # The connector knows a row by its key as Python writes it, the ledger as the warehouse does.
    names = dict(zip((str(row[key]) for row in rows), batch["_key"].to_pylist(), strict=True))
    stopped: Exception | None = None
    try:
        outcome = target.send(rows)
        silent = set(names) - set(outcome.accepted) - set(outcome.rejected)
    except Exception as error:  # noqa: BLE001 - recorded with the run, then raised by `run`
        outcome = error.settled if isinstance(error, DestinationError) else Outcome()
        silent, stopped = set(), error
    rejected = {**outcome.rejected, **dict.fromkeys(silent, UNMENTIONED)}
    return Answer(*_by_key(batch, names, outcome.accepted, rejected)), stopped


def _by_key(
    batch: "pa.Table",
    names: dict[str, str],
    accepted: dict[str, str | None],
    rejected: dict[str, str],
) -> tuple["pa.Table", dict[str, str | None], dict[str, str]]:
    """The part of a batch that has an answer, with the answers under the warehouse's keys."""
    import pyarrow as pa
    import pyarrow.compute as pc

    taken = {names[key]: record_id for key, record_id in accepted.items() if key in names}
    refused = {names[key]: reason for key, reason in rejected.items() if key in names}
    settled = pa.array([*taken, *refused], pa.string())
    return batch.filter(pc.is_in(batch["_key"], settled)), taken, refused


def _words(stopped: Exception | None) -> str | None:
    if stopped is None:
        return None
    if isinstance(stopped, DestinationError):
        return str(stopped)
    return f"{type(stopped).__name__}: {stopped}"
