"""The record of identity: ids for profiles, and the tables identity.* that anyone can read."""

from pathlib import Path

from warehouse.database import Database
from warehouse.occurrences import NO_TIME
from warehouse.rules import Rules

SURVIVING = """
    select node, profile from holders
    union all
    select node, min(first_tuple) over (partition by component) as profile
    from members
    anti join contested using (component)
"""
FOUNDED = """
    select profile, node from founders
    union all
    select profile, node
    from (select distinct profile from held anti join founders using (profile))
    join ties on tuple = profile
    qualify row_number() over (partition by profile order by type) = 1
"""
# Of the ids that its identifiers had, a profile keeps the oldest; of the parts of a profile that
# was split, the one with the oldest identifier keeps the id.
KEPT_BY_SURVIVORS = """
    with claims as (
        select profile, before.profile_id, born.created_at, min(first_tuple) as oldest
        from held
        join nodes using (node)
        join kinds using (type)
        join identity.identifiers as before on before.type = name and before.value = nodes.value
        join identity.profiles as born on born.profile_id = before.profile_id
        group by all
    ),
    parts as (
        select * from claims
        qualify row_number() over (partition by profile_id order by oldest, profile) = 1
    )
    select profile, profile_id from parts
    qualify row_number() over (partition by profile order by created_at, profile_id) = 1
"""
# A profile that has now gone into another is named in identity.merges by the id it had, if any.
KEPT_BY_MERGED = """
    select profile, before.profile_id
    from founded
    join nodes using (node)
    join kinds using (type)
    join identity.identifiers as before on before.type = name and before.value = nodes.value
    anti join held using (profile)
    anti join kept on kept.profile_id = before.profile_id
    qualify row_number() over (partition by before.profile_id order by profile) = 1
"""
NAMED = """
    with fresh as (
        select profile, cast(cast(md5(name || chr(31) || value) as uuid) as varchar) as fresh_id
        from founded
        join nodes using (node)
        join kinds using (type)
    )
    select
        profile,
        case
            when kept.profile_id is not null then kept.profile_id
            when taken.profile_id is null then fresh_id
            else cast(cast(md5(fresh_id || chr(31) || profile) as uuid) as varchar)
        end as profile_id
    from fresh
    left join kept using (profile)
    left join kept as taken on taken.profile_id = fresh_id
"""
MERGES = """
    select
        loser.profile_id as from_profile_id,
        winner.profile_id as into_profile_id,
        seen_at as merged_at,
        source,
        row_id
    from merges
    join replayed using (row)
    join named as loser on loser.profile = from_profile
    join named as winner on winner.profile = into_profile
    order by row
"""
PROFILES = f"""
    with size as (
        select profile, count(*) as identifier_count from held group by profile
    ),
    seen as (
        select profile, max(last_at) as last_at
        from held
        join ties using (node)
        join tuples using (tuple)
        group by profile
    ),
    merged as (
        select survivor as profile, count(*) as merge_count from survivors group by survivor
    )
    select
        profile_id,
        nullif(first.seen_at, {NO_TIME}) as created_at,
        nullif(seen.last_at, {NO_TIME}) as last_seen_at,
        identifier_count,
        coalesce(merge_count, 0) as merge_count,
        first.source as source,
        first.row_id as row_id
    from size
    join seen using (profile)
    join named using (profile)
    join tuples on tuple = profile
    left join merged using (profile)
    order by profile
"""
IDENTIFIERS = f"""
    with seen as (
        select node, max(last_at) as last_at from ties join tuples using (tuple) group by node
    )
    select
        name as type,
        nodes.value,
        coalesce(seen_as, nodes.value) as seen_as,
        profile_id,
        nullif(first.seen_at, {NO_TIME}) as first_seen_at,
        nullif(seen.last_at, {NO_TIME}) as last_seen_at,
        first.source as source,
        first.row_id as row_id
    from held
    join nodes using (node)
    join kinds using (type)
    join seen using (node)
    join named using (profile)
    join tuples on tuple = first_tuple
    left join writings on writings.type = name and writings.value = nodes.value
    order by first_tuple, nodes.type
"""
VIOLATIONS = f"""
    select source, row_id, nullif(seen_at, {NO_TIME}) as happened_at, name as type, value, reason
    from violations
    join replayed using (row)
    join nodes using (node)
    join kinds using (type)
    union all
    select source, row_id, nullif(seen_at, {NO_TIME}) as happened_at, type, value, reason
    from blocked
"""
# A row of a component over a limit belongs where replay put it, or to what that became; any other
# row belongs to whoever holds its strongest identifier.
ROWS = """
    with placed as (
        select source, row_id, coalesce(survivor, profile) as profile
        from replayed_rows
        join replayed using (row)
        left join survivors using (profile)
        where is_over
    ),
    strongest as (
        select source, row_id, {strongest} as value, {place} as type
        from occurrences
        where {strongest} is not null
    )
    select source, row_id, profile_id
    from strongest
    left join placed using (source, row_id)
    left join nodes using (type, value)
    left join held using (node)
    join named on named.profile = coalesce(placed.profile, held.profile)
"""


TABLES = {
    "identity.merges": MERGES,
    "identity.profiles": PROFILES,
    "identity.identifiers": IDENTIFIERS,
    "identity.violations": VIOLATIONS,
}


def save(db: Database, folder: Path) -> None:
    """Write down the record of the run before, from which ids are kept; the first finds none."""
    db.run("create schema if not exists identity")
    db.run(
        "create table if not exists identity.identifiers"
        " (type varchar, value varchar, profile_id varchar)"
    )
    db.run(
        "create table if not exists identity.profiles (profile_id varchar, created_at timestamptz)"
    )
    for table in ("identity.identifiers", "identity.profiles"):
        db.save(f"from {table}", folder / f"{table}.parquet")


def resolve(db: Database, rules: Rules, folder: Path) -> None:
    """Name the profiles and write down the new record.

    A profile goes by the number of the tuple that founded it. Its id is the one it had in the run
    before; a profile nobody knew gets a digest of its founding identifier.
    """
    kinds = ", ".join(f"({place}, '{name}')" for place, name in enumerate(rules.names))
    for table, select in (
        ("kinds", f"select * from (values {kinds}) as kinds (type, name)"),
        ("held", SURVIVING),
        ("founded", FOUNDED),
        ("kept", KEPT_BY_SURVIVORS),
        ("kept", f"from kept union all {KEPT_BY_MERGED}"),
        ("named", NAMED),
        ("writings", _writings(rules)),
    ):
        db.run(f"create or replace temp table {table} as {select}")
    strongest = f"coalesce({', '.join(rules.names)})"
    places = " ".join(f"when {name} is not null then {n}" for n, name in enumerate(rules.names))
    rows = ROWS.format(strongest=strongest, place=f"case {places} end")
    for table, select in {**TABLES, "identity.rows": rows}.items():
        db.save(select, folder / f"new.{table}.parquet")


def publish(db: Database, folder: Path) -> dict[str, int]:
    """Replace identity.* by the new record; its numbers of rows. Call it in a transaction."""
    return {
        table: db.materialize(table, f"select * from '{folder / f'new.{table}.parquet'}'")
        for table in (*TABLES, "identity.rows")
    }


def _writings(rules: Rules) -> str:
    """How normalised identifiers were first written, before they were normalised."""
    selects = [
        f"select '{rule.name}' as type, {rule.name} as value, arg_min({rule.name}_written,"
        f" {{'seen_at': seen_at, 'source': source, 'row_id': row_id}}) as seen_as"
        f" from normalised where {rule.name} is not null group by {rule.name}"
        for rule in rules.identifiers
        if rule.normalise != "none"
    ]
    none = "select '' as type, '' as value, '' as seen_as where false"
    return " union all ".join(selects or [none])
