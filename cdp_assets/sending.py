"""Runs a sync: plan under the warehouse's lock, send in batches without it, record each answer.

A batch and its answer are written into a journal, and the warehouse is opened when a portion of
batches has gone, or a minute is over: the answers so far go in, and the next portion is marked as
sent, in one transaction. Killed at any moment, a run leaves at most the batch in flight unknown:
the next run reads the journal, and its plan finds what the ledger lacks.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cdp_assets import packing, spool
from cdp_assets.adopting import Adoption, Look
from cdp_assets.journal import Journal, recover, replay
from cdp_assets.packing import Packed
from destinations.errors import DestinationError
from destinations.rows import Merge, Outcome, Rejected, Row
from destinations.wording import WriteValue, as_it_is
from warehouse import ledger, plan, settle
from warehouse.database import Database, one_at_a_time
from warehouse.ledger import Report
from warehouse.plan import Draft, Plan
from warehouse.settle import Answer
from warehouse.sync import Sync

if TYPE_CHECKING:
    import pyarrow as pa

UNMENTIONED = "the tool's answer does not mention this row"
NO_HEIR = "the record that it should go into is not in the tool yet"

# Opening the warehouse and closing it costs as much as sending some thousand rows.
ENTERED_EVERY_S = 60.0


@dataclass(frozen=True)
class Target:
    """An object of a destination, ready to take rows: `send` says what became of each.

    `finish` ends a run whose batches have all gone; `write` and `is_partial` are as in the
    connector, and `send` gets rows that are in the tool's words already. `check`
    looks at a plan before it is written down and raises where it must not go out; `prepare` asks
    the tool whether it can take what is planned, and raises where it cannot; `look` finds what was
    perhaps created, where the tool can be read.
    """

    send: Callable[[list[Row]], Outcome]
    batch_size: int
    delete: Callable[[list[Row]], Outcome] | None = None
    merge: Callable[[list[Merge]], Outcome] | None = None
    finish: Callable[[], None] | None = None
    is_partial: bool = False
    write: WriteValue = as_it_is
    check: Callable[[Database, Sync, Draft], None] = plan.guard
    prepare: Callable[[Draft], None] | None = None
    look: Look | None = None


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
    journal: Journal
    adoption: Adoption

    @property
    def is_deferred(self) -> bool:
        """Half a snapshot is none: its rows count as accepted only once the run is finished."""
        return self.journal.is_deferred


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
    journal = Journal(
        workshop.folder / f"{sync.name}.journal",
        run_id,
        is_deferred=sync.mode == "snapshot",
        is_append=sync.mode == "append",
    )
    attempt = Run(sync, target, workshop, run_id, now, journal, Adoption(sync, target.look))
    with one_at_a_time(workshop.folder / f"{sync.name}.lock"), closing(journal):
        with _warehouse(attempt) as db:
            draft = _plan(db, attempt)
            attempt.adoption.recall(db)
            if not draft.plan.to_send:
                draft.plan.spool.unlink()
                journal.path.unlink(missing_ok=True)
                return settle.finish(db, sync, run_id, now())
            portions = spool.portions(draft.plan.spool, target.batch_size)
            first = _enter(db, attempt, [], next(portions))
        if stopped := _tried(target.prepare, draft):
            _end(attempt, draft.plan, [], stopped)
            raise stopped
        return _send(attempt, draft.plan, first, portions)


def _plan(db: Database, attempt: Run) -> Draft:
    sync, folder, now = attempt.sync, attempt.workshop.folder, attempt.now()
    with db.transaction():
        recover(db, sync, folder, now)
    with db.transaction():
        draft = plan.draw_up(db, sync, folder, now)
        attempt.target.check(db, sync, draft)
        plan.write_down(db, sync, attempt.run_id, draft, now)
        if draft.plan.to_send:
            attempt.journal.begin()
    return draft


def _send(
    attempt: Run,
    made: Plan,
    portion: list["pa.Table"],
    portions: Iterator[list["pa.Table"]],
) -> Report:
    """Send the portion, which is marked as sent, and those after it."""
    while True:
        pending, left, stopped = _ask_each(attempt, portion)
        following = left or next(portions, [])
        if stopped or not following:
            break
        with _warehouse(attempt) as db:
            # To share some thousand rows among threads costs more than to write them.
            db.run("set threads = 1")
            portion = _enter(db, attempt, pending, [] if left else following) or left
    if stopped is None:
        stopped = _tried(attempt.target.finish)
    if stopped is None:
        attempt.journal.finished()
    report = _end(attempt, made, pending, stopped)
    if stopped:
        raise stopped
    return report


def _enter(
    db: Database, attempt: Run, pending: list[Answer], portion: list["pa.Table"]
) -> list["pa.Table"]:
    """Enter the answers so far, and mark a portion as sent: it as it goes out."""
    sync = attempt.sync
    with db.transaction():
        # The end of the run tidies up behind all of them.
        db.run("set max_vacuum_tasks = 0")
        _settle(db, attempt, pending)
        if portion:
            settle.mark_sent(db, sync, attempt.run_id, _together(portion), attempt.now())
            portion = ledger.with_heirs(db, sync, portion)
    if pending and not attempt.is_deferred:
        attempt.journal.begin()
    return portion


@contextmanager
def _warehouse(attempt: Run) -> Iterator[Database]:
    """To write in once: what is committed goes to its place, and not into the log before."""
    with attempt.workshop.connect() as db:
        db.run("set checkpoint_threshold = '1MB'")
        yield db


def _end(attempt: Run, made: Plan, pending: list[Answer], stopped: Exception | None) -> Report:
    sync, run_id, now = attempt.sync, attempt.run_id, attempt.now
    with _warehouse(attempt) as db, db.transaction():
        db.run("set threads = 1")
        if attempt.is_deferred and stopped is None:
            for answer in replay(attempt.journal.path, made.spool):
                settle.settle(db, sync, run_id, answer, now())
        else:
            _settle(db, attempt, pending)
        begun = attempt.journal.last_place
        # Busy or refused: the tool has said that it took none of what it did not answer for.
        untouched = isinstance(stopped, DestinationError) and not stopped.is_unsure
        settle.take_back(db, sync, run_id, None if untouched else begun)
        report = settle.finish(db, sync, run_id, now(), _words(stopped))
    made.spool.unlink()
    attempt.journal.path.unlink()
    return report


def _settle(db: Database, attempt: Run, pending: list[Answer]) -> None:
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


def _ask_each(
    attempt: Run, portion: list["pa.Table"]
) -> tuple[list[Answer], list["pa.Table"], Exception | None]:
    """Send batches for a while: what the tool said, what is left of them, and what stopped it."""
    pending: list[Answer] = []
    until = time.monotonic() + ENTERED_EVERY_S
    target, kind = attempt.target, spool.kind(portion[0])
    ready = packing.pack(attempt.sync, portion, target.write, target.is_partial)
    for count, (batch, packed) in enumerate(ready, 1):
        attempt.journal.sending(batch)
        answer, stopped = _ask(attempt, batch, packed, kind)
        attempt.journal.answered(answer)
        pending.append(answer)
        if stopped or time.monotonic() > until:
            return pending, portion[count:], stopped
    return pending, [], None


def _ask(
    attempt: Run, batch: "pa.Table", packed: Packed, kind: str
) -> tuple[Answer, Exception | None]:
    """Send a batch: what the tool said to it, and what stopped it on the way, if anything did."""
    stopped: Exception | None = None
    try:
        outcome = attempt.adoption.deliver(
            batch, packed.names, lambda: _deliver(attempt, batch, packed.speakable, kind)
        )
        silent = packed.names.keys() - outcome.accepted.keys() - outcome.rejected.keys()
    except Exception as error:  # noqa: BLE001 - recorded with the run, then raised by `run`
        outcome = error.settled if isinstance(error, DestinationError) else Outcome()
        silent, stopped = set(), error
    rejected = {**dict.fromkeys(silent, UNMENTIONED), **outcome.rejected, **packed.mute}
    return packing.answer(batch, packed.names, outcome, rejected), stopped


def _deliver(attempt: Run, batch: "pa.Table", rows: list[Row], kind: str) -> Outcome:
    sync, target = attempt.sync, attempt.target
    match kind:
        case "send":
            return target.send(rows) if rows else Outcome()
        case "merge":
            assert target.merge is not None, "only where the object can merge are merges planned"
            outcome = target.merge(packing.merges(batch))
            for row in rows:
                if not outcome.knows(key := str(row[sync.key])):
                    outcome.note(Rejected(key, NO_HEIR))
            return outcome
        case _ if sync.mode == "snapshot":
            # What left the table is not in the snapshot: that is all there is to do.
            return Outcome({str(row[sync.key]): None for row in rows})
        case _:
            assert target.delete is not None, "only where the object can delete are deletes planned"
            return target.delete(rows)


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
