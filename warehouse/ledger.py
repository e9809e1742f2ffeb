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

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from warehouse.database import Database
from warehouse.sync import Sync, payload, quoted

if TYPE_CHECKING:
    import pyarrow as pa

BROKE_OFF = "the process ended before the run did"
HISTORY_DAYS = 30

# A refused row pauses 15 minutes, then 1, 4 and 16 hours, then a day each time.
PAUSE = "to_minutes(cast(least(15 * pow(4, least(tries, 9)), 1440) as integer))"


class RunTakenOver(Exception):
    """A later plan of the same sync closed this run while it was still sending."""

    def __init__(self, sync: str, run_id: str):
        super().__init__(
            f"Run {run_id} of sync {sync} stops here: another run of this sync has started since "
            "and takes its rows over. Let one run of a sync end before the next begins."
        )


@dataclass(frozen=True)
class Answer:
    """What a tool said: the rows it spoke of, as sent, with their `_key`, and each key's fate."""

    rows: "pa.Table"
    accepted: dict[str, str | None]
    rejected: dict[str, str]


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


@dataclass(frozen=True)
class Refusal:
    """A row that does not stand in the tool as it should, and why."""

    key: str | None
    reason: str
    tries: int
    next_try_at: datetime | None


def make_tables(db: Database) -> None:
    db.run("create schema if not exists ledger")
    db.run(
        "create table if not exists ledger.outbox (sync varchar, run_id varchar, key varchar,"
        " action varchar, changed varchar[], state varchar, reason varchar, tries integer,"
        " payload varchar, next_try_at timestamptz, planned_at timestamptz, sent_at timestamptz,"
        " settled_at timestamptz)"
    )
    db.run(
        "create table if not exists ledger.runs (sync varchar, run_id varchar,"
        " started_at timestamptz, ended_at timestamptz, created bigint, updated bigint,"
        " unchanged bigint, planned bigint, accepted bigint, rejected bigint, waiting bigint,"
        " refused_in_plan bigint, held bigint, stopped_by varchar)"
    )


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


def mark_sent(db: Database, sync: Sync, run_id: str, keys: list[str], now: datetime) -> None:
    """Write down that these rows are about to go; run it inside a transaction."""
    # Planned rows lie in key order: the range lets DuckDB skip most of a large outbox.
    marked = db.value(
        "update ledger.outbox set state = 'sent', sent_at = $now"
        " where sync = $sync and run_id = $run_id and state = 'planned'"
        " and key between $low and $high and key in (select unnest($keys))",
        {
            "now": now,
            "sync": sync.name,
            "run_id": run_id,
            "low": min(keys),
            "high": max(keys),
            "keys": keys,
        },
    )
    if marked != len(keys):
        raise RunTakenOver(sync.name, run_id)


def settle(db: Database, sync: Sync, run_id: str, answer: Answer, now: datetime) -> None:
    """Enter an answer in the outbox and the ledger; run it inside a transaction."""
    import pyarrow as pa

    # Not from the catalog: asking it costs 30 ms on a connection that has just been opened.
    fields = [quoted(name) for name in answer.rows.column_names if name != "_key"]
    keys = answer.rows.column("_key").to_pylist()
    ids = [answer.accepted.get(key) for key in keys]
    reasons = [answer.rejected.get(key) for key in keys]
    answered = answer.rows.append_column("_record_id", pa.array(ids, pa.string()))
    answered = answered.append_column("_reason", pa.array(reasons, pa.string()))
    with db.lent("answered", answered):
        if _settle_outbox(db, sync, run_id, fields, now) != len(keys):
            raise RunTakenOver(sync.name, run_id)
        _settle_ledger(db, sync, run_id, fields, now)


def _settle_outbox(db: Database, sync: Sync, run_id: str, fields: list[str], now: datetime) -> int:
    return int(
        db.value(
            f"""
            update ledger.outbox as o
            set
                state = if(a._reason is null, 'accepted', 'rejected'),
                reason = a._reason,
                tries = if(a._reason is null, tries, tries + 1),
                payload = a._payload,
                next_try_at = if(a._reason is null, null, $now + {PAUSE}),
                settled_at = $now
            from (
                select
                    _key,
                    _reason,
                    if(_reason is null, null, {payload(fields)}) as _payload
                from answered
            ) as a
            where o.sync = $sync and o.run_id = $run_id and o.state = 'sent' and o.key = a._key
            """,
            {"now": now, "sync": sync.name, "run_id": run_id},
        )
    )


def _settle_ledger(db: Database, sync: Sync, run_id: str, fields: list[str], now: datetime) -> None:
    db.run(
        f"""
        merge into {sync.ledger} as l
        using (
            select * from answered where _reason is null
        ) as a
        on l._key = a._key
        when matched then update set
            _record_id = coalesce(a._record_id, l._record_id),
            _accepted_at = $now,
            _run_id = $run_id,
            {", ".join(f"{field} = a.{field}" for field in fields)}
        when not matched then insert
            (_key, _record_id, _accepted_at, _run_id, {", ".join(fields)})
            values (a._key, a._record_id, $now, $run_id, {", ".join("a." + f for f in fields)})
        """,
        {"now": now, "run_id": run_id},
    )


def finish(
    db: Database, sync: Sync, run_id: str, now: datetime, stopped_by: str | None = None
) -> Report:
    """Close a run: count what became of its rows, and say of those left over where they stand."""
    who = {"sync": sync.name, "run_id": run_id}
    db.run(
        """
        update ledger.runs as r
        set
            ended_at = $now,
            stopped_by = $stopped_by,
            accepted = o.accepted,
            rejected = r.refused_in_plan + o.rejected,
            waiting = r.held + o.waiting
        from (
            select
                count(*) filter (where state = 'accepted') as accepted,
                count(*) filter (where state = 'rejected' and action <> 'refuse') as rejected,
                count(*) filter (where state in ('planned', 'sent')) as waiting
            from ledger.outbox
            where sync = $sync and run_id = $run_id
        ) as o
        where r.sync = $sync and r.run_id = $run_id and r.ended_at is null
        """,
        {**who, "now": now, "stopped_by": stopped_by},
    )
    # A row that was refused before and did not get its turn is still refused, on the old terms.
    db.run(
        """
        update ledger.outbox
        set state = case
            when state = 'sent' then 'unknown'
            when tries > 0 then 'rejected'
            else 'waiting'
        end
        where sync = $sync and run_id = $run_id and state in ('planned', 'sent')
        """,
        who,
    )
    return reports(db, sync, run_id)[0]


def close_broken_runs(db: Database, sync: Sync, now: datetime) -> None:
    """Close what a crash left open."""
    open_runs = "select run_id from ledger.runs where sync = ? and ended_at is null"
    for (run_id,) in db.run(open_runs, [sync.name]):
        finish(db, sync, run_id, now, BROKE_OFF)


def reports(db: Database, sync: Sync, run_id: str | None = None) -> list[Report]:
    """The runs of a sync, the latest first, or the one asked for."""
    rows = _select(
        db,
        "select * from ledger.runs where sync = $sync and run_id = coalesce($run_id, run_id)"
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
        "select key, reason, tries, next_try_at from ledger.outbox"
        " where sync = $sync and state = 'rejected' order by key nulls first",
        {"sync": sync.name},
    )
    return [Refusal(*row) for row in rows]


def _select(db: Database, sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Rows of the ledger's own tables; none before the first run has made them."""
    return db.run(sql, parameters) if db.columns("ledger.outbox") else []
