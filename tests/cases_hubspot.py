"""HubSpot in the tests: the rows that are sent to each of its objects."""

from datetime import date
from decimal import Decimal
from typing import Any

import requests
from conftest import Sandbox
from tool_case import SEEN, Case


def _hubspot(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    properties = record["properties"]
    names = ("firstname", "lastname", "phone")
    return properties["email"], {name: properties.get(name) or None for name in names}


def _hubspot_company(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    properties = record["properties"]
    names = ("name", "seats", "renews_on", "is_customer", "last_seen_at")
    return properties["account_id"], {name: properties.get(name) or None for name in names}


def _hubspot_deal(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    properties = record["properties"]
    names = ("dealname", "amount", "closedate", "dealstage")
    return properties["deal_id"], {name: properties.get(name) or None for name in names}


def _hubspot_list(sandbox: Sandbox) -> None:
    """Two contacts, and a list that has nobody."""
    shelf = sandbox.world.hubspot.shelves["contacts"]
    for number, email in enumerate(("ann@example.com", "bo@example.com"), 1):
        made = {"id": str(number), "createdAt": MADE, "updatedAt": MADE, "archived": False}
        shelf.save({**made, "properties": {"email": email, "hs_object_id": str(number)}})
    made = {"name": "Newsletter", "objectTypeId": "0-1", "processingType": "MANUAL"}
    url = f"{sandbox.url}/hubspot/crm/v3/lists/"
    headers = {"Authorization": "Bearer pat-sandbox"}
    answer = requests.post(url, json=made, headers=headers, timeout=10)
    assert answer.json()["list"]["listId"] == LIST


def _hubspot_member(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return record["properties"]["email"], {"list_id": record["listId"]}


LIST, MADE = "100000001", "2026-11-22T00:00:00.000Z"
HUBSPOT = {"access_token": "pat-sandbox"}
CASES = [
    Case(
        "hubspot",
        "contacts",
        "contacts",
        "email",
        {"access_token": "pat-sandbox"},
        [
            {"email": "ann@example.com", "firstname": "Ann", "lastname": "O'Brien", "phone": None},
            {"email": "bo@example.com", "firstname": "🚀", "lastname": "𠮷", "phone": "+1 555"},
        ],
        {"email": "bo@example.com", "firstname": "Bo", "lastname": None, "phone": "+1 555"},
        {"email": "no address", "firstname": "Cy", "lastname": "X", "phone": None},
        _hubspot,
        {
            "ann@example.com": {"firstname": "Ann", "lastname": "O'Brien", "phone": None},
            "bo@example.com": {"firstname": "Bo", "lastname": None, "phone": "+1 555"},
        },
    ),
    Case(
        "hubspot",
        "companies",
        "companies",
        "account_id",
        HUBSPOT,
        [
            {
                "account_id": "a1",
                "name": "O'Brien & Söhne",
                "seats": Decimal("12.50"),
                "renews_on": date(2027, 1, 31),
                "is_customer": True,
                "last_seen_at": SEEN,
            },
            {"account_id": "a2", "name": "𠮷 🚀", "seats": Decimal("3.00"), "is_customer": False},
        ],
        {"account_id": "a2", "name": None, "seats": Decimal("4.00"), "is_customer": False},
        {"account_id": "a3", "industry": "none such"},
        _hubspot_company,
        {
            "a1": {
                "name": "O'Brien & Söhne",
                "seats": "12.50",
                "renews_on": "2027-01-31",
                "is_customer": "true",
                "last_seen_at": "2026-11-21T09:30:00.000Z",
            },
            "a2": {
                "name": None,
                "seats": "4.00",
                "renews_on": None,
                "is_customer": "false",
                "last_seen_at": None,
            },
        },
    ),
    Case(
        "hubspot",
        "deals",
        "deals",
        "deal_id",
        HUBSPOT,
        [
            {"deal_id": "d1", "dealname": "New", "amount": Decimal("9.90"), "closedate": SEEN},
            {"deal_id": "d2", "dealname": "Old", "amount": Decimal(2), "dealstage": "closedwon"},
        ],
        {"deal_id": "d2", "dealname": "Older", "amount": None, "dealstage": "closedlost"},
        {"deal_id": "d3", "dealstage": "nowhere"},
        _hubspot_deal,
        {
            "d1": {
                "dealname": "New",
                "amount": "9.90",
                "closedate": "2026-11-21T09:30:00.000Z",
                "dealstage": None,
            },
            "d2": {
                "dealname": "Older",
                "amount": None,
                "closedate": None,
                "dealstage": "closedlost",
            },
        },
    ),
    Case(
        "hubspot",
        "list_members",
        "list_members",
        "email",
        HUBSPOT,
        [
            {"email": "Ann@example.com", "list_id": LIST},
            {"email": "bo@example.com", "list_id": LIST},
        ],
        {"email": "bo@example.com", "list_id": LIST},
        {"email": "nobody@example.com", "list_id": LIST},
        _hubspot_member,
        {"ann@example.com": {"list_id": LIST}, "bo@example.com": {"list_id": LIST}},
        prepare=_hubspot_list,
        path="memberships",
    ),
]
