"""Identity on staging tables: against an obvious twin, over several runs, and with odd input."""

from datetime import timedelta
from pathlib import Path

import pytest
from stitching import NAMES, START, Row, Stitched

from warehouse import database, identity
from warehouse.identity.occurrences import Input
from warehouse.identity.rules import read, rules
from warehouse.mistakes import Mistakes


@pytest.fixture
def here(tmp_path: Path) -> Stitched:
    return Stitched(tmp_path / "warehouse.duckdb")


def test_rows_that_share_nothing_stay_apart(here: Stitched) -> None:
    here.stitch([(0, "u", None, None), (1, None, None, "a")])
    assert here.partition() == {frozenset({"user_id:u"}), frozenset({"anonymous_id:a"})}


def test_a_merge_is_recorded_with_the_row_that_tied(here: Stitched) -> None:
    here.stitch([(0, None, None, "a"), (1, "u", None, None), (2, "u", None, "a")])
    before, after = here.ask("select from_profile_id, into_profile_id from identity.merges")[0]
    assert after == here.holders()["anonymous_id:a"] == here.holders()["user_id:u"]
    assert before != after
    assert here.ask("select merged_at, source, row_id from identity.merges") == [
        (START + timedelta(minutes=2), "app__rows", "r002")
    ]
    assert here.ask("select profile_id, merge_count, identifier_count from identity.profiles") == [
        (after, 1, 2)
    ]


def test_a_second_run_over_the_same_rows_changes_nothing(here: Stitched) -> None:
    rows: list[Row] = [
        (0, None, None, "a"),
        (1, "u", "e", None),
        (2, "u", None, "a"),
        (3, "v", "e", "b"),
    ]
    here.stitch(rows)
    first = here.record()
    here.stitch(rows)
    assert here.record() == first
    here.stitch(rows, full=True)
    assert here.record() == first


def test_the_id_stays_when_an_older_row_comes_late(here: Stitched) -> None:
    here.stitch([(10, "u", None, None)])
    before = here.holders()["user_id:u"]
    here.stitch([(10, "u", None, None), (5, None, None, "a"), (6, "u", None, "a")])
    assert here.holders() == {"user_id:u": before, "anonymous_id:a": before}


def test_on_a_merge_the_older_of_two_known_profiles_goes_on(here: Stitched) -> None:
    here.stitch([(0, "u", None, None), (1, None, "e", None)])
    before = here.holders()
    here.stitch([(0, "u", None, None), (1, None, "e", None), (2, "u", "e", None)])
    assert here.holders() == dict.fromkeys(before, before["user_id:u"])
    assert here.ask("select from_profile_id, into_profile_id from identity.merges") == [
        (before["email:e"], before["user_id:u"])
    ]


def test_on_a_split_the_part_with_the_oldest_identifier_keeps_the_id(here: Stitched) -> None:
    here.stitch([(0, "u", None, None), (1, None, "e", None), (2, "u", "e", None)])
    before = here.holders()["user_id:u"]
    here.stitch([(0, "u", None, None), (1, None, "e", None)])
    after = here.holders()
    assert after["user_id:u"] == before
    assert after["email:e"] != before


def test_the_profile_is_the_same_in_whatever_order_its_rows_were_loaded(here: Stitched) -> None:
    rows: list[Row] = [(3, "u", None, "a"), (1, None, None, "a"), (2, "u", "e", None)]
    here.stitch(rows)
    first = here.holders()
    here.stitch(rows[::-1])
    assert here.holders() == first


def test_blocked_values_tie_nobody_and_are_on_record(here: Stitched) -> None:
    ruled = rules(
        {
            "blocked": {"values": ["null"], "patterns": ["^[0-]*$"]},
            "identifiers": {name: {} for name in NAMES},
        }
    )
    here.stitch([(0, "NULL", None, "a"), (1, "null", None, "b"), (2, "00-0", None, None)], ruled)
    assert here.partition() == {frozenset({"anonymous_id:a"}), frozenset({"anonymous_id:b"})}
    assert here.ask("select row_id, type, value, reason from identity.violations order by all") == [
        ("r000", "user_id", "NULL", "ID value blocked"),
        ("r001", "user_id", "null", "ID value blocked"),
        ("r002", "user_id", "00-0", "ID value blocked"),
    ]


def test_phones_and_emails_tie_in_whatever_form_they_were_written(here: Stitched) -> None:
    stated = {
        "email": {"normalise": "lower"},
        "user_id": {"normalise": "phone"},
        "anonymous_id": {},
    }
    ruled = rules({"identifiers": stated})
    rows: list[Row] = [
        (0, "(650) 253-0000", "Ada@X.com ", "a"),
        (1, "+1 650 253 0000", None, "b"),
        (2, None, "ada@x.com", "c"),
        (3, "+44 20 7946 0958", None, "d"),
        (4, "ext. seven", None, "e"),
    ]
    here.stitch(rows, ruled)
    assert here.partition() == {
        frozenset(
            {
                "user_id:+16502530000",
                "email:ada@x.com",
                "anonymous_id:a",
                "anonymous_id:b",
                "anonymous_id:c",
            }
        ),
        frozenset({"user_id:+442079460958", "anonymous_id:d"}),
        frozenset({"user_id:ext. seven", "anonymous_id:e"}),
    }
    assert here.ask("select seen_as from identity.identifiers where type = 'email'") == [
        ("Ada@X.com",)
    ]


def test_a_row_without_a_time_comes_last(here: Stitched) -> None:
    with database.connect(here.path) as db:
        db.run("create schema staging")
        db.run(
            "create table staging.app__rows as from (values ('r0', null, 'u', 'a'),"
            " ('r1', timestamptz '2026-01-01 00:00:00+00', 'v', 'a'))"
            " as t (row_id, happened_at, user_id, anonymous_id)"
        )
    source = Input("app__rows", "row_id", "happened_at", ("user_id", "anonymous_id"))
    identity.build(here.path, [source], rules({"identifiers": {name: {} for name in NAMES}}))
    assert here.partition() == {
        frozenset({"user_id:v", "anonymous_id:a"}),
        frozenset({"user_id:u"}),
    }
    assert here.ask("select type, first_seen_at from identity.identifiers where value = 'u'") == [
        ("user_id", None)
    ]


def test_of_a_staging_view_rows_are_read_as_of_a_table(here: Stitched) -> None:
    rows: dict[str, Row] = {"r0": (0, "u", None, "a"), "r1": (1, None, "e", "b")}
    here.stage(rows, "app__table")
    with database.connect(here.path) as db:
        db.run("create view staging.app__rows as from staging.app__table")
    here.again()
    assert here.partition() == {
        frozenset({"user_id:u", "anonymous_id:a"}),
        frozenset({"email:e", "anonymous_id:b"}),
    }
    here.stage({**rows, "r2": (2, "u", "e", None)}, "app__table")
    here.again()
    assert here.partition() == {
        frozenset({"user_id:u", "email:e", "anonymous_id:a", "anonymous_id:b"})
    }


def test_a_chain_of_a_thousand_identifiers_is_one_profile(here: Stitched) -> None:
    unlimited = rules(
        {
            "identifiers": {n: {"limit": "9999 ever"} for n in NAMES},
            "profile": {"max_identifiers": 5000, "max_merges": 5000},
        }
    )
    links = [(n, None, f"e{n // 2}", f"a{(n + 1) // 2}") for n in range(1000)]
    here.stitch(links, unlimited)
    assert len(here.partition()) == 1
    assert len(here.holders()) == 1001


def test_every_mistake_in_the_rules_is_shown_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "identity.toml"
    path.write_text(
        '[blocked]\npatterns = ["(["]\n[identifiers.user_id]\nlimit = "one ever"\n'
        '[identifiers.email]\nnormalize = "lower"\n[identifiers.phone]\nnormalise = "e164"\n'
    )
    with pytest.raises(Mistakes) as caught:
        read(path)
    assert [(m.line, m.text) for m in caught.value.mistakes] == [
        (2, "the pattern '([' is none: unterminated character set at position 1"),
        (
            3,
            "user_id: limit 'one ever' is not like '5 weekly'; daily, weekly, monthly, annually, ever",
        ),
        (
            5,
            "email: unknown setting 'normalize'; known: priority, limit, normalise, region, blocked",
        ),
        (7, "phone: unknown normalise 'e164'; known: none, lower, phone"),
    ]
