"""HubSpot: contacts. https://developers.hubspot.com/docs/api-reference/crm-contacts-v3

Rows are recognised by `email` or by a property of your own that HubSpot holds unique. By `email`
HubSpot wants the whole row every time (no partial upserts):
https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide#upsert-contacts
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from destinations.api import Api, Rate
from destinations.destination import Destination
from destinations.login import bearer
from destinations.rows import RECORD_ID, Accepted, Rejected, Row, moment

# The lowest tier's: 100 calls in 10 s for each private app.
# https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines
destination = Destination(
    name="hubspot",
    base_url="https://api.hubapi.com",
    secrets=("access_token",),
    authenticate=bearer("access_token"),
    rate=Rate(100, per_s=10),
)


@destination.object(key="email", batch_size=100)
def contacts(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    """Contacts, created or updated."""
    inputs = [_input(api, row) for row in rows]
    answer = api.call("POST", "/crm/v3/objects/contacts/batch/upsert", {"inputs": inputs}) or {}
    errors, results = answer.get("errors") or [], answer.get("results") or []
    keys = [given["id"] for given in inputs]
    rejected = {row.key: row for row in _rejected(keys, errors)}
    yield from rejected.values()
    in_doubt = [key for key in keys if key not in rejected]
    record_ids = _record_ids(api.key, in_doubt, results)
    # HubSpot has answered 200 and COMPLETE without having taken a row: what is not among the
    # results is not in HubSpot. https://github.com/rudderlabs/rudder-transformer/pull/5147
    for key in in_doubt:
        if key in record_ids or len(results) >= len(in_doubt):
            yield Accepted(key, record_ids.get(key))
        else:
            yield Rejected(key, "; ".join(["not mentioned in the answer", *_unnamed(errors)]))


@contacts.delete
def archive_contacts(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    """HubSpot archives by its own ids only, and says nothing, for those long gone neither."""
    known = {str(row[RECORD_ID]): row for row in rows if row.get(RECORD_ID)}
    for row in rows:
        if not row.get(RECORD_ID):
            yield Rejected(api.key_of(row), "HubSpot archives by its own id, which is not known")
    if known:
        inputs = [{"id": record_id} for record_id in known]
        api.call("POST", "/crm/v3/objects/contacts/batch/archive", {"inputs": inputs})


def _input(api: Api, row: Row) -> dict[str, Any]:
    """The trace id, any unique string, makes HubSpot say which row it means: here, the key."""
    key = api.key_of(row)
    properties = {name: _text(value) for name, value in row.items() if name != api.key}
    return {
        "id": key,
        "idProperty": api.key,
        "objectWriteTraceId": key,
        "properties": properties,
    }


def _rejected(keys: list[str], errors: list[dict[str, Any]]) -> Iterator[Rejected]:
    for error in errors:
        for key in _named(error):
            if key in keys:
                yield Rejected(key, _reason(error))


def _unnamed(errors: list[dict[str, Any]]) -> list[str]:
    """What the answer says against rows without saying which."""
    return [_reason(error) for error in errors if not _named(error)]


def _named(error: dict[str, Any]) -> list[str]:
    named = (error.get("context") or {}).get("objectWriteTraceId") or []
    return [named] if isinstance(named, str) else named


def _reason(error: dict[str, Any]) -> str:
    return ": ".join(error[name] for name in ("category", "message") if error.get(name))


def _record_ids(field: str, keys: list[str], results: list[dict[str, Any]]) -> dict[str, str]:
    """HubSpot's ids by key: results are tied by trace id or, without one, by the key property."""
    # HubSpot turns e-mail addresses to lower case.
    by_shown = {key.lower(): key for key in keys}
    ids: dict[str, str] = {}
    for result in results:
        shown = str((result.get("properties") or {}).get(field) or "").lower()
        key = result.get("objectWriteTraceId") or by_shown.get(shown)
        if key:
            ids[key] = result["id"]
    return ids


def _text(value: Any) -> str:
    """A property's value; all are strings, and the empty one clears.

    Dates and times are milliseconds, dates at midnight UTC; several choices have `;` between.
    https://developers.hubspot.com/docs/faq/how-should-timestamps-be-formatted-for-hubspots-apis
    """
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case Decimal():
            return f"{value:f}"
        case date():
            return str(round(moment(value).timestamp() * 1000))
        case list():
            return ";".join(_text(one) for one in value)
        case _:
            return str(value)
