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
    select distinct hub as a, node as b
    from (select node, min(node) over (partition by tuple) as hub from ties)
    where node <> hub
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
RELABEL = """
    select node, coalesce(parent, component) as component
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


def label(db: Database) -> None:
    """From temp table ties (tuple, node) make temp table labels (node, component)."""
    _table(db, "labels", "select distinct node, node as component from ties")
    _table(db, "edges", EDGES)
    while db.count("edges"):
        _table(db, "parents", HOOK)
        while db.value(
            "select count(*) from parents as c join parents as p on p.vertex = c.parent"
            " where p.parent <> c.parent"
        ):
            _table(db, "parents", JUMP)
        _table(db, "labels", RELABEL)
        _table(db, "edges", CONTRACT)


def _table(db: Database, name: str, select: str) -> None:
    db.run(f"create or replace temp table {name} as {select}")
