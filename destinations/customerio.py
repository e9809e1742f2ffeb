"""Customer.io: people, through the Track API. https://docs.customer.io/integrations/api/track/

Rows are recognised by `id`, `email`, `phone` or `cio_id`. For a workspace in the EU, set base_url
to https://track-eu.customer.io: the US address would take the data too, through the US.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from destinations.api import Api, Rate
from destinations.destination import Destination
from destinations.login import basic
from destinations.rows import Accepted, Rejected, Row, moment, packs, size

# A batch is smaller than 500 kB, each entry of it at most 32 kB; the rest is for the envelope.
PACK_BYTES = 500_000 - 100
ENTRY_BYTES = 32_000

# The documentation names 3000 calls in 3 s in one place, 100 in a second in another.
destination = Destination(
    name="customerio",
    base_url="https://track.customer.io",
    secrets=("site_id", "api_key"),
    authenticate=basic("site_id", "api_key"),
    rate=Rate(100, per_s=1),
)


@destination.object(key="id", batch_size=1000)
def people(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    """People, created or updated."""
    yield from _send(
        api,
        {
            api.key_of(row): _entry(api, row, "identify")
            | {"attributes": {name: _value(row[name]) for name in row if name != api.key}}
            for row in rows
        },
    )


@people.delete
def delete_people(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    yield from _send(api, {api.key_of(row): _entry(api, row, "delete") for row in rows})


def _entry(api: Api, row: Row, action: str) -> dict[str, Any]:
    return {"type": "person", "action": action, "identifiers": {api.key: api.key_of(row)}}


def _send(api: Api, entries: dict[str, Any]) -> Iterator[Rejected | Accepted]:
    """Customer.io names what it does not take, if the status is 207 or 200, by its place."""
    fitting = {key: entry for key, entry in entries.items() if size(entry) <= ENTRY_BYTES}
    for key in entries.keys() - fitting.keys():
        yield Rejected(key, f"larger than the {ENTRY_BYTES} bytes that Customer.io takes")
    for pack in packs(fitting, PACK_BYTES):
        answer = api.call("POST", "/api/v2/batch", {"batch": list(pack.values())}) or {}
        reasons: dict[Any, list[str]] = {}
        for error in answer.get("errors") or []:
            reasons.setdefault(error.get("batch_index"), []).append(_reason(error))
        # An error without a place may be about any row: none is called accepted then.
        anyones = reasons.get(None, [])
        for place, key in enumerate(pack):
            said = "; ".join(reasons.get(place, anyones))
            yield Rejected(key, said) if said else Accepted(key)


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
