"""What every tool has accepted, refused and is still owed: the tables of the schema `ledger`.

`ledger.<sync>` holds, by key, the values the tool last accepted. `ledger.runs` has each run in
numbers. `ledger.outbox` holds what each run meant to send and what became of it, by run and key:

    planned ──▶ sent ──▶ accepted          the ledger has the values
       │         ├─────▶ rejected          owed: goes again when its values change, or after a pause
       │         └─────▶ unknown           the run ended before an answer was recorded
       └───────────────▶ waiting           the run ended before it was sent
    rejected ──▶ superseded                a later plan took the row over, or has no need of it

A sync's next plan starts from this. Rows that waited or are unknown differ from the ledger, so they
are planned again; a keyed upsert that arrives twice leaves the tool as it was.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from warehouse.database import Database
from warehouse.quoting import quoted
from warehouse.sync import Sync

if TYPE_CHECKING:
    import pyarrow as pa

HISTORY_DAYS = 30
LATER = {
    "outbox": ("code varchar", "kind varchar", "place bigint", "into_key varchar"),
    "runs": ("deleted bigint default 0", "refreshed bigint default 0"),
}


@dataclass(frozen=True)
class Report:
    """A run in numbers: planned = accepted + rejected + waiting.

    `rejected` includes `refused_in_plan` (never sent: no key, or a shared one); `waiting` includes
    `held` (refused before, and their pause is not over).
    """

    sync: str
    run_id: str
    started_at: datetime
    ended_at: datetime | None
    created: int
    updated: int
    unchanged: int
    planned: int
    accepted: int
    rejected: int
    waiting: int
    refused_in_plan: int
    held: int
    stopped_by: str | None
    deleted: int = 0
    refreshed: int = 0

    @property
    def is_partial(self) -> bool:
        """Some of its rows do not stand in the tool as they should."""
        return self.accepted < self.planned


@dataclass(frozen=True)
class Refusal:
    """A row that does not stand in the tool as it should, and why."""

    key: str | None
    reason: str
    tries: int
    next_try_at: datetime | None
    code: str | None = None
    kind: str = "row"


def make_tables(db: Database) -> None:
    db.run("create schema if not exists ledger")
    db.run(
        "create table if not exists ledger.outbox (sync varchar, run_id varchar, key varchar,"
        " action varchar, changed varchar[], state varchar, reason varchar, tries integer,"
        " payload varchar, next_try_at timestamptz, planned_at timestamptz, sent_at timestamptz,"
        " settled_at timestamptz, code varchar, kind varchar, place bigint,"
        " into_key varchar)"
    )
    db.run(
        "create table if not exists ledger.runs (sync varchar, run_id varchar,"
        " started_at timestamptz, ended_at timestamptz, created bigint, updated bigint,"
        " unchanged bigint, planned bigint, accepted bigint, rejected bigint, waiting bigint,"
        " refused_in_plan bigint, held bigint, stopped_by varchar, deleted bigint default 0,"
        " refreshed bigint default 0)"
    )
    # What a warehouse from before these columns lacks.
    for table, columns in LATER.items():
        for column in columns:
            db.run(f"alter table ledger.{table} add column if not exists {column}")


def fit_ledger(db: Database, sync: Sync, columns: dict[str, str]) -> None:
    """Make `ledger.<sync>`, or bring it up to the mapping of today.

    A new field starts as NULL, so rows that fill it are sent; a field no longer mapped stays, as it
    does in the tool. A field of another type is cast, and is NULL where it cannot be: sent anew.
    """
    held = {name.lower(): type_ for name, type_ in db.columns(sync.ledger).items()}
    if not held:
        fields = "".join(f", {quoted(name)} {type_}" for name, type_ in columns.items())
        db.run(
            f"create table {sync.ledger} (_key varchar, _record_id varchar,"
            f" _accepted_at timestamptz, _run_id varchar{fields})"
        )
        return
    for name, type_ in columns.items():
        field = quoted(name)
        if name.lower() not in held:
            db.run(f"alter table {sync.ledger} add column {field} {type_}")
        elif held[name.lower()] != type_:
            db.run(
                f"alter table {sync.ledger} alter column {field}"
                f" set data type {type_} using try_cast({field} as {type_})"
            )


def reports(db: Database, sync: Sync, run_id: str | None = None) -> list[Report]:
    """The runs of a sync, the latest first, or the one asked for."""
    columns = ", ".join(each.name for each in fields(Report))
    rows = _select(
        db,
        f"select {columns} from ledger.runs"
        " where sync = $sync and run_id = coalesce($run_id, run_id)"
        " order by started_at desc, run_id",
        {"sync": sync.name, "run_id": run_id},
    )
    return [Report(*row) for row in rows]


def unbalanced(db: Database, sync: Sync) -> list[Report]:
    """The runs whose sums do not hold: planned <> accepted + rejected + waiting."""
    return [
        report
        for report in reports(db, sync)
        if report.planned != report.accepted + report.rejected + report.waiting
    ]


def refusals(db: Database, sync: Sync) -> list[Refusal]:
    """What stands refused today, by the tool or by the plan."""
    rows = _select(
        db,
        "select key, reason, tries, next_try_at, code, coalesce(kind, 'row') from ledger.outbox"
        " where sync = $sync and state = 'rejected' order by key nulls first",
        {"sync": sync.name},
    )
    return [Refusal(*row) for row in rows]


def with_heirs(db: Database, sync: Sync, batches: list["pa.Table"]) -> list["pa.Table"]:
    """Rows to merge know the tool's id of the record they go into; none, if it is not there yet."""
    if batches[0]["_action"][0].as_py() != "merge":
        return batches
    found = []
    for batch in batches:
        with db.lent("merging", batch):
            found.append(
                db.read(
                    "select m.* replace (l._key as _into), l._record_id as _heir_id"
                    f" from merging as m left join {sync.ledger} as l on l._key = m._into"
                    " order by m._place"
                )
            )
    return found


def _select(db: Database, sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Rows of the ledger's own tables; none before the first run has made them."""
    return db.run(sql, parameters) if db.columns("ledger.outbox") else []
