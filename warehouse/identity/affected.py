"""What a run must look at again: the components that its new and vanished rows may change, whole.

A row that says again what is known changes nobody: where the component keeps its limits, its tuple
and those who bear it were seen later than before, and that is all.

Out of what `occurrences` read and the last run left in stitching.*, temp tables:

tuples (tuple, source, first, last_us, nodes, place): with the first row that bears the tuple;
`place` counts them in time order, from 0;
names (node, type, value): the identifiers;
seen (node, stand, type, first_place, last_us): when each came first and last; what is joined by
hand is one stand;
stands (stand, type, first_place): those;
bearings (place, first_place): for each stand of a tuple that came before it, when that was;
touched (component): those of the last run that this one replaces;
later (tuple, profile, nodes, last_us): tuples of other components that came again.
"""

from warehouse.database import Database
from warehouse.identity.occurrences import MARK, SameNumber

FIRST = "{'at_us': first_us, 'row_id': first_row_id}"


def everything(db: Database) -> None:
    """For a full rebuild, where all rows are new."""
    db.run("create or replace temp table touched (component bigint)")
    db.run("create or replace temp table old_tuples (tuple bigint, nodes bigint[])")
    db.run("create or replace temp table later (tuple bigint)")
    db.run("create or replace temp view all_rows as from fresh")
    db.run("alter table new_tuples rename to counted_tuples")
    db.run("create or replace temp view new_tuples as from counted_tuples")
    _place(db)
    db.run("create or replace temp view names as from new_names")
    db.run("create or replace temp view writings as from new_writings")
    _check_numbers(db)
    _stand(db)


def find(db: Database) -> None:
    """For a run that goes on from the last."""
    db.temp("vanished", "select distinct tuple from gone")
    _touch(db)
    db.temp("old_nodes", "from stitching.nodes semi join touched using (component)")
    db.temp(
        "old_tuples",
        """
        from stitching.tuples semi join touched using (component)
        union all
        from (from stitching.tuples semi join vanished using (tuple))
        where component is null
        """,
    )
    # Of most tuples no row has gone, and then no row's number need be worked out.
    db.run(f"""
        create or replace temp view all_rows as
        from stitching.rows anti join vanished using (tuple)
        union all
        from (from stitching.rows semi join vanished using (tuple))
        where {MARK} not in (select mark from gone)
        union all
        from fresh
    """)
    _add_up(db)
    db.temp(
        "writings", "from stitching.writings semi join tuples using (tuple) union from new_writings"
    )
    db.run("""
        create or replace temp view names as
        select distinct node, type, value
        from (select node, type, value from old_nodes union all from new_names)
    """)
    _check_numbers(db)
    _stand(db)


def _touch(db: Database) -> None:
    """Components with a tuple that has come or gone, or an identifier of a new tuple."""
    db.temp(
        "known",
        """
        select tuple, component, profile, nodes, last_us,
            component is null or (profile is not null and first > first_before) as is_settled
        from again
        anti join vanished using (tuple)
        """,
    )
    db.temp(
        "touched",
        """
        with borne as (select unnest(nodes) as node from new_tuples anti join known using (tuple)),
        met as (
            select node from borne
            union
            select others.node
            from borne
            join joined using (node)
            join joined as others on others.stand = joined.stand
        )
        select component from stitching.nodes semi join met using (node)
        union
        select component from stitching.tuples semi join vanished using (tuple)
        where component is not null
        union
        select component from known where not is_settled
        """,
    )
    db.temp(
        "later",
        """
        select tuple, profile, nodes, last_us from known
        where is_settled and (component is null or component not in (from touched))
        """,
    )


def _add_up(db: Database) -> None:
    """Tuples as they are with the rows that came and without those that went."""
    db.temp(
        "counted_tuples",
        f"""
        select tuple, source, min(first) as first, max(last_us) as last_us,
            any_value(nodes) as nodes
        from (
            select tuple, source, {FIRST} as first, last_us, nodes
            from old_tuples
            anti join vanished using (tuple)
            union all
            select tuple, rows.source, {{'at_us': at_us, 'row_id': row_id}}, at_us, nodes
            from stitching.rows as rows
            join (from old_tuples semi join vanished using (tuple)) as old using (tuple)
            where {MARK} not in (select mark from gone)
            union all
            from new_tuples anti join later using (tuple)
        )
        group by tuple, source
        """,
    )
    _place(db)


def _place(db: Database) -> None:
    """Sort no more than must be, and lay the places beside the tuples: arrays and tables keep their
    order, as long as nobody sets preserve_insertion_order.
    """
    import numpy as np

    order = db.arrays(
        "select rowid from counted_tuples order by first.at_us, source, first.row_id"
    )["rowid"]
    places = np.empty(len(order), dtype=np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    db.keep("places", {"place": places})
    db.run("create or replace temp view tuples as from counted_tuples positional join places")


def _check_numbers(db: Database) -> None:
    """Raises SameNumber where two identifiers have one; after that nobody needs `odd`."""
    import numpy as np

    numbered = "(select node, value from names union all select spelling, text from odd)"
    # To sort numbers takes a third of what it takes to look each up.
    numbers = np.sort(db.arrays(f"select node from {numbered}")["node"])
    if (numbers[1:] == numbers[:-1]).any():
        raise SameNumber(
            *db.run(
                f"select min(value), max(value) from {numbered}"
                " group by node having count(*) > 1 limit 1"
            )[0]
        )
    db.run("drop table odd")


def _stand(db: Database) -> None:
    """An identifier that is joined to others has the type of the strongest of them."""
    types = db.value("select list(types order by source) from numbered_sources") or []
    for name, select in {
        "borne": f"""
            select place, last_us, node, type
            from (
                select place, last_us, unnest(nodes) as node,
                    unnest(cast({types} as integer[][])[source + 1]) as type
                from tuples
            )
            where node is not null
        """,
        "seen": """
            select node, coalesce(any_value(stand), node) as stand, any_value(borne.type) as type,
                min(place) as first_place, max(last_us) as last_us
            from borne
            left join joined using (node)
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
        "bearings": """
            select place, first_place
            from borne
            left join joined using (node)
            join stands on stands.stand = coalesce(joined.stand, node)
            where first_place < place
        """,
    }.items():
        db.temp(name, select)
    db.run("drop table borne")
