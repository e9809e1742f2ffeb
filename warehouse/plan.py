"""What a sync has to send: the table of what should stand in the tool, against its ledger, in SQL.

1. close what a crashed run left open, and fit the ledger to today's mapping
2. find the rows that differ (`differing`), and which of their fields
3. of those, hold what the tool refused before and whose pause is not over, and what may have been
   appended already (`owed`)
4. stop where more would be deleted or updated than the sync allows
5. write the outbox and the run, and spool the rows to a Parquet file: sending reads that file, with
   the warehouse closed
"""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from warehouse import differing, ledger, owed, settle
from warehouse.database import Database
from warehouse.quoting import quoted, text
from warehouse.sync import Sync, mapped_columns

MEMORY = "1GB"
# https://duckdb.org/docs/stable/guides/performance/how_to_tune_workloads
ROW_GROUP = 122_880


class RunKnown(Exception):
    """A run id came twice: two attempts would mix in the outbox."""

    def __init__(self, sync: str, run_id: str):
        super().__init__(
            f"Sync {sync} has had a run {run_id} already; give each attempt its own run id."
        )


class TooMany(Exception):
    """A plan would delete or update more rows than its sync allows; nothing was sent."""

    def __init__(self, sync: str, action: str, found: int, allowed: int, ledger_count: int):
        super().__init__(
            f"Sync {sync} would {action} {found} of the {ledger_count} rows that the tool has; "
            f"max_{action}s allows {allowed}. Nothing was sent. Look at the plan (`cdp plan {sync} "
            f"--out FILE`); if it is right, send it with `cdp apply FILE`, or raise "
            f"'-- max_{action}s:' in the sync."
        )


@dataclass(frozen=True)
class Plan:
    """A plan in numbers: planned = all but unchanged = to_send + held + refused.

    `deleted` has the records that end: deleted, or merged into another.
    """

    spool: Path
    created: int
    updated: int
    unchanged: int
    held: int
    refused: int
    deleted: int = 0
    refreshed: int = 0

    @property
    def planned(self) -> int:
        return self.created + self.updated + self.deleted + self.refreshed + self.refused

    @property
    def to_send(self) -> int:
        return self.planned - self.refused - self.held


@dataclass(frozen=True)
class Draft:
    """A plan of which nothing is written down yet: its rows lie in temporary tables.

    `wanted` is the table of what should stand in the tool, `columns` its fields and their types.
    """

    plan: Plan
    columns: dict[str, str]
    wanted: str


def plan(db: Database, sync: Sync, run_id: str, folder: Path, now: datetime) -> Plan:
    """Plan one run of a sync; the rows to send are in `folder`, in the file the plan names.

    Raises TooMany where the plan goes beyond what the sync allows, RunKnown for an old run id.
    """
    with db.transaction():
        draft = draw_up(db, sync, folder, now)
        guard(db, sync, draft)
        write_down(db, sync, run_id, draft, now)
    return draft.plan


def draw_up(db: Database, sync: Sync, folder: Path, now: datetime) -> Draft:
    """Find what has to go, within the caller's transaction."""
    # Ten million rows are laid aside on disk rather than held.
    db.run(f"set memory_limit = '{MEMORY}'")
    ledger.make_tables(db)
    settle.close_broken_runs(db, sync, now)
    columns = mapped_columns(db, sync)
    # Threads share out row groups: more of them than that only take room.
    threads = min(os.cpu_count() or 1, max(1, db.count(sync.table) // ROW_GROUP))
    db.run(f"set threads = {threads}")
    ledger.fit_ledger(db, sync, columns)
    wanted = differing.wanted_table(db, sync, columns)
    differing.find(db, sync, columns, wanted, now)
    differing.changed_fields(db, sync, columns)
    owed.find(db, sync, columns, now)
    return Draft(_count(db, wanted, folder / f"{sync.name}.parquet"), columns, wanted)


def write_down(db: Database, sync: Sync, run_id: str, draft: Draft, now: datetime) -> None:
    """Enter a plan in the outbox and the runs, and spool its rows."""
    if ledger.reports(db, sync, run_id):
        raise RunKnown(sync.name, run_id)
    draft.plan.spool.parent.mkdir(parents=True, exist_ok=True)
    owed.tidy_outbox(db, sync, now)
    # As they lie in the table, without joining or sorting ten million of them.
    place = None if _all_are_new(db) else _place(db, draft.wanted)
    _fill_outbox(db, sync, place, run_id, now)
    _record_refused(db, sync, run_id, now)
    _open_run(db, sync, run_id, now, draft.plan)
    _spool(db, draft, place)


def _count(db: Database, wanted: str, spool: Path) -> Plan:
    refused = int(db.value("select coalesce(sum(row_count), 0) from plan_refused"))
    ((created, updated, deleted, refreshed, held),) = db.run(
        "select count(*) filter (where action = 'create'),"
        " count(*) filter (where action = 'update'),"
        " count(*) filter (where action in ('merge', 'delete')),"
        " count(*) filter (where action = 'refresh'), count(*) filter (where is_held)"
        " from plan_rows"
    )
    unchanged = db.count(wanted) - refused - created - updated - refreshed
    return Plan(spool, created, updated, unchanged, held, refused, deleted, refreshed)


def guard(db: Database, sync: Sync, draft: Draft) -> None:
    """Raise TooMany where a plan goes beyond what its sync allows."""
    ledger_count = db.count(sync.ledger)
    for action, found, limit in (
        ("delete", draft.plan.deleted, sync.max_deletes),
        ("update", draft.plan.updated, sync.max_updates),
    ):
        allowed = limit.of(ledger_count)
        if allowed is not None and found > allowed:
            raise TooMany(sync.name, action, found, allowed, ledger_count)


def _fill_outbox(db: Database, sync: Sync, place: str | None, run_id: str, now: datetime) -> None:
    # In the order of the spool, so that the rows of a batch lie together in a large outbox.
    db.run(
        f"""
        insert into ledger.outbox by name
        select
            r._key as key,
            r.action,
            r.into_key,
            c.changed,
            'planned' as state,
            o.reason,
            o.code,
            o.kind,
            coalesce(o.tries, 0) as tries,
            o.payload,
            o.next_try_at,
            {place or "r.wanted_id"} as place,
            $sync as sync,
            $run_id as run_id,
            cast($now as timestamptz) as planned_at
        from plan_rows as r
        left join plan_changed as c on r._key = c._key and r.action = 'update'
        left join plan_owed as o on r._key = o._key
        where not r.is_held
        {"order by place" if place else ""}
        """,
        {"sync": sync.name, "run_id": run_id, "now": now},
    )


def _record_refused(db: Database, sync: Sync, run_id: str, now: datetime) -> None:
    key = sync.key.replace("'", "''")
    db.run(
        f"""
        insert into ledger.outbox by name
        select
            _key as key,
            'refuse' as action,
            'rejected' as state,
            case
                when trim(_key) <> '' then row_count || ' rows share {key} ' || _key
                when row_count = 1 then '{key} is empty'
                else '{key} is empty in ' || row_count || ' rows'
            end as reason,
            'row' as kind,
            0 as tries,
            $sync as sync,
            $run_id as run_id,
            cast($now as timestamptz) as planned_at,
            cast($now as timestamptz) as settled_at
        from plan_refused
        order by key
        """,
        {"sync": sync.name, "run_id": run_id, "now": now},
    )


def _open_run(db: Database, sync: Sync, run_id: str, now: datetime, made: Plan) -> None:
    db.run(
        """
        insert into ledger.runs by name
        select
            $sync as sync,
            $run_id as run_id,
            cast($now as timestamptz) as started_at,
            $created as created,
            $updated as updated,
            $deleted as deleted,
            $refreshed as refreshed,
            $unchanged as unchanged,
            $planned as planned,
            0 as accepted,
            $refused as rejected,
            $waiting as waiting,
            $refused as refused_in_plan,
            $held as held
        """,
        {
            "sync": sync.name,
            "run_id": run_id,
            "now": now,
            "created": made.created,
            "updated": made.updated,
            "deleted": made.deleted,
            "refreshed": made.refreshed,
            "unchanged": made.unchanged,
            "planned": made.planned,
            "refused": made.refused,
            "waiting": made.to_send + made.held,
            "held": made.held,
        },
    )


def _spool(db: Database, draft: Draft, place: str | None) -> None:
    """The rows to send, those that are to be deleted last, with the values that they have there."""
    fields = ", ".join(f"w.{quoted(name)}" for name in draft.columns)
    theirs = ", ".join(f"l.{quoted(name)}" for name in draft.columns)
    if place is None:
        rows = f"""
            select _key, 'create' as _action, null::varchar[] as _changed, wanted_id as _place,
                null::varchar as _record_id, null::varchar as _into, {fields}
            from plan_ours as w
        """
    else:
        rows = f"""
            select
                r._key,
                r.action as _action,
                if(l._accepted_at is null, null, c.changed) as _changed,
                {place} as _place,
                l._record_id,
                r.into_key as _into,
                {fields}
            from plan_rows as r
            join plan_ours as w using (wanted_id)
            left join plan_changed as c on r._key = c._key and r.action = 'update'
            left join plan_theirs as l using (ledger_id)
            where not r.is_held
            union all
            select r._key, r.action, null, {place}, l._record_id, r.into_key, {theirs}
            from plan_rows as r
            join plan_theirs as l using (ledger_id)
            where not r.is_held and r.wanted_id is null
            order by _place
        """
    # In row groups as they come, since to cut them anew costs a quarter more. Dictionaries would
    # cost both sides twice the time, and lz4 finds what repeats as well.
    db.run(
        f"copy ({rows}) to {text(str(draft.plan.spool))} (format parquet, compression lz4_raw,"
        f" row_group_size {ROW_GROUP}, dictionary_size_limit 1)"
    )


def _all_are_new(db: Database) -> bool:
    """Every row of the table is sent, and none has been before."""
    sent = "select count(*) from plan_rows where action = 'create' and not is_held"
    whole = f"({sent}) = (select count(*) from plan_ours)"
    return bool(db.value(f"select {whole} and (select count(*) from plan_theirs) = 0"))


def _place(db: Database, wanted: str) -> str:
    """Where a planned row stands in the spool: as in the table; then merges, and deletes last."""
    after = db.value(f"select coalesce(max(rowid) + 1, 0) from {wanted}")
    span = db.value("select coalesce(max(ledger_id) + 1, 0) from plan_theirs")
    return f"coalesce(r.wanted_id, {after} + r.ledger_id + if(r.action = 'merge', 0, {span}))"
