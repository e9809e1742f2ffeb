"""Mixpanel: people (user profiles) and events. https://docs.mixpanel.com/reference/ingestion-api

The project's token is all that is needed. For a project in the EU, set base_url to
https://api-eu.mixpanel.com (in India https://api-in.mixpanel.com).
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from destinations.answers import Reply
from destinations.api import Api
from destinations.destination import Destination
from destinations.login import basic
from destinations.pace import Rate
from destinations.rows import Accepted, Rejected, Row, moment, packs

# A request is at most 2 MB; the rest is for the envelope.
# https://docs.mixpanel.com/reference/import-events
PACK_BYTES = 2_000_000 - 100
STRICT = {"strict": "1", "verbose": "1", "ip": "0"}


def means(response: Reply) -> int:
    """A 400 that names its records took all others: 207. A 200 with status 0 took nothing: 400.

    https://docs.mixpanel.com/troubleshooting/errors/400-bad-request
    """
    status, said = response.status_code, response.text
    if status == 400 and '"failed_records"' in said:
        return 207
    is_refused = re.search(r'"status":\s*0\b', said) or said.strip() == "0"
    return 400 if status == 200 and is_refused else status


# 30 thousand events a second, 2000 in a call.
destination = Destination(
    name="mixpanel",
    base_url="https://api.mixpanel.com",
    secrets=("project_token",),
    authenticate=basic("project_token"),
    rate=Rate(15, per_s=1),
    means=means,
)


@destination.object(key="distinct_id", batch_size=1000, is_partial=True)
def people(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    """User profiles, created or updated: `$email`, `$name`, `$phone` and what else you name."""
    yield from _engage(api, {api.key_of(row): _updates(api, row) for row in rows})


@people.delete
def delete_people(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    """By its own id only: without $ignore_alias the profile it was merged into would go."""
    gone = {"$delete": "", "$ignore_alias": True}
    yield from _engage(api, {api.key_of(row): [_whose(api, row) | gone] for row in rows})


@destination.object(key="$insert_id", batch_size=2000, modes=("append",), is_deduplicated=True)
def events(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    """Events: `event` (its name), `time`, `distinct_id`, and what else there is to say of it.

    An event that comes twice, with the same name, time, distinct_id and key, counts once.
    """
    items = {api.key_of(row): [_event(api, row)] for row in rows}
    yield from _send(api, "/import", {"strict": "1"}, items)


def _whose(api: Api, row: Row) -> dict[str, Any]:
    return {"$token": api.arguments["project_token"], "$distinct_id": api.key_of(row)}


def _updates(api: Api, row: Row) -> list[dict[str, Any]]:
    """One to set what is there, one to unset what is not: an update does one thing."""
    fields = {name: _value(row[name]) for name in row if name != api.key}
    there = {name: value for name, value in fields.items() if value is not None}
    updates = [_whose(api, row) | {"$set": there}]
    if missing := [name for name in fields if name not in there]:
        updates.append(_whose(api, row) | {"$unset": missing})
    return updates


def _event(api: Api, row: Row) -> dict[str, Any]:
    properties = {
        name: _value(row[name])
        for name in row
        if name not in (api.key, "event", "time", "distinct_id") and row[name] is not None
    }
    named = {
        "time": _milliseconds(row.get("time")),
        # Nobody's event has the empty one.
        "distinct_id": "" if row.get("distinct_id") is None else str(row["distinct_id"]),
        "$insert_id": _insert_id(api.key_of(row)),
    }
    return {"event": row.get("event"), "properties": properties | named}


def _insert_id(key: str) -> str:
    """The key itself if it may be one, at most 36 letters, digits and dashes; else made from it."""
    if re.fullmatch(r"[A-Za-z0-9-]{1,36}", key):
        return key
    return hashlib.sha256(key.encode()).hexdigest()[:36]


def _engage(api: Api, items: dict[str, list[dict[str, Any]]]) -> Iterator[Rejected | Accepted]:
    yield from _send(api, "/engage", STRICT, items)


def _send(
    api: Api, path: str, params: dict[str, str], items: dict[str, list[dict[str, Any]]]
) -> Iterator[Rejected | Accepted]:
    """Mixpanel names what it does not take by its place among all the records of the request."""
    for pack in packs(items, PACK_BYTES):
        keys = [key for key, records in pack.items() for _ in records]
        records = [record for records in pack.values() for record in records]
        answer = api.call("POST", path, records, params)
        failed = answer.get("failed_records") or [] if isinstance(answer, dict) else []
        said: dict[str, str] = {}
        for one in failed:
            reason = ": ".join(str(one[name]) for name in ("field", "message") if one.get(name))
            said.setdefault(keys[int(one["index"])], reason or "refused without a reason")
        for key in pack:
            yield Rejected(key, said[key]) if key in said else Accepted(key)


def _milliseconds(value: Any) -> Any:
    return round(moment(value).timestamp() * 1000) if isinstance(value, date) else value


def _value(value: Any) -> Any:
    """A property's value in JSON; times are ISO texts in UTC, without a zone.

    https://docs.mixpanel.com/docs/data-structure/property-reference/data-type
    """
    match value:
        case Decimal():
            return float(value)
        case datetime():
            return moment(value).strftime("%Y-%m-%dT%H:%M:%S")
        case date():
            return value.isoformat()
        case _:
            return value
