"""staging.events__events: one row per event, with the identifiers that are its person's own."""

import json
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from event_files import load_events, rows

from sources.events import Dump
from warehouse import database
from warehouse.events import load

MODEL = (
    Path(__file__).parents[1] / "warehouse" / "models" / "staging" / "events__events.sql"
).read_text()
SHARED = Path(__file__).parents[2] / "shared"
IDENTIFIERS = (
    *("user_id", "anonymous_id", "email", "phone", "ga_client_id"),
    *("ios_id", "ios_idfa", "ios_push_token", "android_id", "android_idfa", "android_push_token"),
)
Event = dict[str, Any]


def stage(warehouse: Path, *events: Event) -> list[Event]:
    raw = "\n".join(map(json.dumps, events)).encode()
    load(warehouse, [Dump("a.jsonl", "1", len(raw), lambda: BytesIO(raw))])
    return staged(warehouse)


def staged(warehouse: Path) -> list[Event]:
    with database.connect(warehouse) as db:
        db.materialize("staging.events__events", MODEL)
        found = db.run("select * from staging.events__events order by occurred_at, event_id")
        names = db.columns("staging.events__events")
    return [dict(zip(names, row, strict=True)) for row in found]


def identifiers(row: Event) -> Event:
    return {name: row[name] for name in IDENTIFIERS if row[name] is not None}


EVENT = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "m1",
    "userId": "u1",
    "anonymousId": "a1",
    "originalTimestamp": "2026-11-23T12:00:00Z",
    "sentAt": "2026-11-23T12:00:02Z",
    "receivedAt": "2026-11-23T09:00:03Z",
    "properties": {"total": 12.5},
    "context": {
        "page": {"url": "https://acme.com/pay?x=1", "path": "/pay", "referrer": ""},
        "campaign": {"name": "brand", "source": "google", "medium": "cpc"},
        "device": {"type": "iOS", "id": "I1", "advertisingId": "AD1", "token": "T1"},
        "traits": {"email": "ada@example.com"},
        "integrations": {"Google Analytics": {"clientId": "GA.1.22"}},
        "library": {"name": "analytics.js", "version": "1"},
        "locale": "en-GB",
        "timezone": "Europe/London",
        "groupId": "acct_1",
    },
}
ROW = {
    "event_id": "m1",
    "event_type": "track",
    "event_name": "Order Completed",
    "occurred_at": datetime(2026, 11, 23, 9, 0, 1, tzinfo=UTC),
    "received_at": datetime(2026, 11, 23, 9, 0, 3, tzinfo=UTC),
    "user_id": "u1",
    "anonymous_id": "a1",
    "email": "ada@example.com",
    "phone": None,
    "ga_client_id": "GA.1.22",
    "ios_id": "I1",
    "ios_idfa": None,
    "ios_push_token": "T1",
    "android_id": None,
    "android_idfa": None,
    "android_push_token": None,
    "group_id": "acct_1",
    "previous_id": None,
    "properties": '{"total":12.5}',
    "traits": None,
    "page_url": "https://acme.com/pay?x=1",
    "page_path": "/pay",
    "page_referrer": None,
    "campaign_name": "brand",
    "campaign_source": "google",
    "campaign_medium": "cpc",
    "device_type": "ios",
    "library_name": "analytics.js",
    "locale": "en-GB",
    "timezone": "Europe/London",
}


def test_a_row_says_who_did_what_when_and_where(warehouse: Path) -> None:
    assert stage(warehouse, EVENT) == [ROW]


def test_every_kind_of_call_becomes_a_row(warehouse: Path) -> None:
    at = "2026-11-23T12:00:0"
    found = stage(
        warehouse,
        {"type": "identify", "userId": "u", "traits": {"plan": "pro"}, "timestamp": f"{at}0Z"},
        {"type": "page", "userId": "u", "timestamp": f"{at}1Z", "properties": {"path": "/a"}},
        {"type": "screen", "userId": "u", "name": "Home", "timestamp": f"{at}2Z"},
        {"type": "group", "userId": "u", "groupId": "g", "timestamp": f"{at}3Z"},
        {"type": "alias", "userId": "u", "previousId": "old", "timestamp": f"{at}4Z"},
        {"type": "track", "userId": "u", "event": "Seen", "timestamp": f"{at}5Z"},
    )
    columns = ("event_type", "event_name", "group_id", "previous_id", "traits", "page_path")
    assert [tuple(row[name] for name in columns) for row in found] == [
        ("identify", None, None, None, '{"plan":"pro"}', None),
        ("page", None, None, None, None, "/a"),
        ("screen", "Home", None, None, None, None),
        ("group", None, "g", None, None, None),
        ("alias", None, None, "old", None, None),
        ("track", "Seen", None, None, None, None),
    ]
    # An alias call ties nobody together: the name used before is no identifier.
    assert {tuple(identifiers(row).items()) for row in found} == {(("user_id", "u"),)}


PHONE = {"id": "+1 555", "type": "phone", "collection": "users", "encoding": "none"}
PHONE_SET = {"type": "ios", "id": "I", "advertisingId": "AD", "token": "T"}


SAID: list[tuple[Event, Event]] = [
    ({"type": "identify", "traits": {"email": "A@x.com "}}, {"email": "A@x.com "}),
    ({"type": "identify", "traits": {"phoneNumber": "555 1"}}, {"phone": "555 1"}),
    (
        {
            "type": "identify",
            "traits": {"email": ""},
            "context": {"traits": {"email": "b@x.com"}},
        },
        {"email": "b@x.com"},
    ),
    ({"type": "group", "groupId": "g", "traits": {"email": "office@x.com", "phone": "1"}}, {}),
    ({"properties": {"email": "invited@x.com"}}, {}),
    ({"properties": {"phone": "555 1"}}, {"phone": "555 1"}),
    ({"context": {"traits": {"phone_number": 5551}}}, {"phone": "5551"}),
    ({"context": {"externalIds": [PHONE]}}, {"phone": "+1 555"}),
    ({"context": {"externalIds": [{**PHONE, "collection": "accounts"}]}}, {}),
    ({"context": {"externalIds": [{**PHONE, "encoding": "sha256"}]}}, {}),
    ({"context": {"externalIds": [7, {**PHONE, "more": 1}]}}, {"phone": "+1 555"}),
    ({"context": {"externalIds": "none"}}, {}),
    ({"context": {"traits": {"email": [], "phone": {"a": 1}}}}, {}),
    ({"context": {"traits": {"email": None, "phone": "unknown"}}}, {}),
    (
        {"context": {"device": {**PHONE_SET, "adTrackingEnabled": True}}},
        {"ios_id": "I", "ios_idfa": "AD", "ios_push_token": "T"},
    ),
    (
        {"context": {"device": {**PHONE_SET, "adTrackingEnabled": False, "type": "android"}}},
        {"android_id": "I", "android_push_token": "T"},
    ),
    ({"context": {"device": {**PHONE_SET, "type": "phone"}}}, {}),
    ({"context": {"device": {"type": "ios", "id": "", "token": ""}}}, {}),
    ({"context": {"integrations": {"Google Analytics": False}}}, {}),
    ({"context": {"device": "a string", "page": [], "traits": 4}}, {}),
]


def test_an_identifier_is_taken_only_where_it_is_the_persons_own(warehouse: Path) -> None:
    events = [
        {"type": "track", "event": "E", "userId": "u", "messageId": f"{n:02}", **fields}
        for n, (fields, _) in enumerate(SAID)
    ]
    told = sorted(stage(warehouse, *events), key=lambda row: row["event_id"])
    found = [(fields, identifiers(row)) for (fields, _), row in zip(SAID, told, strict=True)]
    assert found == [(fields, {"user_id": "u", **expected}) for fields, expected in SAID]


def test_an_event_without_a_stamp_of_the_server_was_received_when_we_loaded_it(
    warehouse: Path,
) -> None:
    [row] = stage(warehouse, {"type": "page", "userId": "u"})
    [(loaded_at,)] = rows(warehouse, "select uuid_ts from events.pages")
    assert (row["received_at"], row["occurred_at"]) == (loaded_at, loaded_at)


@pytest.mark.skipif(not SHARED.exists(), reason="../shared is not here")
def test_events_of_official_libraries_name_the_same_people(warehouse: Path) -> None:
    load_events(str(SHARED / "fixtures" / "segment-sdk-events.jsonl"), warehouse)
    found = staged(warehouse)
    assert len(found) == 64
    assert {row["email"] for row in found} == {None, "ada@example.com", "grace@example.com"}
    node = next(r for r in found if r["event_id"] == "8ab75c16-d1d4-4c8f-bf1f-7dc2b7e405a6")
    assert identifiers(node) == {
        "user_id": "user-1",
        "anonymous_id": "anon-1",
        "email": "ada@example.com",
    }
    first = min(
        (r for r in found if r["library_name"] == "analytics.js"), key=lambda r: r["occurred_at"]
    )
    columns = ("event_name", "page_path", "campaign_source", "campaign_name", "locale")
    assert [first[c] for c in columns] == ["Pricing", "/pricing", "google", "brand", "en-GB"]


@pytest.mark.skipif(not SHARED.exists(), reason="../shared is not here")
def test_the_worked_cases_of_identity_carry_exactly_the_identifiers_they_speak_of(
    warehouse: Path,
) -> None:
    cases = json.loads((SHARED / "identity_cases.json").read_text())
    events = [
        {**event, "messageId": f"{case['name']} {event['messageId']}"}
        for case in cases
        for event in case["events"]
    ]
    found: dict[str, set[str]] = {}
    for row in stage(warehouse, *events):
        values = {
            f"{name.replace('ios_', 'ios.').replace('android_', 'android.')}:{value}".lower()
            for name, value in identifiers(row).items()
        }
        found.setdefault(row["event_id"].split()[0], set()).update(values)
    assert found == {case["name"]: spoken_of(case) for case in cases if case["events"]}


def spoken_of(case: Event) -> set[str]:
    """What the case ties to profiles or refuses; blocked values are for identity to drop."""
    lists = [*case["expected"]["profiles"], *case["expected"].get("not_promoted", {}).values()]
    return {value.lower() for values in lists for value in values}
