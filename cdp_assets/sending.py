"""Runs a sync: plan under the warehouse's lock, send in batches without it, record each answer.

A batch and its answer are written into a journal, and the warehouse is opened every few seconds:
the answers so far go in, and the next batches are marked as sent, in one transaction. Killed at any
moment, a run leaves at most the batch in flight unknown: the next run reads the journal, and its
plan finds what the ledger lacks.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cdp_assets import journal, packing, spool
from cdp_assets.journal import Journal
from destinations.errors import DestinationError
from destinations.rows import Kind, Merge, Outcome, Rejected, Row
from warehouse import plan, settle
from warehouse.database import Database, one_at_a_time
from warehouse.ledger import Report
from warehouse.plan import Draft, Plan
from warehouse.settle import Answer
from warehouse.sync import Sync

if TYPE_CHECKING:
    import pyarrow as pa

UNMENTIONED = "the tool's answer does not mention this row"
NO_HEIR = "the record that it should go into is not in the tool yet"


@dataclass(frozen=True)
class Target:
    """An object of a destination, ready to take rows: `send` says what became of each.

    `finish` ends a run whose batches have all gone; `is_partial` is as in the connector. `check`
    looks at a plan before it is written down and raises where it must not go out; `prepare` asks
    the tool whether it can take what is planned, and raises where it cannot.
    """

    send: Callable[[list[Row]], Outcome]
    batch_size: int
    delete: Callable[[list[Row]], Outcome] | None = None
    merge: Callable[[list[Merge]], Outcome] | None = None
    finish: Callable[[], None] | None = None
    is_partial: bool = False
    check: Callable[[Database, Sync, Draft], None] = plan.guard
    prepare: Callable[[Draft], None] | None = None


@dataclass(frozen=True)
class Workshop:
    """Where runs work: how to open the warehouse, and a folder for the rows of a plan."""

    connect: Callable[[], AbstractContextManager[Database]]
    folder: Path


@dataclass(frozen=True)
class Run:
    """One attempt of a sync, with all it works with."""

    sync: Sync
    target: Target
    workshop: Workshop
    run_id: str
    now: Callable[[], datetime]

    @property
    def is_deferred(self) -> bool:
        """Half a snapshot is none: its rows count as accepted only once the run is finished."""
        return self.sync.mode == "snapshot"

    @property
    def journal(self) -> Journal:
        path = self.workshop.folder / f"{self.sync.name}.journal"
        return Journal(path, self.run_id, self.is_deferred, self.sync.mode == "append")


def run(
    sync: Sync,
    target: Target,
    workshop: Workshop,
    run_id: str,
    now: Callable[[], datetime],
) -> Report:
    """Bring the tool to what the sync's table says, as far as it lets us.

    Whatever stops the destination is recorded with the run, then raised; the rows it had not taken
    wait for the next run.
    """
    attempt = Run(sync, target, workshop, run_id, now)
    with one_at_a_time(workshop.folder / f"{sync.name}.lock"):
        with workshop.connect() as db:
            draft = _plan(db, attempt)
            if not draft.plan.to_send:
                draft.plan.spool.unlink()
                attempt.journal.path.unlink(missing_ok=True)
                return settle.finish(db, sync, run_id, now())
        if stopped := _tried(attempt.target.prepare, draft):
            _end(attempt, draft.plan, [], stopped)
            raise stopped
        return _send(attempt, draft.plan)


def _plan(db: Database, attempt: Run) -> Draft:
    sync, folder, now = attempt.sync, attempt.workshop.folder, attempt.now()
    with db.transaction():
        journal.recover(db, sync, folder, now)
    with db.transaction():
        draft = plan.draw_up(db, sync, folder, now)
        attempt.target.check(db, sync, draft)
        plan.write_down(db, sync, attempt.run_id, draft, now)
    if draft.plan.to_send:
        attempt.journal.begin()
    return draft


def _send(attempt: Run, made: Plan) -> Report:
    sync, run_id, now = attempt.sync, attempt.run_id, attempt.now
    pending: list[Answer] = []
    stopped: Exception | None = None
    for portion in spool.portions(spool.batches(made.spool, attempt.target.batch_size)):
        with _warehouse(attempt) as db, db.transaction():
            # The end of the run tidies up behind all of them.
            db.run("set max_vacuum_tasks = 0")
            _enter(db, attempt, pending)
            settle.mark_sent(db, sync, run_id, _together(portion), now())
            going = settle.with_heirs(db, sync, portion)
        if not attempt.is_deferred:
            attempt.journal.begin()
        pending, stopped = _ask_each(attempt, going)
        if stopped:
            break
    if stopped is None:
        stopped = _tried(attempt.target.finish)
    if stopped is None:
        attempt.journal.finished()
    report = _end(attempt, made, pending, stopped)
    if stopped:
        raise stopped
    return report


@contextmanager
def _warehouse(attempt: Run) -> Iterator[Database]:
    """For some thousand rows: to share them among threads costs more than to write them."""
    with attempt.workshop.connect() as db:
        db.run("set threads = 1")
        yield db


def _end(attempt: Run, made: Plan, pending: list[Answer], stopped: Exception | None) -> Report:
    sync, run_id, now = attempt.sync, attempt.run_id, attempt.now
    with _warehouse(attempt) as db, db.transaction():
        if attempt.is_deferred and stopped is None:
            for answer in journal.replay(attempt.journal.path, made.spool):
                settle.settle(db, sync, run_id, answer, now())
        else:
            _enter(db, attempt, pending)
        begun = attempt.journal.last_place()
        # Busy or refused: the tool has said that it took none of what it did not answer for.
        untouched = isinstance(stopped, DestinationError) and not stopped.is_unsure
        settle.take_back(db, sync, run_id, None if untouched else begun)
        report = settle.finish(db, sync, run_id, now(), _words(stopped))
    made.spool.unlink()
    attempt.journal.path.unlink()
    return report


def _enter(db: Database, attempt: Run, pending: list[Answer]) -> None:
    """Many answers at once; those of a deferred run are entered when it is finished."""
    if attempt.is_deferred or not pending:
        return
    accepted: dict[str, str | None] = {}
    rejected: dict[str, str] = {}
    marks: dict[str, tuple[str | None, str]] = {}
    for answer in pending:
        accepted.update(answer.accepted)
        rejected.update(answer.rejected)
        marks.update(answer.marks)
    rows = _together([answer.rows for answer in pending])
    together = Answer(rows, accepted, rejected, marks)
    settle.settle(db, attempt.sync, attempt.run_id, together, attempt.now())


def _together(tables: list["pa.Table"]) -> "pa.Table":
    import pyarrow as pa

    return pa.concat_tables(tables)


def _ask_each(attempt: Run, portion: list["pa.Table"]) -> tuple[list[Answer], Exception | None]:
    """Send batches until something stops it: what the tool said to each, and what stopped it."""
    pending: list[Answer] = []
    for batch in portion:
        attempt.journal.sending(batch)
        answer, stopped = _ask(attempt, batch)
        attempt.journal.answered(answer)
        pending.append(answer)
        if stopped:
            return pending, stopped
    return pending, None


def _ask(attempt: Run, batch: "pa.Table") -> tuple[Answer, Exception | None]:
    """Send a batch: what the tool said to it, and what stopped it on the way, if anything did."""
    # The connector knows a row by its key as Python writes it, the ledger as the warehouse does.
    names, rows = packing.rows(attempt.sync, batch, attempt.target.is_partial)
    stopped: Exception | None = None
    try:
        outcome = _deliver(attempt, batch, rows)
        silent = set(names) - set(outcome.accepted) - set(outcome.rejected)
    except Exception as error:  # noqa: BLE001 - recorded with the run, then raised by `run`
        outcome = error.settled if isinstance(error, DestinationError) else Outcome()
        silent, stopped = set(), error
    rejected = {**outcome.rejected, **dict.fromkeys(silent, UNMENTIONED)}
    return _by_key(batch, names, outcome, rejected), stopped


def _deliver(attempt: Run, batch: "pa.Table", rows: list[Row]) -> Outcome:
    target = attempt.target
    match spool.kind(batch):
        case "send":
            return target.send(rows)
        case "merge":
            assert target.merge is not None, "only where the object can merge are merges planned"
            outcome = target.merge(packing.merges(batch))
            for row in rows:
                if not outcome.knows(key := str(row[attempt.sync.key])):
                    outcome.note(Rejected(key, NO_HEIR))
            return outcome
        case _ if attempt.sync.mode == "snapshot":
            # What left the table is not in the snapshot: that is all there is to do.
            return Outcome({str(row[attempt.sync.key]): None for row in rows})
        case _:
            assert target.delete is not None, "only where the object can delete are deletes planned"
            return target.delete(rows)


def _by_key(
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


def _tried(step: Callable[..., None] | None, *given: Draft) -> Exception | None:
    """What went wrong with a step of the tool's, if it has that step and anything did."""
    try:
        if step:
            step(*given)
    except Exception as error:  # noqa: BLE001 - recorded with the run, then raised by `run`
        return error
    return None


def _words(stopped: Exception | None) -> str | None:
    if stopped is None:
        return None
    if isinstance(stopped, DestinationError):
        return str(stopped)
    return f"{type(stopped).__name__}: {stopped}"
