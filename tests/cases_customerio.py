"""Customer.io in the tests: the rows that are sent to each of its objects."""

from decimal import Decimal
from typing import Any

from tool_case import SEEN, Case


def _customerio(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    attributes = record["attributes"]
    names = ("first_name", "spend", "last_seen_at", "is_customer", "plan")
    return record["id"], {name: attributes.get(name) for name in names}


def _customerio_event(event: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return event["name"], {name: event[name] for name in ("timestamp", "data")}


CUSTOMERIO = {"site_id": "sandbox-site", "api_key": "sandbox-key"}
CASES = [
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
]
