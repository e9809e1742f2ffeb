from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from planning import CONTACTS, NOON, answer, contacts, counts, outbox, planned

from warehouse import ledger, settle
from warehouse.database import Database, connect
from warehouse.ledger import Report


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with connect(tmp_path / "warehouse.duckdb") as opened:
        opened.run("create schema syncs")
        yield opened


def test_a_refused_row_pauses_longer_each_time(db: Database, tmp_path: Path) -> None:
    contacts(db, "'bad', 'Köln', 1")
    at, pauses = NOON, []
    for turn in range(6):
        made = planned(db, tmp_path, f"r{turn}", at)
        answer(db, made, f"r{turn}", {"bad": "no such address"}, at)
        (refusal,) = ledger.refusals(db, CONTACTS)
        assert (refusal.reason, refusal.tries) == ("no such address", turn + 1)
        assert refusal.next_try_at is not None
        pauses.append(refusal.next_try_at - at)

        early = planned(db, tmp_path, f"early{turn}", refusal.next_try_at - timedelta(seconds=1))
        assert (early.planned, early.held, early.to_send) == (1, 1, 0)
        report = answer(db, early, f"early{turn}")
        assert (report.planned, report.accepted, report.rejected, report.waiting) == (1, 0, 0, 1)
        at = refusal.next_try_at

    hours = [0.25, 1, 4, 16, 24, 24]
    assert pauses == [timedelta(hours=pause) for pause in hours]


def test_a_refused_row_goes_at_once_when_a_value_changes(db: Database, tmp_path: Path) -> None:
    contacts(db, "'bad', 'Köln', 1")
    answer(db, planned(db, tmp_path, "r1"), "r1", {"bad": "no"})
    contacts(db, "'bad', 'Köln', 2")

    made = planned(db, tmp_path, "r2")

    assert outbox(db, "r2") == [("bad", "create", None, "planned", None, 0)]
    answer(db, made, "r2")
    assert ledger.refusals(db, CONTACTS) == []


def test_a_refused_row_goes_at_once_when_the_mapping_changes(db: Database, tmp_path: Path) -> None:
    contacts(db, "'bad', 'Köln', 1")
    answer(db, planned(db, tmp_path, "r1"), "r1", {"bad": "no"})
    contacts(db, "'bad', 1", columns="email, spent")

    assert planned(db, tmp_path, "r2").to_send == 1


def test_a_refusal_that_no_longer_matters_is_forgotten(db: Database, tmp_path: Path) -> None:
    contacts(db, "'a@x.io', 'Köln', 1")
    answer(db, planned(db, tmp_path, "r1"), "r1")
    contacts(db, "'a@x.io', 'Bonn', 1", "'gone', 'Ulm', 2")
    answer(db, planned(db, tmp_path, "r2"), "r2", {"a@x.io": "no", "gone": "no"})
    contacts(db, "'a@x.io', 'Köln', 1")

    made = planned(db, tmp_path, "r3")

    assert counts(made) == {"created": 0, "updated": 0, "unchanged": 1, "held": 0, "refused": 0}
    assert ledger.refusals(db, CONTACTS) == []


def test_rows_a_crashed_run_left_are_planned_again(db: Database, tmp_path: Path) -> None:
    contacts(db, "'a', 'Köln', 1", "'b', 'Köln', 1", "'c', 'Köln', 1", "'c', 'Köln', 1")
    made = planned(db, tmp_path, "r1")
    with db.transaction():
        rows = pq.read_table(made.spool)
        first = rows.filter([key == "a" for key in rows["_key"].to_pylist()])
        settle.mark_sent(db, CONTACTS, "r1", first, NOON)
    later = NOON + timedelta(hours=1)

    again = planned(db, tmp_path, "r2", later)

    assert counts(again) == counts(made)
    assert [row[3] for row in outbox(db, "r1")] == ["unknown", "waiting"]
    assert ledger.reports(db, CONTACTS, "r1") == [
        Report(
            sync="hubspot_contacts",
            run_id="r1",
            started_at=NOON,
            ended_at=later,
            created=2,
            updated=0,
            unchanged=0,
            planned=4,
            accepted=0,
            rejected=2,
            waiting=2,
            refused_in_plan=2,
            held=0,
            stopped_by="the process ended before the run did",
        )
    ]


def test_a_refusal_survives_a_crash_before_its_next_turn(db: Database, tmp_path: Path) -> None:
    contacts(db, "'bad', 'Köln', 1")
    answer(db, planned(db, tmp_path, "r1"), "r1", {"bad": "no"})
    due = NOON + timedelta(minutes=15)
    planned(db, tmp_path, "r2", due)

    planned(db, tmp_path, "r3", due)

    assert outbox(db, "r3") == [("bad", "create", None, "planned", "no", 1)]


def test_the_outbox_forgets_what_is_a_month_old_but_no_refusal(
    db: Database, tmp_path: Path
) -> None:
    contacts(db, "'a@x.io', 'Köln', 1", "'bad', 'Köln', 1")
    answer(db, planned(db, tmp_path, "r1"), "r1", {"bad": "no"})
    db.run("update ledger.outbox set next_try_at = ?", [NOON + timedelta(days=90)])

    planned(db, tmp_path, "r2", NOON + timedelta(days=31))

    assert outbox(db, "r1") == [("bad", "create", None, "rejected", "no", 1)]
