"""What a run must look at again: the components that its new and vanished rows touch, whole.

Out of what `occurrences` read and the last run left in stitching.*, temp tables:

tuples (tuple, source, first, last_us, place): with the first row that bears the tuple; `place`
counts them in time order;
ties (tuple, node, stand, type, written): which identifiers stand in which;
names (node, stand, type, value): the identifiers. What is joined by hand has one stand;
stands (stand, type, first_place): with the place of the first tuple that bears one;
seen (node, stand, type, first_place, last_us): when each came first and last;
bearings (place, stand, first_place): the ties again, tuples by their place;
touched (component): those of the last run that this one replaces.
"""

from warehouse.database import Database
from warehouse.occurrences import SameNumber

ORDER = "row_number() over (order by first.at_us, source, first.row_id) as place"


def everything(db: Database) -> None:
    """For a full rebuild, where all rows are new."""
    db.run("create or replace temp table touched (component bigint)")
    db.run("create or replace temp view all_rows as from fresh")
    _table(db, "ties", "select tuple, node, stand, type, written from new_ties")
    _table(db, "names", "select distinct node, stand, type, value from new_ties")
    _table(db, "tuples", f"select *, {ORDER} from new_tuples")
    _check_numbers(db)
    _stand(db)


def find(db: Database) -> None:
    """For a run that goes on from the last."""
    _table(db, "vanished", "select distinct tuple from gone")
    _touch(db)
    _table(db, "old_nodes", "from stitching.nodes semi join touched using (component)")
    _table(
        db,
        "old_tuples",
        """
        from stitching.tuples
        where component in (from touched)
            or tuple in (select tuple from vanished union all select tuple from new_tuples)
        """,
    )
    db.run("""
        create or replace temp view all_rows as
        select * from stitching.rows anti join gone using (mark)
        union all
        select * from fresh
    """)
    _add_up(db)
    _table(
        db,
        "ties",
        """
        select * from stitching.ties
        semi join old_tuples using (tuple)
        semi join tuples using (tuple)
        union all
        select tuple, node, stand, type, written
        from new_ties anti join stitching.tuples as known using (tuple)
        """,
    )
    _table(
        db,
        "names",
        """
        select distinct node, stand, type, value
        from (
            select node, stand, type, value from old_nodes
            union all
            select node, stand, type, value from new_ties
        )
        semi join ties using (node)
        """,
    )
    _check_numbers(db)
    _stand(db)


def _touch(db: Database) -> None:
    """Components with a tuple that has come or gone, or an identifier of a new tuple."""
    _table(
        db,
        "touched",
        """
        select component from stitching.nodes
        semi join new_ties using (stand)
        union
        select component from stitching.tuples
        semi join (select tuple from vanished union select tuple from new_tuples) using (tuple)
        where component is not null
        """,
    )


def _add_up(db: Database) -> None:
    """Tuples as they are with the rows that came and without those that went."""
    _table(
        db,
        "counted_tuples",
        """
        select tuple, source, min(first) as first, max(last_us) as last_us
        from (
            select tuple, source, {'at_us': first_us, 'row_id': first_row_id} as first, last_us
            from old_tuples
            anti join vanished using (tuple)
            union all
            select tuple, source, {'at_us': at_us, 'row_id': row_id}, at_us
            from (
                select * from stitching.rows semi join vanished using (tuple)
                anti join gone using (mark)
            )
            join (select tuple, source from stitching.tuples) using (tuple)
            union all
            select * from new_tuples
        )
        group by tuple, source
        """,
    )
    _table(db, "tuples", f"select *, {ORDER} from counted_tuples")


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
        "borne": "select place, node, stand, type, last_us from ties join tuples using (tuple)",
        "seen": """
            select node, any_value(stand) as stand, any_value(type) as type,
                min(place) as first_place, max(last_us) as last_us
            from borne
            group by node
        """,
        "stands": """
            select stand, coalesce(any_value(joined.type), any_value(seen.type)) as type,
                min(first_place) as first_place
            from seen
            left join (select distinct stand, type from joined) as joined using (stand)
            group by stand
        """,
        "bearings": "select place, stand, first_place from borne join stands using (stand)",
    }.items():
        _table(db, name, select)


def _table(db: Database, name: str, select: str) -> None:
    db.run(f"create or replace temp table {name} as {select}")
