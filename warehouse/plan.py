"""What a sync has to send: the table of what should stand in the tool, against its ledger, in SQL.

1. close what a crashed run left open, and fit the ledger to today's mapping
2. refuse rows without a key, and rows that share one
3. hash both sides on the fly: a row that is not in the ledger is new, one that hashes differently
   has changed. No hash is stored, so an upgrade of the engine resends nothing
4. of the rows the tool refused before, hold those that are the same and whose pause is not over
5. write the outbox and the run, and spool the rows to a Parquet file, in key order: sending reads
   that file, with the warehouse closed
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from warehouse import ledger
from warehouse.database import Database
from warehouse.sync import Sync, carried, mapped_columns, payload, quoted


class RunKnown(Exception):
    """A run id came twice: two attempts would mix in the outbox."""

    def __init__(self, sync: str, run_id: str):
        super().__init__(
            f"Sync {sync} has had a run {run_id} already; give each attempt its own run id."
        )


@dataclass(frozen=True)
class Plan:
    """A plan in numbers: planned = created + updated + refused = to_send + held + refused."""

    spool: Path
    created: int
    updated: int
    unchanged: int
    held: int
    refused: int

    @property
    def planned(self) -> int:
        return self.created + self.updated + self.refused

    @property
    def to_send(self) -> int:
        return self.created + self.updated - self.held


def plan(db: Database, sync: Sync, run_id: str, folder: Path, now: datetime) -> Plan:
    """Plan one run of a sync; the rows to send are in `folder`, in the file the plan names."""
    folder.mkdir(parents=True, exist_ok=True)
    with db.transaction():
        ledger.make_tables(db)
        if ledger.reports(db, sync, run_id):
            raise RunKnown(sync.name, run_id)
        ledger.close_broken_runs(db, sync, now)
        columns = mapped_columns(db, sync)
        ledger.fit_ledger(db, sync, columns)
        _find_refused(db, sync)
        _find_differing(db, sync, columns)
        _find_owed(db, sync, columns, now)
        made = _count(db, sync, folder / f"{sync.name}.parquet")
        _tidy_outbox(db, sync, now)
        _fill_outbox(db, sync, columns, run_id, now)
        _record_refused(db, sync, run_id, now)
        _open_run(db, sync, run_id, now, made)
        _spool(db, sync, columns, made.spool)
    return made


def _find_refused(db: Database, sync: Sync) -> None:
    # Grouping a million numbers is three times as fast as a million strings, and most keys are
    # alone: only those whose hash comes twice are looked at again, as text.
    db.run(
        f"""
        create or replace temp table plan_refused as
        with keys as (
            select cast({quoted(sync.key)} as varchar) as _key from {sync.table}
        ),

        suspects as (
            select hash(_key) as key_hash from keys group by all having count(*) > 1
        )

        select _key, count(*) as row_count
        from keys
        where _key is null or trim(_key) = '' or hash(_key) in (select key_hash from suspects)
        group by all
        having count(*) > 1 or _key is null or trim(_key) = ''
        """
    )


def _find_differing(db: Database, sync: Sync, columns: dict[str, str]) -> None:
    fields = ", ".join(quoted(name) for name in columns)
    db.run(
        f"""
        create or replace temp table plan_differing as
        with wanted as (
            select _key, hash({fields}) as _hash
            from ({_wanted(sync, columns)})
            where _key is not null
        ),

        accepted as (
            select _key, hash({fields}) as _hash from {sync.ledger}
        )

        select w._key, a._key is null as is_new, false as is_held
        from wanted as w
        left join accepted as a using (_key)
        where (a._key is null or a._hash <> w._hash)
            and not exists (select 1 from plan_refused as r where r._key = w._key)
        """
    )


def _find_owed(db: Database, sync: Sync, columns: dict[str, str], now: datetime) -> None:
    """Rows the tool refused before, that still differ and have not changed since."""
    # Materialized, so that only refused rows are made into JSON and not the whole table.
    db.run(
        f"""
        create or replace temp table plan_owed as
        with refused as (
            select key as _key, tries, reason, payload, next_try_at
            from ledger.outbox
            where sync = $sync and state = 'rejected' and action <> 'refuse'
        ),

        today as materialized (
            select w.*
            from ({_wanted(sync, columns)}) as w
            where w._key in (select _key from refused)
                and w._key in (select _key from plan_differing)
        ),

        written as materialized (
            select _key, {payload(map(quoted, columns))} as payload from today
        )

        select r.*, r.next_try_at > $now as is_held
        from refused as r
        join written as w on r._key = w._key and r.payload = w.payload
        """,
        {"sync": sync.name, "now": now},
    )
    db.run(
        "update plan_differing set is_held = true"
        " where _key in (select _key from plan_owed where is_held)"
    )


def _count(db: Database, sync: Sync, spool: Path) -> Plan:
    refused = int(db.value("select coalesce(sum(row_count), 0) from plan_refused"))
    ((created, updated, held),) = db.run(
        "select count(*) filter (where is_new), count(*) filter (where not is_new),"
        " count(*) filter (where is_held) from plan_differing"
    )
    unchanged = db.count(sync.table) - refused - created - updated
    return Plan(spool, created, updated, unchanged, held, refused)


def _tidy_outbox(db: Database, sync: Sync, now: datetime) -> None:
    """Take over the refusals that are not held, and forget what nobody will ask for."""
    db.run(
        "delete from ledger.outbox where sync = $sync and (action = 'refuse'"
        " or (state <> 'rejected'"
        f" and planned_at < cast($now as timestamptz) - interval {ledger.HISTORY_DAYS} day))",
        {"sync": sync.name, "now": now},
    )
    db.run(
        "update ledger.outbox set state = 'superseded', payload = null"
        " where sync = $sync and state = 'rejected'"
        " and key not in (select _key from plan_owed where is_held)",
        {"sync": sync.name},
    )


def _fill_outbox(
    db: Database, sync: Sync, columns: dict[str, str], run_id: str, now: datetime
) -> None:
    db.run(
        f"""
        insert into ledger.outbox by name
        with changed as (
            {_changed_fields(sync, columns)}
        )

        select
            d._key as key,
            if(d.is_new, 'create', 'update') as action,
            c.changed,
            'planned' as state,
            o.reason,
            coalesce(o.tries, 0) as tries,
            o.payload,
            o.next_try_at,
            $sync as sync,
            $run_id as run_id,
            cast($now as timestamptz) as planned_at
        from plan_differing as d
        left join changed as c using (_key)
        left join plan_owed as o using (_key)
        where not d.is_held
        order by key
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


def _changed_fields(sync: Sync, columns: dict[str, str]) -> str:
    """Which fields of the changed rows differ; the wide comparison is made for those rows only."""
    names = ", ".join(
        f"case when w.{quoted(name)} is distinct from l.{quoted(name)}"
        f" then '{name.replace(chr(39), chr(39) * 2)}' end"
        for name in columns
    )
    return f"""
        select _key, list_filter([{names}], lambda name: name is not null) as changed
        from ({_wanted(sync, columns)}) as w
        join {sync.ledger} as l using (_key)
        where _key in (select _key from plan_differing where not is_new and not is_held)
    """


def _open_run(db: Database, sync: Sync, run_id: str, now: datetime, made: Plan) -> None:
    db.run(
        "insert into ledger.runs values ($sync, $run_id, $now, null, $created, $updated,"
        " $unchanged, $planned, 0, $refused, $waiting, $refused, $held, null)",
        {
            "sync": sync.name,
            "run_id": run_id,
            "now": now,
            "created": made.created,
            "updated": made.updated,
            "unchanged": made.unchanged,
            "planned": made.planned,
            "refused": made.refused,
            "waiting": made.to_send + made.held,
            "held": made.held,
        },
    )


def _spool(db: Database, sync: Sync, columns: dict[str, str], spool: Path) -> None:
    # Small row groups: a reader holds one of them in memory at a time.
    place = str(spool).replace("'", "''")
    db.run(
        f"""
        copy (
            select *
            from ({_wanted(sync, columns)})
            where _key in (select _key from plan_differing where not is_held)
            order by _key
        ) to '{place}' (format parquet, row_group_size 20480)
        """
    )


def _wanted(sync: Sync, columns: dict[str, str]) -> str:
    """What should stand in the tool, each row with its key as text."""
    fields = carried(columns)
    return f"select {fields}, cast({quoted(sync.key)} as varchar) as _key from {sync.table}"
