"""The sandbox's Vitally: accounts and users by Vitally's id and by the customer's."""

from typing import Any

import pytest
import requests
from conftest import Sandbox

Json = dict[str, Any]


def call(
    sandbox: Sandbox, method: str, path: str, body: Any = None, key: str = "sk_live_sandbox"
) -> requests.Response:
    url = f"{sandbox.url}/vitally/resources/{path}"
    return requests.request(method, url, json=body, auth=(key, ""), timeout=10)


def test_vitally_wants_its_key(sandbox: Sandbox) -> None:
    answer = call(sandbox, "GET", "accounts/acme", key="guess")
    assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})


def test_an_account_is_made_once_found_by_both_ids_and_its_traits_are_merged(
    sandbox: Sandbox,
) -> None:
    body = {"externalId": "acme", "name": "Acme", "traits": {"plan": "pro", "seats": 3}}
    made = call(sandbox, "POST", "accounts", body).json()
    assert call(sandbox, "POST", "accounts", body).status_code == 400
    call(sandbox, "PUT", "accounts/acme", {"traits": {"plan": None, "city": "Rome"}})
    shown = [call(sandbox, "GET", f"accounts/{one}").json() for one in ("acme", made["id"])]
    assert shown[0] == shown[1]
    assert (shown[0]["name"], shown[0]["traits"]) == ("Acme", {"seats": 3, "city": "Rome"})


WRONG = [
    ("accounts", {"externalId": "a1"}, "name is required"),
    ("accounts", {"name": "A"}, "externalId is required"),
    ("users", {"externalId": "u1"}, "accountIds or organizationIds is required"),
    ("users", {"externalId": "u1", "accountIds": ["x"]}, "accountIds must be ids of accounts"),
    (
        "users",
        {"externalId": "u1", "organizationIds": ["x"], "email": "nobody"},
        "email must be a valid email address",
    ),
]


@pytest.mark.parametrize(("kind", "body", "said"), WRONG)
def test_what_is_wrong_is_told_and_nothing_is_kept(
    sandbox: Sandbox, kind: str, body: Json, said: str
) -> None:
    answer = call(sandbox, "POST", kind, body)
    assert (answer.status_code, answer.json()) == (400, {"error": said})
    assert sandbox.records("vitally", kind) == []


def test_what_is_deleted_is_not_found_any_more(sandbox: Sandbox) -> None:
    call(sandbox, "POST", "accounts", {"externalId": "acme", "name": "Acme"})
    answers = [call(sandbox, "DELETE", "accounts/acme").status_code for _ in "12"]
    assert answers == [204, 404]
    assert call(sandbox, "PUT", "accounts/acme", {}).json() == {"error": "Account not found"}


def test_a_busy_answer_says_in_its_own_header_when_there_is_room(sandbox: Sandbox) -> None:
    sandbox.faults([{"vendor": "vitally", "status": 429, "retry_after": 9}])
    answer = call(sandbox, "GET", "accounts/acme")
    assert (answer.status_code, answer.headers["RateLimit-Reset"]) == (429, "9")
    assert "Retry-After" not in answer.headers


def test_every_answer_says_how_much_room_is_left(sandbox: Sandbox) -> None:
    shown = [call(sandbox, "GET", "accounts/acme").headers for _ in range(3)]
    assert shown[0]["RateLimit-Limit"] == "1000, 1000;window=60"
    assert [headers["RateLimit-Remaining"] for headers in shown] == ["999", "998", "997"]
    assert shown[0]["RateLimit-Reset"] == "1"
