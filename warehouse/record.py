"""The record of identity: what one run leaves to the next, and identity.* that anyone can read.

stitching.* is in numbers; a run replaces there the components that it touched. identity.* are views
over it, so that a merge of two profiles rewrites their own rows and nothing else.
"""

from warehouse.database import Database
from warehouse.occurrences import NO_TIME

TABLES = {
    "rows": "select mark, tuple, at_us, row_id from fresh",
    "tuples": """
        select tuple, source, first.at_us as first_us, first.row_id as first_row_id, last_us,
            component, case when not coalesce(is_over, false) then number end as profile
        from tuples
        left join founding using (place)
        left join labels using (stand)
        left join contested using (component)
        left join holders using (stand)
        left join (select profile, number from named) as named using (profile)
    """,
    "ties": """
        select tuple, node, stand, type, written
        from new_ties anti join known_tuples using (tuple)
    """,
    "nodes": """
        select seen.node, seen.stand, seen.type, value, component, named.number as profile,
            nullif(first_named.number, named.number) as first_profile,
            tuples.first.at_us as first_us, source, tuples.first.row_id as row_id, seen.last_us,
            coalesce(written, value) as seen_as
        from seen
        join names using (node)
        join labels on labels.stand = seen.stand
        left join holders on holders.stand = seen.stand
        left join named on named.profile = holders.profile
        left join first_holders on first_holders.stand = seen.stand
        left join named as first_named on first_named.profile = first_holders.profile
        join tuples on place = seen.first_place
        left join (select tuple, node, written from ties where written is not null) as writings
            on writings.node = seen.node and writings.tuple = tuples.tuple
    """,
    "blocked": "from new_blocked anti join known_tuples using (tuple)",
    "profiles": """
        with size as (
            select profile, count(*) as identifier_count, max(last_us) as last_us
            from seen join holders using (stand) group by profile
        ),
        merged as (
            select survivor as profile, count(*) as merge_count from survivors group by survivor
        )
        select number as profile, component, first.at_us as first_us, size.last_us,
            identifier_count, coalesce(merge_count, 0) as merge_count, source,
            first.row_id as row_id
        from size
        join named using (profile)
        join labels using (stand)
        join tuples on place = profile
        left join merged using (profile)
    """,
    "merges": """
        select component, loser.number as from_profile, winner.number as into_profile, at_us,
            source, merges.row_id
        from merges
        join named as loser on loser.profile = from_profile
        join named as winner on winner.profile = into_profile
        join labels on labels.stand = loser.stand
        join tuples using (tuple)
    """,
    "violations": """
        select component, tuple, mark, at_us, violations.row_id, node, reason
        from violations
        join labels using (stand)
        join ties using (tuple, stand)
    """,
    "placed": """
        select component, mark, number as profile
        from placed
        join tuples using (tuple)
        join founding using (place)
        join labels on labels.stand = founding.stand
        join named on named.profile = placed.profile
    """,
    "ids": "from given",
    "days": "from days",
    "sources": "select source, name from numbered_sources",
    "kinds": "from kinds",
}
# What goes when a run replaces what it touched; of the others, all or nothing.
REPLACED = {
    "rows": "mark in (select mark from gone)",
    "tuples": "tuple in (select tuple from old_tuples)",
    "ties": "tuple in (select tuple from dropped_tuples)",
    "blocked": "tuple in (select tuple from dropped_tuples)",
    **dict.fromkeys(
        ("nodes", "profiles", "merges", "violations", "placed"), "component in (from touched)"
    ),
    "ids": "profile in (select profile from given)",
    "days": "true",
}

TIME = f"nullif(make_timestamptz({{}}), {NO_TIME})"
VIEWS = {
    "identity.identifiers": f"""
        select
            kinds.name as type,
            value,
            seen_as,
            profile_id,
            {TIME.format("first_us")} as first_seen_at,
            {TIME.format("last_us")} as last_seen_at,
            sources.name as source,
            row_id
        from stitching.nodes
        join stitching.ids using (profile)
        join stitching.kinds using (type)
        join stitching.sources using (source)
    """,
    "identity.first_profiles": """
        select kinds.name as type, value, profile_id as first_profile_id
        from stitching.nodes
        join stitching.ids on ids.profile = first_profile
        join stitching.kinds using (type)
    """,
    "identity.profiles": f"""
        select
            profile_id,
            {TIME.format("first_us")} as created_at,
            {TIME.format("last_us")} as last_seen_at,
            identifier_count,
            merge_count,
            sources.name as source,
            row_id
        from stitching.profiles
        join stitching.ids using (profile)
        join stitching.sources using (source)
    """,
    "identity.merges": f"""
        select
            loser.profile_id as from_profile_id,
            winner.profile_id as into_profile_id,
            {TIME.format("at_us")} as merged_at,
            sources.name as source,
            row_id
        from stitching.merges
        join stitching.ids as loser on loser.profile = from_profile
        join stitching.ids as winner on winner.profile = into_profile
        join stitching.sources using (source)
    """,
    "identity.violations": f"""
        select
            sources.name as source,
            violations.row_id,
            {TIME.format("at_us")} as happened_at,
            kinds.name as type,
            value,
            reason
        from stitching.violations
        join stitching.tuples using (tuple)
        join stitching.sources using (source)
        join stitching.nodes using (node)
        join stitching.kinds using (type)
        union all
        select
            sources.name as source,
            rows.row_id,
            {TIME.format("at_us")} as happened_at,
            kinds.name as type,
            value,
            reason
        from stitching.blocked
        join stitching.rows using (tuple)
        join stitching.tuples using (tuple)
        join stitching.sources using (source)
        join stitching.kinds using (type)
    """,
    "identity.rows": """
        select sources.name as source, rows.row_id, profile_id
        from stitching.rows
        join stitching.tuples using (tuple)
        left join stitching.placed using (mark)
        join stitching.sources using (source)
        join stitching.ids on ids.profile = coalesce(placed.profile, tuples.profile)
    """,
    "identity.profile_redirects": """
        select
            ids.profile_id,
            case when profiles.profile is null then now.profile_id else ids.profile_id end
                as current_profile_id
        from stitching.ids
        left join stitching.profiles using (profile)
        left join (select distinct stand, profile from stitching.nodes) as held
            on held.stand = founder
        left join stitching.ids as now on now.profile = held.profile
    """,
    "identity.runs": "from stitching.runs",
    "identity.evidence": f"""
        select
            tuple,
            kinds.name as type,
            value,
            {TIME.format("tuples.first_us")} as seen_at,
            sources.name as source,
            tuples.first_row_id as row_id
        from stitching.ties
        join stitching.tuples using (tuple)
        join stitching.nodes using (node)
        join stitching.kinds on kinds.type = nodes.type
        join stitching.sources on sources.source = tuples.source
    """,
}


# What a run says of itself: counts over the whole record, cheap as numbers go.
RUN = """
    select
        (select coalesce(max(run), 0) + 1 from stitching.runs) as run,
        now() as finished_at,
        {full} as is_full,
        (select count(*) from temp.left_rows) as new_row_count,
        (select count(*) from temp.gone) as gone_row_count,
        count(*) as profile_count,
        coalesce(sum(identifier_count), 0) as identifier_count,
        (select count(*) from stitching.merges) as merge_count,
        (select count(*) from stitching.violations) + {blocked} as violation_count,
        {rows} as row_count,
        coalesce(quantile_disc(identifier_count, 0.99), 0) as p99_size,
        coalesce(max(identifier_count), 0) as max_size
    from stitching.profiles
"""
BEARING = """(
    select count(*) from stitching.rows
    semi join (from stitching.tuples where component is not null) as tuples using (tuple)
)"""
BLOCKED_ROWS = "(select count(*) from stitching.blocked join stitching.rows using (tuple))"
RUNS = """
    create table if not exists stitching.runs (
        run bigint, finished_at timestamptz, is_full boolean, new_row_count bigint,
        gone_row_count bigint, profile_count bigint, identifier_count bigint, merge_count bigint,
        violation_count bigint, row_count bigint, p99_size bigint, max_size bigint
    )
"""


def version(db: Database) -> str | None:
    """By which rules, sources and engine the record was made; None where there is none."""
    if not db.columns("stitching.version"):
        return None
    found = db.value("select version from stitching.version")
    return str(found)


def prepare(db: Database, *, full: bool) -> None:
    """Write down, as temp tables left_*, the rows of stitching.* that this run leaves behind."""
    known = (
        "select 0::bigint as tuple where false" if full else "select tuple from stitching.tuples"
    )
    db.run(f"create or replace temp view known_tuples as {known}")
    for table, select in TABLES.items():
        db.run(f"create or replace temp table left_{table} as {select}")
    if not full:
        db.run("""
            create or replace temp table dropped_tuples as
            select tuple from old_tuples anti join tuples using (tuple)
        """)


def publish(db: Database, version: str, *, full: bool) -> dict[str, int]:
    """Take over what `prepare` wrote, in a transaction; the numbers of rows of identity.*."""
    db.run("create schema if not exists stitching")
    db.run("create schema if not exists identity")
    for table in TABLES:
        if full:
            db.run(f"create or replace table stitching.{table} as from temp.left_{table}")
        elif table in REPLACED:
            db.run(f"delete from stitching.{table} where {REPLACED[table]}")
            db.run(f"insert into stitching.{table} from temp.left_{table}")
    db.run(f"create or replace table stitching.version as select '{version}' as version")
    db.run(RUNS)
    run = RUN.format(full=full, blocked=BLOCKED_ROWS, rows=BEARING)
    db.run(f"insert into stitching.runs {run}")
    for view, select in VIEWS.items():
        _make_view(db, view, select)
    return _counts(db)


def _make_view(db: Database, view: str, select: str) -> None:
    """Until version 0.1 these were tables."""
    schema, _, name = view.partition(".")
    is_table = db.value(
        "select count(*) from duckdb_tables() where schema_name = ? and table_name = ?"
        " and database_name = current_database()",
        [schema, name],
    )
    if is_table:
        db.run(f"drop table {view}")
    db.run(f"create or replace view {view} as {select}")


def _counts(db: Database) -> dict[str, int]:
    names = ("identifier", "profile", "merge", "violation", "row")
    columns = ", ".join(f"{name}_count" for name in names)
    [counts] = db.run(f"select {columns} from stitching.runs order by run desc limit 1")
    return {
        **{f"identity.{name}s": int(n) for name, n in zip(names, counts, strict=True)},
        "identity.profile_redirects": db.count("stitching.ids"),
        "identity.first_profiles": db.count("identity.first_profiles"),
        "identity.evidence": db.count("stitching.ties"),
        "identity.runs": db.count("stitching.runs"),
    }
