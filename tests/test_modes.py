"""What each mode of a sync sends, and what it leaves alone."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from taking import CONTACTS, NOON, Tool, at, fill, fill_letters, in_ledger, sums

from cdp_assets import sending
from cdp_assets.sending import Target, Workshop
from destinations.errors import RetryLater
from destinations.rows import Row
from warehouse import ledger
from warehouse.ledger import Report
from warehouse.plan import TooMany
from warehouse.sync import Limit, Sync

MIRROR = replace(CONTACTS, mode="mirror", max_deletes=Limit())


class Runs:
    """Runs of a sync to a tool, one after the other."""

    def __init__(self, workshop: Workshop, sync: Sync, **target: Any) -> None:
        self.workshop, self.sync, self.tool, self.count = workshop, sync, Tool(), 0
        self.target = Target(self.tool.send, 2, delete=self.tool.delete, **target)

    def run(self, now: datetime = NOON) -> Report:
        self.count += 1
        return sending.run(self.sync, self.target, self.workshop, f"r{self.count}", at(now))

    def sent(self) -> list[Row]:
        """The rows sent since the last time."""
        rows = list(self.tool.rows)
        self.tool.rows.clear()
        return rows


def test_a_mirror_takes_out_what_left_and_only_what_it_put_there(workshop: Workshop) -> None:
    runs = Runs(workshop, MIRROR)
    runs.tool.records["theirs"] = {"email": "theirs"}
    fill_letters(workshop, "abc")
    runs.run()
    fill_letters(workshop, "ad")

    report = runs.run()

    assert sorted(runs.tool.records) == ["a", "d", "theirs"]
    assert runs.tool.deleted == [
        {"email": "b", "visits": 1, "record_id": "id of b"},
        {"email": "c", "visits": 1, "record_id": "id of c"},
    ]
    assert (sums(report), report.created, report.deleted) == ((3, 3, 0, 0), 1, 2)
    assert in_ledger(workshop, "email") == [("a",), ("d",)]
    assert sums(runs.run()) == (0, 0, 0, 0)


def test_a_delete_that_is_refused_is_owed_and_a_row_that_comes_back_is_not_deleted(
    workshop: Workshop,
) -> None:
    runs = Runs(workshop, MIRROR)
    fill_letters(workshop, "ab")
    runs.run()
    fill_letters(workshop, "a")
    runs.tool.refuses = {"b": "has open deals"}

    assert sums(runs.run()) == (1, 0, 1, 0)
    assert sums(runs.run()) == (1, 0, 0, 1)
    runs.tool.refuses = {}
    fill_letters(workshop, "ab")
    assert sums(runs.run()) == (0, 0, 0, 0)
    fill_letters(workshop, "a")
    assert sums(runs.run(NOON + timedelta(hours=1))) == (1, 1, 0, 0)
    assert sorted(runs.tool.records) == ["a"]


def test_an_upsert_leaves_in_the_tool_what_left_the_table(workshop: Workshop) -> None:
    runs = Runs(workshop, CONTACTS)
    fill_letters(workshop, "ab")
    runs.run()
    fill_letters(workshop, "a")
    assert sums(runs.run()) == (0, 0, 0, 0)
    assert sorted(runs.tool.records) == ["a", "b"]


def test_keys_that_rows_share_are_not_taken_for_gone(workshop: Workshop) -> None:
    runs = Runs(workshop, MIRROR)
    fill_letters(workshop, "ab")
    runs.run()
    fill(workshop, "from (values ('a', 1), ('b', 1), ('b', 1), ('b', 2)) as v (email, visits)")

    report = runs.run()

    assert (sums(report), report.refused_in_plan, report.unchanged) == ((3, 0, 3, 0), 3, 1)
    assert runs.tool.deleted == []


def test_create_sends_a_row_once_whatever_becomes_of_it(workshop: Workshop) -> None:
    runs = Runs(workshop, replace(CONTACTS, mode="create"))
    fill_letters(workshop, "ab")
    runs.run()
    fill_letters(workshop, "bc", value=2)

    report = runs.run()

    assert (sums(report), report.unchanged) == ((1, 1, 0, 0), 1)
    assert {key: row["visits"] for key, row in runs.tool.records.items()} == {
        "a": 1,
        "b": 1,
        "c": 2,
    }


def test_more_deletes_than_the_sync_allows_stop_the_run_before_it_sends(workshop: Workshop) -> None:
    runs = Runs(workshop, replace(MIRROR, max_deletes=Limit(percent=20)))
    fill(workshop, "select 'k' || i as email from range(100) as t (i)")
    runs.run()
    fill(workshop, "select 'k' || i as email from range(20, 110) as t (i)")
    assert (runs.run().deleted, runs.run().deleted) == (20, 0)
    fill(workshop, "select 'k' || i as email from range(39, 120) as t (i)")
    before = dict(runs.tool.records)

    with pytest.raises(TooMany) as stopped:
        runs.run()

    assert str(stopped.value) == (
        "Sync hubspot_contacts would delete 19 of the 90 rows that the tool has; max_deletes "
        "allows 18. Nothing was sent. Look at the plan (`cdp plan hubspot_contacts --out FILE`); "
        "if it is right, send it with `cdp apply FILE`, or raise '-- max_deletes:' in the sync."
    )
    assert runs.tool.records == before
    with workshop.connect() as db:
        assert len(ledger.reports(db, MIRROR)) == 3


def test_more_updates_than_the_sync_allows_stop_the_run_too(workshop: Workshop) -> None:
    runs = Runs(workshop, replace(CONTACTS, max_updates=Limit(count=1)))
    fill_letters(workshop, "abc")
    runs.run()
    fill(workshop, "from (values ('a', 2), ('b', 1), ('c', 1)) as v (email, visits)")
    assert runs.run().updated == 1
    fill_letters(workshop, "abc", value=3)
    with pytest.raises(TooMany, match="would update 3 of the 3 rows"):
        runs.run()


def test_rows_whose_members_expire_go_again_after_their_days(workshop: Workshop) -> None:
    runs = Runs(workshop, replace(CONTACTS, refresh_days=30))
    fill_letters(workshop, "ab")
    runs.run()
    fill_letters(workshop, "abc")
    assert runs.run(NOON + timedelta(days=29)).created == 1
    runs.sent()

    report = runs.run(NOON + timedelta(days=30))

    assert (sums(report), report.refreshed, report.unchanged) == ((2, 2, 0, 0), 2, 1)
    assert runs.sent() == [{"email": "a", "visits": 1}, {"email": "b", "visits": 1}]
    assert sums(runs.run(NOON + timedelta(days=31))) == (0, 0, 0, 0)


def test_an_empty_value_of_a_kept_field_clears_nothing(workshop: Workshop) -> None:
    runs = Runs(workshop, replace(CONTACTS, keep=("phone",)))
    fill(workshop, "from (values ('a', '1', 'x'), ('b', null, 'x')) as v (email, phone, city)")
    runs.run()
    assert runs.sent() == [
        {"email": "a", "phone": "1", "city": "x"},
        {"email": "b", "city": "x"},
    ]
    fill(workshop, "from (values ('a', null, 'x'), ('b', '2', null)) as v (email, phone, city)")

    report = runs.run()

    assert report.updated == 1
    assert runs.sent() == [{"email": "b", "phone": "2", "city": None}]
    assert in_ledger(workshop, "email, phone, city") == [("a", "1", "x"), ("b", "2", None)]


def test_a_filled_field_is_sent_once(workshop: Workshop) -> None:
    runs = Runs(workshop, replace(CONTACTS, fill=("phone",)))
    fill(workshop, "from (values ('a', '1', 1), ('b', null, 1)) as v (email, phone, visits)")
    runs.run()
    fill(workshop, "from (values ('a', '9', 1), ('b', '2', 1)) as v (email, phone, visits)")
    assert runs.run().updated == 1
    assert runs.tool.records == {
        "a": {"email": "a", "phone": "1", "visits": 1},
        "b": {"email": "b", "phone": "2", "visits": 1},
    }


def test_where_the_tool_keeps_the_rest_only_changed_fields_go(workshop: Workshop) -> None:
    runs = Runs(workshop, CONTACTS, is_partial=True)
    fill(workshop, "from (values ('a', '1', 1), ('b', '2', 1)) as v (email, phone, visits)")
    runs.run()
    runs.sent()
    fill(workshop, "from (values ('a', null, 1), ('c', '3', 1)) as v (email, phone, visits)")

    runs.run()

    assert runs.sent() == [
        {"email": "a", "phone": None},
        {"email": "c", "phone": "3", "visits": 1},
    ]
    assert runs.tool.records["a"] == {"email": "a", "phone": None, "visits": 1}
    assert in_ledger(workshop, "email, phone, visits")[0] == ("a", None, 1)


def test_after_an_update_of_unknown_fate_the_whole_row_goes(workshop: Workshop) -> None:
    runs = Runs(workshop, CONTACTS, is_partial=True)
    fill(workshop, "select 'a' as email, 'x' as city, 1 as visits")
    runs.run()
    fill(workshop, "select 'a' as email, 'y' as city, 1 as visits")
    runs.tool.breaks = {2: RetryLater("hubspot", 60, "no answer", is_unsure=True)}
    with pytest.raises(RetryLater):
        runs.run()
    fill(workshop, "select 'a' as email, 'x' as city, 1 as visits")

    report = runs.run()

    assert (report.refreshed, runs.sent()[-1]) == (1, {"email": "a", "city": "x", "visits": 1})
