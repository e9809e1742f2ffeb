from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from warehouse import ledger, settle
from warehouse.database import Database, connect
from warehouse.ledger import Report
from warehouse.plan import plan
from warehouse.settle import Answer, RunTakenOver
from warehouse.sync import Sync

PEOPLE = Sync("customerio_people", "syncs.customerio_people", "id")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with connect(tmp_path / "warehouse.duckdb") as opened:
        opened.run("create schema syncs")
        people(opened, 1)
        yield opened


def people(db: Database, spent: int) -> None:
    db.materialize(
        PEOPLE.table,
        f"select id, {spent}::decimal(18, 2) as spent from (values ('a'), ('b'), ('c')) as v (id)",
    )


def settled(
    db: Database,
    run_id: str,
    folder: Path,
    accepted: dict[str, str | None],
    rejected: dict[str, str],
) -> None:
    """The tool's word on some of the rows of a plan, at noon."""
    rows = pq.read_table(folder / "customerio_people.parquet")
    spoken_of = [key in accepted or key in rejected for key in rows["_key"].to_pylist()]
    with db.transaction():
        settle.settle(db, PEOPLE, run_id, Answer(rows.filter(spoken_of), accepted, rejected), NOON)


def _rows(folder: Path, keys: list[str]) -> pa.Table:
    rows = pq.read_table(folder / "customerio_people.parquet")
    return rows.filter([key in keys for key in rows["_key"].to_pylist()])


def sent(db: Database, run_id: str, folder: Path, keys: list[str], at: datetime = NOON) -> None:
    plan(db, PEOPLE, run_id, folder, at)
    with db.transaction():
        settle.mark_sent(db, PEOPLE, run_id, _rows(folder, keys), at)


def accepted_values(db: Database) -> list[tuple[Any, ...]]:
    return db.run(
        "select id, spent, _record_id, _accepted_at, _run_id from ledger.customerio_people"
        " order by _key"
    )


def test_an_answer_enters_outbox_and_ledger(db: Database, tmp_path: Path) -> None:
    sent(db, "r1", tmp_path, ["a", "b"])

    settled(db, "r1", tmp_path, {"a": "cio_1"}, {"b": "id is too short"})

    assert accepted_values(db) == [("a", Decimal("1.00"), "cio_1", NOON, "r1")]
    assert db.run(
        "select key, state, reason, tries, payload, next_try_at, sent_at, settled_at"
        " from ledger.outbox order by key"
    ) == [
        ("a", "accepted", None, 0, None, None, NOON, NOON),
        (
            "b",
            "rejected",
            "id is too short",
            1,
            '{"id":"b","spent":1.00}',
            NOON + timedelta(minutes=15),
            NOON,
            NOON,
        ),
        ("c", "planned", None, 0, None, None, None, None),
    ]


def test_the_tools_own_id_of_a_record_is_kept_when_it_is_not_told_again(
    db: Database, tmp_path: Path
) -> None:
    sent(db, "r1", tmp_path, ["a"])
    settled(db, "r1", tmp_path, {"a": "cio_1"}, {})
    people(db, 2)
    sent(db, "r2", tmp_path, ["a"])

    settled(db, "r2", tmp_path, {"a": None}, {})

    assert accepted_values(db) == [("a", Decimal("2.00"), "cio_1", NOON, "r2")]


def test_a_rejected_update_leaves_the_ledger_as_it_was(db: Database, tmp_path: Path) -> None:
    sent(db, "r1", tmp_path, ["a"])
    settled(db, "r1", tmp_path, {"a": None}, {})
    people(db, 2)
    sent(db, "r2", tmp_path, ["a"])

    settled(db, "r2", tmp_path, {}, {"a": "no"})

    assert accepted_values(db) == [("a", Decimal("1.00"), None, NOON, "r1")]


def test_a_run_stops_when_another_has_taken_its_rows_over(db: Database, tmp_path: Path) -> None:
    sent(db, "r1", tmp_path, ["a"])
    plan(db, PEOPLE, "r2", tmp_path, LATER)

    with pytest.raises(RunTakenOver) as raised:
        settled(db, "r1", tmp_path, {"a": None}, {})
    with pytest.raises(RunTakenOver), db.transaction():
        settle.mark_sent(db, PEOPLE, "r1", _rows(tmp_path, ["b"]), LATER)

    assert str(raised.value) == (
        "Run r1 of sync customerio_people stops here: another run of this sync has started since "
        "and takes its rows over. Let one run of a sync end before the next begins."
    )
    assert accepted_values(db) == []
    assert db.run("select key, state from ledger.outbox where run_id = 'r1' order by key") == [
        ("a", "unknown"),
        ("b", "waiting"),
        ("c", "waiting"),
    ]


def test_a_run_that_is_stopped_says_what_became_of_every_row(db: Database, tmp_path: Path) -> None:
    sent(db, "r1", tmp_path, ["a", "b"])
    settled(db, "r1", tmp_path, {"a": None}, {})

    report = settle.finish(db, PEOPLE, "r1", LATER, "Customer.io is busy")

    assert report == Report(
        sync="customerio_people",
        run_id="r1",
        started_at=NOON,
        ended_at=LATER,
        created=3,
        updated=0,
        unchanged=0,
        planned=3,
        accepted=1,
        rejected=0,
        waiting=2,
        refused_in_plan=0,
        held=0,
        stopped_by="Customer.io is busy",
    )
    assert db.run("select key, state from ledger.outbox order by key") == [
        ("a", "accepted"),
        ("b", "unknown"),
        ("c", "waiting"),
    ]


def test_a_run_whose_sums_do_not_hold_is_found(db: Database, tmp_path: Path) -> None:
    plan(db, PEOPLE, "r1", tmp_path, NOON)
    settle.finish(db, PEOPLE, "r1", NOON)
    plan(db, PEOPLE, "r2", tmp_path, LATER)
    assert ledger.unbalanced(db, PEOPLE) == []

    db.run("delete from ledger.outbox where run_id = 'r2' and key = 'b'")
    report = settle.finish(db, PEOPLE, "r2", LATER)

    assert (report.planned, report.waiting) == (3, 2)
    assert ledger.unbalanced(db, PEOPLE) == [report]


def test_the_latest_run_comes_first(db: Database, tmp_path: Path) -> None:
    plan(db, PEOPLE, "r1", tmp_path, NOON)
    plan(db, PEOPLE, "r2", tmp_path, LATER)

    assert [report.run_id for report in ledger.reports(db, PEOPLE)] == ["r2", "r1"]


def test_before_the_first_run_there_is_nothing_to_tell(db: Database) -> None:
    assert ledger.reports(db, PEOPLE) == []
    assert ledger.refusals(db, PEOPLE) == []
    assert ledger.unbalanced(db, PEOPLE) == []
