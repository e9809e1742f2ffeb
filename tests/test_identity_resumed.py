"""Components that broke a limit and get more rows: gone on with, or replayed from the start."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stitching import DEFAULTS, NAMES, Row, Stitched
from test_identity_twin import Said, Twin, comparable, run, some_rules, some_said

from warehouse import database, identity
from warehouse.identity.occurrences import Input
from warehouse.identity.rules import Rules, rules

KIOSK: list[Row] = [(0, "u", None, "a"), (1, "v", None, "a"), (2, "w", None, "a")]


@st.composite
def rules_of_ever(draw: st.DrawFn) -> dict[str, Any]:
    """Few may be together, whenever; so most components break a limit and can be resumed."""
    stated = draw(some_rules())
    limits = draw(st.lists(st.integers(1, 2), min_size=len(NAMES), max_size=len(NAMES)))
    for name, limit in zip(NAMES, limits, strict=True):
        stated["identifiers"][name]["limit"] = f"{limit} ever"
    return stated


@settings(max_examples=12, deadline=None)
@given(
    rows=some_said,
    stated=rules_of_ever(),
    cuts=st.lists(st.integers(0, 24), min_size=1, max_size=4),
    odd=st.tuples(*[st.sets(st.integers(0, 23), max_size=1)] * 2),
)
def test_batches_in_time_order_end_in_the_state_of_a_full_build(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[Said],
    stated: dict[str, Any],
    cuts: list[int],
    odd: tuple[set[int], set[int]],
) -> None:
    """A row that is late comes in the last batch, and one that is lost goes with it."""
    late, lost = odd
    folder = tmp_path_factory.mktemp("resumed")
    here, at_once = Stitched(folder / "batches.duckdb"), Stitched(folder / "once.duckdb")
    ruled = rules(stated)
    in_time = sorted(rows, key=lambda row: row.hour)
    for cut in sorted(cuts):
        run(here, [row for row in in_time[:cut] if number(row) not in late], ruled)
    left = [row for row in in_time if number(row) not in lost]
    run(here, left, ruled)
    run(at_once, left, ruled)
    assert comparable(here) == Twin(stated).read(left).meaning()
    assert here.meaning() == at_once.meaning()
    assert said_of_the_last_run(here) == said_of_the_last_run(at_once)
    before = here.record()
    run(here, left, ruled, full=True)
    assert here.record() == before


def said_of_the_last_run(here: Stitched) -> list[tuple[Any, ...]]:
    return here.ask("""
        select runs.* exclude (run, finished_at, is_full, new_row_count, gone_row_count), counts.*
        from stitching.counts, (from stitching.runs order by run desc limit 1) as runs
    """)


def number(row: Said) -> int:
    return int(row.row_id[1:])


def test_of_a_kiosk_only_what_comes_later_is_replayed(tmp_path: Path) -> None:
    assert replayed(tmp_path, [*KIOSK, (3, "x", None, "a")]) == ["r003"]


def test_kiosks_that_become_one_end_as_if_they_had_come_at_once(tmp_path: Path) -> None:
    """The last row ties two profiles, each of a component that broke a limit before."""
    ruled = rules({"identifiers": {name: {"limit": "1 ever"} for name in NAMES}})
    rows: list[Row] = [
        (0, None, "e", "a"),
        (1, None, "f", "a"),
        (2, "v", None, "b"),
        (3, "w", None, "b"),
        (4, "w", "f", None),
    ]
    here, at_once = Stitched(tmp_path / "turns.duckdb"), Stitched(tmp_path / "once.duckdb")
    here.stitch(rows[:4], ruled)
    here.stitch(rows, ruled)
    at_once.stitch(rows, ruled)
    assert here.partition() == {
        frozenset({"email:e", "anonymous_id:a"}),
        frozenset({"email:f", "user_id:w"}),
        frozenset({"user_id:v", "anonymous_id:b"}),
    }
    assert here.meaning() == at_once.meaning()
    before = here.record()
    here.stitch(rows, ruled, full=True)
    assert here.record() == before


def test_a_late_row_makes_a_kiosk_be_replayed_from_the_start(tmp_path: Path) -> None:
    rows: list[Row] = [*KIOSK, (1, "x", None, "a")]
    assert replayed(tmp_path, rows) == ["r000", "r001", "r003", "r002"]


def test_a_row_that_goes_makes_a_kiosk_be_replayed_from_the_start(tmp_path: Path) -> None:
    rows: list[Row] = [*KIOSK[:2], (3, "w", None, "a")]
    assert replayed(tmp_path, rows) == ["r000", "r001", "r002"]


def test_within_a_window_a_kiosk_is_replayed_from_the_start(tmp_path: Path) -> None:
    ruled = rules({"identifiers": {"user_id": {"limit": "1 weekly"}, "email": {}, NAMES[2]: {}}})
    rows: list[Row] = [*KIOSK, (3, "x", None, "a")]
    assert replayed(tmp_path, rows, ruled) == ["r000", "r001", "r002", "r003"]


def replayed(folder: Path, rows: list[Row], ruled: Rules = DEFAULTS) -> list[str]:
    """Which rows a run replays after one that knew the kiosk."""
    here = Stitched(folder / "warehouse.duckdb")
    here.stitch(KIOSK, ruled)
    here.stage({f"r{n:03d}": row for n, row in enumerate(rows)})
    with database.beside(here.path) as db:
        source = Input("app__rows", "row_id", "happened_at", NAMES)
        identity.stitch(db, [source], ruled, full=False)
        return [row_id for (row_id,) in db.run("select row_id from replayed order by row")]
