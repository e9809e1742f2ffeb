"""Vitally's accounts and users: what goes over the wire, and what becomes of each row."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import requests
from answering import Answer, Answering, Asked, Sleeper, in_turn

from destinations.api import Api
from destinations.errors import Refused
from destinations.rows import Outcome, Row
from destinations.vitally import accounts, destination, users

URL = "https://acme.rest.vitally.io"
GONE = Answer(404, {"error": "Account not found"})


def opened(transport: Answering, sleeper: Sleeper | None = None) -> Api:
    arguments = {"api_key": "key", "base_url": URL}
    sleep = (sleeper or Sleeper()).sleep
    return destination.open(arguments, "externalId", transport=transport, sleep=sleep)


def made(record_id: str) -> Answer:
    return Answer(200, {"id": record_id, "externalId": "a1"})


def calls(transport: Answering) -> list[tuple[str, str]]:
    return [(asked.method, asked.url.removeprefix(URL)) for asked in transport.asked]


def test_what_is_there_is_updated_and_what_is_no_field_is_a_trait() -> None:
    transport = Answering(in_turn(made("v1")))
    row: Row = {
        "externalId": "a 1/2",
        "name": "Acme",
        "organizationId": None,
        "mrr": Decimal("12.50"),
        "seen": datetime(2026, 11, 23, 9, 30, 15, 250000, tzinfo=UTC),
        "plan": None,
    }
    assert accounts.send_batch(opened(transport), [row]) == Outcome({"a 1/2": "v1"}, {})
    assert calls(transport) == [("PUT", "/resources/accounts/a%201%2F2")]
    [asked] = transport.asked
    assert asked.headers["Authorization"] == "Basic a2V5Og=="
    assert asked.body == {
        "name": "Acme",
        "organizationId": None,
        "traits": {"mrr": 12.5, "seen": "2026-11-23T09:30:15.250Z", "plan": None},
    }


def test_what_is_not_there_is_created() -> None:
    transport = Answering(in_turn(GONE, made("v1")))
    rows: list[Row] = [{"externalId": "a1", "name": "Acme"}]
    assert accounts.send_batch(opened(transport), rows) == Outcome({"a1": "v1"}, {})
    assert calls(transport) == [("PUT", "/resources/accounts/a1"), ("POST", "/resources/accounts")]
    assert transport.asked[1].body == {"externalId": "a1", "name": "Acme", "traits": {}}


def test_a_refused_row_costs_one_call_and_its_neighbours_nothing() -> None:
    def answer(asked: Asked) -> Answer:
        is_bad = asked.url.endswith("/b")
        return Answer(400, {"error": "name must be a string"}) if is_bad else made(asked.url[-1])

    transport = Answering(answer)
    rows: list[Row] = [{"externalId": key, "name": "N"} for key in "abc"]
    assert accounts.send_batch(opened(transport), rows) == Outcome(
        {"a": "a", "c": "c"}, {"b": "name must be a string"}, {"b": ("400", "row")}
    )
    assert len(transport.asked) == 3


def test_an_account_that_two_users_belong_to_is_looked_up_once() -> None:
    def answer(asked: Asked) -> Answer:
        if asked.method == "GET":
            return made("v7") if asked.url.endswith("acme") else GONE
        return made("u")

    transport = Answering(answer)
    rows: list[Row] = [
        {"externalId": "u1", "accountIds": ["acme"]},
        {"externalId": "u2", "accountIds": "acme"},
        {"externalId": "u3", "accountIds": ["acme", "gone"]},
        {"externalId": "u4", "plan": "pro"},
    ]
    assert users.send_batch(opened(transport), rows) == Outcome(
        {"u1": "u", "u2": "u", "u4": "u"},
        {"u3": "Vitally has no account gone"},
        {"u3": ("404", "row")},
    )
    assert [url for method, url in calls(transport) if method == "GET"] == [
        "/resources/accounts/acme",
        "/resources/accounts/gone",
    ]
    assert transport.asked[2].body == {"accountIds": ["v7"], "traits": {}}
    assert transport.asked[-1].body == {"traits": {"plan": "pro"}}


def test_what_is_to_be_deleted_and_is_gone_is_gone() -> None:
    transport = Answering(in_turn(Answer(204), GONE, Answer(400, {"error": "no"})))
    rows: list[Row] = [{"externalId": key} for key in "abc"]
    assert accounts.delete_batch(opened(transport), rows) == Outcome(
        {"a": None, "b": None}, {"c": "no"}, {"c": ("400", "row")}
    )


def test_vitally_is_waited_for_as_long_as_its_header_says() -> None:
    sleeper, busy = Sleeper(), Answer(429, {"error": "Too Many"}, {"RateLimit-Reset": "12"})
    transport = Answering(in_turn(busy, requests.ConnectionError("cut"), made("v1")))
    rows: list[Row] = [{"externalId": "a1"}]
    outcome = accounts.send_batch(opened(transport, sleeper), rows)
    assert (outcome, sleeper.slept) == (Outcome({"a1": "v1"}, {}), [12.0, 2.0])


def test_a_wrong_key_stops_the_sync() -> None:
    said = Answer(401, {"error": "Unauthorized"})
    rows: list[Row] = [{"externalId": key} for key in "ab"]
    transport = Answering(in_turn(said))
    with pytest.raises(Refused, match="vitally refused the login with 401: Unauthorized"):
        accounts.send_batch(opened(transport), rows)
    assert len(transport.asked) == 1
