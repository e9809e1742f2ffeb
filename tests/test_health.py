"""How well identity is: each check passes on an ordinary record and fails on a sick one."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from stitching import Row, Stitched

from warehouse import database
from warehouse.identity import health

PEOPLE = {f"r{n:04d}": (n, f"u{n}", f"e{n}", None) for n in range(400)}


@pytest.fixture
def here(tmp_path: Path) -> Stitched:
    """Four ordinary days: a hundred people each, of two identifiers each."""
    here = Stitched(tmp_path / "warehouse.duckdb")
    for day in range(1, 5):
        here.run(dict(list(PEOPLE.items())[: day * 100]))
    return here


def found(here: Stitched) -> Mapping[str, health.Finding]:
    with database.connect(here.path, read_only=True) as db:
        return {finding.check: finding for finding in health.findings(db)}


def failed(here: Stitched) -> set[str]:
    return {name for name, finding in found(here).items() if not finding.passed}


def test_an_ordinary_record_passes_all_checks_and_says_its_figures(here: Stitched) -> None:
    assert {name: (each.passed, each.figures) for name, each in found(here).items()} == {
        "one_profile_each": (True, {"held by two profiles": 0}),
        "profiles_of_ordinary_size": (
            True,
            {"identifiers, 99 of 100 have at most": 2, "largest": 2},
        ),
        "few_violations": (True, {"violations": 0, "in a hundred rows": 0.0}),
        "merges_as_ever": (True, {"new merges": 0, "for each new row": 0.0}),
    }


def test_an_identifier_that_two_profiles_hold_is_an_error(here: Stitched) -> None:
    with database.connect(here.path) as db:
        db.run(
            "insert into stitching.nodes select * replace (profile + 1 as profile)"
            " from stitching.nodes where value = 'u7'"
        )
    assert failed(here) == {"one_profile_each"}
    twice = found(here)["one_profile_each"]
    assert (twice.is_error, twice.figures) == (True, {"held by two profiles": 1})


def test_a_profile_more_than_twice_as_large_as_any_before_is_out_of_the_ordinary(
    here: Stitched,
) -> None:
    devices: dict[str, Row] = {f"s{n}": (999, "u0", None, f"a{n}") for n in range(2)}
    here.run(PEOPLE | devices)
    assert failed(here) == set()
    here.run(PEOPLE | devices | {f"t{n}": (1000, "u1", f"x{n}", f"b{n}") for n in range(4)})
    assert found(here)["profiles_of_ordinary_size"].figures["largest"] == 10
    assert failed(here) == {"profiles_of_ordinary_size"}


def test_more_than_five_violations_in_a_hundred_rows_are_too_many(here: Stitched) -> None:
    borrowed: dict[str, Row] = {f"s{n:02d}": (999, f"v{n}", "e0", None) for n in range(22)}
    here.run(PEOPLE | dict(list(borrowed.items())[:21]))
    assert failed(here) == set()
    here.run(PEOPLE | borrowed)
    assert failed(here) == {"few_violations"}


def test_many_times_the_merges_that_a_day_used_to_bring_are_out_of_the_ordinary(
    here: Stitched,
) -> None:
    ties: dict[str, Row] = {}
    for n in range(200):
        ties[f"s{n:03d}"] = (999, None, None, f"a{n}")
        ties[f"t{n:03d}"] = (1000, f"u{n}", None, f"a{n}")
    here.run(PEOPLE | {name: row for name, row in ties.items() if name[0] == "s"})
    assert failed(here) == set()
    here.run(PEOPLE | ties)
    assert failed(here) == {"merges_as_ever"}
    assert found(here)["merges_as_ever"].figures == {"new merges": 200, "for each new row": 1.0}
