"""Marketo leads: what goes over the wire, and what becomes of each row."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
import requests
from answering import Answer, Answering, Asked, Sleeper, in_turn

from destinations.api import Api
from destinations.errors import Refused, RetryLater
from destinations.marketo import destination, leads, list_members
from destinations.rows import FieldSpec, Merge, Outcome, Row

URL = "https://123-abc-456.mktorest.com"
TOKEN = Answer(
    200, {"access_token": "t1", "expires_in": 3599, "scope": "a", "token_type": "bearer"}
)


def opened(transport: Answering, key: str = "email", sleeper: Sleeper | None = None) -> Api:
    arguments = {"base_url": URL, "client_id": "c1", "client_secret": "s3cret"}
    sleep = (sleeper or Sleeper()).sleep
    return destination.open(arguments, key, transport=transport, sleep=sleep)


def done(*result: dict[str, Any]) -> Answer:
    return Answer(200, {"requestId": "e42b#1", "success": True, "result": list(result)})


def failed(code: str, message: str) -> Answer:
    errors = [{"code": code, "message": message}]
    return Answer(200, {"requestId": "e42b#1", "success": False, "errors": errors})


def skipped(code: str, message: str) -> dict[str, Any]:
    return {"status": "skipped", "reasons": [{"code": code, "message": message}]}


def rows_of(*keys: str) -> list[Row]:
    return [{"email": key, "plan": "pro"} for key in keys]


def test_leads_are_synchronised_by_the_lookup_field() -> None:
    answer = done({"id": 1, "status": "created"}, {"id": 2, "status": "updated"})
    transport = Answering(in_turn(TOKEN, answer))
    rows: list[Row] = [{"profileId": "p1", "plan": "pro"}, {"profileId": "p2", "plan": None}]
    outcome = leads.send_batch(opened(transport, "profileId"), rows)
    assert outcome == Outcome({"p1": "1", "p2": "2"}, {})
    login, asked = transport.asked
    assert (login.method, login.url, login.body) == (
        "POST",
        f"{URL}/identity/oauth/token"
        "?grant_type=client_credentials&client_id=c1&client_secret=s3cret",
        None,
    )
    assert (asked.method, asked.url) == ("POST", f"{URL}/rest/v1/leads.json")
    assert asked.headers["Authorization"] == "Bearer t1"
    assert asked.body == {
        "action": "createOrUpdate",
        "lookupField": "profileId",
        "input": [{"profileId": "p1", "plan": "pro"}, {"profileId": "p2", "plan": None}],
    }


@pytest.mark.parametrize(
    ("mode", "action"),
    [("upsert", "createOrUpdate"), ("update", "updateOnly"), ("create", "createOnly")],
)
def test_the_action_is_the_syncs_mode(mode: str, action: str) -> None:
    transport = Answering(in_turn(TOKEN, done({"id": 1, "status": "updated"})))
    api = opened(transport)
    api.mode = mode
    leads.send_batch(api, rows_of("a@x.com"))
    assert transport.asked[1].body["action"] == action


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (None, None),
        ("", ""),
        (True, True),
        (Decimal("1234567890.10"), 1234567890.1),
        (date(2026, 11, 23), "2026-11-23"),
        (datetime(2026, 11, 23, 9, 30, 15, 250000, tzinfo=UTC), "2026-11-23T09:30:15Z"),
        (datetime(2026, 11, 23, 9, 30, 15), "2026-11-23T09:30:15Z"),
        (
            datetime(2026, 11, 23, 10, 30, 15, tzinfo=timezone(timedelta(hours=1))),
            "2026-11-23T09:30:15Z",
        ),
        (["web", "app"], "web;app"),
    ],
)
def test_values_go_out_as_marketo_writes_them(value: object, sent: object) -> None:
    transport = Answering(in_turn(TOKEN, done({"id": 1, "status": "updated"})))
    leads.send_batch(opened(transport), [{"email": "a@x.com", "field": value}])
    assert transport.asked[1].body["input"] == [{"email": "a@x.com", "field": sent}]


def test_skipped_leads_are_told_with_marketos_code() -> None:
    answer = done(
        {"id": 1, "status": "created"},
        skipped("1007", "Multiple lead match lookup criteria"),
        skipped("1006", "Field 'plan' not found"),
        skipped("1008", "Access denied to partition 'EU'"),
    )
    transport = Answering(in_turn(TOKEN, answer))
    assert leads.send_batch(opened(transport), rows_of("a", "b", "c", "d", "e")) == Outcome(
        {"a": "1"},
        {
            "b": "1007: Multiple lead match lookup criteria",
            "c": "1006: Field 'plan' not found",
            "d": "1008: Access denied to partition 'EU'",
            "e": "not mentioned in the answer",
        },
        {"b": ("1007", "row"), "c": ("1006", "mapping"), "d": ("1008", "permission")},
    )


@pytest.mark.parametrize("code", ["601", "602"])
def test_a_token_that_ran_out_is_renewed_though_the_status_is_200(code: str) -> None:
    fresh = Answer(200, {"access_token": "t2"})
    fine = done({"id": 1, "status": "created"})
    transport = Answering(in_turn(TOKEN, failed(code, "Access token expired"), fresh, fine))
    assert leads.send_batch(opened(transport), rows_of("a")) == Outcome({"a": "1"}, {})
    assert transport.asked[3].headers["Authorization"] == "Bearer t2"


@pytest.mark.parametrize("code", ["502", "604", "606", "608", "611", "615", "713"])
def test_marketo_is_waited_for_though_the_status_is_200(code: str) -> None:
    sleeper, fine = Sleeper(), done({"id": 1, "status": "created"})
    transport = Answering(in_turn(TOKEN, failed(code, "busy"), failed(code, "busy"), fine))
    outcome = leads.send_batch(opened(transport, sleeper=sleeper), rows_of("a"))
    assert (outcome, sleeper.slept) == (Outcome({"a": "1"}, {}), [1.0, 2.0])


def test_a_used_up_quota_is_left_for_later_at_once() -> None:
    transport = Answering(in_turn(TOKEN, failed("607", "Daily quota '50000' reached")))
    with pytest.raises(RetryLater, match="Daily quota '50000' reached"):
        leads.send_batch(opened(transport), rows_of("a"))
    assert len(transport.asked) == 2


@pytest.mark.parametrize(
    ("code", "about"), [("603", "login"), ("610", "request"), ("1006", "request")]
)
def test_what_no_row_is_to_blame_for_stops_the_sync(code: str, about: str) -> None:
    transport = Answering(in_turn(TOKEN, failed(code, "no")))
    with pytest.raises(Refused) as refusal:
        leads.send_batch(opened(transport), rows_of("a", "b"))
    assert (refusal.value.about, len(transport.asked)) == (about, 2)


def test_wrong_credentials_stop_the_sync_and_stay_secret() -> None:
    said = {"error": "invalid_client", "error_description": "Bad client credentials s3cret"}
    with pytest.raises(Refused) as refusal:
        leads.send_batch(opened(Answering(in_turn(Answer(401, said)))), rows_of("a"))
    assert str(refusal.value) == (
        "marketo refused the login with 401: invalid_client: Bad client credentials ***. "
        "Look at DESTINATIONS__MARKETO__*."
    )


def test_bodies_stay_under_a_megabyte() -> None:
    sizes = []

    def answer(asked: Asked) -> Answer:
        if "identity" in asked.url:
            return TOKEN
        sizes.append(int(asked.headers["Content-Length"]))
        return done(*({"id": 1, "status": "updated"} for _ in asked.body["input"]))

    rows: list[Row] = [{"email": str(number), "notes": "🚀" * 1800} for number in range(300)]
    assert len(leads.send_batch(opened(Answering(answer)), rows).accepted) == 300
    assert (len(sizes), max(sizes) < 1_000_000) == (3, True)


def test_an_address_stays_under_eight_kilobytes_in_any_alphabet() -> None:
    lengths = []

    def answer(asked: Asked) -> Answer:
        lengths.append(len(asked.url))
        return TOKEN if "identity" in asked.url else done()

    rows: list[Row] = [{"email": f"{'ö' * 30}{one}@ö.de", "list_id": "7"} for one in range(300)]
    outcome = list_members.send_batch(opened(Answering(answer)), rows)
    assert (len(outcome.rejected), len(lengths), max(lengths) < 8_000) == (300, 21, True)


def test_a_connection_cut_after_the_batch_was_taken_is_sent_again() -> None:
    fine = done({"id": 1, "status": "updated"})
    transport = Answering(in_turn(TOKEN, requests.ConnectionError("cut"), fine))
    assert leads.send_batch(opened(transport), rows_of("a")) == Outcome({"a": "1"}, {})


def test_leads_are_deleted_by_marketos_own_ids_and_those_gone_are_gone() -> None:
    answer = done({"id": 1, "status": "deleted"}, skipped("1004", "Lead not found"))
    transport = Answering(in_turn(TOKEN, answer))
    rows: list[Row] = [
        {"email": "a", "record_id": "1"},
        {"email": "b", "record_id": "2"},
        {"email": "c", "record_id": None},
    ]
    assert leads.delete_batch(opened(transport), rows) == Outcome(
        {"a": "1", "b": None}, {"c": "Marketo removes by its own id, which is not known"}
    )
    assert transport.asked[1].body == {"input": [{"id": 1}, {"id": 2}]}


def test_the_lead_that_stays_is_named_in_the_path() -> None:
    transport = Answering(in_turn(TOKEN, Answer(200, {"requestId": "1", "success": True})))
    merges = [Merge("a", "1", "c", "3"), Merge("b", None, "c", "3")]
    assert leads.merge_batch(opened(transport), merges) == Outcome(
        {"a": "3"}, {"b": "Marketo merges by its own ids, which are not known"}
    )
    assert transport.asked[1].url == f"{URL}/rest/v1/leads/3/merge.json?leadId=1"


def test_a_field_is_described_with_its_length() -> None:
    field = {"name": "plan", "dataType": "string", "length": 255, "updateable": False}
    transport = Answering(in_turn(TOKEN, done({"name": "API Lead", "fields": [field]})))
    assert leads.specify is not None
    assert leads.specify(opened(transport)) == {"plan": FieldSpec("string", 255, is_writable=False)}


def test_only_one_lead_of_an_address_goes_on_a_list() -> None:
    found = done(
        {"id": 1, "email": "a@x.com"}, {"id": 2, "email": "b@x.com"}, {"id": 3, "email": "b@x.com"}
    )
    transport = Answering(in_turn(TOKEN, found, done({"id": 1, "status": "added"})))
    rows: list[Row] = [{"email": f"{one}@x.com", "list_id": 7} for one in "Abc"]
    assert list_members.send_batch(opened(transport), rows) == Outcome(
        {"A@x.com": "1"},
        {
            "b@x.com": "Marketo has several leads with this email",
            "c@x.com": "Marketo has no lead with this email",
        },
        {"b@x.com": ("1007", "row"), "c@x.com": ("1004", "row")},
    )
    assert (transport.asked[2].url, transport.asked[2].body) == (
        f"{URL}/rest/v1/lists/7/leads.json",
        {"input": [{"id": 1}]},
    )


def test_pages_of_leads_are_read_to_the_end() -> None:
    first = {"requestId": "1", "success": True, "result": [], "nextPageToken": "WQV2="}
    second = done({"id": 1, "email": "a@x.com"})
    added = done({"id": 1, "status": "added"})
    transport = Answering(in_turn(TOKEN, Answer(200, first), second, added))
    rows: list[Row] = [{"email": "a@x.com", "list_id": 7}]
    assert list_members.send_batch(opened(transport), rows).accepted == {"a@x.com": "1"}
    assert "nextPageToken=WQV2" in transport.asked[2].url
