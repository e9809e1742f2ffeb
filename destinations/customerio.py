"""Customer.io: people and their events, through the Track API.

https://docs.customer.io/integrations/api/track/

People are recognised by `id`, `email`, `phone` or `cio_id`. For a workspace in the EU, set base_url
to https://track-eu.customer.io: the US address would take the data too, through the US.
"""

import hashlib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from destinations.api import Api
from destinations.destination import Destination
from destinations.login import basic
from destinations.pace import Rate
from destinations.rows import Accepted, Merge, Rejected, Row, moment, packs, size

# A batch is smaller than 500 kB, each entry of it at most 32 kB; the rest is for the envelope.
PACK_BYTES = 500_000 - 100
ENTRY_BYTES = 32_000
PERSON_KEYS = ("cio_id", "id", "email", "phone")

# The documentation names 3000 calls in 3 s in one place, 100 in a second in another.
destination = Destination(
    name="customerio",
    base_url="https://track.customer.io",
    secrets=("site_id", "api_key"),
    authenticate=basic("site_id", "api_key"),
    rate=Rate(100, per_s=1),
)


@destination.object(key="id", batch_size=1000, is_partial=True)
def people(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    """People, created or updated."""
    yield from _send(
        api,
        {
            api.key_of(row): _entry("identify", {api.key: api.key_of(row)})
            | {"attributes": {name: _value(row[name]) for name in row if name != api.key}}
            for row in rows
        },
    )


@people.delete
def delete_people(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    entries = {api.key_of(row): _entry("delete", {api.key: api.key_of(row)}) for row in rows}
    yield from _send(api, entries)


@people.merge
def merge_people(api: Api, merges: list[Merge]) -> Iterator[Rejected | Accepted]:
    """The person of the first key goes into that of the second, for good.

    https://docs.customer.io/journeys/merge-people
    """
    yield from _send(
        api,
        {
            one.key: {
                "type": "person",
                "action": "merge",
                "primary": {api.key: one.into_key},
                "secondary": {api.key: one.key},
            }
            for one in merges
        },
    )


@destination.object(key="event_id", batch_size=1000, modes=("append",), is_deduplicated=True)
def events(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    """Events of people: `name`, `timestamp`, one of `cio_id`, `id`, `email` and `phone` for whose
    it is, and what else there is to say of it.

    An event that comes twice counts once: https://docs.customer.io/journeys/events
    """
    entries = {}
    for row in rows:
        whose = next((name for name in PERSON_KEYS if row.get(name) is not None), None)
        if whose:
            entries[api.key_of(row)] = _event(api, row, whose)
        else:
            yield Rejected(
                api.key_of(row), f"it has none of {', '.join(PERSON_KEYS)}: whose is it?"
            )
    yield from _send(api, entries)


def _event(api: Api, row: Row, whose: str) -> dict[str, Any]:
    """When there is no timestamp, Customer.io takes the time at which the event arrives."""
    apart = (api.key, *PERSON_KEYS, "name", "timestamp")
    when = {} if row.get("timestamp") is None else {"timestamp": _value(row["timestamp"])}
    return _entry("event", {whose: str(row[whose])}) | {
        "id": _ulid(api.key_of(row)),
        "name": row.get("name"),
        **when,
        "attributes": {
            name: _value(row[name]) for name in row if name not in apart and row[name] is not None
        },
    }


def _ulid(key: str) -> str:
    """A ULID (128 bits, 26 characters of Crockford's base 32) that is always the key's.

    Customer.io tells doubles by nothing else, and does not use the time in it.
    """
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:16])
    digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    return "".join(digits[number >> shift & 31] for shift in range(125, -1, -5))


def _entry(action: str, identifiers: dict[str, str]) -> dict[str, Any]:
    return {"type": "person", "action": action, "identifiers": identifiers}


def _send(api: Api, entries: dict[str, Any]) -> Iterator[Rejected | Accepted]:
    """Customer.io names what it does not take, if the status is 207 or 200, by its place."""
    fitting = {key: entry for key, entry in entries.items() if size(entry) <= ENTRY_BYTES}
    for key in entries.keys() - fitting.keys():
        yield Rejected(key, f"larger than the {ENTRY_BYTES} bytes that Customer.io takes")
    for pack in packs(fitting, PACK_BYTES):
        answer = api.call("POST", "/api/v2/batch", {"batch": list(pack.values())}) or {}
        errors: dict[Any, list[dict[str, Any]]] = {}
        for error in answer.get("errors") or []:
            errors.setdefault(error.get("batch_index"), []).append(error)
        # An error without a place may be about any row: none is called accepted then.
        anyones = errors.get(None, [])
        for place, key in enumerate(pack):
            if said := errors.get(place, anyones):
                reason = "; ".join(_reason(error) for error in said)
                yield Rejected(key, reason, said[0].get("reason"))
            else:
                yield Accepted(key)


def _reason(error: dict[str, Any]) -> str:
    said = [str(error[name]) for name in ("reason", "field", "message") if error.get(name)]
    return ": ".join(said) or "refused without a reason"


def _value(value: Any) -> Any:
    """An attribute's value in JSON; null removes it.

    Times are whole seconds: Customer.io sees a date in nothing else.
    https://docs.customer.io/journeys/faq-timestamps
    """
    match value:
        case Decimal():
            return float(value)
        case date():
            return int(moment(value).timestamp())
        case _:
            return value
