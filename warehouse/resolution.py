"""From components to profiles.

Limits only ever count up, so a component that keeps them all in total kept them at every step: it
is one profile, whatever the order of its rows. Only components that break a limit, or hold
identifiers parted by hand, are replayed row by row. Where profiles merged in one that keeps the
limits, the merges follow from its tuples alone.
"""

from collections.abc import Iterator, Mapping, Sequence

from warehouse import components, replay
from warehouse.database import Database
from warehouse.rules import Rules


def resolve(db: Database, rules: Rules) -> None:
    """Out of the temp tables of `affected`, these. A profile goes by the place of its founder.

    labels (stand, component);
    holders (stand, profile); first_holders, where another held it once; founders (profile, stand);
    survivors (profile, survivor);
    merges (from_profile, into_profile, tuple, at_us, row_id): on which row's evidence;
    violations (tuple, at_us, row_id, stand, reason);
    placed (tuple, at_us, row_id, profile): to whom a row of a replayed component belongs.
    """
    _table(
        db,
        "founding",
        """
        select place, min(stand) as stand, min(first_place) as parent from bearings group by place
        """,
    )
    components.label(db)
    _find_contested(db, rules)
    _merge(db)
    _find_first(db)
    _replay(db, rules)
    _conclude(db)
    for table in ("bearings", "members", "stands", "disputed", "roots", "edges", "parents"):
        db.run(f"drop table if exists {table}")


def _find_contested(db: Database, rules: Rules) -> None:
    """Temp tables members (a stand with its component), and contested (component, is_over) of those
    in which profiles merged or that must be replayed.

    A tuple none of whose identifiers came earlier founds a profile; a component with k founders has
    seen k - 1 merges.
    """
    over = " or ".join(
        f"count(*) filter (where type = {place}) > {identifier.limit}"
        for place, identifier in enumerate(rules.identifiers)
    )
    _table(db, "members", "select * from stands join labels using (stand)")
    _table(
        db,
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


def _merge(db: Database) -> None:
    """Temp table simple_merges (from_profile, into_profile, place): where no limit is broken."""
    _table(
        db,
        "disputed",
        """
        select bearings.* from bearings
        join labels using (stand)
        semi join (from contested where not is_over) as contested using (component)
        """,
    )
    _table(
        db,
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
        _table(db, "roots", jump)
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
    _keep(db, "simple_merges", ("from_profile", "into_profile", "place"), merges)


def _find_first(db: Database) -> None:
    """Temp table first_holders (stand, profile, first_place): where no limit is broken but profiles
    merged, the profile that an identifier came to: what its founder's had become by then.
    """
    _table(
        db,
        "first_holders",
        """
        select stand, root as profile, first_place
        from stands join roots on roots.place = first_place
        """,
    )
    became = "simple_merges as became on from_profile = profile and became.place <= first_place"
    while db.value(f"select count(*) from first_holders join {became}"):
        _table(
            db,
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


def _replay(db: Database, rules: Rules) -> None:
    """Temp tables replayed_*: what replay finds of the components that are over a limit."""
    _table(
        db,
        "over",
        """
        select tuple, place, source, coalesce(joined.stand, node) as stand, ties.type
        from ties
        join tuples using (tuple)
        left join joined using (node)
        join labels on labels.stand = coalesce(joined.stand, node)
        semi join (from contested where is_over) as contested using (component)
        """,
    )
    _table(
        db,
        "replayed",
        """
        select row_number() over (order by at_us, source, row_id) as row,
            tuple, place, at_us, row_id
        from all_rows
        join (select distinct tuple, place from over) as over using (tuple)
        """,
    )
    types = db.read("select stand, type from members semi join over using (stand)")
    outcome = replay.replay(
        _rows(db), _stands(db, rules), dict(zip(*_lists(types), strict=True)), rules, _parted(db)
    )
    for table, columns, lists in (
        ("founders", ("profile", "stand"), outcome.founders),
        ("merges", ("from_profile", "into_profile", "row"), outcome.merges),
        ("violations", ("row", "stand", "reason"), outcome.violations),
        ("rows", ("row", "profile"), outcome.rows),
        ("attached", ("stand", "profile"), outcome.attached),
        ("holders", ("stand", "profile"), outcome.holders),
    ):
        _keep(db, f"replayed_{table}", columns, lists)


def _rows(db: Database) -> Iterator[tuple[int, int, int]]:
    """(row, place of its tuple, time in microseconds), in time order."""
    rows = db.read("select row, place, at_us from replayed order by row")
    for batch in rows.to_batches(max_chunksize=10_000):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _stands(db: Database, rules: Rules) -> Mapping[int, Sequence[int]]:
    """The identifiers of each tuple, strongest first, by the word of its source."""
    strengths = ", ".join(
        f"({source}, {type_}, {strength})" for source, type_, strength in _strengths(db, rules)
    )
    bearing = db.read(f"""
        with strengths as (
            select * from (values {strengths}) as strengths (source, type, strength)
        ),
        borne as (
            select place, stand,
                min({{'as_joined': joined.strength, 'as_written': written.strength}}) as strength
            from over
            join members using (stand)
            join strengths as joined
                on joined.source = over.source and joined.type = members.type
            join strengths as written
                on written.source = over.source and written.type = over.type
            group by place, stand
        )
        select place, list(stand order by strength) as stands from borne group by place
    """)
    return dict(zip(*_lists(bearing), strict=True))


def _strengths(db: Database, rules: Rules) -> Iterator[tuple[int, int, int]]:
    """(source, type, strength), the strongest is 0."""
    for source, name in db.run("from numbered_sources"):
        order = rules.by_strength(name)
        yield from ((source, type_, order.index(kind)) for type_, kind in enumerate(rules.names))


def _parted(db: Database) -> Mapping[int, frozenset[int]]:
    apart: dict[int, frozenset[int]] = {}
    for one, other in db.run("from parted"):
        apart[one] = apart.get(one, frozenset()) | {other}
        apart[other] = apart.get(other, frozenset()) | {one}
    return apart


def _conclude(db: Database) -> None:
    """Both kinds of components together."""
    _table(
        db,
        "holders",
        """
        select stand, profile from replayed_holders
        union all
        select stand, min(first_place) over (partition by component) as profile
        from members
        anti join (from contested where is_over) as contested using (component)
        """,
    )
    db.run("insert into first_holders select stand, profile, null from replayed_attached")
    _table(
        db,
        "founders",
        """
        select profile, stand from replayed_founders
        union all
        select place as profile, stand
        from founding
        join labels using (stand)
        anti join (from contested where is_over) as contested using (component)
        where parent = place
        """,
    )
    _table(
        db,
        "merges",
        """
        select from_profile, into_profile, tuple, at_us, row_id
        from replayed_merges
        join replayed using (row)
        union all
        select from_profile, into_profile, tuple, first.at_us, first.row_id
        from simple_merges
        join tuples using (place)
        """,
    )
    _table(
        db,
        "survivors",
        """
        select founders.profile, holders.profile as survivor
        from founders
        join holders using (stand)
        where founders.profile <> holders.profile
        """,
    )
    _table(
        db,
        "violations",
        """
        select tuple, at_us, row_id, stand, reason
        from replayed_violations
        join replayed using (row)
        """,
    )
    _table(
        db,
        "placed",
        """
        select tuple, at_us, row_id, coalesce(survivor, profile) as profile
        from replayed_rows
        join replayed using (row)
        left join survivors using (profile)
        """,
    )


def _lists(table: object) -> Iterator[list[int]]:
    return (column.to_pylist() for column in table.columns)  # type: ignore[attr-defined]


def _keep(
    db: Database, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]
) -> None:
    import pyarrow as pa

    lists = zip(*rows, strict=True) if rows else ([] for _ in columns)
    arrays = {
        name: pa.array(values, pa.string() if name == "reason" else pa.int64())
        for name, values in zip(columns, lists, strict=True)
    }
    with db.lent("kept_rows", pa.table(arrays)):
        db.run(f"create or replace temp table {table} as from kept_rows")


def _table(db: Database, name: str, select: str) -> None:
    db.run(f"create or replace temp table {name} as {select}")
