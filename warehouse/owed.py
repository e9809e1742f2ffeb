"""What a sync still owes its tool from earlier runs: refused rows, and appends that may be there.

A refused row is held until its pause is over, its values change or somebody asks for it. An append
whose fate nobody knows is held until somebody decides: sent again it could be there twice.
"""

from datetime import datetime

from warehouse import differing
from warehouse.database import Database
from warehouse.ledger import HISTORY_DAYS
from warehouse.quoting import quoted
from warehouse.sync import Sync, payload

# By the tool, and not by the plan.
REFUSED = "sync = $sync and state = 'rejected' and action <> 'refuse'"


def find(db: Database, sync: Sync, columns: dict[str, str], now: datetime) -> None:
    """`plan_owed`: rows the tool refused before, that still differ and have not changed since."""
    # Mostly nothing is owed, and to plan the query for it takes ten times as long as to see that.
    is_some = f"select exists (from ledger.outbox where {REFUSED})"
    if db.value(is_some, {"sync": sync.name}):
        _find_refused(db, sync, columns, now)
    else:
        db.run(
            "create or replace temp table plan_owed as select key as _key, tries, reason, code,"
            " kind, payload, next_try_at, false as is_held from ledger.outbox limit 0"
        )
    held = ["select _key from plan_owed where is_held"]
    if _holds_unknown(sync):
        held.append(f"select key from ledger.outbox where {_unknown(sync)}")
    db.run(f"update plan_rows set is_held = true where _key in ({' union all '.join(held)})")


def _find_refused(db: Database, sync: Sync, columns: dict[str, str], now: datetime) -> None:
    # A snapshot holds every row, whatever became of it before.
    pauses = "false" if sync.mode == "snapshot" else "r.next_try_at > cast($now as timestamptz)"
    # Materialized, so that only refused rows are made into JSON and not the whole table.
    db.run(
        f"""
        create or replace temp table plan_owed as
        with refused as (
            select key as _key, action, tries, reason, code, kind, payload, next_try_at
            from ledger.outbox
            where {REFUSED}
        ),

        today as materialized (
            from plan_ours
            where _key in (select _key from refused)
                and wanted_id in (select wanted_id from plan_rows)
        ),

        written as materialized (
            select _key, {payload(map(quoted, columns))} as payload from today
        )

        select r.* exclude (action), {pauses} as is_held
        from refused as r
        join written as w on r._key = w._key and r.payload = w.payload
        where r.action not in ('delete', 'merge')
        union all
        select r.* exclude (action), {pauses} as is_held
        from refused as r
        join plan_rows as p on r._key = p._key and r.action = p.action
        where r.action in ('delete', 'merge')
        """,
        {"sync": sync.name, "now": now} if "$now" in pauses else {"sync": sync.name},
    )


def tidy_outbox(db: Database, sync: Sync, now: datetime) -> None:
    """Take over the refusals that are not held, and forget what nobody will ask for."""
    kept = "state not in ('rejected', 'unknown')" if _holds_unknown(sync) else "state <> 'rejected'"
    db.run(
        f"delete from ledger.outbox where sync = $sync and (action = 'refuse' or ({kept}"
        f" and planned_at < cast($now as timestamptz) - interval {HISTORY_DAYS} day))",
        {"sync": sync.name, "now": now},
    )
    db.run(
        "update ledger.outbox set state = 'superseded', payload = null"
        " where sync = $sync and state = 'rejected'"
        " and key not in (select _key from plan_owed where is_held)",
        {"sync": sync.name},
    )


def release(
    db: Database, sync: Sync, now: datetime, code: str | None = None, since: datetime | None = None
) -> int:
    """Let refused rows go with the next run, whatever their pause; how many they are."""
    return int(
        db.value(
            f"update ledger.outbox set next_try_at = $now where {REFUSED}"
            " and ($code is null or code = $code)"
            " and ($since is null or settled_at >= $since)",
            {"sync": sync.name, "now": now, "code": code, "since": since},
        )
    )


def send_again(db: Database, sync: Sync, where: str) -> int:
    """Let the rows of which the condition holds go with the next run, changed or not.

    What goes out once only never goes again.
    """
    if sync.mode in differing.ONCE or not db.columns(sync.ledger):
        return 0
    return int(
        db.value(
            f"update {sync.ledger} set _accepted_at = null where _key in"
            f" (select cast({quoted(sync.key)} as varchar) from {sync.table} where {where})"
        )
    )


def unknown(db: Database, sync: Sync) -> list[str]:
    """The keys of appends that may or may not have reached the tool."""
    if not db.columns("ledger.outbox") or not _holds_unknown(sync):
        return []
    found = db.run(f"select key from ledger.outbox where {_unknown(sync)} order by key")
    return [key for (key,) in found]


def perhaps_created(db: Database, sync: Sync) -> list[str]:
    """The keys of records that were perhaps created, of which no run has been told since."""
    found = db.run(
        f"select distinct key from ledger.outbox where {_unknown(sync)} and action = 'create'"
        f" and key not in (select _key from {sync.ledger}) order by key"
    )
    return [key for (key,) in found]


def decide(db: Database, sync: Sync, keys: list[str], is_taken: bool, now: datetime) -> None:
    """Say of appends of unknown fate that the tool has them, or that they go again."""
    chosen = f"{_unknown(sync)} and key in (select unnest($keys))"
    if is_taken:
        db.run(
            f"insert into {sync.ledger} by name"
            " select key as _key, cast($now as timestamptz) as _accepted_at, run_id as _run_id"
            f" from ledger.outbox where {chosen}",
            {"now": now, "keys": keys},
        )
    db.run(
        f"update ledger.outbox set state = $state, settled_at = $now where {chosen}",
        {"state": "accepted" if is_taken else "waiting", "now": now, "keys": keys},
    )


def _holds_unknown(sync: Sync) -> bool:
    return sync.mode == "append" and not sync.is_deduplicated


def _unknown(sync: Sync) -> str:
    return f"sync = '{sync.name}' and state = 'unknown'"
