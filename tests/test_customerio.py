"""Customer.io people: what goes over the wire, and what becomes of each row."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
import requests
from answering import Answer, Answering, Asked, Sleeper, in_turn

from destinations.api import Api
from destinations.customerio import destination, events, people
from destinations.errors import Refused
from destinations.rows import Merge, Outcome, Row

BATCH = "https://track.customer.io/api/v2/batch"
DONE = Answer(200, {})


def opened(transport: Answering, key: str = "id", sleeper: Sleeper | None = None) -> Api:
    arguments = {"site_id": "site", "api_key": "key"}
    sleep = (sleeper or Sleeper()).sleep
    return destination.open(arguments, key, transport=transport, sleep=sleep)


def rows_of(*keys: str) -> list[Row]:
    return [{"id": key, "plan": "pro"} for key in keys]


def test_people_are_identified_in_a_batch() -> None:
    transport = Answering(in_turn(DONE))
    rows: list[Row] = [{"id": "u1", "first_name": "Ann", "plan": None}, {"id": 2, "plan": "pro"}]
    assert people.send_batch(opened(transport), rows) == Outcome({"u1": None, "2": None}, {})
    [asked] = transport.asked
    assert (asked.method, asked.url) == ("POST", BATCH)
    assert asked.headers["Authorization"] == "Basic c2l0ZTprZXk="
    assert asked.body == {
        "batch": [
            {
                "type": "person",
                "action": "identify",
                "identifiers": {"id": "u1"},
                "attributes": {"first_name": "Ann", "plan": None},
            },
            {
                "type": "person",
                "action": "identify",
                "identifiers": {"id": "2"},
                "attributes": {"plan": "pro"},
            },
        ]
    }


@pytest.mark.parametrize("key", ["id", "email", "phone", "cio_id"])
def test_people_are_known_by_the_syncs_key(key: str) -> None:
    transport = Answering(in_turn(DONE))
    people.send_batch(opened(transport, key), [{key: "value"}])
    assert transport.asked[0].body["batch"][0]["identifiers"] == {key: "value"}


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("O'Brien", "O'Brien"),
        ("née Müller 🚀 𠮷", "née Müller 🚀 𠮷"),
        ("null", "null"),
        ("", ""),
        (None, None),
        (True, True),
        (0, 0),
        (2.5, 2.5),
        (Decimal("1234567890.10"), 1234567890.1),
        (date(2026, 11, 23), 1795392000),
        (datetime(2026, 11, 23, 9, 30, 15, 250000, tzinfo=UTC), 1795426215),
        (datetime(2026, 11, 23, 9, 30, 15), 1795426215),
        (datetime(2026, 11, 23, 10, 30, 15, tzinfo=timezone(timedelta(hours=1))), 1795426215),
        (["web", "app"], ["web", "app"]),
    ],
)
def test_values_arrive_as_customerio_expects_them(value: object, sent: object) -> None:
    transport = Answering(in_turn(DONE))
    people.send_batch(opened(transport), [{"id": "u1", "field": value}])
    [entry] = transport.asked[0].body["batch"]
    assert entry["attributes"] == {"field": sent}
    assert type(entry["attributes"]["field"]) is type(sent)


@pytest.mark.parametrize("status", [207, 200])
def test_one_refused_row_costs_its_neighbours_nothing(status: int) -> None:
    error = {"batch_index": 1, "reason": "invalid", "field": "attributes", "message": "too long"}
    transport = Answering(in_turn(Answer(status, {"errors": [error]})))
    assert people.send_batch(opened(transport), rows_of("u1", "u2", "u3")) == Outcome(
        {"u1": None, "u3": None},
        {"u2": "invalid: attributes: too long"},
        {"u2": ("invalid", "row")},
    )


def test_an_error_without_a_place_is_held_against_all_that_have_none_of_their_own() -> None:
    errors = [{"reason": "odd"}, {"batch_index": 0, "reason": "bad"}]
    transport = Answering(in_turn(Answer(207, {"errors": errors})))
    assert people.send_batch(opened(transport), rows_of("u1", "u2")) == Outcome(
        {}, {"u1": "bad", "u2": "odd"}, {"u1": ("bad", "row"), "u2": ("odd", "row")}
    )


def test_a_batch_refused_as_a_whole_is_halved() -> None:
    def answer(asked: Asked) -> Answer:
        if any(entry["identifiers"] == {"id": ""} for entry in asked.body["batch"]):
            return Answer(400, {"errors": [{"reason": "required", "field": "id"}]})
        return DONE

    transport = Answering(answer)
    assert people.send_batch(opened(transport), rows_of("u1", "", "u3")) == Outcome(
        {"u1": None, "u3": None}, {"": "required: id"}
    )
    assert [len(asked.body["batch"]) for asked in transport.asked] == [3, 1, 2, 1, 1]


def test_batches_stay_under_500_kilobytes_and_rows_under_32() -> None:
    sizes = []

    def answer(asked: Asked) -> Answer:
        sizes.append(int(asked.headers["Content-Length"]))
        return DONE

    rows: list[Row] = [{"id": str(number), "note": "🚀" * 2100} for number in range(200)]
    rows.append({"id": "large", "note": "x" * 32_000})
    outcome = people.send_batch(opened(Answering(answer)), rows)
    assert outcome.rejected == {"large": "larger than the 32000 bytes that Customer.io takes"}
    assert outcome.accepted == {str(number): None for number in range(200)}
    assert max(sizes) < 500_000
    assert len(sizes) == 4


def test_a_busy_answer_is_waited_out() -> None:
    sleeper = Sleeper()
    transport = Answering(in_turn(Answer(429, headers={"Retry-After": "1"}), DONE))
    outcome = people.send_batch(opened(transport, sleeper=sleeper), rows_of("u1"))
    assert (outcome, sleeper.slept) == (Outcome({"u1": None}, {}), [1.0])


def test_a_connection_cut_after_the_batch_was_taken_is_sent_again() -> None:
    transport = Answering(in_turn(requests.ConnectionError("cut"), DONE))
    assert people.send_batch(opened(transport), rows_of("u1")) == Outcome({"u1": None}, {})
    assert transport.asked[0] == transport.asked[1]


def test_a_wrong_key_stops_the_sync() -> None:
    said = Answer(401, {"meta": {"error": "Unauthorized request"}})
    with pytest.raises(Refused) as refusal:
        people.send_batch(opened(Answering(in_turn(said))), rows_of("u1"))
    assert str(refusal.value) == (
        "customerio refused the login with 401: Unauthorized request. "
        "Look at DESTINATIONS__CUSTOMERIO__*."
    )


def test_people_are_deleted_by_the_syncs_key() -> None:
    transport = Answering(in_turn(DONE))
    assert people.delete_batch(opened(transport, "email"), [{"email": "a@x.com"}]) == Outcome(
        {"a@x.com": None}, {}
    )
    assert transport.asked[0].body == {
        "batch": [
            {"type": "person", "action": "delete", "identifiers": {"email": "a@x.com"}},
        ]
    }


def test_an_event_has_an_id_that_is_always_the_same_for_its_key() -> None:
    transport = Answering(in_turn(DONE))
    at = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    rows: list[Row] = [
        {"event_id": "e1", "id": 7, "name": "Paid", "timestamp": at, "amount": Decimal("9.90")},
        {"event_id": "e2", "email": "a@x.com", "id": None, "name": "Left", "timestamp": None},
    ]
    api = opened(transport, "event_id")
    assert events.send_batch(api, rows) == Outcome({"e1": None, "e2": None}, {})
    events.send_batch(api, rows)
    assert transport.asked[0].body == transport.asked[1].body
    assert transport.asked[0].body["batch"] == [
        {
            "type": "person",
            "action": "event",
            "identifiers": {"id": "7"},
            "id": "4BBK2DYZQCFMSAF0AES95F0HXE",
            "name": "Paid",
            "timestamp": 1795426200,
            "attributes": {"amount": 9.9},
        },
        {
            "type": "person",
            "action": "event",
            "identifiers": {"email": "a@x.com"},
            "id": "5C1W4W1Y5ZBSX4P1HXGRS5BWBD",
            "name": "Left",
            "attributes": {},
        },
    ]


def test_an_event_of_nobody_is_refused() -> None:
    rows: list[Row] = [{"event_id": "e1", "name": "Paid", "email": None}]
    assert events.send_batch(opened(Answering(in_turn(DONE)), "event_id"), rows) == Outcome(
        {}, {"e1": "it has none of cio_id, id, email, phone: whose is it?"}
    )


def test_one_person_goes_into_another() -> None:
    transport = Answering(in_turn(DONE))
    merges = [Merge("u1", None, "u2", None)]
    assert people.merge_batch(opened(transport), merges) == Outcome({"u1": None}, {})
    assert transport.asked[0].body["batch"] == [
        {"type": "person", "action": "merge", "primary": {"id": "u2"}, "secondary": {"id": "u1"}}
    ]


def test_what_the_first_call_took_stands_when_the_second_is_refused() -> None:
    rows: list[Row] = [
        {"event_id": f"e{one}", "id": 7, "name": "Paid", "note": "x" * 31_000} for one in range(20)
    ]
    transport = Answering(in_turn(DONE, Answer(401, {"meta": {"error": "Unauthorized request"}})))
    with pytest.raises(Refused) as refusal:
        events.send_batch(opened(transport, "event_id"), rows)
    assert refusal.value.settled == Outcome({f"e{one}": None for one in range(16)})
