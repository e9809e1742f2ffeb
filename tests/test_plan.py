from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from planning import CONTACTS, NOON, answer, contacts, counts, outbox, planned

from warehouse import ledger
from warehouse.database import Database, connect
from warehouse.ledger import Refusal
from warehouse.plan import Plan, RunKnown, plan
from warehouse.sync import ReservedField, Sync


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with connect(tmp_path / "warehouse.duckdb") as opened:
        opened.run("create schema syncs")
        yield opened


def test_the_first_run_creates_every_row(db: Database, tmp_path: Path) -> None:
    contacts(db, "'b@x.io', 'Köln', 2.5", "'a@x.io', null, 10")

    made = planned(db, tmp_path, "r1")

    assert made == Plan(
        tmp_path / "hubspot_contacts.parquet",
        created=2,
        updated=0,
        unchanged=0,
        held=0,
        refused=0,
    )
    assert pq.read_table(made.spool).to_pylist() == [
        {
            "_key": "b@x.io",
            "_action": "create",
            "_changed": None,
            "_place": 0,
            "_record_id": None,
            "_into": None,
            "email": "b@x.io",
            "city": "Köln",
            "spent": Decimal("2.50"),
        },
        {
            "_key": "a@x.io",
            "_action": "create",
            "_changed": None,
            "_place": 1,
            "_record_id": None,
            "_into": None,
            "email": "a@x.io",
            "city": None,
            "spent": Decimal("10.00"),
        },
    ]
    assert outbox(db, "r1") == [
        ("a@x.io", "create", None, "planned", None, 0),
        ("b@x.io", "create", None, "planned", None, 0),
    ]


def test_what_was_accepted_is_not_planned_again(db: Database, tmp_path: Path) -> None:
    contacts(db, "'a@x.io', 'Köln', 1", "'b@x.io', null, 2")
    answer(db, planned(db, tmp_path, "r1"), "r1")

    made = planned(db, tmp_path, "r2")

    assert counts(made) == {"created": 0, "updated": 0, "unchanged": 2, "held": 0, "refused": 0}
    assert pq.read_table(made.spool).num_rows == 0
    assert outbox(db, "r2") == []


def test_a_changed_row_goes_with_the_names_of_its_changed_fields(
    db: Database, tmp_path: Path
) -> None:
    contacts(db, "'a@x.io', 'Köln', 1", "'b@x.io', 'Bonn', 2", "'c@x.io', null, 3")
    answer(db, planned(db, tmp_path, "r1"), "r1")
    contacts(db, "'a@x.io', '', 1", "'b@x.io', 'Bonn', 2", "'c@x.io', 'Ulm', null")

    made = planned(db, tmp_path, "r2")

    assert counts(made) == {"created": 0, "updated": 2, "unchanged": 1, "held": 0, "refused": 0}
    assert outbox(db, "r2") == [
        ("a@x.io", "update", ["city"], "planned", None, 0),
        ("c@x.io", "update", ["city", "spent"], "planned", None, 0),
    ]


def test_null_and_the_empty_string_are_two_values(db: Database, tmp_path: Path) -> None:
    contacts(db, "'a@x.io', null, 1", "'b@x.io', '', 2")
    answer(db, planned(db, tmp_path, "r1"), "r1")
    contacts(db, "'a@x.io', '', 1", "'b@x.io', null, 2")

    planned(db, tmp_path, "r2")

    assert outbox(db, "r2") == [
        ("a@x.io", "update", ["city"], "planned", None, 0),
        ("b@x.io", "update", ["city"], "planned", None, 0),
    ]


def test_values_that_swap_their_columns_are_a_change(db: Database, tmp_path: Path) -> None:
    contacts(db, "'a@x.io', 'x', 'y'", columns="email, city, town")
    answer(db, planned(db, tmp_path, "r1"), "r1")
    contacts(db, "'a@x.io', 'y', 'x'", columns="email, city, town")

    planned(db, tmp_path, "r2")

    assert outbox(db, "r2") == [("a@x.io", "update", ["city", "town"], "planned", None, 0)]


def test_a_new_field_goes_only_to_rows_that_fill_it(db: Database, tmp_path: Path) -> None:
    contacts(db, "'a@x.io', 'Köln', 1", "'b@x.io', 'Bonn', 2")
    answer(db, planned(db, tmp_path, "r1"), "r1")
    contacts(
        db,
        "'a@x.io', 'Köln', 1, 'gold'",
        "'b@x.io', 'Bonn', 2, null",
        columns="email, city, spent, tier",
    )

    made = planned(db, tmp_path, "r2")

    assert counts(made) == {"created": 0, "updated": 1, "unchanged": 1, "held": 0, "refused": 0}
    assert outbox(db, "r2") == [("a@x.io", "update", ["tier"], "planned", None, 0)]


def test_a_field_no_longer_mapped_stays_in_the_ledger(db: Database, tmp_path: Path) -> None:
    contacts(db, "'a@x.io', 'Köln', 1")
    answer(db, planned(db, tmp_path, "r1"), "r1")
    contacts(db, "'a@x.io', 7", columns="email, spent")
    answer(db, planned(db, tmp_path, "r2"), "r2")

    assert db.run("select email, city, spent, _run_id from ledger.hubspot_contacts") == [
        ("a@x.io", "Köln", Decimal("7.00"), "r2")
    ]


def test_a_field_of_another_type_goes_where_its_value_is_another(
    db: Database, tmp_path: Path
) -> None:
    contacts(db, "'a@x.io', '5'", "'b@x.io', 'five'", "'c@x.io', null", columns="email, visits")
    answer(db, planned(db, tmp_path, "r1"), "r1")
    contacts(db, "'a@x.io', 5", "'b@x.io', 6", "'c@x.io', null", columns="email, visits")

    made = planned(db, tmp_path, "r2")

    assert counts(made) == {"created": 0, "updated": 1, "unchanged": 2, "held": 0, "refused": 0}
    assert outbox(db, "r2") == [("b@x.io", "update", ["visits"], "planned", None, 0)]
    assert db.columns("ledger.hubspot_contacts") == {
        "_key": "VARCHAR",
        "_record_id": "VARCHAR",
        "_accepted_at": "TIMESTAMP WITH TIME ZONE",
        "_run_id": "VARCHAR",
        "email": "VARCHAR",
        "visits": "INTEGER",
    }


def test_the_mapping_may_change_in_every_way_at_once(db: Database, tmp_path: Path) -> None:
    contacts(db, "'a@x.io', 'Köln', 1")
    answer(db, planned(db, tmp_path, "r1"), "r1")
    contacts(db, "'a@x.io', 1.5::double, true, [1]", columns="email, spent, active, lists")
    db.materialize(CONTACTS.table, f"select *, spent::varchar as City from {CONTACTS.table}")
    answer(db, planned(db, tmp_path, "r2"), "r2")

    made = planned(db, tmp_path, "r3")

    assert counts(made) == {"created": 0, "updated": 0, "unchanged": 1, "held": 0, "refused": 0}


def test_another_key_field_makes_other_rows(db: Database, tmp_path: Path) -> None:
    columns = "email, user_id"
    contacts(db, "'a@x.io', 1", "'b@x.io', 2", columns=columns)
    answer(db, planned(db, tmp_path, "r1"), "r1")
    by_user = Sync(CONTACTS.name, CONTACTS.table, "user_id")

    made = plan(db, by_user, "r2", tmp_path, NOON)

    assert counts(made) == {"created": 2, "updated": 0, "unchanged": 0, "held": 0, "refused": 0}


def test_rows_without_a_key_or_with_a_shared_one_are_never_sent(
    db: Database, tmp_path: Path
) -> None:
    contacts(
        db,
        "'good@x.io', 'Köln', 1",
        "'twin@x.io', 'Köln', 1",
        "'twin@x.io', 'Köln', 1",
        "'twin@x.io', 'Bonn', 2",
        "null, 'Ulm', 3",
        "null, 'Ulm', 4",
        "'', 'Ulm', 5",
    )

    made = planned(db, tmp_path, "r1")

    assert counts(made) == {"created": 1, "updated": 0, "unchanged": 0, "held": 0, "refused": 6}
    assert pq.read_table(made.spool).column("_key").to_pylist() == ["good@x.io"]
    assert ledger.refusals(db, CONTACTS) == [
        Refusal(None, "email is empty in 2 rows", 0, None),
        Refusal("", "email is empty", 0, None),
        Refusal("twin@x.io", "3 rows share email twin@x.io", 0, None),
    ]
    report = answer(db, made, "r1")
    assert (report.planned, report.accepted, report.rejected, report.waiting) == (7, 1, 6, 0)


def test_keys_of_any_type_are_compared_as_text(db: Database, tmp_path: Path) -> None:
    sync = Sync("crm_people", "syncs.crm_people", "user_id")
    db.materialize(sync.table, "from (values (10, 'a'), (9, 'b'), (9, 'c')) as v (user_id, name)")

    made = plan(db, sync, "r1", tmp_path, NOON)

    spooled = pq.read_table(made.spool, columns=["user_id", "name", "_key"])
    assert spooled.to_pylist() == [{"user_id": 10, "name": "a", "_key": "10"}]
    assert ledger.refusals(db, sync) == [Refusal("9", "2 rows share user_id 9", 0, None)]


def test_a_plan_that_fails_leaves_no_trace(db: Database, tmp_path: Path) -> None:
    contacts(db, "'a@x.io', 'Köln', 1", columns="email, city, _run_id")

    with pytest.raises(ReservedField) as raised:
        planned(db, tmp_path, "r1")

    assert str(raised.value) == (
        "Sync hubspot_contacts maps a field named _run_id; the ledger keeps _key, _record_id, "
        "_accepted_at, _run_id, _action, _changed, _place, _into, _heir_id for itself. Give the column another name in the sync's SELECT."
    )
    assert db.columns("ledger.runs") == {}
    assert ledger.refusals(db, CONTACTS) == []


def test_a_run_id_counts_once(db: Database, tmp_path: Path) -> None:
    contacts(db, "'a@x.io', 'Köln', 1")
    planned(db, tmp_path, "r1")

    with pytest.raises(RunKnown) as raised:
        planned(db, tmp_path, "r1")

    assert str(raised.value) == (
        "Sync hubspot_contacts has had a run r1 already; give each attempt its own run id."
    )
