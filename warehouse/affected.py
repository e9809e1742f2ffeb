"""What a run must look at again: the components that its new and vanished rows touch, whole.

Out of what `occurrences` read and the last run left in stitching.*, temp tables:

tuples (tuple, source, first, last_us, place): with the first row that bears the tuple; `place`
counts them in time order;
ties (tuple, node, type, written): which identifiers stand in which; fresh_ties: not yet stored;
names (node, type, value): the identifiers;
stands (stand, type, first_place): the same, but what is joined by hand is one; with the place of
the first tuple that bears one;
seen (node, stand, type, first_place, last_us): when each came first and last;
bearings (place, stand, first_place): the ties again, tuples by their place;
touched (component): those of the last run that this one replaces.
"""

from warehouse.database import Database
from warehouse.occurrences import MARK, SameNumber

BLOCKED = "select tuple, type, value, reason from new_ties where reason is not null"
ORDER = "row_number() over (order by first.at_us, source, first.row_id) as place"


def everything(db: Database) -> None:
    """For a full rebuild, where all rows are new."""
    db.run("create or replace temp table touched (component bigint)")
    db.run("create or replace temp view all_rows as from fresh")
    db.temp("tuples", f"select *, {ORDER} from new_tuples")
    db.run("drop table new_tuples")
    db.temp("ties", "select tuple, node, type, written from new_ties where reason is null")
    db.temp("names", "select distinct node, type, value from new_ties where reason is null")
    db.temp("new_blocked", BLOCKED)
    db.run("drop table new_ties")
    _check_numbers(db)
    _stand(db)


def find(db: Database) -> None:
    """For a run that goes on from the last."""
    db.temp("vanished", "select distinct tuple from gone")
    _touch(db)
    for name, select in {
        "old_nodes": "from stitching.nodes semi join touched using (component)",
        "old_tuples": """
            from stitching.tuples
            where component in (from touched)
                or tuple in (select tuple from vanished union all select tuple from new_tuples)
        """,
        "known_tuples": "select tuple from old_tuples semi join new_tuples using (tuple)",
    }.items():
        db.temp(name, select)
    db.run(f"""
        create or replace temp view all_rows as
        select * from stitching.rows
        where {MARK} not in (select mark from gone)
        union all
        select * from fresh
    """)
    _add_up(db)
    for name, select in {
        "new_blocked": f"{BLOCKED} and tuple not in (from known_tuples)",
        "fresh_ties": """
            select tuple, node, type, written from new_ties
            where reason is null and tuple not in (from known_tuples)
        """,
        "ties": """
            select * from stitching.ties semi join old_tuples using (tuple)
            semi join tuples using (tuple)
            union all
            from fresh_ties
        """,
        "names": """
            select distinct node, type, value
            from (
                select node, type, value from old_nodes
                union all
                select node, type, value from new_ties where reason is null
            )
            semi join ties using (node)
        """,
    }.items():
        db.temp(name, select)
    _check_numbers(db)
    _stand(db)


def _touch(db: Database) -> None:
    """Components with a tuple that has come or gone, or an identifier of a new tuple."""
    db.temp(
        "touched",
        """
        with met as (
            select node from new_ties where reason is null
            union
            select others.node
            from new_ties
            join joined using (node)
            join joined as others on others.stand = joined.stand
            where reason is null
        )
        select component from stitching.nodes semi join met using (node)
        union
        select component from stitching.tuples
        semi join (select tuple from vanished union select tuple from new_tuples) using (tuple)
        where component is not null
        """,
    )


def _add_up(db: Database) -> None:
    """Tuples as they are with the rows that came and without those that went."""
    db.temp(
        "counted_tuples",
        f"""
        select tuple, source, min(first) as first, max(last_us) as last_us
        from (
            select tuple, source, {{'at_us': first_us, 'row_id': first_row_id}} as first, last_us
            from old_tuples
            anti join vanished using (tuple)
            union all
            select tuple, source, {{'at_us': at_us, 'row_id': row_id}}, at_us
            from stitching.rows
            semi join vanished using (tuple)
            where {MARK} not in (select mark from gone)
            union all
            select * from new_tuples
        )
        group by tuple, source
        """,
    )
    db.temp("tuples", f"select *, {ORDER} from counted_tuples")


def _check_numbers(db: Database) -> None:
    """Raises SameNumber where two identifiers have one."""
    if db.value("select count(*) - count(distinct node) from names"):
        raise SameNumber(
            *db.run(
                "select min(value), max(value) from names group by node having count(*) > 1 limit 1"
            )[0]
        )


def _stand(db: Database) -> None:
    """An identifier that is joined to others has the type of the strongest of them."""
    for name, select in {
        "borne": """
            select place, node, coalesce(stand, node) as stand, ties.type, last_us
            from ties
            join tuples using (tuple)
            left join joined using (node)
        """,
        "seen": """
            select node, any_value(stand) as stand, any_value(type) as type,
                min(place) as first_place, max(last_us) as last_us
            from borne
            group by node
        """,
        "stands": """
            select stand, type, first_place from seen anti join joined using (node)
            union all
            select joined.stand, any_value(joined.type), min(first_place)
            from seen
            join joined using (node)
            group by joined.stand
        """,
        "bearings": "select place, stand, first_place from borne join stands using (stand)",
    }.items():
        db.temp(name, select)
    db.run("drop table borne")
