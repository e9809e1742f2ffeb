"""What identity costs, counted: a clock would say as much of the machine."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, cast

import duckdb
from stitching import DEFAULTS, NAMES, Row, Stitched

import warehouse
from warehouse import database, identity
from warehouse.database import Database
from warehouse.identity.occurrences import Input

CODE = str(Path(warehouse.__file__).parent)
ROWS = """
    create table staging.app__rows as
    select 'r' || i as row_id, make_timestamptz(1000000 * i) as happened_at, 'u' || i as user_id,
        'kiosk' as anonymous_id
    from range({users}) as numbers (i)
"""


@dataclass
class Counting:
    """A connection that counts the rows which operators hand on."""

    connection: duckdb.DuckDBPyConnection
    rows: int = 0

    def execute(self, *statement: Any) -> duckdb.DuckDBPyConnection:
        done = self.connection.execute(*statement)
        told = self.connection.get_profiling_information()
        self.rows += sum(map(_handed_on, json.loads(told).get("operator", [])))
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)


def test_a_kiosk_with_ten_times_the_users_costs_ten_times_as_much() -> None:
    few, many = (effort_of_a_kiosk(users) for users in (1_000, 10_000))
    assert many["violations"] == 9_999
    assert few["lines of Python"] < many["lines of Python"] <= 10 * few["lines of Python"]
    assert few["rows in DuckDB"] < many["rows in DuckDB"] <= 10 * few["rows in DuckDB"]


def effort_of_a_kiosk(users: int) -> Mapping[str, int]:
    with duckdb.connect() as connection, lines_run(CODE) as lines:
        connection.execute("create schema staging")
        connection.execute(ROWS.format(users=users))
        connection.execute("set enable_profiling = 'no_output'")
        counting = Counting(connection)
        db = Database(cast(duckdb.DuckDBPyConnection, counting))
        source = Input("app__rows", "row_id", "happened_at", ("user_id", "anonymous_id"))
        identity.stitch(db, [source], DEFAULTS, full=True)
        violations = db.count("left_violations")
    return {
        "violations": violations,
        "lines of Python": sum(lines.values()),
        "rows in DuckDB": counting.rows,
    }


def test_a_row_that_says_again_what_is_known_makes_nobody_be_looked_at_again(
    tmp_path: Path,
) -> None:
    here = Stitched(tmp_path / "warehouse.duckdb")
    rows: dict[str, Row] = {"r0": (0, "u", "e", None), "r1": (1, "v", None, "a")}
    here.run(rows)
    here.stage({**rows, "r2": (2, "u", "e", None), "r3": (3, "v", None, "b")})
    source = Input("app__rows", "row_id", "happened_at", NAMES)
    with database.beside(here.path) as db:
        identity.stitch(db, [source], DEFAULTS, full=False)
        again = db.run(
            "select value from stitching.nodes"
            " where node in (select unnest(nodes) from later) order by value"
        )
        looked_at = db.run("select value from standing join names using (node) order by value")
    assert again == [("e",), ("u",)]
    assert looked_at == [("a",), ("b",), ("v",)]


@contextmanager
def lines_run(folder: str) -> Iterator[dict[str, int]]:
    """How many lines of Python files in a folder run meanwhile, by file."""
    counts: dict[str, int] = {}

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        path = frame.f_code.co_filename
        if not path.startswith(folder):
            return None
        if event == "line":
            counts[path] = counts.get(path, 0) + 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield counts
    finally:
        sys.settrace(before)


def _handed_on(operator: Mapping[str, Any]) -> int:
    below = operator.get("children", [])
    return int(operator.get("intermediate_rows", 0)) + sum(map(_handed_on, below))
