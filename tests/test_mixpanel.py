"""Mixpanel's people and events: what goes over the wire, and what becomes of each row."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
import requests
from answering import Answer, Answering, Asked, Sleeper, in_turn

from destinations.api import Api
from destinations.errors import Refused
from destinations.mixpanel import destination, events, people
from destinations.rows import Outcome, Row

DONE = Answer(200, {"code": 200, "num_records_imported": 1, "status": "OK"})
TOKEN = {"$token": "tok"}


def opened(transport: Answering, key: str = "distinct_id", sleeper: Sleeper | None = None) -> Api:
    sleep = (sleeper or Sleeper()).sleep
    return destination.open({"project_token": "tok"}, key, transport=transport, sleep=sleep)


def partial(*failed: dict[str, Any]) -> Answer:
    body = {"code": 400, "status": "Bad Request", "num_records_imported": 1}
    return Answer(400, {**body, "failed_records": list(failed)})


def test_profiles_are_set_and_what_is_null_is_unset() -> None:
    transport = Answering(in_turn(DONE))
    rows: list[Row] = [
        {"distinct_id": "u1", "$email": "a@x.com", "plan": None},
        {"distinct_id": 2, "plan": "pro"},
    ]
    assert people.send_batch(opened(transport), rows) == Outcome({"u1": None, "2": None}, {})
    [asked] = transport.asked
    assert (asked.method, asked.url) == (
        "POST",
        "https://api.mixpanel.com/engage?strict=1&verbose=1&ip=0",
    )
    assert asked.body == [
        {**TOKEN, "$distinct_id": "u1", "$set": {"$email": "a@x.com"}},
        {**TOKEN, "$distinct_id": "u1", "$unset": ["plan"]},
        {**TOKEN, "$distinct_id": "2", "$set": {"plan": "pro"}},
    ]


def test_a_refused_record_is_its_rows_and_the_others_were_taken() -> None:
    failed = {"index": 2, "field": "$distinct_id", "message": "not a valid identifier"}
    transport = Answering(in_turn(partial(failed)))
    rows: list[Row] = [{"distinct_id": "u1", "plan": None}, {"distinct_id": "null", "plan": "a"}]
    assert people.send_batch(opened(transport), rows) == Outcome(
        {"u1": None}, {"null": "$distinct_id: not a valid identifier"}
    )
    assert len(transport.asked) == 1


@pytest.mark.parametrize("body", [{"status": 0, "error": "bad profile"}, "0"])
def test_a_batch_refused_under_200_is_halved(body: Any) -> None:
    def answer(asked: Asked) -> Answer:
        is_bad = any(one["$distinct_id"] == "bad" for one in asked.body)
        return Answer(200, body) if is_bad else DONE

    transport = Answering(answer)
    rows: list[Row] = [{"distinct_id": key, "plan": "a"} for key in ("u1", "bad", "u3")]
    outcome = people.send_batch(opened(transport), rows)
    assert (outcome.accepted, list(outcome.rejected)) == ({"u1": None, "u3": None}, ["bad"])


def test_profiles_are_deleted_by_their_own_id_and_no_other() -> None:
    transport = Answering(in_turn(DONE))
    people.delete_batch(opened(transport), [{"distinct_id": "u1"}])
    assert transport.asked[0].body == [
        {**TOKEN, "$distinct_id": "u1", "$delete": "", "$ignore_alias": True}
    ]


def test_events_are_imported_with_an_id_that_mixpanel_knows_them_by() -> None:
    transport = Answering(in_turn(DONE))
    at = datetime(2026, 11, 23, 9, 30, 15, 250000, tzinfo=UTC)
    rows: list[Row] = [
        {"key": "e-1", "event": "Paid", "time": at, "distinct_id": "u1", "amount": Decimal("9.90")},
        {"key": "é", "event": "Left", "time": 1795426215, "distinct_id": None, "why": None},
    ]
    assert events.send_batch(opened(transport, "key"), rows) == Outcome(
        {"e-1": None, "é": None}, {}
    )
    [asked] = transport.asked
    assert asked.url == "https://api.mixpanel.com/import?strict=1"
    assert asked.headers["Authorization"] == "Basic dG9rOg=="
    assert asked.body == [
        {
            "event": "Paid",
            "properties": {
                "amount": 9.9,
                "time": 1795426215250,
                "distinct_id": "u1",
                "$insert_id": "e-1",
            },
        },
        {
            "event": "Left",
            "properties": {
                "time": 1795426215,
                "distinct_id": "",
                "$insert_id": "4a99557e4033c3539de2eb65472017cad5f9",
            },
        },
    ]


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("", ""),
        ("null", "null"),
        (True, True),
        (0, 0),
        (Decimal("1234567890.10"), 1234567890.1),
        (date(2026, 11, 23), "2026-11-23"),
        (datetime(2026, 11, 23, 9, 30, 15, 250000, tzinfo=UTC), "2026-11-23T09:30:15"),
        (
            datetime(2026, 11, 23, 10, 30, 15, tzinfo=timezone(timedelta(hours=1))),
            "2026-11-23T09:30:15",
        ),
        (["web", "app"], ["web", "app"]),
    ],
)
def test_values_go_out_as_mixpanel_writes_them(value: object, sent: object) -> None:
    transport = Answering(in_turn(DONE))
    people.send_batch(opened(transport), [{"distinct_id": "u1", "field": value}])
    assert transport.asked[0].body[0]["$set"] == {"field": sent}


def test_requests_stay_under_two_megabytes() -> None:
    sizes = []

    def answer(asked: Asked) -> Answer:
        sizes.append(int(asked.headers["Content-Length"]))
        return DONE

    rows: list[Row] = [{"distinct_id": str(one), "note": "🚀" * 900} for one in range(1000)]
    assert len(people.send_batch(opened(Answering(answer)), rows).accepted) == 1000
    assert (len(sizes), max(sizes) < 2_000_000) == (2, True)


def test_a_busy_project_is_asked_again_after_a_growing_pause() -> None:
    sleeper, busy = Sleeper(), Answer(429, {"code": 429, "error": "Project exceeded rate limits"})
    transport = Answering(in_turn(busy, requests.ConnectionError("cut"), DONE))
    outcome = people.send_batch(opened(transport, sleeper=sleeper), [{"distinct_id": "u1"}])
    assert (outcome, sleeper.slept) == (Outcome({"u1": None}, {}), [1.0, 2.0])


def test_a_wrong_token_stops_the_sync() -> None:
    said = Answer(401, {"code": 401, "error": "Invalid credentials", "status": "Unauthorized"})
    row: Row = {"key": "e1", "event": "Paid", "time": 1795426215, "distinct_id": "u1"}
    with pytest.raises(Refused) as refusal:
        events.send_batch(opened(Answering(in_turn(said)), "key"), [row])
    assert str(refusal.value) == (
        "mixpanel refused the login with 401: Invalid credentials. "
        "Look at DESTINATIONS__MIXPANEL__*."
    )


def test_what_the_first_call_took_stands_when_the_second_is_refused() -> None:
    told: Row = {"event": "Paid", "time": 1795426215, "distinct_id": "u1", "note": "x" * 900_000}
    rows: list[Row] = [{"key": key, **told} for key in ("e1", "e2", "e3")]
    transport = Answering(in_turn(DONE, Answer(401, {"error": "Invalid credentials"})))
    with pytest.raises(Refused) as refusal:
        events.send_batch(opened(transport, "key"), rows)
    assert refusal.value.settled == Outcome({"e1": None, "e2": None})
