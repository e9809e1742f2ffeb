"""Components that need a second look: they break a limit, or profiles merged in them.

Where the limits are kept, the merges follow from the tuples alone: a tuple belongs to the founder
of its oldest identifier, and one whose identifiers belong to several founders ties these.
"""

from array import array
from collections.abc import Iterator, Sequence

from warehouse import replay
from warehouse.database import Database
from warehouse.rules import Rules


def find(db: Database, rules: Rules) -> None:
    """Temp tables members (a stand with its component), and contested (component, is_over) of those
    in which profiles merged or that must be replayed.

    A tuple none of whose identifiers came earlier founds a profile; a component with k founders has
    seen k - 1 merges.
    """
    over = " or ".join(
        f"count(*) filter (where type = {place}) > {identifier.limit}"
        for place, identifier in enumerate(rules.identifiers)
    )
    db.temp("members", "select * from stands join labels using (stand)")
    db.temp(
        "contested",
        f"""
        with founded as (
            select component, count(*) as founder_count
            from founding
            join labels using (stand)
            where parent = place
            group by component
        ),
        sized as (
            select component, {over} or count(*) > {rules.max_identifiers} as is_large
            from members
            group by component
        ),
        torn as (
            select distinct a.component, true as is_torn
            from parted
            join labels as a on a.stand = parted.one
            join labels as b on b.stand = parted.other and b.component = a.component
        )
        select component,
            is_large or coalesce(is_torn, false) or founder_count > {rules.max_merges} + 1
                as is_over
        from sized
        join founded using (component)
        left join torn using (component)
        where is_large or is_torn or founder_count > 1
        """,
    )


def merge(db: Database) -> None:
    """Temp table simple_merges (from_profile, into_profile, place): where no limit is broken."""
    db.temp(
        "disputed",
        """
        select bearings.* from bearings
        join labels using (stand)
        semi join (from contested where not is_over) as contested using (component)
        """,
    )
    db.temp(
        "roots",
        """
        select place, min(first_place) as root from disputed group by place
        """,
    )
    jump = """
        select child.place, parent.root
        from roots as child
        join roots as parent on parent.place = child.root
    """
    while db.value(
        "select count(*) from roots as c join roots as p on p.place = c.root where p.root <> c.root"
    ):
        db.temp("roots", jump)
    tying = db.read("""
        with ends as (
            select distinct disputed.place, root
            from disputed
            join roots on roots.place = first_place
        ),
        hubs as (
            select place, min(root) as hub from ends group by place having count(*) > 1
        ),
        pairs as (
            select hub, root, min(place) as place
            from ends
            join hubs using (place)
            where root <> hub
            group by hub, root
        )
        select place, list(root) || [hub] as founders
        from pairs
        group by place, hub
        order by place
    """)
    merges = replay.merge_all(_ties(tying.to_batches(max_chunksize=50_000)))
    keep(db, "simple_merges", ("from_profile", "into_profile", "place"), merges)


def find_first(db: Database) -> None:
    """Temp table first_holders (stand, profile, first_place): where no limit is broken but profiles
    merged, the profile that an identifier came to: what its founder's had become by then.
    """
    db.temp(
        "first_holders",
        """
        select stand, root as profile, first_place
        from stands join roots on roots.place = first_place
        """,
    )
    became = "simple_merges as became on from_profile = profile and became.place <= first_place"
    while db.value(f"select count(*) from first_holders join {became}"):
        db.temp(
            "first_holders",
            f"""
            select stand, coalesce(into_profile, profile) as profile, first_place
            from first_holders left join {became}
            """,
        )


def _ties(batches: Sequence[object]) -> Iterator[tuple[int, Sequence[int]]]:
    for batch in batches:
        places, founders = (batch.column(n).to_pylist() for n in ("place", "founders"))  # type: ignore[attr-defined]
        yield from zip(places, founders, strict=True)


def keep(db: Database, name: str, columns: Sequence[str], rows: Sequence[tuple[int, ...]]) -> None:
    """A temp table of what Python found, integers all."""
    import pyarrow as pa

    lists = zip(*rows, strict=True) if rows else ([] for _ in columns)
    # Arrow on its own way from a list to a column would first load pandas, a third of a second.
    arrays = {
        column: pa.Array.from_buffers(
            pa.int64(), len(values), [None, pa.py_buffer(array("q", values))]
        )
        for column, values in zip(columns, lists, strict=True)
    }
    with db.lent("kept_rows", pa.table(arrays)):
        db.temp(name, "from kept_rows")
