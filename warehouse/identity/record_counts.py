"""What a run says of itself: counts over the whole record. Those that would take every row or tuple
to be counted are carried from run to run, and each adds what it changed.
"""

from warehouse.database import Database

CARRIED = ("row_count", "blocked_count", "tie_count")
# Nearly all tuples tie somebody, so those that do not are looked for.
CHANGE = """
    with idle as (
        select tuple from new_tuples where list_count(nodes) = 0
        union
        select tuple from old_tuples where list_count(nodes) = 0
    ),
    said as (from new_blocked union from {blocked})
    select
        (select count(*) from fresh anti join idle using (tuple))
            - (select count(*) from gone anti join idle using (tuple)) as row_count,
        (select count(*) from fresh join said using (tuple))
            - (select count(*) from gone join said using (tuple)) as blocked_count,
        (select coalesce(sum(list_count(nodes)), 0) from counted_tuples)
            - (select coalesce(sum(list_count(nodes)), 0) from old_tuples) as tie_count
"""
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
        (select count(*) from stitching.violations)
            + (select blocked_count from stitching.counts) as violation_count,
        (select row_count from stitching.counts) as row_count,
        coalesce(quantile_disc(identifier_count, 0.99), 0) as p99_size,
        coalesce(max(identifier_count), 0) as max_size
    from stitching.profiles
"""
RUNS = """
    create table if not exists stitching.runs (
        run bigint, finished_at timestamptz, is_full boolean, new_row_count bigint,
        gone_row_count bigint, profile_count bigint, identifier_count bigint, merge_count bigint,
        violation_count bigint, row_count bigint, p99_size bigint, max_size bigint
    )
"""


def prepare(db: Database, *, full: bool) -> None:
    """Temp table left_counts: what stitching.counts will be."""
    blocked = "new_blocked" if full else "stitching.blocked"
    before = "" if full else "union all by name from stitching.counts"
    db.temp(
        "left_counts",
        f"""
        select {", ".join(f"cast(sum({name}) as bigint) as {name}" for name in CARRIED)}
        from ({CHANGE.format(blocked=blocked)} {before})
        """,
    )


def publish(db: Database, *, full: bool) -> dict[str, int]:
    """The numbers of rows of identity.*, which the run puts on record."""
    db.run("create or replace table stitching.counts as from temp.left_counts")
    db.run(RUNS)
    db.run(f"insert into stitching.runs {RUN.format(full=full)}")
    names = ("identifier", "profile", "merge", "violation", "row")
    columns = ", ".join(f"{name}_count" for name in names)
    [counts] = db.run(f"select {columns} from stitching.runs order by run desc limit 1")
    return {
        **{f"identity.{name}s": int(n) for name, n in zip(names, counts, strict=True)},
        "identity.profile_redirects": db.count("stitching.ids"),
        "identity.first_profiles": int(
            db.value("select count(first_profile) from stitching.nodes")
        ),
        "identity.evidence": int(db.value("select tie_count from stitching.counts")),
        "identity.tuples": db.count("stitching.tuples"),
        "identity.placed": db.count("stitching.placed"),
        "identity.runs": db.count("stitching.runs"),
    }
