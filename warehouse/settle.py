"""Writes down what happens to a run's rows: about to be sent, answered, left over.

What a batch's answer changes in the outbox and in the ledger, it changes in one transaction.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from warehouse.database import Database
from warehouse.ledger import Report, reports
from warehouse.quoting import quoted
from warehouse.sync import RESERVED, Sync, payload

if TYPE_CHECKING:
    import pyarrow as pa

BROKE_OFF = "the process ended before the run did"

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
    """What a tool said: the rows it spoke of, as spooled, and each key's fate.

    `marks`: code and kind of rejected keys, where the tool told them.
    """

    rows: "pa.Table"
    accepted: Mapping[str, str | None]
    rejected: Mapping[str, str]
    marks: Mapping[str, tuple[str | None, str]] = field(default_factory=dict)


def mark_sent(db: Database, sync: Sync, run_id: str, rows: "pa.Table", now: datetime) -> None:
    """Write down that these rows are about to go; run it inside a transaction."""
    import pyarrow.compute as pc

    ends = pc.min_max(rows["_place"]).as_py()
    marked = db.value(
        "update ledger.outbox set state = 'sent', sent_at = $now"
        " where sync = $sync and run_id = $run_id and state = 'planned'"
        " and place between $low and $high",
        {
            "now": now,
            "sync": sync.name,
            "run_id": run_id,
            "low": ends["min"],
            "high": ends["max"],
        },
    )
    if marked != rows.num_rows:
        raise RunTakenOver(sync.name, run_id)


def take_back(db: Database, sync: Sync, run_id: str, after: int | None = None) -> None:
    """Rows that were marked as sent, all or those after a place, and were not sent after all."""
    db.run(
        "update ledger.outbox set state = 'planned', sent_at = null"
        " where sync = $sync and run_id = $run_id and state = 'sent' and place > $after",
        {"sync": sync.name, "run_id": run_id, "after": -1 if after is None else after},
    )


def settle(db: Database, sync: Sync, run_id: str, answer: Answer, now: datetime) -> None:
    """Enter an answer in the outbox and the ledger; run it inside a transaction."""
    if not answer.rows.num_rows:
        return
    # Not from the catalog: asking it costs 30 ms on a connection that has just been opened.
    names = [name for name in answer.rows.column_names if name not in RESERVED]
    fields = [quoted(name) for name in names]
    rows = _with_fates(answer)
    with db.lent("answered", rows):
        known = {"sync": sync.name, "run_id": run_id, "now": now}
        if _settle_outbox(db, rows, fields, known) != rows.num_rows:
            raise RunTakenOver(sync.name, run_id)
        for action in answer.rows["_action"].unique().to_pylist():
            enter = SETTLED.get(action, _settle_updates)
            enter(db, sync, run_id, fields, now)


def _with_fates(answer: Answer) -> "pa.Table":
    keys = answer.rows["_key"].to_pylist()
    fates: dict[str, Mapping[str, str | None]] = {
        "_record_id": answer.accepted,
        "_reason": answer.rejected,
        "_code": {key: code for key, (code, _) in answer.marks.items()},
        "_kind": {key: kind for key, (_, kind) in answer.marks.items()},
    }
    rows = answer.rows.drop_columns(["_record_id"])
    for name, told in fates.items():
        rows = rows.append_column(name, _texts(told, keys))
    return rows


def _texts(told: Mapping[str, str | None], keys: list[str]) -> "pa.Array":
    import pyarrow as pa

    # Of most rows a tool says nothing but its own id of them, or not even that.
    if set(told.values()) <= {None}:
        return pa.nulls(len(keys), pa.string())
    # Unlike `pa.array`, which imports pandas to see whether a list is one of its own.
    texts = pa.lib.StringBuilder()
    texts.append_values(map(told.get, keys))
    return texts.finish()


def _settle_outbox(db: Database, rows: "pa.Table", fields: list[str], known: dict[str, Any]) -> int:
    """Most rows of an answer were accepted, and lie together: they need no join."""
    import pyarrow.compute as pc

    ends = pc.min_max(rows["_place"]).as_py()
    meant = f"sync = $sync and run_id = $run_id and place between {ends['min']} and {ends['max']}"
    who = {name: known[name] for name in ("sync", "run_id")}
    sent = f"select count(*) from ledger.outbox where {meant} and state = 'sent'"
    if db.value(sent, who) > rows.num_rows:
        meant += " and place in (select _place from answered)"
    with db.lent("refused", rows.filter(pc.is_valid(rows["_reason"]))):
        refused = _settle_refused(db, meant, fields, known)
    accepted = db.value(
        "update ledger.outbox set state = 'accepted', settled_at = $now"
        f" where {meant} and state = 'sent'",
        known,
    )
    # Those that were refused before were so for a reason.
    db.run(
        "update ledger.outbox"
        " set reason = null, code = null, kind = null, payload = null, next_try_at = null"
        f" where {meant} and state = 'accepted' and tries > 0",
        who,
    )
    return int(accepted) + refused


def _settle_refused(db: Database, meant: str, fields: list[str], known: dict[str, Any]) -> int:
    return int(
        db.value(
            f"""
            update ledger.outbox
            set
                state = 'rejected',
                reason = r._reason,
                code = r._code,
                kind = coalesce(r._kind, 'row'),
                tries = tries + 1,
                payload = r._payload,
                next_try_at = $now + {PAUSE},
                settled_at = $now
            from (
                select _place, _reason, _code, _kind, {payload(fields)} as _payload from refused
            ) as r
            where {meant} and state = 'sent' and place = r._place
            """,
            known,
        )
    )


def _settle_creates(
    db: Database, sync: Sync, run_id: str, fields: list[str], now: datetime
) -> None:
    # The plan found none of these keys in the ledger: no need to look for them in ten million.
    db.run(
        f"""
        insert into {sync.ledger} (_key, _record_id, _accepted_at, _run_id, {", ".join(fields)})
        select _key, _record_id, $now, $run_id, {", ".join(fields)}
        from answered
        where _reason is null and _action = 'create'
        """,
        {"now": now, "run_id": run_id},
    )


def _settle_updates(
    db: Database, sync: Sync, run_id: str, fields: list[str], now: datetime
) -> None:
    db.run(
        f"""
        update {sync.ledger} as l
        set
            _record_id = coalesce(a._record_id, l._record_id),
            _accepted_at = $now,
            _run_id = $run_id,
            {", ".join(f"{field} = a.{field}" for field in fields)}
        from answered as a
        where l._key = a._key and a._reason is null and a._action in ('update', 'refresh')
        """,
        {"now": now, "run_id": run_id},
    )


def _settle_deletes(
    db: Database, sync: Sync, _run_id: str, _fields: list[str], _now: datetime
) -> None:
    db.run(
        f"delete from {sync.ledger} where _key in"
        " (select _key from answered where _reason is null and _action in ('merge', 'delete'))"
    )


def _settle_merges(db: Database, sync: Sync, run_id: str, fields: list[str], now: datetime) -> None:
    # Some tools give the record that comes of a merge a new id.
    db.run(
        f"update {sync.ledger} as l set _record_id = a._record_id from answered as a"
        " where l._key = a._into and a._reason is null and a._record_id is not null"
        " and a._action = 'merge'"
    )
    _settle_deletes(db, sync, run_id, fields, now)


SETTLED: dict[str, Callable[[Database, Sync, str, list[str], datetime], None]] = {
    "create": _settle_creates,
    "merge": _settle_merges,
    "delete": _settle_deletes,
}


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
    _doubt(db, sync, run_id)
    return reports(db, sync, run_id)[0]


def _doubt(db: Database, sync: Sync, run_id: str) -> None:
    """What the tool has of an unknown row is not known either: it goes again, whole.

    Where rows are removed, one that was perhaps created must be known to the ledger, to be removed.
    """
    if sync.mode in ("append", "snapshot"):
        return
    unknown = "select key from ledger.outbox where sync = ? and run_id = ? and state = 'unknown'"
    who = [sync.name, run_id]
    db.run(f"update {sync.ledger} set _accepted_at = null where _key in ({unknown})", who)
    if sync.mode == "mirror":
        db.run(
            f"insert into {sync.ledger} (_key) {unknown}"
            f" and key not in (select _key from {sync.ledger})",
            who,
        )


def close_broken_runs(db: Database, sync: Sync, now: datetime) -> None:
    """Close what a crash left open."""
    open_runs = "select run_id from ledger.runs where sync = ? and ended_at is null"
    for (run_id,) in db.run(open_runs, [sync.name]):
        finish(db, sync, run_id, now, BROKE_OFF)
