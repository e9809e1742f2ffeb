"""Questions to identity: who, why, why not, worst; asked in SQL and on the terminal."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from stitching import DEFAULTS, NAMES, START, Row, Stitched

from cdp_assets import questions
from warehouse.database import Database, connect
from warehouse.identity.asking import lines
from warehouse.identity.rules import Rules, read, rules

Asked = Callable[..., Database]


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    """asked(rows, rules): a warehouse in which these rows are stitched, with all questions."""
    with ExitStack() as opened:

        def ask(rows: list[Row], ruled: Rules = DEFAULTS) -> Database:
            here = Stitched(tmp_path / "warehouse.duckdb")
            here.stitch(rows, ruled)
            return opened.enter_context(connect(here.path))

        yield ask


def chain(db: Database, one: str, other: str) -> list[tuple[Any, ...]]:
    return [
        (f"{type_}:{value}", f"{next_type}:{next_value}", row_id)
        for type_, value, next_type, next_value, row_id in db.run(
            "select type, value, next_type, next_value, row_id from identity.why(?, ?)",
            [one, other],
        )
    ]


def test_why_is_the_shortest_chain_of_rows_and_of_two_rows_the_older(asked: Asked) -> None:
    db = asked(
        [
            (0, None, None, "a"),
            (1, None, "e", "a"),
            (2, "u", "e", None),
            (3, "u", "e", "b"),
            (4, None, "e", "c"),
            (5, None, "f", "c"),
        ],
    )
    assert chain(db, "a", "f") == [
        ("anonymous_id:a", "email:e", "r001"),
        ("email:e", "anonymous_id:c", "r004"),
        ("anonymous_id:c", "email:f", "r005"),
    ]
    assert chain(db, "user_id:u", "email:e") == [("user_id:u", "email:e", "r002")]
    assert chain(db, "e", "e") == []
    assert db.run("select step, seen_at, source from identity.why('u', 'a')") == [
        (1, START + timedelta(minutes=2), "app__rows"),
        (2, START + timedelta(minutes=1), "app__rows"),
    ]


def test_a_tie_that_a_rule_refused_is_no_part_of_the_chain(asked: Asked) -> None:
    db = asked(
        [
            (0, "u", None, "kiosk"),
            (1, "v", "e", "kiosk"),
            (2, None, "e", "b"),
            (3, "u", None, "c"),
        ],
    )
    assert chain(db, "v", "b") == [
        ("user_id:v", "email:e", "r001"),
        ("email:e", "anonymous_id:b", "r002"),
    ]
    assert chain(db, "v", "kiosk") == []
    assert db.run("select row_id, type, value, reason from identity.why_not('u', 'v')") == [
        ("r001", "anonymous_id", "kiosk", "Identifier value limit exceeded")
    ]
    assert db.run("from identity.why_not('u', 'c')") == []


def test_who_knows_a_person_by_any_identifier_and_by_an_id_from_before_a_merge(
    asked: Asked,
) -> None:
    db = asked([(0, "u", None, None), (1, None, " Ada@X.com", "a"), (2, "u", None, "a")])
    [(old, now)] = db.run("select from_profile_id, into_profile_id from identity.merges")
    told = [
        ("user_id", "u", START, START + timedelta(minutes=2), "r000"),
        ("anonymous_id", "a", START + timedelta(minutes=1), START + timedelta(minutes=2), "r001"),
        ("email", "Ada@X.com", START + timedelta(minutes=1), START + timedelta(minutes=1), "r001"),
    ]
    for name in ("u", "email:Ada@X.com", "anonymous_id:a", old, now):
        found = db.run(
            "select type, value, first_seen_at, last_seen_at, row_id from identity.who(?)", [name]
        )
        assert found == told, name
    assert db.run("from identity.who('nobody')") == []


def test_the_worst_values_are_those_that_most_people_share(asked: Asked, tmp_path: Path) -> None:
    db = asked(
        [
            (0, "u", None, "kiosk"),
            (1, "v", None, "kiosk"),
            (2, "v", None, "kiosk"),
            (3, "w", None, "kiosk"),
            (4, "u", None, "pair"),
            (5, "v", None, "pair"),
        ],
    )
    assert db.run(
        "select type, value, profile_count, demoted_count from identity.worst_values"
    ) == [("anonymous_id", "kiosk", 3, 3), ("anonymous_id", "pair", 2, 1)]
    sizes = db.run(
        "select identifier_count, tied_most_by_type, tied_most_by_value, combination_count"
        " from identity.worst_profiles"
    )
    assert sizes[0] == (3, "anonymous_id", "kiosk", 3)
    assert sorted(sizes[1:]) == [(1, "user_id", "v", 2), (1, "user_id", "w", 1)]
    path = tmp_path / "identity.toml"
    path.write_text("[identifiers.user_id]\n[identifiers.email]\n[identifiers.anonymous_id]\n")
    said = printed(lambda console: questions.worst(db, path, console))
    assert said.endswith('[identifiers.anonymous_id.blocked]\nvalues = [\n    "kiosk",\n]\n\n')


def test_a_line_of_the_rules_that_joins_two_is_a_step_of_the_chain(asked: Asked) -> None:
    line = {"identifiers": ["user_id:u", "email:e"], "reason": "asked her", "by": "ada"}
    ruled = rules({"identifiers": {name: {} for name in NAMES}, "join": [line]})
    db = asked([(0, "u", None, "a"), (1, None, "e", "b")], ruled)
    assert chain(db, "a", "b") == [
        ("anonymous_id:a", "user_id:u", "r000"),
        ("user_id:u", "email:e", None),
        ("email:e", "anonymous_id:b", "r001"),
    ]


def test_a_line_that_parts_two_is_what_keeps_them_apart(asked: Asked) -> None:
    line = {"identifiers": ["user_id:u", "email:e"], "reason": "asked her", "by": "ada"}
    ruled = rules({"identifiers": {name: {} for name in NAMES}, "part": [line]})
    db = asked([(0, "u", None, None), (1, None, "e", None), (2, "u", "e", None)], ruled)
    assert db.run("select row_id, type, value, reason from identity.why_not('e', 'u')") == [
        ("r002", "email", "e", "Parted by hand")
    ]


def test_rows_of_both_with_a_blocked_value_are_what_speaks_for_one_person(asked: Asked) -> None:
    ruled = rules({"blocked": {"values": ["null"]}, "identifiers": {name: {} for name in NAMES}})
    db = asked([(0, "u", "null", None), (1, "v", "null", None)], ruled)
    assert db.run("select row_id, type, value, reason from identity.why_not('u', 'v')") == [
        ("r000", "email", "null", "ID value blocked"),
        ("r001", "email", "null", "ID value blocked"),
    ]


def test_what_is_suggested_for_blocking_can_be_pasted_into_the_rules(tmp_path: Path) -> None:
    path = tmp_path / "identity.toml"
    before = "[identifiers.user_id]\n[identifiers.email]\nblocked.values = []\n"
    path.write_text(before + lines.block(before, [("user_id", 'a "b"'), ("user_id", "c\\d")]))
    assert [i.blocked_values for i in read(path).identifiers] == [('a "b"', "c\\d"), ()]


def test_an_identifier_that_blocks_values_already_gets_its_whole_list() -> None:
    text = '[identifiers.email]\nblocked.values = ["x@y.z"]\n'
    assert lines.block(text, [("email", "a@b.c")]) == (
        "[identifiers.email.blocked] # instead of the one that is there\n"
        'values = [\n    "x@y.z",\n    "a@b.c",\n]\n'
    )


def test_the_terminal_says_that_two_are_one_and_why_and_why_not(asked: Asked) -> None:
    db = asked([(0, "u", None, "a"), (1, "v", None, "a"), (2, "w", None, None)])
    assert "'u' and 'a' are one person, since" in printed(
        lambda console: questions.why(db, "u", "a", console)
    )
    apart = printed(lambda console: questions.why(db, "u", "v", console))
    assert "are two people." in apart
    assert "Identifier value limit exceeded" in apart
    assert "No row bears identifiers of both." in printed(
        lambda console: questions.why(db, "u", "w", console)
    )
    assert "are the same identifier" in printed(
        lambda console: questions.why(db, "a", "anonymous_id:a", console)
    )
    with pytest.raises(questions.NobodyKnown, match=r"Nobody is called 'x@y\.z'"):
        questions.why(db, "u", "x@y.z", Console())


def test_the_terminal_says_all_that_is_on_record_of_a_person(asked: Asked) -> None:
    db = asked(
        [(0, "u", None, None), (1, None, None, "a"), (2, "u", None, "a"), (3, "v", None, "a")]
    )
    db.run("create schema profiles")
    db.run(
        "create table profiles.account_members as select profile_id, 'acme.example' as account_id,"
        " 'group' as kind, 'events__events' as source, created_at as first_seen_at,"
        " last_seen_at from identity.profiles"
    )
    said = printed(lambda console: questions.who(db, "a", console))
    titles = ["Profile", "Identifiers", "Rows", "Profiles that became one", "Companies"]
    assert [line.strip() for line in said.splitlines() if line.strip() in titles] == titles
    assert "Did not tie" not in said
    assert "acme.example" in said
    assert "Did not tie" in printed(lambda console: questions.who(db, "v", console))


def test_a_warehouse_in_which_nothing_is_stitched_says_what_to_do(tmp_path: Path) -> None:
    with (
        connect(tmp_path / "warehouse.duckdb") as db,
        pytest.raises(questions.NotStitchedYet, match="stitch first"),
    ):
        questions.who(db, "u", Console())


def printed(tell: Any) -> str:
    console = Console(file=StringIO(), width=250)
    tell(console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return str(text)
