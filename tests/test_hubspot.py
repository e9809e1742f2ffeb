"""HubSpot contacts: what goes over the wire, and what becomes of each row."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
import requests
from answering import Answer, Answering, Asked, Sleeper, in_turn
from hubspot_answers import complete, opened, result

from destinations.errors import Refused, RetryLater
from destinations.hubspot import contacts
from destinations.rows import Outcome, Row

UPSERT = "https://api.hubapi.com/crm/v3/objects/contacts/batch/upsert"


def taking_all(asked: Asked) -> Answer:
    return complete(*(result(given["id"], given["id"][0]) for given in asked.body["inputs"]))


def test_contacts_are_upserted_by_the_key_with_a_trace_id_each() -> None:
    transport = Answering(in_turn(complete(result("ann@x.com", "101"), result("Bo@x.com", "102"))))
    rows: list[Row] = [
        {"email": "ann@x.com", "firstname": "Ann", "plan": "pro"},
        {"email": "Bo@x.com", "firstname": "Bo", "plan": None},
    ]
    outcome = contacts.send_batch(opened(transport), rows)
    assert outcome == Outcome({"ann@x.com": "101", "Bo@x.com": "102"}, {})
    [asked] = transport.asked
    assert (asked.method, asked.url) == ("POST", UPSERT)
    assert asked.headers["Authorization"] == "Bearer pat"
    assert asked.body == {
        "inputs": [
            {
                "id": "ann@x.com",
                "idProperty": "email",
                "objectWriteTraceId": "ann@x.com",
                "properties": {"firstname": "Ann", "plan": "pro"},
            },
            {
                "id": "Bo@x.com",
                "idProperty": "email",
                "objectWriteTraceId": "Bo@x.com",
                "properties": {"firstname": "Bo", "plan": ""},
            },
        ]
    }


def test_any_unique_property_can_be_the_key() -> None:
    transport = Answering(taking_all)
    outcome = contacts.send_batch(opened(transport, "user_id"), [{"user_id": 7, "email": "a@x"}])
    assert outcome == Outcome({"7": "7"}, {})
    assert transport.asked[0].body["inputs"] == [
        {
            "id": "7",
            "idProperty": "user_id",
            "objectWriteTraceId": "7",
            "properties": {"email": "a@x"},
        }
    ]


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("O'Brien", "O'Brien"),
        ("née Müller 🚀 𠮷", "née Müller 🚀 𠮷"),
        ("null", "null"),
        ("", ""),
        (None, ""),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (2.5, "2.5"),
        (Decimal("1234567890.10"), "1234567890.10"),
        (Decimal("1E+3"), "1000"),
        (date(2026, 11, 23), "1795392000000"),
        (datetime(2026, 11, 23, 9, 30, 15, 250000, tzinfo=UTC), "1795426215250"),
        (datetime(2026, 11, 23, 9, 30, 15, 250000), "1795426215250"),
        (
            datetime(2026, 11, 23, 10, 30, 15, 250000, tzinfo=timezone(timedelta(hours=1))),
            "1795426215250",
        ),
        (["web", "app"], "web;app"),
        ([], ""),
    ],
)
def test_values_arrive_as_hubspot_expects_them(value: object, sent: str) -> None:
    transport = Answering(taking_all)
    contacts.send_batch(opened(transport), [{"email": "a@x.com", "field": value}])
    assert transport.asked[0].body["inputs"][0]["properties"] == {"field": sent}


def test_one_refused_row_costs_its_neighbours_nothing() -> None:
    words = 'Property values were not valid: [{"message":"0 is no such stage"}]'
    answer = Answer(
        207,
        {
            "status": "COMPLETE",
            "numErrors": 1,
            "results": [result("a@x.com", "1"), result("c@x.com", "3")],
            "errors": [
                {
                    "status": "error",
                    "category": "VALIDATION_ERROR",
                    "message": words,
                    "context": {"objectWriteTraceId": ["b@x.com"]},
                }
            ],
        },
    )
    rows: list[Row] = [{"email": f"{letter}@x.com"} for letter in "abc"]
    outcome = contacts.send_batch(opened(Answering(in_turn(answer))), rows)
    assert outcome == Outcome(
        {"a@x.com": "1", "c@x.com": "3"},
        {"b@x.com": f"VALIDATION_ERROR: {words}"},
        {"b@x.com": ("VALIDATION_ERROR", "row")},
    )


def test_success_that_does_not_mention_a_row_is_that_rows_failure() -> None:
    transport = Answering(in_turn(complete()))
    assert contacts.send_batch(opened(transport), [{"email": "a@x.com"}]) == Outcome(
        {}, {"a@x.com": "not mentioned in the answer"}
    )


def test_an_error_that_names_no_row_is_told_with_the_rows_left_out() -> None:
    answer = Answer(
        207,
        {
            "results": [result("a@x.com", "1")],
            "errors": [{"category": "OBJECT_ALREADY_EXISTS", "message": "taken", "context": {}}],
        },
    )
    rows: list[Row] = [{"email": "a@x.com"}, {"email": "b@x.com"}]
    assert contacts.send_batch(opened(Answering(in_turn(answer))), rows) == Outcome(
        {"a@x.com": "1"},
        {"b@x.com": "not mentioned in the answer; OBJECT_ALREADY_EXISTS: taken"},
    )


def test_results_without_trace_ids_are_tied_by_the_key_property_in_any_case() -> None:
    bare = {"id": "101", "properties": {"email": "ann@x.com"}}
    rows: list[Row] = [{"email": "Ann@x.com"}, {"email": "bo@x.com"}]
    outcome = contacts.send_batch(opened(Answering(in_turn(complete(bare)))), rows)
    assert outcome == Outcome({"Ann@x.com": "101"}, {"bo@x.com": "not mentioned in the answer"})


def test_results_that_name_no_key_count() -> None:
    transport = Answering(in_turn(complete({"id": "1"}, {"id": "2"})))
    rows: list[Row] = [{"email": "a@x.com"}, {"email": "b@x.com"}]
    assert contacts.send_batch(opened(transport), rows) == Outcome(
        {"a@x.com": None, "b@x.com": None}, {}
    )


def test_a_batch_refused_as_a_whole_is_halved() -> None:
    def answer(asked: Asked) -> Answer:
        if any(given["id"] == "no-address" for given in asked.body["inputs"]):
            return Answer(400, {"category": "VALIDATION_ERROR", "message": "Email is invalid"})
        return taking_all(asked)

    transport = Answering(answer)
    rows: list[Row] = [{"email": key} for key in ("a@x", "b@x", "no-address", "d@x")]
    assert contacts.send_batch(opened(transport), rows) == Outcome(
        {"a@x": "a", "b@x": "b", "d@x": "d"}, {"no-address": "VALIDATION_ERROR: Email is invalid"}
    )
    assert [len(asked.body["inputs"]) for asked in transport.asked] == [4, 2, 2, 1, 1]


def test_a_busy_answer_is_waited_out() -> None:
    sleeper = Sleeper()
    told = {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}
    busy = Answer(429, told, {"Retry-After": "2"})
    transport = Answering(in_turn(busy, complete(result("a@x.com", "1"))))
    outcome = contacts.send_batch(opened(transport, sleeper=sleeper), [{"email": "a@x.com"}])
    assert (outcome, sleeper.slept) == (Outcome({"a@x.com": "1"}, {}), [2.0])


def test_a_connection_cut_after_the_batch_was_taken_is_sent_again() -> None:
    transport = Answering(
        in_turn(requests.ConnectionError("cut"), complete(result("a@x.com", "1")))
    )
    outcome = contacts.send_batch(opened(transport), [{"email": "a@x.com"}])
    assert outcome == Outcome({"a@x.com": "1"}, {})
    assert transport.asked[0] == transport.asked[1]


def test_an_invalid_token_stops_the_sync() -> None:
    said = {"category": "INVALID_AUTHENTICATION", "message": "Authentication pat is invalid"}
    with pytest.raises(Refused) as refusal:
        contacts.send_batch(opened(Answering(in_turn(Answer(401, said)))), [{"email": "a@x.com"}])
    assert str(refusal.value) == (
        "hubspot refused the login with 401: INVALID_AUTHENTICATION: Authentication *** is "
        "invalid. Look at DESTINATIONS__HUBSPOT__*."
    )


def test_an_account_that_is_moved_is_left_for_later() -> None:
    moving = Answer(477, {"message": "migration"}, {"Retry-After": "3600"})
    with pytest.raises(RetryLater) as later:
        contacts.send_batch(opened(Answering(in_turn(moving))), [{"email": "a@x.com"}])
    assert later.value.after_s == 3600


def test_deleting_archives_by_hubspots_own_ids() -> None:
    transport = Answering(in_turn(Answer(204)))
    rows: list[Row] = [
        {"email": "a@x.com", "record_id": "101"},
        {"email": "b@x.com", "record_id": None},
    ]
    assert contacts.delete_batch(opened(transport), rows) == Outcome(
        {"a@x.com": None},
        {"b@x.com": "HubSpot removes by its own id, which is not known"},
    )
    [asked] = transport.asked
    assert asked.url == "https://api.hubapi.com/crm/v3/objects/contacts/batch/archive"
    assert asked.body == {"inputs": [{"id": "101"}]}


def test_a_field_that_hubspot_does_not_have_is_the_mappings_fault() -> None:
    words = 'Property values were not valid: [{"error":"PROPERTY_DOESNT_EXIST","name":"nick"}]'
    error = {"category": "VALIDATION_ERROR", "message": words}
    error["context"] = {"objectWriteTraceId": ["a@x.com"]}
    transport = Answering(in_turn(Answer(207, {"results": [], "errors": [error]})))
    outcome = contacts.send_batch(opened(transport), [{"email": "a@x.com", "nick": "A"}])
    assert outcome.marks == {"a@x.com": ("VALIDATION_ERROR", "mapping")}
