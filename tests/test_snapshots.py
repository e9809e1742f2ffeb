"""A snapshot holds every row, and none of it counts until it is finished."""

from dataclasses import replace

import pytest
from taking import CONTACTS, NOON, at, fill_letters, in_ledger, sums

from cdp_assets import sending
from cdp_assets.sending import Target, Workshop
from destinations.rows import Outcome, Row


class Files:
    """Batches become parts; only a manifest makes them a file that anybody reads."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.files: list[str] = []
        self.breaks_at: set[str] = set()

    def send(self, rows: list[Row]) -> Outcome:
        if "send" in self.breaks_at:
            raise ConnectionError("cut")
        self.parts.append("".join(row["email"] for row in rows))
        return Outcome({row["email"]: None for row in rows})

    def finish(self) -> None:
        if "finish" in self.breaks_at:
            raise ConnectionError("cut")
        self.files.append("".join(self.parts))
        self.parts = []


def test_a_snapshot_has_every_row_whenever_one_differs(workshop: Workshop) -> None:
    files = Files()
    target = Target(files.send, 2, finish=files.finish)
    sync = replace(CONTACTS, mode="snapshot")
    fill_letters(workshop, "abc")
    first = sending.run(sync, target, workshop, "r1", at(NOON))
    same = sending.run(sync, target, workshop, "r2", at(NOON))
    fill_letters(workshop, "ac")
    smaller = sending.run(sync, target, workshop, "r3", at(NOON))

    assert files.files == ["abc", "ac"]
    assert [sums(report) for report in (first, same, smaller)] == [
        (3, 3, 0, 0),
        (0, 0, 0, 0),
        (3, 3, 0, 0),
    ]
    assert (smaller.refreshed, smaller.deleted) == (2, 1)
    assert in_ledger(workshop, "email") == [("a",), ("c",)]


def test_rows_of_a_snapshot_that_was_not_finished_do_not_count(workshop: Workshop) -> None:
    files = Files()
    target = Target(files.send, 2, finish=files.finish)
    sync = replace(CONTACTS, mode="snapshot")
    fill_letters(workshop, "abc")
    files.breaks_at = {"finish"}
    with pytest.raises(ConnectionError):
        sending.run(sync, target, workshop, "r1", at(NOON))
    assert in_ledger(workshop, "email") == []
    files.breaks_at, files.parts = set(), []

    report = sending.run(sync, target, workshop, "r2", at(NOON))

    assert (files.files, sums(report)) == (["abc"], (3, 3, 0, 0))
    assert in_ledger(workshop, "email") == [("a",), ("b",), ("c",)]


def test_other_rows_count_even_if_their_run_could_not_be_finished(workshop: Workshop) -> None:
    files = Files()
    target = Target(files.send, 2, finish=files.finish)
    fill_letters(workshop, "abc")
    files.breaks_at = {"finish"}
    with pytest.raises(ConnectionError):
        sending.run(CONTACTS, target, workshop, "r1", at(NOON))
    assert sums(sending.run(CONTACTS, target, workshop, "r2", at(NOON))) == (0, 0, 0, 0)
    assert files.parts == ["ab", "c"]
