"""The record of identity: what one run leaves to the next, and identity.* that anyone can read.

stitching.* is in numbers; a run replaces there the components that it touched. identity.* are views
over it, so that a merge of two profiles rewrites their own rows and nothing else.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from warehouse import standing
from warehouse.database import Database
from warehouse.occurrences import MARK
from warehouse.record_views import VIEWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What is said of tuples that the last run did not know.
UNKNOWN = "anti join old_tuples using (tuple) anti join later using (tuple)"
TABLES = {
    "merges": """
        select component, from_profile, into_profile, first.at_us, tuples.tuple, first.row_id
        from numbered_merges
        join tuples using (place)
        union all
        select component, loser.number, winner.number, at_us, replayed.tuple, row_id
        from replayed_merges
        join replayed using (row)
        join homes on homes.place = from_profile
        join named as loser on loser.profile = from_profile
        join named as winner on winner.profile = into_profile
    """,
    "violations": """
        select component, violations.tuple, at_us, row_id, node, reason
        from violations
        join (
            select over.tuple, component, stand, node from over join homes using (place)
        ) as borne using (tuple, stand)
    """,
    "placed": """
        select component, {mark} as mark, named.number as profile
        from placed
        join homes using (place)
        join named on named.profile = placed.profile
    """.format(mark=MARK.replace("tuple", "placed.tuple")),
}
# Of these the temp tables are there already, but for what a join adds while they are written.
STANDING = {
    "nodes": """
        select standing.node, standing.type, value, component, standing.profile,
            nullif(first_profile, standing.profile) as first_profile, first_tuple, last_us, written
        from standing
        join names on names.node = standing.node
        left join writings on writings.node = standing.node and tuple = first_tuple
    """,
    "tuples": """
        select counted_tuples.tuple, source, first.at_us as first_us,
            first.row_id as first_row_id, last_us,
            case when is_tied then component end as component,
            case when is_tied and not is_over then number end as profile, nodes
        from counted_tuples
        positional join homes
    """,
    "rows": "from fresh",
    "writings": f"from new_writings {UNKNOWN}",
    "blocked": f"from new_blocked {UNKNOWN}",
    "days": "from days",
    "sources": "from numbered_sources",
    "kinds": "from kinds",
    "ids": "from given",
    "joined": "from joined",
}
# What goes when a run replaces what it touched; of the others, all or nothing.
REPLACED = {
    "rows": f"{MARK} in (select mark from gone)",
    "tuples": "tuple in (select tuple from old_tuples)",
    "writings": "tuple in (select tuple from dropped_tuples)",
    "blocked": "tuple in (select tuple from dropped_tuples)",
    **dict.fromkeys(("nodes", "profiles"), "component in (from touched)"),
    **dict.fromkeys(
        ("merges", "violations", "placed"),
        "component in (from touched anti join resumed using (component))",
    ),
    "ids": "profile in (select profile from given)",
    "days": "true",
}
# Of components that are resumed, what came before stays; but several may be one now.
MOVED = """
    select resumed.component as was, homes.component as now
    from resumed
    join homes on homes.place = home
    where was <> now
"""
WENT = """
    select resumed_profiles.number as was, named.number as now
    from resumed_profiles
    left join survivors on survivors.profile = place
    join named on named.profile = coalesce(survivor, place)
    where was <> now
"""
MOVES = {
    "merges": (("component", MOVED),),
    "violations": (("component", MOVED),),
    "placed": (("component", MOVED), ("profile", WENT)),
}
# Of what is seen later than before: by what it goes, and which those are.
LATER = {
    "tuples": ("tuple", "select tuple, last_us from later"),
    "nodes": ("node", "select unnest(nodes) as node, last_us from later"),
    "profiles": ("profile", "select profile, last_us from later"),
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


def prepare(db: Database, homes: "Mapping[str, NDArray[Any]]") -> None:
    """Write down, as temp tables or views left_*, what this run leaves behind in stitching.*."""
    standing.find(db, homes)
    for table, select in TABLES.items():
        db.temp(f"left_{table}", select)
    for read in ("seen", "stands"):  # it takes memory
        db.run(f"drop table {read}")
    for table, select in STANDING.items():
        db.run(f"create or replace temp view left_{table} as {select}")
    db.run("""
        create or replace temp view dropped_tuples as
        select tuple from old_tuples anti join tuples using (tuple)
    """)


def publish(db: Database, version: str, *, full: bool) -> dict[str, int]:
    """Take over what `prepare` wrote, in a transaction; the numbers of rows of identity.*."""
    db.run("create schema if not exists stitching")
    # To find the best way to compress a column costs more than all else in writing it.
    db.run("set force_compression = 'uncompressed'")
    if not full:
        _move(db)
    for table in (*(REPLACED | STANDING),):
        if full:
            db.run(f"create or replace table stitching.{table} as from temp.left_{table}")
        elif table in REPLACED:
            db.run(f"delete from stitching.{table} where {REPLACED[table]}")
            db.run(f"insert into stitching.{table} from temp.left_{table}")
    if not full:
        _see_later(db)
    db.run(f"create or replace table stitching.version as select '{version}' as version")
    db.run(RUNS)
    run = RUN.format(full=full, blocked=BLOCKED_ROWS, rows=BEARING)
    db.run(f"insert into stitching.runs {run}")
    for view, select in VIEWS.items():
        db.make_view(view, select)
    return _counts(db)


def _move(db: Database) -> None:
    for table, moves in MOVES.items():
        for column, moved in moves:
            db.run(
                f"update stitching.{table} as old set {column} = now from ({moved}) as moved"
                f" where old.{column} = was"
            )


def _see_later(db: Database) -> None:
    for table, (key, seen) in LATER.items():
        db.run(f"""
            update stitching.{table} as old
            set last_us = greatest(old.last_us, seen.last_us)
            from (select {key}, max(last_us) as last_us from ({seen}) group by {key}) as seen
            where old.{key} = seen.{key}
        """)


def _counts(db: Database) -> dict[str, int]:
    names = ("identifier", "profile", "merge", "violation", "row")
    columns = ", ".join(f"{name}_count" for name in names)
    [counts] = db.run(f"select {columns} from stitching.runs order by run desc limit 1")
    return {
        **{f"identity.{name}s": int(n) for name, n in zip(names, counts, strict=True)},
        "identity.profile_redirects": db.count("stitching.ids"),
        "identity.first_profiles": db.count("identity.first_profiles"),
        "identity.evidence": int(
            db.value("select coalesce(sum(list_count(nodes)), 0) from stitching.tuples")
        ),
        "identity.tuples": db.count("stitching.tuples"),
        "identity.placed": db.count("stitching.placed"),
        "identity.runs": db.count("stitching.runs"),
    }
