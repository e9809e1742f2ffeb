"""The record of identity: what one run leaves to the next, and identity.* that anyone can read.

stitching.* is in numbers; a run replaces there the components that it touched. identity.* are views
over it, so that a merge of two profiles rewrites their own rows and nothing else.
"""

from warehouse.database import Database
from warehouse.occurrences import MARK
from warehouse.record_views import VIEWS

# What became of each identifier, or of several that are joined: read again and again below.
BELONGS = """
    select stand, component, coalesce(is_over, false) as is_over, number as profile,
        named.profile as founder
    from labels
    left join (from contested where is_over) as contested using (component)
    left join holders using (stand)
    left join named using (profile)
"""
TABLES = {
    "profiles": """
        with size as (
            select profile, any_value(founder) as place, any_value(component) as component,
                count(*) as identifier_count, max(last_us) as last_us
            from seen
            join belongs using (stand)
            where profile is not null
            group by profile
        ),
        merged as (
            select survivor as place, count(*) as merge_count from survivors group by survivor
        )
        select profile, component, tuple, first.at_us as first_us, size.last_us,
            identifier_count, coalesce(merge_count, 0) as merge_count
        from size
        join tuples using (place)
        left join merged using (place)
    """,
    "merges": """
        select component, loser.number as from_profile, winner.number as into_profile, at_us,
            tuple, row_id
        from merges
        join named as loser on loser.profile = from_profile
        join named as winner on winner.profile = into_profile
        join labels on labels.stand = loser.stand
    """,
    "violations": """
        select component, violations.tuple, at_us, row_id, ties.node, reason
        from violations
        join labels using (stand)
        join ties on ties.tuple = violations.tuple
        left join joined on joined.node = ties.node
        where coalesce(joined.stand, ties.node) = violations.stand
    """,
    "placed": f"""
        select component, {MARK} as mark, number as profile
        from placed
        join tuples using (tuple)
        join founding using (place)
        join labels on labels.stand = founding.stand
        join named on named.profile = placed.profile
    """,
    "nodes": """
        select seen.node, seen.type, value, component, belongs.profile,
            nullif(first_named.number, belongs.profile) as first_profile,
            tuples.tuple as first_tuple, tuples.first.at_us as first_us, seen.last_us, written
        from seen
        join names using (node)
        join belongs using (stand)
        left join first_holders on first_holders.stand = seen.stand
        left join named as first_named on first_named.profile = first_holders.profile
        join tuples on place = seen.first_place
        left join (select tuple, node, written from ties where written is not null) as writings
            on writings.node = seen.node and writings.tuple = tuples.tuple
    """,
    "tuples": """
        select tuple, source, first.at_us as first_us, first.row_id as first_row_id, last_us,
            component, case when not is_over then profile end as profile
        from tuples
        left join founding using (place)
        left join belongs using (stand)
    """,
}
# Of these the temp tables are there already.
STANDING = {
    "rows": "from fresh",
    "ties": "from {ties}",
    "blocked": "from new_blocked",
    "days": "from days",
    "sources": "from numbered_sources",
    "kinds": "from kinds",
    "ids": "from given",
    "joined": "from joined",
}
# What nobody needs any more once such a table is written: it takes memory.
LAST_READ = {
    "placed": ("claims", "before", "labels", "holders"),
    "nodes": ("names", "seen", "first_holders"),
}
# What goes when a run replaces what it touched; of the others, all or nothing.
REPLACED = {
    "rows": f"{MARK} in (select mark from gone)",
    "tuples": "tuple in (select tuple from old_tuples)",
    "ties": "tuple in (select tuple from dropped_tuples)",
    "blocked": "tuple in (select tuple from dropped_tuples)",
    **dict.fromkeys(
        ("nodes", "profiles", "merges", "violations", "placed"), "component in (from touched)"
    ),
    "ids": "profile in (select profile from given)",
    "days": "true",
}
# What a run says of itself: counts over the whole record, cheap as numbers go.
RUN = """
    select
        (select coalesce(max(run), 0) + 1 from stitching.runs) as run,
        now() as finished_at,
        {full} as is_full,
        (select count(*) from temp.fresh) as new_row_count,
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
BEARING = """(select count(*) from stitching.rows) - (
    select count(*) from stitching.rows
    semi join (from stitching.tuples where component is null) as tuples using (tuple)
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
    db.temp("belongs", BELONGS)
    for table, select in TABLES.items():
        db.temp(f"left_{table}", select)
        for read in LAST_READ.get(table, ()):
            db.run(f"drop table {read}")
    for table, select in STANDING.items():
        ties = "ties" if full else "fresh_ties"
        db.run(f"create or replace temp view left_{table} as {select.format(ties=ties)}")
    if not full:
        db.run("""
            create or replace temp table dropped_tuples as
            select tuple from old_tuples anti join tuples using (tuple)
        """)


def publish(db: Database, version: str, *, full: bool) -> dict[str, int]:
    """Take over what `prepare` wrote, in a transaction; the numbers of rows of identity.*."""
    db.run("create schema if not exists stitching")
    for table in (*TABLES, *STANDING):
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
        db.make_view(view, select)
    return _counts(db)


def _counts(db: Database) -> dict[str, int]:
    names = ("identifier", "profile", "merge", "violation", "row")
    columns = ", ".join(f"{name}_count" for name in names)
    [counts] = db.run(f"select {columns} from stitching.runs order by run desc limit 1")
    return {
        **{f"identity.{name}s": int(n) for name, n in zip(names, counts, strict=True)},
        "identity.profile_redirects": db.count("stitching.ids"),
        "identity.first_profiles": db.count("identity.first_profiles"),
        "identity.evidence": db.count("stitching.ties"),
        "identity.tuples": db.count("stitching.tuples"),
        "identity.placed": db.count("stitching.placed"),
        "identity.runs": db.count("stitching.runs"),
    }
