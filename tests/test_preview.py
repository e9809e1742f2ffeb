"""A plan on paper: what it shows, and that it is sent as shown or not at all."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from planning import CONTACTS, NOON, answer, contacts, outbox, planned

from warehouse import ledger, owed, plan, preview
from warehouse.database import Database, connect
from warehouse.preview import Moved, NoPlan, Row
from warehouse.sync import NotMade

MIRROR = replace(CONTACTS, mode="mirror")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with connect(tmp_path / "warehouse.duckdb") as opened:
        opened.run("create schema syncs")
        yield opened


@pytest.fixture
def changed(db: Database, tmp_path: Path) -> Database:
    """One row new, one changed, one gone, one as it was."""
    contacts(db, "'a@x.io', 'Köln', 1", "'b@x.io', 'Bonn', 2", "'c@x.io', null, 3")
    answer(db, planned(db, tmp_path, "r1"), "r1")
    contacts(db, "'a@x.io', 'Köln', 1", "'b@x.io', null, 2.5", "'d@x.io', 'Ulm', null")
    return db


def test_a_preview_shows_each_row_and_field_old_and_new(changed: Database) -> None:
    seen = preview.look(changed, MIRROR, NOON)

    assert seen.first == [
        Row("b@x.io", "update", [("city", "Bonn", None), ("spent", "2.00", "2.50")]),
        Row(
            "c@x.io",
            "delete",
            [("email", "c@x.io", None), ("city", None, None), ("spent", "3.00", None)],
        ),
        Row(
            "d@x.io",
            "create",
            [("email", None, "d@x.io"), ("city", None, "Ulm"), ("spent", None, None)],
        ),
    ]
    assert (seen.plan.created, seen.plan.updated, seen.plan.deleted) == (1, 1, 1)
    assert (seen.plan.unchanged, seen.field_count) == (1, 8)


def test_a_preview_leaves_no_trace(db: Database) -> None:
    contacts(db, "'a@x.io', 'Köln', 1")
    preview.look(db, CONTACTS, NOON)
    assert db.columns("ledger.runs") == {}
    assert ledger.reports(db, CONTACTS) == []


def test_a_preview_says_what_it_doubts(changed: Database) -> None:
    def doubts(db: Database, rows: str, columns: dict[str, str]) -> list[str]:
        return [str(db.run(f"select email, city from ({rows}) order by email")), *columns]

    seen = preview.look(changed, CONTACTS, NOON, doubts=doubts)
    assert seen.doubts == ["[('b@x.io', None), ('d@x.io', 'Ulm')]", "email", "city", "spent"]


def test_the_file_has_a_line_for_every_row(changed: Database, tmp_path: Path) -> None:
    out = tmp_path / "plan's.jsonl"
    preview.look(changed, CONTACTS, NOON, out)
    first, second = map(json.loads, out.read_text().splitlines())
    assert first == {
        "sync": "hubspot_contacts",
        "key": "b@x.io",
        "action": "update",
        "fields": [
            {"field": "city", "old": "Bonn", "new": None},
            {"field": "spent", "old": "2.00", "new": "2.50"},
        ],
    }
    assert (second["key"], second["action"]) == ("d@x.io", "create")
    assert preview.planned_sync(changed, out) == "hubspot_contacts"


def test_what_is_applied_is_what_the_file_says(changed: Database, tmp_path: Path) -> None:
    out = tmp_path / "plan.jsonl"
    preview.look(changed, MIRROR, NOON, out)
    later = NOON + timedelta(hours=1)
    with changed.transaction():
        draft = plan.draw_up(changed, MIRROR, tmp_path, later)
        preview.same_as(out)(changed, MIRROR, draft)
        plan.write_down(changed, MIRROR, "r2", draft, later)
    assert [(key, action) for key, action, *_ in outbox(changed, "r2")] == [
        ("b@x.io", "update"),
        ("c@x.io", "delete"),
        ("d@x.io", "create"),
    ]


def test_what_moved_since_the_file_was_written_is_told(changed: Database, tmp_path: Path) -> None:
    out = tmp_path / "plan.jsonl"
    preview.look(changed, CONTACTS, NOON, out)
    contacts(changed, "'a@x.io', 'Köln', 1", "'b@x.io', 'Rom', 2", "'e@x.io', null, 1")

    draft = plan.draw_up(changed, CONTACTS, tmp_path, NOON)
    with pytest.raises(Moved) as moved:
        preview.same_as(out)(changed, CONTACTS, draft)

    assert str(moved.value) == (
        "3 rows of sync hubspot_contacts are no longer as in the file; nothing was sent. Since "
        "then:\n"
        "  b@x.io: update (city Bonn → None, spent 2.00 → 2.50) in the file, "
        "update (city Bonn → Rom) now\n"
        "  d@x.io: create (email None → d@x.io, city None → Ulm, spent None → None) in the file, "
        "nothing to do now\n"
        "  e@x.io: nothing to do in the file, "
        "create (email None → e@x.io, city None → None, spent None → 1.00) now\n"
        "Plan again, look at it, and apply that."
    )


@pytest.mark.parametrize("text", ["", "not a plan\n", '{"other": 1}\n'])
def test_a_file_that_is_no_plan_is_told(db: Database, tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.txt"
    path.write_text(text)
    with pytest.raises(NoPlan, match="holds no plan"):
        preview.planned_sync(db, path)


def test_a_sync_whose_table_is_not_made_says_so(db: Database) -> None:
    with pytest.raises(NotMade, match="materialize syncs/hubspot_contacts first"):
        preview.look(db, CONTACTS, NOON)


def test_refused_rows_go_at_once_by_code_or_by_time(db: Database, tmp_path: Path) -> None:
    contacts(db, "'a', null, 1", "'b', null, 2", "'c', null, 3")
    answer(db, planned(db, tmp_path, "r1"), "r1", {"a": "no", "b": "no", "c": "no"})
    db.run("update ledger.outbox set code = 'LOCKED' where key = 'a'")
    db.run("update ledger.outbox set settled_at = ? where key = 'b'", [NOON + timedelta(hours=1)])

    assert planned(db, tmp_path, "r2").held == 3
    assert owed.release(db, CONTACTS, NOON, code="LOCKED") == 1
    assert planned(db, tmp_path, "r3").held == 2
    assert owed.release(db, CONTACTS, NOON, since=NOON + timedelta(minutes=30)) == 1
    assert planned(db, tmp_path, "r4").held == 1


def test_rows_sent_again_by_filter_keep_what_is_to_be_deleted(db: Database, tmp_path: Path) -> None:
    contacts(db, "'a@x.io', 'Köln', 1", "'b@x.io', 'Bonn', 2", "'c@x.io', 'Köln', 3")
    answer(db, planned(db, tmp_path, "r1"), "r1")
    contacts(db, "'a@x.io', 'Köln', 1", "'b@x.io', 'Bonn', 2")

    assert owed.send_again(db, CONTACTS, "city = 'Köln'") == 1

    seen = preview.look(db, MIRROR, NOON)
    assert [(row.key, row.action) for row in seen.first] == [
        ("a@x.io", "refresh"),
        ("c@x.io", "delete"),
    ]
