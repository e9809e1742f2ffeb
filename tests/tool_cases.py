"""Every object of every tool that the sandbox has, with the rows that the tests send to it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import requests
from conftest import Sandbox

import destinations
from destinations.api import Api
from destinations.destination import Object
from destinations.rows import Row

Records = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """One object of a tool: rows good and bad, and what the tool shows of a row by key.

    `changed` is the second good row as it comes later. `prepare` readies the tool; `renews` where
    its login can; `busy` is how the tool says that it is, and `waits_s` for how long one waits;
    `path` is a part of the path of the call that writes.
    """

    tool: str
    kind: str
    thing: str
    key: str
    arguments: dict[str, str]
    good: list[Row]
    changed: Row
    bad: Row
    shown: Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]
    expected: Records = field(default_factory=dict)
    prepare: Callable[[Sandbox], None] = lambda _: None
    renews: bool = False
    busy: dict[str, Any] = field(default_factory=lambda: {"status": 429, "retry_after": 3})
    waits_s: float = 3.0
    path: str = ""

    @property
    def name(self) -> str:
        return f"{self.tool}.{self.thing}"


def thing(case: Case) -> Object:
    return destinations.find()[0][case.tool].objects[case.thing]


def opened(case: Case, url: str, **more: Any) -> Api:
    """The case's tool at this address, signed in."""
    destination = destinations.find()[0][case.tool]
    return destination.open({**case.arguments, "base_url": url}, case.key, **more)


def _hubspot(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    properties = record["properties"]
    names = ("firstname", "lastname", "phone")
    return properties["email"], {name: properties.get(name) or None for name in names}


def _salesforce(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    names = ("LastName", "Lifetime_Value__c", "Last_Seen__c", "Is_Customer__c", "Plan__c")
    return record["Profile_Id__c"], {name: record[name] for name in names}


def _customerio(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    attributes = record["attributes"]
    names = ("first_name", "spend", "last_seen_at", "is_customer", "plan")
    return record["id"], {name: attributes.get(name) for name in names}


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


def _customerio_event(event: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return event["name"], {name: event[name] for name in ("timestamp", "data")}


def _marketo(lead: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    names = ("lastName", "plan", "lifetimeValue", "isCustomer", "lastSeenAt", "signedUpOn")
    return lead["email"], {name: lead[name] for name in names}


def _marketo_leads(sandbox: Sandbox) -> None:
    for number, email in enumerate(("ann@example.com", "bo@example.com"), 1):
        sandbox.world.marketo.save({"id": number, "email": email})


def _marketo_member(lead: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return lead["email"], {"list_id": lead["listId"]}


def _mixpanel_person(profile: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    held = profile["$properties"]
    names = ("$name", "spend", "is_customer", "last_seen", "since", "tags")
    return profile["$distinct_id"], {name: held.get(name) for name in names}


def _mixpanel_event(event: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    named = event["properties"]
    names = ("time", "distinct_id", "amount", "note")
    return event["event"], {name: named.get(name) for name in names}


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
MIXPANEL = {"project_token": "sandbox-token"}
MARKETO = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
# Marketo says in the body of a 200 that it is busy, and not for how long.
MARKETO_IS_BUSY = {"status": 429}
LIST, MADE = "100000001", "2026-11-22T00:00:00.000Z"
HUBSPOT = {"access_token": "pat-sandbox"}
CUSTOMERIO = {"site_id": "sandbox-site", "api_key": "sandbox-key"}
SEEN = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
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
        "salesforce",
        "Contact",
        "contacts",
        "Profile_Id__c",
        {"client_id": "sandbox-client", "client_secret": "sandbox-secret"},
        [
            {
                "Profile_Id__c": "p1",
                "LastName": "O'Brien",
                "Lifetime_Value__c": Decimal("12.50"),
                "Last_Seen__c": SEEN,
                "Is_Customer__c": True,
                "Plan__c": None,
            },
            {
                "Profile_Id__c": "p2",
                "LastName": "𠮷 🚀",
                "Lifetime_Value__c": None,
                "Last_Seen__c": None,
                "Is_Customer__c": False,
                "Plan__c": "pro",
            },
        ],
        {
            "Profile_Id__c": "p2",
            "LastName": "Bo",
            "Lifetime_Value__c": None,
            "Last_Seen__c": None,
            "Is_Customer__c": False,
            "Plan__c": None,
        },
        {
            "Profile_Id__c": "p3",
            "LastName": None,
            "Lifetime_Value__c": None,
            "Last_Seen__c": None,
            "Is_Customer__c": False,
            "Plan__c": None,
        },
        _salesforce,
        renews=True,
        expected={
            "p1": {
                "LastName": "O'Brien",
                "Lifetime_Value__c": 12.5,
                "Last_Seen__c": "2026-11-21T09:30:00.000+0000",
                "Is_Customer__c": True,
                "Plan__c": None,
            },
            "p2": {
                "LastName": "Bo",
                "Lifetime_Value__c": None,
                "Last_Seen__c": None,
                "Is_Customer__c": False,
                "Plan__c": None,
            },
        },
    ),
    Case(
        "customerio",
        "people",
        "people",
        "id",
        {"site_id": "sandbox-site", "api_key": "sandbox-key"},
        [
            {
                "id": "u1",
                "first_name": "O'Brien",
                "spend": Decimal("12.50"),
                "last_seen_at": SEEN,
                "is_customer": True,
                "plan": None,
            },
            {
                "id": "u2",
                "first_name": "𠮷 🚀",
                "spend": None,
                "last_seen_at": None,
                "is_customer": False,
                "plan": "pro",
            },
        ],
        {
            "id": "u2",
            "first_name": "Bo",
            "spend": None,
            "last_seen_at": None,
            "is_customer": False,
            "plan": None,
        },
        {"id": "u3", "first_name": "x" * 1001},
        _customerio,
        {
            "u1": {
                "first_name": "O'Brien",
                "spend": 12.5,
                "last_seen_at": 1795253400,
                "is_customer": True,
                "plan": None,
            },
            "u2": {
                "first_name": "Bo",
                "spend": None,
                "last_seen_at": None,
                "is_customer": False,
                "plan": None,
            },
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
    Case(
        "customerio",
        "events",
        "events",
        "number",
        CUSTOMERIO,
        [
            {"number": "e1", "id": "u1", "name": "Paid", "timestamp": SEEN, "amount": 9},
            {
                "number": "e2",
                "id": None,
                "email": "bo@example.com",
                "name": "𠮷",
                "timestamp": SEEN,
            },
        ],
        {"number": "e2", "id": None, "email": "bo@example.com", "name": "𠮷", "timestamp": SEEN},
        {"number": "e3", "id": "u1", "name": None, "timestamp": SEEN},
        _customerio_event,
        {
            "Paid": {"timestamp": 1795253400, "data": {"amount": 9}},
            "𠮷": {"timestamp": 1795253400, "data": {}},
        },
    ),
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
    Case(
        "mixpanel",
        "people",
        "people",
        "distinct_id",
        MIXPANEL,
        [
            {
                "distinct_id": "u1",
                "$name": "O'Brien",
                "spend": Decimal("12.50"),
                "is_customer": True,
                "last_seen": SEEN,
                "since": date(2026, 1, 31),
                "tags": ["a", "b"],
            },
            {
                "distinct_id": "u2",
                "$name": "𠮷 🚀",
                "spend": Decimal(2),
                "is_customer": False,
                "last_seen": None,
                "since": None,
                "tags": None,
            },
        ],
        {
            "distinct_id": "u2",
            "$name": "Bo",
            "spend": None,
            "is_customer": False,
            "last_seen": None,
            "since": None,
            "tags": None,
        },
        {"distinct_id": "null", "$name": "Cy", "spend": None},
        _mixpanel_person,
        {
            "u1": {
                "$name": "O'Brien",
                "spend": 12.5,
                "is_customer": True,
                "last_seen": "2026-11-21T09:30:00",
                "since": "2026-01-31",
                "tags": ["a", "b"],
            },
            "u2": {
                "$name": "Bo",
                "spend": None,
                "is_customer": False,
                "last_seen": None,
                "since": None,
                "tags": None,
            },
        },
    ),
    Case(
        "mixpanel",
        "events",
        "events",
        "number",
        MIXPANEL,
        [
            {
                "number": "e-1",
                "event": "Paid",
                "time": SEEN,
                "distinct_id": "u1",
                "amount": Decimal("9.90"),
                "note": None,
            },
            {"number": "é 2", "event": "𠮷", "time": SEEN, "distinct_id": None, "note": "🚀"},
        ],
        {"number": "é 2", "event": "𠮷", "time": SEEN, "distinct_id": None, "note": "🚀"},
        {"number": "e-3", "event": "Paid", "time": None, "distinct_id": "u1"},
        _mixpanel_event,
        {
            "Paid": {"time": 1795253400000, "distinct_id": "u1", "amount": 9.9, "note": None},
            "𠮷": {"time": 1795253400000, "distinct_id": "", "amount": None, "note": "🚀"},
        },
    ),
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
