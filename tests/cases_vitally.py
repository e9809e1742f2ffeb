"""Vitally in the tests: the rows that are sent to each of its objects."""

from decimal import Decimal
from typing import Any

from conftest import Sandbox
from tool_case import SEEN, Case


def _vitally(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    names = ("mrr", "is_customer", "last_seen_at", "plan")
    traits = {name: record["traits"].get(name) for name in names}
    return record["externalId"], {"name": record["name"], **traits}


def _vitally_account(sandbox: Sandbox) -> None:
    made = {"id": "7", "externalId": "acme", "name": "Acme", "traits": {}}
    sandbox.world.vitally.records["accounts"]["7"] = made


def _vitally_user(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    named = {name: record[name] for name in ("name", "email", "accountIds")}
    return record["externalId"], {**named, "plan": record["traits"].get("plan")}


VITALLY = {"api_key": "sk_live_sandbox"}
CASES = [
    Case(
        "vitally",
        "accounts",
        "accounts",
        "externalId",
        VITALLY,
        [
            {
                "externalId": "a/1",
                "name": "O'Brien",
                "mrr": Decimal("12.50"),
                "is_customer": True,
                "last_seen_at": SEEN,
                "plan": None,
            },
            {
                "externalId": "a2",
                "name": "𠮷 🚀",
                "mrr": None,
                "is_customer": False,
                "last_seen_at": None,
                "plan": "pro",
            },
        ],
        {
            "externalId": "a2",
            "name": "Bo",
            "mrr": None,
            "is_customer": False,
            "last_seen_at": None,
            "plan": None,
        },
        {"externalId": "a3", "name": None},
        _vitally,
        {
            "a/1": {
                "name": "O'Brien",
                "mrr": 12.5,
                "is_customer": True,
                "last_seen_at": "2026-11-21T09:30:00.000Z",
                "plan": None,
            },
            "a2": {
                "name": "Bo",
                "mrr": None,
                "is_customer": False,
                "last_seen_at": None,
                "plan": None,
            },
        },
    ),
    Case(
        "vitally",
        "users",
        "users",
        "externalId",
        VITALLY,
        [
            {
                "externalId": "u1",
                "name": "Ann",
                "email": "ann@example.com",
                "accountIds": ["acme"],
                "plan": "pro",
            },
            {
                "externalId": "u2",
                "name": "Bo",
                "email": None,
                "accountIds": ["acme"],
                "plan": "pro",
            },
        ],
        {"externalId": "u2", "name": "Bo", "email": None, "accountIds": ["acme"], "plan": None},
        {"externalId": "u3", "name": "Cy", "accountIds": ["nowhere"]},
        _vitally_user,
        {
            "u1": {"name": "Ann", "email": "ann@example.com", "accountIds": ["7"], "plan": "pro"},
            "u2": {"name": "Bo", "email": None, "accountIds": ["7"], "plan": None},
        },
        prepare=_vitally_account,
        path="users",
    ),
]
