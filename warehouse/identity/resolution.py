"""From components to profiles.

Limits only ever count up, so a component that keeps them all in total kept them at every step: it
is one profile, whatever the order of its rows. Only components that break a limit, or hold
identifiers parted by hand, are replayed row by row. Where profiles merged in one that keeps the
limits, the merges follow from its tuples alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from warehouse.database import Database
from warehouse.identity import contested, replay, resumed
from warehouse.identity.rules import Rules

if TYPE_CHECKING:
    from numpy.typing import NDArray

AT_A_TIME = 10_000
# Both kinds of components together.
CONCLUSIONS = {
    "holders": """
        select stand, profile from replayed_holders
        union all
        select stand, profile from stands join homes on place = first_place where not is_over
        """,
    "founders": """
        select profile, stand from replayed_founders
        union all
        from simple_founders
        """,
    "survivors": """
        select founders.profile, holders.profile as survivor
        from replayed_founders as founders
        join replayed_holders as holders using (stand)
        where founders.profile <> holders.profile
        union all
        select from_profile, homes.profile
        from simple_merges
        join homes on homes.place = from_profile
        """,
    "merge_counts": """
        select survivor as profile, 1 as merge_count from survivors
        union all
        select coalesce(survivor, place), merge_count
        from resumed_profiles
        left join survivors on survivors.profile = place
        """,
    "violations": f"""
        select tuple, at_us, row_id, stand, {list(replay.REASONS)}[reason + 1] as reason
        from replayed_violations
        join replayed using (row)
        """,
    "placed": """
        select place, tuple, at_us, row_id, coalesce(survivor, profile) as profile
        from replayed_rows
        join replayed using (row)
        left join survivors using (profile)
        """,
}


def resolve(db: Database, rules: Rules) -> "dict[str, NDArray[Any]]":
    """What `contested.find` says of each tuple.

    Besides what that makes, temp tables replayed_holders and replayed_attached (stand, profile) and
    these views, out of the temp tables of `affected`. A profile goes by the place of its founder.

    holders (stand, profile); founders (profile, stand); survivors (profile, survivor);
    merge_counts (profile, merge_count), to be added up;
    violations (tuple, at_us, row_id, stand, reason);
    placed (place, tuple, at_us, row_id, profile): to whom a row of a replayed component belongs.
    """
    homes = contested.find(db, rules)
    db.run("drop table bearings")
    resumed.find(db, rules)
    _replay(db, rules)
    for name, select in CONCLUSIONS.items():
        db.run(f"create or replace temp view {name} as {select}")
    return homes


def _replay(db: Database, rules: Rules) -> None:
    """Temp tables replayed_*: what replay finds of the components that are over a limit. Of those
    that are `resumed` it is the new rows that are replayed.
    """
    db.temp(
        "over",
        """
        select tuple, place, source, node, coalesce(stand, node) as stand, borne.type
        from (
            select tuple, place, source, unnest(nodes) as node, unnest(types) as type
            from counted_tuples
            positional join (select place, is_over from homes)
            join numbered_sources using (source)
            where is_over
                and (
                    tuple not in (from resumed_tuples) or tuple in (select tuple from new_tuples)
                )
        ) as borne
        left join joined using (node)
        where node is not null
        """,
    )
    db.temp(
        "replayed",
        """
        with bearing as materialized (select distinct tuple, place from over)
        select row_number() over (order by at_us, source, row_id) as row,
            tuple, place, at_us, row_id
        from (
            from all_rows
            join (from bearing anti join resumed_tuples using (tuple)) as bearing using (tuple)
            union all
            from fresh
            join (from bearing semi join resumed_tuples using (tuple)) as bearing using (tuple)
        ) as rows
        """,
    )
    types = db.arrays(
        "select stand, type from stands where stand in (select stand from over union all"
        " select stand from resumed_held)"
    )
    stands = replay.Stands(_stands(db, rules), dict(_lines(types)), _parted(db))
    outcome = replay.replay(_rows(db), stands, rules, resumed.known(db))
    for table, columns, rows in (
        ("founders", ("profile", "stand"), outcome.founders),
        ("merges", ("from_profile", "into_profile", "row"), outcome.merges),
        ("violations", ("row", "stand", "reason"), _numbered(outcome.violations)),
        ("rows", ("row", "profile"), outcome.rows),
        ("attached", ("stand", "profile"), outcome.attached),
        ("holders", ("stand", "profile"), outcome.holders),
    ):
        db.keep(f"replayed_{table}", replay.columns(rows, columns))


def _numbered(violations: Sequence[tuple[int, int, str]]) -> list[tuple[int, int, int]]:
    return [(row, stand, replay.REASONS.index(reason)) for row, stand, reason in violations]


def _rows(db: Database) -> Iterator[tuple[int, int, int]]:
    """(row, place of its tuple, time in microseconds), in time order."""
    yield from _lines(db.arrays("select row, place, at_us from replayed order by row"))


def _stands(db: Database, rules: Rules) -> Mapping[int, Sequence[int]]:
    """The identifiers of each tuple, strongest first, by the word of its source."""
    strengths = ", ".join(
        f"({source}, {type_}, {strength})" for source, type_, strength in _strengths(db, rules)
    )
    bearing = db.arrays(f"""
        with strengths as (
            select * from (values {strengths}) as strengths (source, type, strength)
        ),
        borne as (
            select place, stand,
                min({{'as_joined': joined.strength, 'as_written': written.strength}}) as strength
            from over
            join stands using (stand)
            join strengths as joined
                on joined.source = over.source and joined.type = stands.type
            join strengths as written
                on written.source = over.source and written.type = over.type
            group by place, stand
        )
        select place, stand from borne order by place, strength
    """)
    of_tuples: dict[int, list[int]] = {}
    for place, stand in _lines(bearing):
        of_tuples.setdefault(place, []).append(stand)
    return of_tuples


def _strengths(db: Database, rules: Rules) -> Iterator[tuple[int, int, int]]:
    """(source, type, strength), the strongest is 0."""
    for source, name in db.run("select source, name from numbered_sources"):
        order = rules.by_strength(name)
        yield from ((source, type_, order.index(kind)) for type_, kind in enumerate(rules.names))


def _parted(db: Database) -> Mapping[int, frozenset[int]]:
    apart: dict[int, frozenset[int]] = {}
    for one, other in db.run("from parted"):
        apart[one] = apart.get(one, frozenset()) | {other}
        apart[other] = apart.get(other, frozenset()) | {one}
    return apart


def _lines(columns: "Mapping[str, NDArray[Any]]") -> Iterator[Any]:
    """Row by row, some at a time: numbers of Python take more memory than those of arrays."""
    count = len(next(iter(columns.values())))
    for since in range(0, count, AT_A_TIME):
        some = (column[since : since + AT_A_TIME].tolist() for column in columns.values())
        yield from zip(*some, strict=True)
