"""What a run has sent since it last had the warehouse open, in a file beside its spool.

A line goes in before each batch and one after it. Where the process dies, the next run enters what
the tool had said; of the batch that was under way nobody knows, and those after it had not begun.
A snapshot holds none of its rows until it is finished: they are all entered then.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from destinations.rows import on_wire
from warehouse.database import Database
from warehouse.ledger import reports
from warehouse.plan import ROW_GROUP
from warehouse.settle import Answer, settle, take_back
from warehouse.sync import Sync

if TYPE_CHECKING:
    import pyarrow as pa

# So many rows are entered at a time: a row group that is whole is written once.
MOST_ROWS = ROW_GROUP


@dataclass(eq=False)
class Journal:
    """The journal of one run; its file is open from `begin` to `close`.

    `last_place` is that of the last row that was sent.
    """

    path: Path
    run_id: str
    is_deferred: bool
    is_append: bool
    file: BinaryIO | None = None
    last_place: int | None = None

    def begin(self) -> None:
        """What was in it stands in the warehouse now."""
        self.close()
        self.last_place = None
        self.file = self.path.open("wb")
        self._write({"run": self.run_id, "is_deferred": self.is_deferred})

    def close(self) -> None:
        if self.file:
            self.file.close()

    def sending(self, rows: "pa.Table") -> None:
        self.last_place = rows["_place"][-1].as_py()
        self._write({"sent": [rows["_place"][0].as_py(), self.last_place]})
        if self.is_append:
            # Not even a power cut may make an event that went look as if it had not.
            os.fsync(self._open())

    def answered(self, answer: Answer) -> None:
        self._write(
            {
                "accepted": answer.accepted,
                "rejected": answer.rejected,
                "marks": answer.marks,
            }
        )

    def finished(self) -> None:
        self._write({"finished": True})

    def _write(self, said: dict[str, Any]) -> None:
        file = self._open()
        file.write(_line(said))
        file.flush()

    def _open(self) -> BinaryIO:
        assert self.file, "a journal is begun before anything is written in it"
        return self.file


def recover(db: Database, sync: Sync, folder: Path, now: datetime) -> None:
    """Enter what a run that died had written down; run it inside a transaction."""
    path, spool = folder / f"{sync.name}.journal", folder / f"{sync.name}.parquet"
    if not (path.exists() and spool.exists()):
        return
    head, lines = _read(path)
    if not any(report.ended_at is None for report in reports(db, sync, head.get("run", ""))):
        return
    counts = not head["is_deferred"] or {"finished": True} in lines
    if counts:
        for answer in answers(lines, spool):
            _enter_unsettled(db, sync, head["run"], answer, now)
    take_back(db, sync, head["run"], _last_place(lines))


def replay(path: Path, spool: Path) -> Iterator[Answer]:
    """All answers of a journal, with the rows they are about."""
    return answers(_read(path)[1], spool)


def answers(lines: list[dict[str, Any]], spool: Path) -> Iterator[Answer]:
    """The answers in a journal's lines, with the rows they are about, many together."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    said: dict[str, dict[str, Any]] = {"accepted": {}, "rejected": {}, "marks": {}}
    for line in lines:
        for name, words in said.items():
            words.update(line.get(name, {}))
    known = pa.array([*said["accepted"], *said["rejected"]], pa.string())
    with pq.ParquetFile(spool) as file:
        for batch in file.iter_batches(batch_size=MOST_ROWS):
            rows = pa.Table.from_batches([batch])
            spoken_of = rows.filter(pc.is_in(rows["_key"], known))
            marks = {key: tuple(mark) for key, mark in said["marks"].items()}
            if spoken_of.num_rows:
                yield Answer(spoken_of, said["accepted"], said["rejected"], marks)


def _enter_unsettled(db: Database, sync: Sync, run_id: str, answer: Answer, now: datetime) -> None:
    """What the run had entered itself, before it could begin its journal anew, stands already."""
    import pyarrow as pa
    import pyarrow.compute as pc

    sent = db.run(
        "select place from ledger.outbox where sync = ? and run_id = ? and state = 'sent'",
        [sync.name, run_id],
    )
    places = pa.array([place for (place,) in sent], pa.int64())
    rows = answer.rows.filter(pc.is_in(answer.rows["_place"], places))
    settle(db, sync, run_id, Answer(rows, answer.accepted, answer.rejected, answer.marks), now)


def _last_place(lines: list[dict[str, Any]]) -> int | None:
    return max((line["sent"][1] for line in lines if "sent" in line), default=None)


def _read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The head of a journal and its lines; the last may have been cut off."""
    lines = []
    for text in path.read_bytes().splitlines(keepends=True):
        if text.endswith(b"\n"):
            lines.append(json.loads(text))
    return (lines[0], lines[1:]) if lines else ({}, [])


def _line(said: dict[str, Any]) -> bytes:
    return on_wire(said) + b"\n"
