"""What a value of the warehouse is by the time that a tool holds it: one table for all tools."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from conftest import Sandbox
from tool_cases import CASES, opened, thing

KEYS = {
    "hubspot.contacts": {"email": "a@x.com"},
    "customerio.people": {"id": "u1"},
    "marketo.leads": {"email": "a@x.com"},
    "mixpanel.people": {"distinct_id": "u1"},
    "vitally.accounts": {"externalId": "a1", "name": "Acme"},
}
# HubSpot and Marketo have fields of fixed types, the others take what comes.
FIELDS = {
    "hubspot.contacts": {
        "text": "city",
        "flag": "is_customer",
        "number": "lifetime_value",
        "time": "last_seen_at",
        "day": "signed_up_on",
    },
    "marketo.leads": {
        "text": "city",
        "flag": "isCustomer",
        "number": "lifetimeValue",
        "time": "lastSeenAt",
        "day": "signedUpOn",
    },
}
MOMENT = datetime(2026, 11, 23, 9, 30, 15, 250000, tzinfo=UTC)
MOMENT_HELD = (
    "2026-11-23T09:30:15.250Z",
    1795426215,
    "2026-11-23T09:30:15Z",
    "2026-11-23T09:30:15",
    "2026-11-23T09:30:15.250Z",
)
DAY = "2026-11-23"

# The value, and what HubSpot, Customer.io, Marketo, Mixpanel and Vitally hold then.
TABLE: list[tuple[str, Any, tuple[Any, ...]]] = [
    ("text", "O'Brien", ("O'Brien",) * 5),
    ("text", 'née "Müller" 🚀 𠮷 \\ %', ('née "Müller" 🚀 𠮷 \\ %',) * 5),
    ("text", "null", ("null",) * 5),
    ("text", "", (None, None, None, "", "")),
    ("text", None, (None,) * 5),
    ("flag", True, ("true", True, True, True, True)),
    ("flag", False, ("false", False, False, False, False)),
    ("number", 0, ("0", 0, 0, 0, 0)),
    ("number", Decimal("1234567890.10"), ("1234567890.10", *(1234567890.1,) * 4)),
    ("number", Decimal("1E+3"), ("1000", *(1000.0,) * 4)),
    ("number", 2.5, ("2.5", 2.5, 2.5, 2.5, 2.5)),
    ("day", date(2026, 11, 23), (DAY, 1795392000, DAY, DAY, DAY)),
    ("time", MOMENT, MOMENT_HELD),
    ("time", MOMENT.replace(tzinfo=None), MOMENT_HELD),
    ("time", MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30))), MOMENT_HELD),
    (
        "text",
        ["web", "app"],
        ("web;app", ["web", "app"], "web;app", ["web", "app"], ["web", "app"]),
    ),
]


@pytest.mark.parametrize("tool", KEYS)
@pytest.mark.parametrize(("kind", "value", "held"), TABLE, ids=lambda one: repr(one)[:40])
def test_a_value_arrives_as_the_tool_keeps_it(
    sandbox: Sandbox, tool: str, kind: str, value: Any, held: tuple[Any, ...]
) -> None:
    case = next(case for case in CASES if case.name == tool)
    field = FIELDS.get(tool, {}).get(kind, "field")
    api = opened(case, f"{sandbox.url}/{case.tool}")
    old = [{**KEYS[tool], field: "old"}] if kind == "text" else []
    for row in [*old, {**KEYS[tool], field: value}]:
        assert thing(case).send_batch(api, [row]).rejected == {}
    (record,) = sandbox.records(case.tool, case.kind)
    found = fields_of(record).get(field)
    wanted = held[list(KEYS).index(tool)]
    # HubSpot keeps what was cleared as an empty text, and shows nothing.
    assert (found or None if tool == "hubspot.contacts" else found) == wanted
    assert isinstance(found, bool) == isinstance(wanted, bool)


def fields_of(record: dict[str, Any]) -> dict[str, Any]:
    parts = ("properties", "attributes", "$properties", "traits")
    return next((dict(record[part]) for part in parts if part in record), record)
