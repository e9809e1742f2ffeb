"""The sandbox's Marketo: a status of 200 whatever happens, and a result for each record."""

from typing import Any

import pytest
import requests
from conftest import Sandbox

Json = dict[str, Any]
CLIENT = {
    "grant_type": "client_credentials",
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
}


def token(sandbox: Sandbox) -> str:
    url = f"{sandbox.url}/marketo/identity/oauth/token"
    answer = requests.post(url, params=CLIENT, timeout=10).json()
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 3599)
    return str(answer["access_token"])


def call(sandbox: Sandbox, path: str, body: Any, by: str | None = None) -> Json:
    headers = {"Authorization": f"Bearer {by or token(sandbox)}"}
    url = f"{sandbox.url}/marketo/rest/v1/{path}"
    answer = requests.post(url, json=body, headers=headers, timeout=10)
    assert answer.status_code == 200
    return dict(answer.json())


def sync(sandbox: Sandbox, *records: Json, **more: Any) -> Json:
    return call(sandbox, "leads.json", {"input": list(records), **more})


def codes(answer: Json) -> list[str]:
    return [error["code"] for error in answer["errors"]]


def reasons(answer: Json) -> list[Json | None]:
    return [one["reasons"][0] if "reasons" in one else None for one in answer["result"]]


def test_a_wrong_secret_gets_no_token(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/marketo/identity/oauth/token"
    answer = requests.get(url, {**CLIENT, "client_secret": "guess"}, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_token_is_invalid_or_expired_under_200(sandbox: Sandbox) -> None:
    held = token(sandbox)
    assert codes(call(sandbox, "leads.json", {"input": [{}]}, by="guess")) == ["601"]
    sandbox.faults([{"vendor": "marketo", "expire_tokens": True}])
    assert codes(call(sandbox, "leads.json", {"input": [{}]}, by=held)) == ["602"]


def test_more_than_a_hundred_calls_in_twenty_seconds_are_refused_under_200(
    sandbox: Sandbox,
) -> None:
    held = token(sandbox)
    answers = [call(sandbox, "leads.json", {"input": [{}]}, by=held) for _ in range(120)]
    refused = [answer for answer in answers if not answer["success"]]
    assert {tuple(codes(answer)) for answer in refused} == {("606",)}
    assert refused[0]["errors"][0]["message"] == "Max rate limit '100' exceeded with in '20' secs"


def test_leads_are_created_then_updated_and_null_clears(sandbox: Sandbox) -> None:
    first = sync(sandbox, {"email": "Ada@example.com", "plan": "pro", "orderCount": 2})
    again = sync(sandbox, {"email": "ada@example.com", "plan": None})
    assert [one["status"] for answer in (first, again) for one in answer["result"]] == [
        "created",
        "updated",
    ]
    (held,) = sandbox.records("marketo", "leads")
    assert (held["email"], held["plan"], held["orderCount"]) == ("Ada@example.com", None, 2)


WRONG = [
    ({"email": "b@x.com", "nick": "B"}, "1006", "Field 'nick' not found"),
    (
        {"email": "b@x.com", "createdAt": "2026-01-01"},
        "1006",
        "Field 'createdAt' is not updateable",
    ),
    (
        {"email": "b@x.com", "orderCount": "many"},
        "1001",
        "Invalid value 'many'. Required of type 'integer'",
    ),
    (
        {"email": "b@x.com", "lastSeenAt": "2026-01-01T00:00:00.123Z"},
        "1001",
        "Invalid value '2026-01-01T00:00:00.123Z'. Required of type 'datetime'",
    ),
    ({"plan": "pro"}, "1003", "Value for required field 'email' not specified"),
]


@pytest.mark.parametrize(("record", "code", "message"), WRONG)
def test_a_bad_record_is_skipped_in_its_place_and_the_good_ones_are_taken(
    sandbox: Sandbox, record: Json, code: str, message: str
) -> None:
    answer = sync(sandbox, {"email": "a@x.com"}, record, {"email": "c@x.com"})
    assert reasons(answer) == [None, {"code": code, "message": message}, None]
    assert [lead["email"] for lead in sandbox.records("marketo", "leads")] == ["a@x.com", "c@x.com"]


def test_two_leads_of_one_address_are_not_chosen_between(sandbox: Sandbox) -> None:
    for profile in ("p1", "p2"):
        sync(sandbox, {"profileId": profile, "email": "a@x.com"}, lookupField="profileId")
    assert reasons(sync(sandbox, {"email": "a@x.com", "plan": "pro"})) == [
        {"code": "1007", "message": "Multiple lead match lookup criteria"}
    ]


def test_the_action_says_what_may_be_made_and_changed(sandbox: Sandbox) -> None:
    update = sync(sandbox, {"email": "a@x.com"}, action="updateOnly")
    sync(sandbox, {"email": "a@x.com"})
    create = sync(sandbox, {"email": "a@x.com"}, action="createOnly")
    assert [reason and reason["code"] for one in (update, create) for reason in reasons(one)] == [
        "1004",
        "1005",
    ]


def test_a_field_that_is_no_key_cannot_be_looked_up_by(sandbox: Sandbox) -> None:
    assert codes(sync(sandbox, {"plan": "pro"}, lookupField="plan")) == ["1011"]
    assert codes(sync(sandbox, {"nick": "A"}, lookupField="nick")) == ["1006"]


def test_too_many_records_are_refused_whole(sandbox: Sandbox) -> None:
    answer = sync(sandbox, *({"email": f"{number}@x.com"} for number in range(301)))
    assert (answer["success"], sandbox.records("marketo", "leads")) == (False, [])


def test_a_list_takes_leads_and_lets_them_go(sandbox: Sandbox) -> None:
    one = sync(sandbox, {"email": "a@x.com"})["result"][0]["id"]
    added = call(sandbox, "lists/1001/leads.json", {"input": [{"id": one}, {"id": 9}]})
    assert [each["status"] for each in added["result"]] == ["added", "skipped"]
    url = f"{sandbox.url}/marketo/rest/v1/lists/1001/leads.json"
    headers = {"Authorization": f"Bearer {token(sandbox)}"}
    body = {"input": [{"id": one}]}
    left = [requests.delete(url, json=body, headers=headers, timeout=10).json() for _ in "12"]
    assert [reasons(each) for each in left] == [
        [None],
        [{"code": "1015", "message": "Lead not in list"}],
    ]
