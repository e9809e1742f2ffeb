"""A sync of contacts, step by step: its table, its plan, the tool's answer, its outbox."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from warehouse import settle
from warehouse.database import Database
from warehouse.ledger import Report
from warehouse.plan import Plan, plan
from warehouse.settle import Answer
from warehouse.sync import Sync

CONTACTS = Sync("hubspot_contacts", "syncs.hubspot_contacts", "email")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def contacts(db: Database, *rows: str, columns: str = "email, city, spent") -> None:
    """The sync's table; each row as SQL values."""
    values = ", ".join(f"({row})" for row in rows)
    typed = columns.replace("spent", "cast(spent as decimal(18, 2)) as spent")
    db.materialize(CONTACTS.table, f"select {typed} from (values {values}) as v ({columns})")


def planned(db: Database, tmp_path: Path, run_id: str, now: datetime = NOON) -> Plan:
    return plan(db, CONTACTS, run_id, tmp_path, now)


def counts(made: Plan) -> dict[str, int]:
    return {
        "created": made.created,
        "updated": made.updated,
        "unchanged": made.unchanged,
        "held": made.held,
        "refused": made.refused,
    }


def answer(
    db: Database,
    made: Plan,
    run_id: str,
    refused: dict[str, str] | None = None,
    now: datetime = NOON,
) -> Report:
    """The tool takes what was planned but for the refused keys."""
    rows, refused = pq.read_table(made.spool), refused or {}
    keys = rows.column("_key").to_pylist()
    accepted: dict[str, str | None] = {key: f"id of {key}" for key in keys if key not in refused}
    with db.transaction():
        if keys:
            settle.mark_sent(db, CONTACTS, run_id, rows, now)
            settle.settle(db, CONTACTS, run_id, Answer(rows, accepted, refused), now)
        return settle.finish(db, CONTACTS, run_id, now)


def outbox(db: Database, run_id: str) -> list[tuple[Any, ...]]:
    return db.run(
        "select key, action, changed, state, reason, tries from ledger.outbox"
        " where run_id = ? order by key nulls first",
        [run_id],
    )
