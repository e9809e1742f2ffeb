"""HubSpot: contacts, companies, deals, and who is on a list.

https://developers.hubspot.com/docs/api-reference/crm-contacts-v3

Rows are recognised by a property that HubSpot holds unique: `email` for contacts, else one of your
own (a company's domain is not unique there). By `email` HubSpot wants the whole row every time (no
partial upserts):
https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide#upsert-contacts
The private app needs the scopes to read and to write what is sent, and of contacts for lists.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from destinations.api import Api
from destinations.destination import Action, Destination, Object
from destinations.login import bearer
from destinations.pace import Rate
from destinations.rows import (
    RECORD_ID,
    Accepted,
    FieldSpec,
    Kind,
    Merge,
    Rejected,
    Row,
    Taken,
    moment,
)
from destinations.settling import Words

OBJECTS = "/crm/v3/objects"

# Python's own text of these is what HubSpot wants.
PLAIN = {str, int, float}

# The lowest tier's: 100 calls in 10 s for each private app.
# https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines
destination = Destination(
    name="hubspot",
    base_url="https://api.hubapi.com",
    secrets=("access_token",),
    authenticate=bearer("access_token"),
    rate=Rate(100, per_s=10),
)


def _text(value: Any) -> str:
    """A property's value; all are strings, and the empty one clears.

    Dates and times are milliseconds, dates at midnight UTC; several choices have `;` between.
    https://developers.hubspot.com/docs/faq/how-should-timestamps-be-formatted-for-hubspots-apis
    """
    if type(value) in PLAIN:
        return str(value)
    match value:
        case None | bool():
            return "" if value is None else str(value).lower()
        case Decimal():
            return f"{value:f}"
        case date():
            return str(round(moment(value).timestamp() * 1000))
        case list():
            return ";".join(map(_text, value))
        case _:
            return str(value)


def _declare(kind: str, key: str | None, *, is_partial: bool) -> Object:
    """An object of the CRM: all of them have the same calls."""

    def send(api: Api, rows: list[Row]) -> Words:
        yield from _write(api, kind, rows)

    def archive(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
        """HubSpot archives by its own ids only, and says nothing, for those long gone neither."""
        yield from _unknown(api, rows)
        if known := [{"id": str(row[RECORD_ID])} for row in rows if row.get(RECORD_ID)]:
            api.call("POST", f"{OBJECTS}/{kind}/batch/archive", {"inputs": known})

    def merge(api: Api, merges: list[Merge]) -> Iterator[Rejected | Accepted]:
        yield from _merge(api, kind, merges)

    def read(api: Api, keys: list[str]) -> dict[str, Row]:
        return _read(api, kind, keys)

    def describe(api: Api) -> dict[str, FieldSpec]:
        return {one["name"]: _field(one) for one in _properties(api, kind)}

    send.__doc__ = f"{kind.capitalize()}, created or updated."
    modes = ("upsert", "update", "create")
    made = destination.object(
        key=key, batch_size=100, name=kind, modes=modes, write=_text, is_partial=is_partial
    )(send)
    made.delete(archive)
    made.merge(merge)
    made.read(read)
    made.describe(describe)
    return made


contacts = _declare("contacts", "email", is_partial=False)
for name in ("companies", "deals"):
    _declare(name, None, is_partial=True)


@destination.object(key="email", batch_size=100)
def list_members(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    """Contacts that HubSpot has, put on the list `list_id`, one that is filled by hand.

    A sync has one list: a row that comes with another one stays on that it was on.
    """
    ids = _record_ids(api.key, *_found(api, "contacts", [api.key_of(row) for row in rows], []))
    members: dict[str, dict[str, str]] = {}
    for row in rows:
        key = api.key_of(row)
        if key not in ids:
            yield Rejected(key, f"HubSpot has no contact with this {api.key}", "OBJECT_NOT_FOUND")
        elif not row.get("list_id"):
            yield Rejected(key, "it has no list_id")
        else:
            members.setdefault(str(row["list_id"]), {})[ids[key]] = key
    for list_id, keys in members.items():
        path = f"/crm/v3/lists/{list_id}/memberships/add"
        missing = (api.call("PUT", path, list(keys)) or {}).get("recordIdsMissing") or []
        for record_id, key in keys.items():
            if record_id in missing:
                yield Rejected(key, "HubSpot has no such contact", "OBJECT_NOT_FOUND")
            else:
                yield Accepted(key, record_id)


@list_members.price
def list_calls(_: Api, __: int, action: Action) -> int:
    """One finds the records, one changes the list."""
    return 2 if action == "send" else 1


@list_members.delete
def leave_list(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    yield from _unknown(api, rows)
    leaving: dict[str, list[str]] = {}
    for row in rows:
        if row.get(RECORD_ID):
            leaving.setdefault(str(row["list_id"]), []).append(str(row[RECORD_ID]))
    for list_id, record_ids in leaving.items():
        api.call("PUT", f"/crm/v3/lists/{list_id}/memberships/remove", record_ids)


def _unknown(api: Api, rows: list[Row]) -> Iterator[Rejected]:
    for row in rows:
        if not row.get(RECORD_ID):
            yield Rejected(api.key_of(row), "HubSpot removes by its own id, which is not known")


def _write(api: Api, kind: str, rows: list[Row]) -> Words:
    inputs = {(key := api.key_of(row)): _input(api, key, row) for row in rows}
    path = f"{OBJECTS}/{kind}/batch/{api.mode}"
    answer = api.call("POST", path, {"inputs": list(inputs.values())}) or {}
    errors, results = answer.get("errors") or [], answer.get("results") or []
    rejected = {row.key: row for row in _rejected(inputs, errors)}
    yield from rejected.values()
    in_doubt = [key for key in inputs if key not in rejected]
    record_ids = _record_ids(api.key, in_doubt, results)
    if len(results) >= len(in_doubt):
        yield Taken({key: record_ids.get(key) for key in in_doubt})
        return
    # HubSpot has answered 200 and COMPLETE without having taken a row: what is not among the
    # results is not in HubSpot. https://github.com/rudderlabs/rudder-transformer/pull/5147
    for key in in_doubt:
        if key in record_ids:
            yield Accepted(key, record_ids[key])
        else:
            yield Rejected(key, "; ".join(["not mentioned in the answer", *_unnamed(errors)]))


def _input(api: Api, key: str, row: Row) -> dict[str, Any]:
    """The trace id, any unique string, makes HubSpot say which row it means: here, the key."""
    properties = dict(row)
    if api.mode == "create":
        properties[api.key] = _text(row[api.key])
        return {"objectWriteTraceId": key, "properties": properties}
    del properties[api.key]
    return {
        "id": key,
        "idProperty": api.key,
        "objectWriteTraceId": key,
        "properties": properties,
    }


def _rejected(keys: dict[str, Any], errors: list[dict[str, Any]]) -> Iterator[Rejected]:
    for error in errors:
        for key in _named(error):
            if key in keys:
                yield Rejected(key, _reason(error), error.get("category"), _kind(error))


def _unnamed(errors: list[dict[str, Any]]) -> list[str]:
    """What the answer says against rows without saying which."""
    return [_reason(error) for error in errors if not _named(error)]


def _named(error: dict[str, Any]) -> list[str]:
    named = (error.get("context") or {}).get("objectWriteTraceId") or []
    return [named] if isinstance(named, str) else named


def _reason(error: dict[str, Any]) -> str:
    return ": ".join(error[name] for name in ("category", "message") if error.get(name))


def _kind(error: dict[str, Any]) -> Kind:
    words = f"{error.get('category')} {error.get('message')}"
    if "MISSING_SCOPES" in words:
        return "permission"
    is_field = "PROPERTY_DOESNT_EXIST" in words or "READ_ONLY_VALUE" in words
    return "mapping" if is_field else "row"


def _record_ids(field: str, keys: Iterable[str], results: list[dict[str, Any]]) -> dict[str, str]:
    """HubSpot's ids by key: results are tied by trace id or, without one, by the key property."""
    ids = {key: one["id"] for one in results if (key := one.get("objectWriteTraceId"))}
    if len(ids) == len(results):
        return ids
    # HubSpot turns e-mail addresses to lower case.
    by_shown = {key.lower(): key for key in keys}
    for result in results:
        shown = str((result.get("properties") or {}).get(field) or "").lower()
        if not result.get("objectWriteTraceId") and (key := by_shown.get(shown)):
            ids[key] = result["id"]
    return ids


def _found(
    api: Api, kind: str, keys: list[str], properties: list[str]
) -> tuple[list[str], list[dict[str, Any]]]:
    """The keys, and the records that HubSpot has of them with these properties and the key."""
    body = {
        "idProperty": api.key,
        "inputs": [{"id": key} for key in keys],
        "properties": [api.key, *properties],
        "propertiesWithHistory": [],
    }
    answer = api.call("POST", f"{OBJECTS}/{kind}/batch/read", body) or {}
    return keys, answer.get("results") or []


def _read(api: Api, kind: str, keys: list[str]) -> dict[str, Row]:
    """The records with all their properties, as HubSpot shows them: as text."""
    names = [one["name"] for one in _properties(api, kind)]
    rows: dict[str, Row] = {}
    for start in range(0, len(keys), 100):
        asked, records = _found(api, kind, keys[start : start + 100], names)
        by_id = {record["id"]: record["properties"] for record in records}
        found = _record_ids(api.key, asked, records)
        rows |= {key: {**by_id[one], RECORD_ID: one} for key, one in found.items()}
    return rows


def _merge(api: Api, kind: str, merges: list[Merge]) -> Iterator[Rejected | Accepted]:
    """HubSpot gives what two records became an id of its own.

    https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide#merge-contacts
    """
    newest: dict[str, str] = {}
    for one in merges:
        into = newest.get(one.into_key) or one.into_record_id
        if not (one.record_id and into):
            yield Rejected(one.key, "HubSpot merges by its own ids, which are not known")
            continue
        body = {"primaryObjectId": into, "objectIdToMerge": one.record_id}
        merged = api.call("POST", f"{OBJECTS}/{kind}/merge", body)
        newest[one.into_key] = merged["id"]
        yield Accepted(one.key, merged["id"])


def _properties(api: Api, kind: str) -> list[dict[str, Any]]:
    answer = api.call("GET", f"/crm/v3/properties/{kind}")
    return list(answer["results"])


def _field(one: dict[str, Any]) -> FieldSpec:
    choices = tuple(option["value"] for option in one.get("options") or [])
    is_readonly = (one.get("modificationMetadata") or {}).get("readOnlyValue", False)
    return FieldSpec(one["type"], choices=choices or None, is_writable=not is_readonly)
