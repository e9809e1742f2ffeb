"""What is appended goes once: a call of unknown fate is held until somebody decides."""

from dataclasses import replace
from datetime import timedelta

import pytest
from taking import CONTACTS, NOON, at, fill_letters, sums

from cdp_assets import sending
from cdp_assets.sending import Target, Workshop
from destinations.errors import RetryLater, Unanswered
from destinations.rows import Outcome, Row
from warehouse import owed

APPEND = replace(CONTACTS, mode="append")


class Log:
    """A tool that keeps events as they come, twice if they come twice."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.fails: dict[int, tuple[str, BaseException]] = {}
        self.calls = 0

    def send(self, rows: list[Row]) -> Outcome:
        self.calls += 1
        moment, error = self.fails.pop(self.calls, ("", Exception()))
        if moment != "before":
            self.events += [row["email"] for row in rows]
        if moment:
            raise error
        return Outcome({row["email"]: None for row in rows})


def test_an_append_of_unknown_fate_is_held_until_somebody_decides(workshop: Workshop) -> None:
    log = Log()
    target = Target(log.send, 2)
    fill_letters(workshop, "abcdef")
    log.fails = {2: ("after", Unanswered("mixpanel", "no answer"))}
    with pytest.raises(Unanswered, match="cdp decide SYNC taken"):
        sending.run(APPEND, target, workshop, "r1", at(NOON))

    report = sending.run(APPEND, target, workshop, "r2", at(NOON))

    assert (sums(report), report.held) == ((4, 2, 0, 2), 2)
    assert log.events == list("abcdef")
    with workshop.connect() as db:
        held = owed.unknown(db, APPEND)
        owed.decide(db, APPEND, held, True, NOON)
    assert held == ["c", "d"]
    assert sums(sending.run(APPEND, target, workshop, "r3", at(NOON))) == (0, 0, 0, 0)
    assert log.events == list("abcdef")


def test_an_append_that_was_lost_goes_again_once_somebody_says_so(workshop: Workshop) -> None:
    log = Log()
    target = Target(log.send, 2)
    fill_letters(workshop, "abc")
    log.fails = {1: ("before", ConnectionError("cut"))}
    with pytest.raises(ConnectionError):
        sending.run(APPEND, target, workshop, "r1", at(NOON))
    assert sending.run(APPEND, target, workshop, "r2", at(NOON + timedelta(days=90))).held == 2
    with workshop.connect() as db:
        owed.decide(db, APPEND, owed.unknown(db, APPEND), False, NOON)

    report = sending.run(APPEND, target, workshop, "r3", at(NOON))

    assert sums(report) == (2, 2, 0, 0)
    assert sorted(log.events) == ["a", "b", "c"]


def test_an_append_to_a_busy_tool_goes_again_by_itself(workshop: Workshop) -> None:
    log = Log()
    target = Target(log.send, 2)
    fill_letters(workshop, "abc")
    log.fails = {1: ("before", RetryLater("mixpanel", 60, "429"))}
    with pytest.raises(RetryLater):
        sending.run(APPEND, target, workshop, "r1", at(NOON))
    assert sums(sending.run(APPEND, target, workshop, "r2", at(NOON))) == (3, 3, 0, 0)
    assert log.events == ["a", "b", "c"]


def test_an_append_is_never_sent_again_when_it_changes(workshop: Workshop) -> None:
    log = Log()
    fill_letters(workshop, "ab")
    sending.run(APPEND, Target(log.send, 2), workshop, "r1", at(NOON))
    fill_letters(workshop, "bc", value=2)
    assert sums(sending.run(APPEND, Target(log.send, 2), workshop, "r2", at(NOON))) == (1, 1, 0, 0)
    assert log.events == ["a", "b", "c"]
