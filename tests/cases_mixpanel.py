"""Mixpanel in the tests: the rows that are sent to each of its objects."""

from datetime import date
from decimal import Decimal
from typing import Any

from tool_case import SEEN, Case


def _mixpanel_person(profile: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    held = profile["$properties"]
    names = ("$name", "spend", "is_customer", "last_seen", "since", "tags")
    return profile["$distinct_id"], {name: held.get(name) for name in names}


def _mixpanel_event(event: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    named = event["properties"]
    names = ("time", "distinct_id", "amount", "note")
    return event["event"], {name: named.get(name) for name in names}


MIXPANEL = {"project_token": "sandbox-token"}
CASES = [
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
]
