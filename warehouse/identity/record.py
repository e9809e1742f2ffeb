"""The record of identity: what one run leaves to the next, and identity.* that anyone can read.

stitching.* is in numbers; a run replaces there the components that it touched. identity.* are views
over it, so that a merge of two profiles rewrites their own rows and nothing else.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from warehouse.database import Database
from warehouse.identity import record_counts, standing
from warehouse.identity.occurrences import MARK
from warehouse.identity.record_views import VIEWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What is said of tuples that the last run did not know.
UNKNOWN = "anti join old_tuples using (tuple) anti join later using (tuple)"
TABLES = {
    "merges": """
        select component, from_profile, into_profile, first.at_us, tuple, first.row_id
        from numbered_merges
        join counted_tuples on counted_tuples.rowid = tied_at
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


def version(db: Database) -> str | None:
    """By which rules, sources and engine the record was made; None where there is none."""
    if not db.columns("stitching.version"):
        return None
    found = db.value("select version from stitching.version")
    return str(found)


def prepare(db: Database, homes: "Mapping[str, NDArray[Any]]", *, full: bool) -> None:
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
    record_counts.prepare(db, full=full)


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
    counts = record_counts.publish(db, full=full)
    for view, select in VIEWS.items():
        db.make_view(view, select)
    return counts


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
