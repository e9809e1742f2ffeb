import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from taking import CONTACTS, NOON, Tool, at, fill, fill_letters, in_ledger, sums

from cdp_assets import sending, spool
from cdp_assets.sending import Target, Workshop
from destinations.errors import QuotaTooSmall, RetryLater
from destinations.rows import Outcome, Row
from warehouse import ledger
from warehouse.database import Database
from warehouse.ledger import Refusal
from warehouse.plan import Draft
from warehouse.sync import Sync


def test_rows_go_in_batches_and_a_second_run_sends_nothing(workshop: Workshop) -> None:
    fill_letters(workshop, "ecabd")
    tool = Tool()

    first = sending.run(CONTACTS, Target(tool.send, 2), workshop, "r1", at(NOON))
    second = sending.run(CONTACTS, Target(tool.send, 2), workshop, "r2", at(NOON))

    assert tool.batches == [["e", "c"], ["a", "b"], ["d"]]
    assert tool.records["d"] == {"email": "d", "visits": 1}
    assert in_ledger(workshop) == [(letter, 1, f"id of {letter}") for letter in "abcde"]
    assert (sums(first), first.created, first.unchanged) == ((5, 5, 0, 0), 5, 0)
    assert (sums(second), second.created, second.unchanged) == ((0, 0, 0, 0), 0, 5)
    assert [path.name for path in workshop.folder.iterdir()] == ["hubspot_contacts.lock"]


def test_values_reach_the_connector_typed(workshop: Workshop) -> None:
    fill(
        workshop,
        "select 'a' as email, 'O''Brien 👩‍🚀' as name, 0.10::decimal(18, 2) as spent,"
        " date '2024-02-29' as born_on, timestamptz '2026-03-29 02:30:00+02' as seen_at,"
        " ['x', 'y'] as lists, true as is_active, null::integer as visits, '' as city",
    )
    tool = Tool()

    sending.run(CONTACTS, Target(tool.send, 100), workshop, "r1", at(NOON))

    assert tool.records == {
        "a": {
            "email": "a",
            "name": "O'Brien 👩‍🚀",
            "spent": Decimal("0.10"),
            "born_on": date(2024, 2, 29),
            "seen_at": datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
            "lists": ["x", "y"],
            "is_active": True,
            "visits": None,
            "city": "",
        }
    }


def test_keys_that_are_no_text_find_their_way_back(workshop: Workshop) -> None:
    sync = Sync("crm_people", "syncs.crm_people", "is_first")
    with workshop.connect() as db:
        db.materialize(sync.table, "from (values (true, 1), (false, 2)) as v (is_first, visits)")

    def send(rows: list[Row]) -> Outcome:
        return Outcome({str(row["is_first"]): None for row in rows})

    assert sums(sending.run(sync, Target(send, 100), workshop, "r1", at(NOON))) == (2, 2, 0, 0)


def test_one_refused_row_costs_one_row(workshop: Workshop) -> None:
    fill_letters(workshop, "abcd")
    tool = Tool()
    tool.refuses = {"b": "b is no address"}
    target = Target(tool.send, 100)
    day = timedelta(days=1)

    reports = [
        sending.run(CONTACTS, target, workshop, "r1", at(NOON)),
        sending.run(CONTACTS, target, workshop, "soon", at(NOON)),
        sending.run(CONTACTS, target, workshop, "next day", at(NOON + day)),
    ]
    with workshop.connect() as db:
        refusals = ledger.refusals(db, CONTACTS)
    tool.refuses = {}
    fill(workshop, "select email, if(email = 'b', 2, 1) as visits from syncs.hubspot_contacts")
    reports.append(sending.run(CONTACTS, target, workshop, "mended", at(NOON + day)))

    assert tool.batches == [["a", "b", "c", "d"], ["b"], ["b"]]
    assert [sums(report) for report in reports] == [
        (4, 3, 1, 0),
        (1, 0, 0, 1),
        (1, 0, 1, 0),
        (1, 1, 0, 0),
    ]
    assert refusals == [Refusal("b", "b is no address", 2, NOON + day + timedelta(hours=1))]
    assert [row[0] for row in in_ledger(workshop)] == ["a", "b", "c", "d"]


def test_a_row_the_answer_does_not_mention_was_not_taken(workshop: Workshop) -> None:
    fill_letters(workshop, "ab")

    def send(rows: list[Row]) -> Outcome:
        return Outcome({rows[0]["email"]: None})

    report = sending.run(CONTACTS, Target(send, 100), workshop, "r1", at(NOON))

    assert sums(report) == (2, 1, 1, 0)
    with workshop.connect() as db:
        (refusal,) = ledger.refusals(db, CONTACTS)
    assert (refusal.key, refusal.reason) == ("b", "the tool's answer does not mention this row")


def test_a_busy_tool_stops_the_run_and_the_rest_waits(workshop: Workshop) -> None:
    fill_letters(workshop, "abcdef")
    tool = Tool()
    busy = RetryLater("hubspot", 60, "429 slow down")
    busy.settled = Outcome({"c": "id of c"})
    tool.breaks = {2: busy}

    with pytest.raises(RetryLater) as raised:
        sending.run(CONTACTS, Target(tool.send, 2), workshop, "r1", at(NOON))
    with workshop.connect() as db:
        (stopped,) = ledger.reports(db, CONTACTS)
        states = db.run("select key, state from ledger.outbox order by key")
    report = sending.run(CONTACTS, Target(tool.send, 100), workshop, "r2", at(NOON))

    assert raised.value is busy
    assert (sums(stopped), stopped.ended_at) == ((6, 3, 0, 3), NOON)
    assert stopped.stopped_by == (
        "hubspot is busy: 429 slow down. The same rows go again in 60 s or later."
    )
    assert states == [
        ("a", "accepted"),
        ("b", "accepted"),
        ("c", "accepted"),
        ("d", "waiting"),
        ("e", "waiting"),
        ("f", "waiting"),
    ]
    assert tool.batches == [["a", "b"], ["c", "d"], ["d", "e", "f"]]
    assert sums(report) == (3, 3, 0, 0)


def test_a_mistake_in_a_connector_is_recorded_with_its_kind(workshop: Workshop) -> None:
    fill_letters(workshop, "ab")
    tool = Tool()
    tool.breaks = {1: KeyError("id")}

    with pytest.raises(KeyError):
        sending.run(CONTACTS, Target(tool.send, 100), workshop, "r1", at(NOON))

    with workshop.connect() as db:
        (stopped,) = ledger.reports(db, CONTACTS)
    assert (sums(stopped), stopped.stopped_by) == ((2, 0, 0, 2), "KeyError: 'id'")


def test_the_warehouse_is_free_while_a_batch_is_under_way(workshop: Workshop) -> None:
    fill_letters(workshop, "ab")
    seen: list[int] = []

    def send(rows: list[Row]) -> Outcome:
        code = (
            "import sys; from pathlib import Path; from warehouse.database import connect\n"
            "with connect(Path(sys.argv[1]), wait_s=0, read_only=True) as db:\n"
            "    print(db.value(\"select count(*) from ledger.outbox where state = 'sent'\"))"
        )
        path = workshop.folder.parent / "warehouse.duckdb"
        told = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
        )
        seen.append(int(told.stdout))
        return Outcome({row["email"]: None for row in rows})

    sending.run(CONTACTS, Target(send, 100), workshop, "r1", at(NOON))

    assert seen == [2]


def test_a_quick_tool_does_not_make_a_run_open_the_warehouse_for_each_batch(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_letters(workshop, "abcdefgh")
    opened: list[str] = []

    @contextmanager
    def counting() -> Iterator[Database]:
        opened.append("opened")
        with workshop.connect() as db:
            yield db

    quick = Workshop(counting, workshop.folder)
    sending.run(CONTACTS, Target(Tool().send, 2), quick, "r1", at(NOON))
    assert len(opened) == 2

    opened.clear()
    monkeypatch.setattr(spool, "MOST_ROWS", 4)
    fill_letters(workshop, "abcdefgh", 2)
    sending.run(CONTACTS, Target(Tool().send, 2), quick, "r2", at(NOON))
    assert len(opened) == 3


def test_a_slow_tools_answers_are_entered_on_the_way(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_letters(workshop, "abcdefgh")
    monkeypatch.setattr(sending, "ENTERED_EVERY_S", 0)
    tool, seen = Tool(), []

    def send(rows: list[Row]) -> Outcome:
        with workshop.connect() as db:
            seen.append(db.value("select count(*) from ledger.outbox where state = 'accepted'"))
        return tool.send(rows)

    report = sending.run(CONTACTS, Target(send, 2), workshop, "r1", at(NOON))

    assert (sums(report), seen) == ((8, 8, 0, 0), [0, 2, 4, 6])
    assert [row[0] for row in in_ledger(workshop)] == list("abcdefgh")


def test_batches_have_the_size_the_tool_takes(workshop: Workshop) -> None:
    fill(workshop, "select lpad(i::varchar, 6, '0') as email from range(45000) as t (i)")
    tool = Tool()

    sending.run(CONTACTS, Target(tool.send, 10_000), workshop, "r1", at(NOON))

    assert [len(batch) for batch in tool.batches] == [10_000] * 4 + [5_000]
    assert sorted(tool.records) == [f"{i:06}" for i in range(45000)]


def test_a_tool_that_cannot_take_what_is_planned_is_sent_nothing(workshop: Workshop) -> None:
    fill_letters(workshop, "ab")
    tool = Tool()

    def prepare(draft: Draft) -> None:
        raise QuotaTooSmall("hubspot", draft.plan.to_send, 1)

    with pytest.raises(QuotaTooSmall):
        sending.run(CONTACTS, Target(tool.send, 2, prepare=prepare), workshop, "r1", at(NOON))

    with workshop.connect() as db:
        (stopped,) = ledger.reports(db, CONTACTS)
        states = db.run("select key, state from ledger.outbox order by key")
    assert (tool.batches, sums(stopped)) == ([], (2, 0, 0, 2))
    assert str(stopped.stopped_by).startswith("Nothing was sent: this run needs 2 calls")
    assert states == [("a", "waiting"), ("b", "waiting")]


def test_a_refused_row_next_to_99_good_ones_costs_one_row(workshop: Workshop) -> None:
    fill(workshop, "select 'k' || i as email, 'x' as city from range(100) as t (i)")
    tool = Tool()
    tool.refuses = {"k42": "city is no city"}
    first = sending.run(CONTACTS, Target(tool.send, 100), workshop, "r1", at(NOON))
    later = NOON + timedelta(minutes=15)
    second = sending.run(CONTACTS, Target(tool.send, 100), workshop, "r2", at(later))
    tool.refuses = {}
    fill(
        workshop,
        "select 'k' || i as email, if(i = 42, 'Ulm', 'x') as city from range(100) as t (i)",
    )
    third = sending.run(CONTACTS, Target(tool.send, 100), workshop, "r3", at(later))

    assert [sums(report) for report in (first, second, third)] == [
        (100, 99, 1, 0),
        (1, 0, 1, 0),
        (1, 1, 0, 0),
    ]
    assert [report.is_partial for report in (first, second, third)] == [True, True, False]
    assert tool.batches[1:] == [["k42"], ["k42"]]
    with workshop.connect() as db:
        assert ledger.refusals(db, CONTACTS) == []


def test_a_refusal_keeps_the_tools_code_and_its_kind(workshop: Workshop) -> None:
    fill_letters(workshop, "ab")

    def send(_: list[Row]) -> Outcome:
        return Outcome({"a": None}, {"b": "no such field"}, {"b": ("INVALID_FIELD", "mapping")})

    sending.run(CONTACTS, Target(send, 2), workshop, "r1", at(NOON))
    with workshop.connect() as db:
        (refusal,) = ledger.refusals(db, CONTACTS)
    assert (refusal.code, refusal.kind) == ("INVALID_FIELD", "mapping")
