"""Marketo in the tests: the rows that are sent to each of its objects."""

from datetime import date
from decimal import Decimal
from typing import Any

from conftest import Sandbox
from tool_case import SEEN, Case


def _marketo(lead: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    names = ("lastName", "plan", "lifetimeValue", "isCustomer", "lastSeenAt", "signedUpOn")
    return lead["email"], {name: lead[name] for name in names}


def _marketo_leads(sandbox: Sandbox) -> None:
    for number, email in enumerate(("ann@example.com", "bo@example.com"), 1):
        sandbox.world.marketo.save({"id": number, "email": email})


def _marketo_member(lead: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return lead["email"], {"list_id": lead["listId"]}


MARKETO = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
# Marketo says in the body of a 200 that it is busy, and not for how long.
MARKETO_IS_BUSY = {"status": 429}
CASES = [
    Case(
        "marketo",
        "leads",
        "leads",
        "email",
        MARKETO,
        [
            {
                "email": "ann@example.com",
                "lastName": "O'Brien",
                "plan": "pro",
                "lifetimeValue": Decimal("12.50"),
                "isCustomer": True,
                "lastSeenAt": SEEN,
                "signedUpOn": date(2026, 1, 31),
            },
            {
                "email": "bo@example.com",
                "lastName": "𠮷 🚀",
                "plan": "free",
                "lifetimeValue": None,
                "isCustomer": False,
                "lastSeenAt": None,
                "signedUpOn": None,
            },
        ],
        {
            "email": "bo@example.com",
            "lastName": "Bo",
            "plan": None,
            "lifetimeValue": None,
            "isCustomer": False,
            "lastSeenAt": None,
            "signedUpOn": None,
        },
        {"email": "no address", "plan": "pro"},
        _marketo,
        {
            "ann@example.com": {
                "lastName": "O'Brien",
                "plan": "pro",
                "lifetimeValue": 12.5,
                "isCustomer": True,
                "lastSeenAt": "2026-11-21T09:30:00Z",
                "signedUpOn": "2026-01-31",
            },
            "bo@example.com": {
                "lastName": "Bo",
                "plan": None,
                "lifetimeValue": None,
                "isCustomer": False,
                "lastSeenAt": None,
                "signedUpOn": None,
            },
        },
        renews=True,
        busy=MARKETO_IS_BUSY,
        waits_s=1.0,
        path="leads.json",
    ),
    Case(
        "marketo",
        "list_members",
        "list_members",
        "email",
        MARKETO,
        [
            {"email": "Ann@example.com", "list_id": 1001},
            {"email": "bo@example.com", "list_id": 1001},
        ],
        {"email": "bo@example.com", "list_id": 1001},
        {"email": "nobody@example.com", "list_id": 1001},
        _marketo_member,
        {"ann@example.com": {"list_id": "1001"}, "bo@example.com": {"list_id": "1001"}},
        prepare=_marketo_leads,
        renews=True,
        busy=MARKETO_IS_BUSY,
        waits_s=1.0,
        path="lists",
    ),
]
