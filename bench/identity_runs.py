"""One run of identity, ours or a peer's, as a process of its own; prints what it found.

`full` and `day` are ours: the whole build, and what a day of one row for each hundred costs on
top; `resolved` makes the resolved table. The peers do less: `floor` turns distinct tuples of
strings into integers and asks scipy for the components, `splink` asks Splink's clustering.
"""

import argparse
import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from warehouse.identity.occurrences import Input
from warehouse.identity.rules import Rules, rules

NAMES = ("user_id", "email", "phone", "anonymous_id")
SOURCE = Input("app__events", "event_id", "occurred_at", NAMES)
EDGES = """
    create temp table wide as
    select row_number() over () as tuple, *
    from (
        select distinct user_id, lower(email) as email, phone, anonymous_id
        from staging.app__events
    );
    create temp table long as
    select tuple, 0 as type, user_id as value from wide where user_id <> 'null'
    union all select tuple, 1, email from wide where email is not null
    union all select tuple, 2, phone from wide where phone is not null
    union all select tuple, 3, anonymous_id from wide where anonymous_id is not null;
    create temp table nodes as
    select cast(row_number() over () - 1 as integer) as node, type, value
    from (select distinct type, value from long);
    create temp table ties as select tuple, node from long join nodes using (type, value);
    create temp table edges as
    select distinct hub as a, node as b
    from ties join (select tuple, min(node) as hub from ties group by tuple) using (tuple)
    where hub <> node
"""


def ruled() -> Rules:
    return rules(
        {
            "blocked": {"values": ["null", "anonymous", "-1"], "patterns": ["^[0-]*$"]},
            "identifiers": {
                "user_id": {"priority": 1},
                "email": {"priority": 2, "normalise": "lower"},
                "phone": {},
                "anonymous_id": {},
            },
        }
    )


def full(warehouse: Path) -> dict[str, int]:
    from warehouse import identity

    return identity.build(warehouse, [SOURCE], ruled(), full=True)


def day(warehouse: Path) -> dict[str, int]:
    from warehouse import identity

    return identity.build(warehouse, [SOURCE], ruled())


def resolved(warehouse: Path) -> dict[str, int]:
    from warehouse import identity, making

    return {"rows": making.make(warehouse, identity.resolved(SOURCE)).row_count}


def floor(warehouse: Path) -> dict[str, int]:
    import duckdb
    import numpy
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute(EDGES)
        [count] = connection.execute("select count(*) from nodes").fetchone() or [0]
        found = connection.execute("from edges").fetchnumpy()
        ones = numpy.ones(len(found["a"]), dtype=numpy.int8)
        graph = coo_matrix((ones, (found["a"], found["b"])), shape=(count, count))
        components, labels = connected_components(graph, directed=False)
        component_of = {"node": numpy.arange(count), "component": labels}
        connection.register("labels", component_of)
        connection.execute("create temp table clusters as from nodes join labels using (node)")
    return {"components": int(components)}


def splink(warehouse: Path) -> dict[str, int]:
    import duckdb
    from splink import DuckDBAPI
    from splink.clustering import cluster_pairwise_predictions_at_threshold

    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute(EDGES)
        nodes = connection.sql("select node as unique_id from nodes").to_arrow_table()
        edges = connection.sql(
            "select a as unique_id_l, b as unique_id_r, 1.0 as match_probability from edges"
        ).to_arrow_table()
    with duckdb.connect() as connection:
        api = DuckDBAPI(connection)
        clusters = cluster_pairwise_predictions_at_threshold(
            nodes,
            edges,
            api,
            node_id_column_name="unique_id",
            threshold_match_probability=0.5,
        )
        [count] = connection.execute(
            f"select count(distinct cluster_id) from {clusters.physical_name}"
        ).fetchone() or [0]
    return {"components": int(count)}


def chain(_warehouse: Path) -> dict[str, int]:
    """The rounds it takes to find that a chain of a thousand identifiers is one component: each
    tuple bears the second identifier of the one before it.
    """
    import numpy as np

    from warehouse.identity import components

    forest = components.connect(999, np.arange(1, 999), np.arange(998))
    return {"rounds": forest.rounds, "components": len(np.unique(forest.components))}


def replay(_warehouse: Path) -> dict[str, int]:
    """Nanoseconds a row of replaying 100,000 rows of kiosks at which twenty people log in."""
    import random
    import time

    from warehouse.identity.replay import Stands
    from warehouse.identity.replay import replay as replay_rows

    chance = random.Random(1)
    nodes_of: dict[int, list[int]] = {}
    rows = []
    for number in range(100_000):
        kiosk, person = chance.randrange(420), chance.randrange(20)
        kind = chance.randrange(10)
        user, device = kiosk * 100 + person, kiosk * 100 + 50 + (kind > 0) * (1 + person)
        nodes = [user, 50_000_000 + device] if chance.random() < 0.6 else [50_000_000 + device]
        rows.append((number, hash(tuple(nodes)), number))
        nodes_of[hash(tuple(nodes))] = nodes
    types = {node: 3 * (node >= 50_000_000) for nodes in nodes_of.values() for node in nodes}
    started = time.process_time()
    outcome = replay_rows(rows, Stands(nodes_of, types, {}), ruled())
    spent = time.process_time() - started
    return {"ns a row": round(spent / len(outcome.rows) * 1e9)}


RUNS: dict[str, Callable[[Path], dict[str, int]]] = {
    run.__name__: run for run in (full, day, resolved, floor, splink, chain, replay)
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.identity_runs", description=__doc__)
    parser.add_argument("who", choices=RUNS)
    parser.add_argument("warehouse", type=Path)
    given = parser.parse_args()
    said = RUNS[given.who](given.warehouse)
    # Kilobytes on Linux, bytes on macOS (getrusage(2) of each).
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    print(json.dumps({"said": said, "peak_mb": round(peak / 1e6)}))
