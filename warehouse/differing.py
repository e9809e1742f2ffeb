"""Which rows of a sync differ from its ledger, found by one join of hashes.

1. hash both sides on the fly, key and fields together, and join on the hash: what finds its like
   has not changed. No hash is stored, so an upgrade of the engine resends nothing
2. of the few that are left over, fetch the keys and pair them: only here is a create, on both
   sides an update, only in the ledger a row that left
3. refuse rows without a key and rows that share one. If each ledger row was matched once, and no
   row left over here has its key in the ledger still matched, then only the rows left over can
   share keys, and only they are counted; else all are

It leaves `plan_ours` and `plan_theirs` (the rows left over on either side, with their values),
`plan_rows` (key, the row on either side, action) and `plan_refused` (key, how often).
"""

from datetime import datetime

from warehouse.database import Database
from warehouse.quoting import is_blank, quoted, text
from warehouse.sync import Sync, carried

# A row that the tool has taken once is never sent again.
ONCE = ("create", "append")
# By profile: who goes by that id now, after people turned out to be one.
REDIRECTS = "identity.profile_redirects"


def wanted_table(db: Database, sync: Sync, columns: dict[str, str]) -> str:
    """What should stand in the tool, once its fields are kept or filled as the sync says."""
    ruled = [name for name in columns if name in (*sync.keep, *sync.fill) and name != sync.key]
    if not ruled:
        return sync.table
    fields = []
    for name, type_ in columns.items():
        ours, theirs = f"cast(w.{quoted(name)} as {type_})", f"l.{quoted(name)}"
        if name in sync.keep and name in ruled:
            ours = f"coalesce({ours}, {theirs})"
        if name in sync.fill and name in ruled:
            ours = f"coalesce({theirs}, {ours})"
        fields.append(f"{ours} as {quoted(name)}")
    db.run(
        f"create or replace temp table plan_wanted as select {', '.join(fields)}"
        f" from {sync.table} as w left join {sync.ledger} as l"
        f" on cast(w.{quoted(sync.key)} as varchar) = l._key order by w.rowid"
    )
    return "plan_wanted"


def find(db: Database, sync: Sync, columns: dict[str, str], wanted: str, now: datetime) -> None:
    """Fill the tables that the module speaks of."""
    is_first = not db.count(sync.ledger)
    _compare(db, sync, columns, wanted, now)
    if sync.mode == "snapshot" and db.count("plan_unmatched"):
        _take_all(db, sync, wanted)
    _fetch(db, sync, columns, wanted, is_first)
    _find_refused(db, sync, wanted if _may_have_twins(db, sync, wanted) else "plan_ours")
    _find_losers(db, sync, wanted)
    _pair(db, sync)


def _fetch(db: Database, sync: Sync, columns: dict[str, str], wanted: str, is_first: bool) -> None:
    """`plan_ours`, `plan_theirs`: the rows left over, with all their values, from either side."""
    key = f"cast({quoted(sync.key)} as varchar)"
    ours = f"select rowid as wanted_id, {key} as _key, {carried(columns)} from {wanted}"
    # All rows are as they lie in the table: no need to copy them.
    made = "view" if is_first else "table"
    among = "" if is_first else "where rowid in (select wanted_id from plan_unmatched)"
    db.run("drop view if exists plan_ours" if _is_view(db) else "drop table if exists plan_ours")
    db.run(f"create temp {made} plan_ours as {ours} {among}")
    # Where changes do not matter, what left the table is nobody's pair.
    pairs = "false and" if sync.mode in ONCE else ""
    fields = ", ".join(map(quoted, columns))
    db.run(
        "create or replace temp table plan_theirs as"
        f" select rowid as ledger_id, _key, _record_id, _accepted_at, {fields}"
        f" from {sync.ledger} where {pairs} rowid in (select ledger_id from plan_unmatched)"
    )


def _is_view(db: Database) -> bool:
    return bool(db.value("select count(*) from duckdb_views() where view_name = 'plan_ours'"))


def _compare(db: Database, sync: Sync, columns: dict[str, str], wanted: str, now: datetime) -> None:
    """Rows of either side whose like is not on the other; all are, where the ledger is empty."""
    if not db.count(sync.ledger):
        db.run(
            "create or replace temp table plan_unmatched"
            " as select null::bigint as wanted_id, null::bigint as ledger_id limit 0"
        )
        return
    key = f"cast({quoted(sync.key)} as varchar)"
    ours, theirs = f"hash({key})", "hash(_key)"
    if sync.mode not in ONCE:
        seen = {name: type_ for name, type_ in columns.items() if sync.is_sent(name)}
        compared = ", ".join(f"cast({quoted(name)} as {type_})" for name, type_ in seen.items())
        ours = f"hash({key}, {compared})"
        theirs = f"hash(_key, {', '.join(map(quoted, seen))})"
        # NULL meets nothing: what is to go again counts as different.
        due = "_accepted_at is null"
        if sync.refresh_days:
            due += (
                f" or _accepted_at <= cast($now as timestamptz) - interval {sync.refresh_days} day"
            )
        theirs = f"if({due}, null, {theirs})"
    db.run(
        f"""
        create or replace temp table plan_unmatched as
        select w.wanted_id, l.ledger_id
        from (select rowid as wanted_id, {ours} as _hash from {wanted}) as w
        full join (select rowid as ledger_id, {theirs} as _hash from {sync.ledger}) as l
            using (_hash)
        where w.wanted_id is null or l.ledger_id is null
        """,
        {"now": now} if sync.refresh_days and "$now" in theirs else None,
    )


def _take_all(db: Database, sync: Sync, wanted: str) -> None:
    """A snapshot holds every row, or is not sent at all."""
    db.run(
        "create or replace temp table plan_unmatched as"
        f" select rowid as wanted_id, null::bigint as ledger_id from {wanted} union all"
        f" select null::bigint as wanted_id, rowid as ledger_id from {sync.ledger}"
    )


def _may_have_twins(db: Database, sync: Sync, wanted: str) -> bool:
    ledger_count, left_over = db.count(sync.ledger), db.count("plan_ours")
    matched = db.count(wanted) - left_over
    left = db.value("select count(ledger_id) from plan_unmatched")
    if matched != ledger_count - left:
        return True
    if not ledger_count:
        return False
    return bool(
        db.value(
            f"select exists (select 1 from {sync.ledger} where _key in ("
            "select _key from plan_ours where _key not in (select _key from plan_theirs)))"
        )
    )


def _find_refused(db: Database, sync: Sync, among: str) -> None:
    # Grouping a million numbers is three times as fast as a million strings, and most keys are
    # alone: only those whose hash comes twice are looked at again, as text.
    key = "_key" if among == "plan_ours" else f"cast({quoted(sync.key)} as varchar)"
    db.run(
        f"""
        create or replace temp table plan_refused as
        with keys as (
            select {key} as _key from {among}
        ),

        suspects as (
            select hash(_key) as key_hash from keys group by all having count(*) > 1
        )

        select _key, count(*) as row_count
        from keys
        where
            _key is null
            or {is_blank("_key")}
            or hash(_key) in (select key_hash from suspects)
        group by all
        having count(*) > 1 or _key is null or {is_blank("_key")}
        """
    )


def _find_losers(db: Database, sync: Sync, wanted: str) -> None:
    """`plan_losers`: keys that left the table, whose person goes by another key there now.

    Either the person's key is another, or two people turned out to be one.
    """
    if not (sync.profile and sync.on_merge):
        db.run("create or replace temp table plan_losers (_key varchar, into_key varchar)")
        return
    profile = f"cast({quoted(sync.profile)} as varchar)"
    now = "their_profile"
    redirects = ""
    if db.columns(REDIRECTS):
        now = "coalesce(current_profile_id, their_profile)"
        redirects = f"left join {REDIRECTS} on profile_id = their_profile"
    db.run(
        f"""
        create or replace temp table plan_losers as
        with gone as (
            select _key, {profile} as their_profile
            from plan_theirs
            where _key not in (select _key from plan_ours where _key is not null)
        ),

        heirs as (
            select cast({quoted(sync.key)} as varchar) as into_key, {profile} as our_profile
            from {wanted}
        )

        select _key, any_value(into_key) as into_key
        from gone
        {redirects}
        join heirs on our_profile = {now}
        where into_key <> _key
        group by _key
        having count(*) = 1
        """
    )


def _pair(db: Database, sync: Sync) -> None:
    """Pair what is left over by key; what left the table stays only where the mode removes it."""
    leaves = "m.wanted_id is not null or s.into_key is not null"
    if sync.mode in ("mirror", "snapshot"):
        leaves = "true"
    db.run(
        f"""
        create or replace temp table plan_rows as
        select
            _key,
            m.wanted_id,
            t.ledger_id,
            case
                when s.into_key is not null then '{sync.on_merge}'
                when m.wanted_id is null then 'delete'
                when t.ledger_id is null then 'create'
                else 'update'
            end as action,
            s.into_key,
            false as is_held
        from plan_ours as m
        full join plan_theirs as t using (_key)
        left join plan_losers as s using (_key)
        where ({leaves}) and _key is not null
            and _key not in (select _key from plan_refused where _key is not null)
        """
    )


def changed_fields(db: Database, sync: Sync, columns: dict[str, str]) -> None:
    """`plan_changed`: which fields of the updated rows differ; those with none are refreshed."""
    names = ", ".join(
        f"case when w.{quoted(name)} is distinct from l.{quoted(name)} then {text(name)} end"
        for name in columns
        if sync.is_sent(name)
    )
    # Both sides are wide: one join of them takes a tenth of the time that one more table does.
    db.run(
        f"""
        create or replace temp table plan_changed as
        select w._key, list_filter([{names}], lambda name: name is not null) as changed
        from plan_ours as w
        join plan_theirs as l using (_key)
        where w._key in (select _key from plan_rows where action = 'update')
        """
    )
    db.run(
        "update plan_rows set action = 'refresh' where action = 'update'"
        " and _key in (select _key from plan_changed where changed = [])"
    )
