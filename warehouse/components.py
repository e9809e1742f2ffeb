"""Connected components in SQL, by contraction: which identifiers hang together through rows.

1. Hook: every vertex takes the smallest of itself and its neighbours as parent.
2. Jump: parents become grandparents, until every vertex points at the root of its tree.
3. Contract: edges between the roots are the next, smaller graph; again from 1 until none is left.

A chain of n vertices costs about log2(n) jumps. See Burkhardt, "Graph connectivity in log steps
using label propagation" (2018), and Kiveris et al., "Connected Components in MapReduce and Beyond"
(2014), for this family of algorithms.
"""

from warehouse.database import Database

EDGES = """
    select distinct founding.stand as a, bearings.stand as b
    from bearings
    join founding using (place)
    where bearings.stand <> founding.stand
"""
HOOK = """
    select vertex, least(vertex, min(neighbour)) as parent
    from (select a as vertex, b as neighbour from edges union all select b, a from edges)
    group by vertex
"""
JUMP = """
    select child.vertex, parent.parent
    from parents as child
    join parents as parent on parent.vertex = child.parent
"""
# Only vertices that had an edge have a parent, and only they can get another component.
RELABEL = """
    select stand, coalesce(parent, component) as component
    from labels
    left join parents on vertex = component
"""
CONTRACT = """
    select distinct least(p.parent, q.parent) as a, greatest(p.parent, q.parent) as b
    from edges
    join parents as p on p.vertex = a
    join parents as q on q.vertex = b
    where p.parent <> q.parent
"""


def label(db: Database) -> int:
    """The number of rounds it took to make temp table labels (stand, component).

    Out of temp tables stands (stand), bearings (place, stand): which stand together, and founding
    (place, stand): the least of them.
    """
    db.temp("edges", EDGES)
    db.temp("labels", "select stand, stand as component from stands")
    rounds = 0
    while db.count("edges"):
        db.temp("parents", HOOK)
        # Parents only ever get less: where their sum stays, none has moved.
        before, now = None, _sum(db)
        while before != now:
            db.temp("parents", JUMP)
            before, now = now, _sum(db)
            rounds += 1
        db.temp("labels", RELABEL)
        db.temp("edges", CONTRACT)
        rounds += 1
    return rounds


def _sum(db: Database) -> int:
    return int(db.value("select sum(parent) from parents"))
