"""Salesforce contacts and the like: what goes over the wire, and what becomes of each row."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
import requests
from answering import Answer, Answering, Asked, Sleeper, in_turn

from destinations.api import Api
from destinations.errors import Refused, RetryLater
from destinations.rows import Outcome, Row
from destinations.salesforce import destination

HOME = "https://acme.my.salesforce.com"
TOKEN = Answer(200, {"access_token": "00D!first", "instance_url": HOME, "token_type": "Bearer"})
contacts = destination.objects["contacts"]


def opened(
    transport: Answering,
    sleeper: Sleeper | None = None,
    name: str = "contacts",
    mode: str = "upsert",
) -> Api:
    arguments = {"base_url": HOME, "client_id": "me", "client_secret": "shh"}
    sleep = (sleeper or Sleeper()).sleep
    return destination.open(
        arguments, "Profile_Id__c", name=name, mode=mode, transport=transport, sleep=sleep
    )


def taken(record_id: str) -> dict[str, Any]:
    return {"id": record_id, "success": True, "errors": [], "created": True}


def refused(code: str, message: str, *fields: str) -> dict[str, Any]:
    error = {"statusCode": code, "message": message, "fields": list(fields)}
    return {"success": False, "errors": [error]}


def rows_of(*keys: str) -> list[Row]:
    return [{"Profile_Id__c": key, "LastName": key.upper()} for key in keys]


def test_contacts_are_upserted_by_external_id() -> None:
    transport = Answering(in_turn(TOKEN, Answer(200, [taken("003A"), taken("003B")])))
    rows = rows_of("p1", "p2")
    assert contacts.send_batch(opened(transport), rows) == Outcome({"p1": "003A", "p2": "003B"}, {})
    token, asked = transport.asked
    assert (token.method, token.url) == ("POST", f"{HOME}/services/oauth2/token")
    assert token.body == "grant_type=client_credentials&client_id=me&client_secret=shh"
    assert (asked.method, asked.url) == (
        "PATCH",
        f"{HOME}/services/data/v63.0/composite/sobjects/Contact/Profile_Id__c",
    )
    assert asked.headers["Authorization"] == "Bearer 00D!first"
    assert asked.body == {
        "allOrNone": False,
        "records": [
            {"attributes": {"type": "Contact"}, "Profile_Id__c": "p1", "LastName": "P1"},
            {"attributes": {"type": "Contact"}, "Profile_Id__c": "p2", "LastName": "P2"},
        ],
    }


@pytest.mark.parametrize(
    ("name", "sobject"),
    [("contacts", "Contact"), ("leads", "Lead"), ("accounts", "Account"), ("Visit__c", "Visit__c")],
)
def test_each_object_goes_to_its_own_sobject(name: str, sobject: str) -> None:
    transport = Answering(in_turn(TOKEN, Answer(200, [taken("1")])))
    made = destination.thing(name)
    assert made
    made.send_batch(opened(transport, name=name), rows_of("p1"))
    assert transport.asked[1].url.endswith(f"/composite/sobjects/{sobject}/Profile_Id__c")
    assert transport.asked[1].body["records"][0]["attributes"] == {"type": sobject}


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
        (date(2026, 11, 23), "2026-11-23"),
        (datetime(2026, 11, 23, 9, 30, 15, 250999, tzinfo=UTC), "2026-11-23T09:30:15.250Z"),
        (datetime(2026, 11, 23, 9, 30), "2026-11-23T09:30:00.000Z"),
        (
            datetime(2026, 11, 23, 10, 30, tzinfo=timezone(timedelta(hours=1))),
            "2026-11-23T09:30:00.000Z",
        ),
        (["web", "app"], "web;app"),
    ],
)
def test_values_arrive_as_salesforce_expects_them(value: object, sent: object) -> None:
    transport = Answering(in_turn(TOKEN, Answer(200, [taken("1")])))
    contacts.send_batch(opened(transport), [{"Profile_Id__c": "p1", "Field__c": value}])
    [record] = transport.asked[1].body["records"]
    assert record["Field__c"] == sent
    assert type(record["Field__c"]) is type(sent)


def test_refused_rows_cost_their_neighbours_nothing() -> None:
    answer = Answer(
        200,
        [
            taken("003A"),
            refused(
                "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", "LastName"
            ),
            refused("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record"),
            taken("003D"),
        ],
    )
    rows = rows_of("p1", "p2", "p3", "p4")
    assert contacts.send_batch(opened(Answering(in_turn(TOKEN, answer))), rows) == Outcome(
        {"p1": "003A", "p4": "003D"},
        {
            "p2": "REQUIRED_FIELD_MISSING: Required fields are missing: [LastName] (LastName)",
            "p3": "UNABLE_TO_LOCK_ROW: unable to obtain exclusive access to this record",
        },
        {"p2": ("REQUIRED_FIELD_MISSING", "row"), "p3": ("UNABLE_TO_LOCK_ROW", "row")},
    )


def test_success_that_does_not_mention_a_row_is_that_rows_failure() -> None:
    transport = Answering(in_turn(TOKEN, Answer(200, [taken("003A")])))
    assert contacts.send_batch(opened(transport), rows_of("p1", "p2")) == Outcome(
        {"p1": "003A"}, {"p2": "not mentioned in the answer"}
    )


def test_a_malformed_value_is_found_by_halving() -> None:
    def answer(asked: Asked) -> Answer:
        if asked.url.endswith("/token"):
            return TOKEN
        keys = [record["Profile_Id__c"] for record in asked.body["records"]]
        if "p3" in keys:
            words = "Cannot deserialize instance of date from VALUE_STRING value tomorrow"
            return Answer(400, [{"errorCode": "JSON_PARSER_ERROR", "message": words}])
        return Answer(200, [taken(key) for key in keys])

    rows = rows_of("p1", "p2", "p3", "p4")
    assert contacts.send_batch(opened(Answering(answer)), rows) == Outcome(
        {"p1": "p1", "p2": "p2", "p4": "p4"},
        {
            "p3": "JSON_PARSER_ERROR: Cannot deserialize instance of date from VALUE_STRING "
            "value tomorrow"
        },
    )


def test_an_expired_session_is_renewed_and_the_batch_sent_again() -> None:
    transport = Answering(
        in_turn(
            TOKEN,
            Answer(200, [taken("003A")]),
            Answer(401, [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired"}]),
            Answer(200, {"access_token": "00D!second"}),
            Answer(200, [taken("003B")]),
        )
    )
    api = opened(transport)
    assert contacts.send_batch(api, rows_of("p1")) == Outcome({"p1": "003A"}, {})
    assert contacts.send_batch(api, rows_of("p2")) == Outcome({"p2": "003B"}, {})
    assert transport.asked[-1].headers["Authorization"] == "Bearer 00D!second"
    assert transport.asked[-1].body == transport.asked[-3].body


def test_a_busy_answer_is_waited_out() -> None:
    sleeper = Sleeper()
    busy = Answer(503, [{"errorCode": "SERVER_UNAVAILABLE"}], {"Retry-After": "5"})
    transport = Answering(in_turn(TOKEN, busy, Answer(200, [taken("003A")])))
    outcome = contacts.send_batch(opened(transport, sleeper), rows_of("p1"))
    assert (outcome, sleeper.slept) == (Outcome({"p1": "003A"}, {}), [5.0])


def test_a_connection_cut_after_the_batch_was_taken_is_sent_again() -> None:
    cut = requests.ConnectionError("cut")
    transport = Answering(in_turn(TOKEN, cut, Answer(200, [taken("003A")])))
    assert contacts.send_batch(opened(transport), rows_of("p1")) == Outcome({"p1": "003A"}, {})
    assert transport.asked[1] == transport.asked[2]


def test_the_days_calls_used_up_means_later() -> None:
    spent = {"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}
    transport = Answering(in_turn(TOKEN, Answer(403, [spent])))
    with pytest.raises(RetryLater) as later:
        contacts.send_batch(opened(transport), rows_of("p1", "p2"))
    assert later.value.after_s == 900
    assert later.value.words == "REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded."
    assert len(transport.asked) == 2


def test_a_field_that_is_no_external_id_stops_the_sync() -> None:
    said = {"errorCode": "NOT_FOUND", "message": "Provided external ID field does not exist"}
    with pytest.raises(Refused, match="salesforce refused the request with 404: NOT_FOUND"):
        contacts.send_batch(opened(Answering(in_turn(TOKEN, Answer(404, [said])))), rows_of("p1"))


def test_wrong_credentials_stop_the_sync() -> None:
    said = {"error": "invalid_client", "error_description": "invalid client credentials"}
    with pytest.raises(Refused, match="refused the login with 400: invalid_client: invalid"):
        contacts.send_batch(opened(Answering(in_turn(Answer(400, said)))), rows_of("p1", "p2"))


def test_deleting_goes_by_salesforces_own_ids_and_gone_is_gone() -> None:
    answer = Answer(
        200,
        [
            {"id": "003A", "success": True, "errors": []},
            refused("ENTITY_IS_DELETED", "entity is deleted"),
            refused("DELETE_FAILED", "is associated with cases"),
        ],
    )
    transport = Answering(in_turn(TOKEN, answer))
    rows: list[Row] = [
        {"Profile_Id__c": "p1", "record_id": "003A"},
        {"Profile_Id__c": "p2", "record_id": "003B"},
        {"Profile_Id__c": "p3", "record_id": "003C"},
        {"Profile_Id__c": "p4"},
    ]
    assert contacts.delete_batch(opened(transport), rows) == Outcome(
        {"p1": "003A", "p2": None},
        {
            "p3": "DELETE_FAILED: is associated with cases",
            "p4": "Salesforce deletes by its own id, which is not known",
        },
        {"p3": ("DELETE_FAILED", "row")},
    )
    asked = transport.asked[1]
    assert (asked.method, asked.body) == ("DELETE", None)
    assert asked.url == (
        f"{HOME}/services/data/v63.0/composite/sobjects?ids=003A%2C003B%2C003C&allOrNone=false"
    )
