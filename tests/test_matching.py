"""Probable matches: which pairs are proposed, which never, and what accepting them looks like."""

import sys
from io import StringIO
from pathlib import Path

import pyarrow as pa
import pytest
from rich.console import Console

from cdp_assets import questions
from warehouse.database import connect
from warehouse.identity.matching import Match, NoFacts, SplinkMissing, propose
from warehouse.identity.rules import read, rules

NAMES = ("user_id", "email", "phone", "stripe_customer_id")
RULES = rules({"identifiers": {name: {} for name in NAMES}})
FIRST = ("ada", "bela", "chen", "dora", "emil", "fay", "gus", "hana", "ivo", "jo")
LAST = ("ames", "bok", "cruz", "dahl", "eng", "fox", "gil", "holt", "ito", "jung")
Person = tuple[str, str, str, str, str]  # profile_id, first, last, mailbox, company
STRANGERS: list[Person] = [
    (f"{first}{last}", first, last, f"{first}{number}", f"{last}{number}.example")
    for number, (first, last) in enumerate((f, n) for f in FIRST for n in LAST)
]


def filled(folder: Path, people: list[Person], users: tuple[str, ...] = ()) -> Path:
    """A warehouse in which these people have a Stripe customer each, and some a user id."""
    columns = list(zip(*people, strict=True))
    names = ("profile_id", "first_name", "last_name", "mailbox", "company")
    facts = dict(zip(names, columns, strict=True))
    facts |= dict.fromkeys(("phone", "city", "country"), pa.nulls(len(people), pa.string()))  # type: ignore[arg-type]
    held = [("stripe_customer_id", f"cus_{one[0]}", one[0]) for one in people]
    held += [("user_id", f"usr_{one}", one) for one in users]
    with connect(folder / "warehouse.duckdb") as db:
        db.write("profiles.match_facts", pa.table(facts), "replace")
        keys = ("type", "value", "profile_id")
        rows = dict(zip(keys, zip(*held, strict=True), strict=True))
        db.write("identity.identifiers", pa.table(rows), "replace")
        db.run("alter table identity.identifiers add column first_seen_at timestamptz")
    return folder / "warehouse.duckdb"


def test_two_with_one_name_and_company_and_nearly_one_mailbox_are_proposed(tmp_path: Path) -> None:
    again: Person = ("again", "ada", "ames", "ada0.billing", "ames0.example")
    warehouse = filled(tmp_path, [*STRANGERS, again], users=("adaames",))
    [match] = propose(warehouse, RULES, 0.9)
    assert {match.one, match.other} == {
        ("user_id", "usr_adaames"),
        ("stripe_customer_id", "cus_again"),
    }
    assert (match.one_name, match.other_name) == ("ada ames", "ada ames")
    assert match.score > 0.99


def test_each_proposal_comes_with_a_line_that_accepts_it(tmp_path: Path) -> None:
    match = Match(0.98765, ("user_id", "u1"), ("email", "a@b.c"), "ada ames", "ada ames")
    path = tmp_path / "identity.toml"
    console = Console(file=StringIO(), width=120)
    questions.matches([match], path, console)
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert "0.9877" in said
    path.write_text("[identifiers.user_id]\n[identifiers.email]\n" + said[said.index("[[join]]") :])
    [line] = read(path).joins
    assert (line.one, line.other) == (match.one, match.other)


def test_strangers_are_not_proposed(tmp_path: Path) -> None:
    assert propose(filled(tmp_path, STRANGERS), RULES, 0.5) == []


def test_two_that_a_rule_forbids_to_be_one_are_not_proposed(tmp_path: Path) -> None:
    again: Person = ("again", "ada", "ames", "ada0.billing", "ames0.example")
    users = ("adaames", "again")
    assert propose(filled(tmp_path, [*STRANGERS, again], users), RULES, 0.5) == []


def test_a_warehouse_with_one_person_has_no_pairs(tmp_path: Path) -> None:
    assert propose(filled(tmp_path, STRANGERS[:1]), RULES, 0.5) == []


def test_without_the_facts_the_model_that_makes_them_is_named(tmp_path: Path) -> None:
    with connect(tmp_path / "warehouse.duckdb"):
        pass
    with pytest.raises(NoFacts, match=r"materialize profiles/match_facts first"):
        propose(tmp_path / "warehouse.duckdb", RULES, 0.9)


def test_without_the_library_the_way_to_get_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = filled(tmp_path, STRANGERS)
    monkeypatch.setitem(sys.modules, "splink", None)
    with pytest.raises(SplinkMissing, match=r"pip install 'open-cdp\[matches\]'"):
        propose(warehouse, RULES, 0.9)
