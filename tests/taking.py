"""A tool as the engine sees it, and a sync to it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from cdp_assets.sending import Workshop
from destinations.rows import Outcome, Row
from warehouse.ledger import Report
from warehouse.sync import Sync

CONTACTS = Sync("hubspot_contacts", "syncs.hubspot_contacts", "email")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


class Tool:
    """A tool that keeps rows by e-mail, refuses what it is told to, and remembers every batch."""

    def __init__(self) -> None:
        self.records: dict[str, Row] = {}
        self.refuses: dict[str, str] = {}
        self.refused: dict[str, Row] = {}
        self.batches: list[list[str]] = []
        self.rows: list[Row] = []
        self.deleted: list[Row] = []
        self.breaks: dict[int, BaseException] = {}

    def send(self, rows: list[Row]) -> Outcome:
        self.batches.append([row["email"] for row in rows])
        if error := self.breaks.pop(len(self.batches), None):
            raise error
        self.rows += rows
        outcome = Outcome()
        for row in rows:
            if reason := self.refuses.get(row["email"]):
                outcome.rejected[row["email"]] = reason
                self.refused[row["email"]] = row
            else:
                # An upsert leaves the fields alone that it does not name.
                self.records[row["email"]] = {**self.records.get(row["email"], {}), **row}
                outcome.accepted[row["email"]] = f"id of {row['email']}"
        return outcome

    def delete(self, rows: list[Row]) -> Outcome:
        outcome = Outcome()
        for row in rows:
            if reason := self.refuses.get(row["email"]):
                outcome.rejected[row["email"]] = reason
            else:
                self.deleted.append(row)
                del self.records[row["email"]]
                outcome.accepted[row["email"]] = None
        return outcome


def fill(workshop: Workshop, select: str) -> None:
    with workshop.connect() as db:
        db.materialize(CONTACTS.table, select)


def fill_letters(workshop: Workshop, letters: str, value: int = 1) -> None:
    fill(workshop, f"select unnest(split('{' '.join(letters)}', ' ')) as email, {value} as visits")


def in_ledger(
    workshop: Workshop, columns: str = "email, visits, _record_id"
) -> list[tuple[Any, ...]]:
    with workshop.connect() as db:
        return db.run(f"select {columns} from ledger.hubspot_contacts order by _key")


def sums(report: Report) -> tuple[int, int, int, int]:
    return report.planned, report.accepted, report.rejected, report.waiting
