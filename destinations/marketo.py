"""Marketo: leads, and who is on a static list.

https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/lead-database/leads

Leads are recognised by `email` or by a field of your own, Marketo's `lookupField`; where several
leads share its value, Marketo takes none of them (1007). `base_url` is the REST endpoint of your
instance without `/rest`: https://123-ABC-456.mktorest.com, wherever that stands.
"""

from collections.abc import Generator, Iterator
from datetime import date
from decimal import Decimal
from math import ceil
from typing import Any
from urllib.parse import quote

from destinations.answers import Reply
from destinations.api import Api
from destinations.destination import Action, Destination
from destinations.login import client_credentials
from destinations.pace import Rate
from destinations.rows import (
    RECORD_ID,
    Accepted,
    FieldSpec,
    Kind,
    Merge,
    Rejected,
    Row,
    iso,
    packs,
)

LEADS = "/rest/v1/leads"
ACTIONS = {"upsert": "createOrUpdate", "update": "updateOnly", "create": "createOnly"}
# A body is at most 1 MB, an address 8 kB.
PACK_BYTES = 1_000_000 - 200
ADDRESS_BYTES = 3_000

# What a response-level error means: the token; the rights; too many calls; try again; the rows.
# https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/error-codes
MEANINGS = (
    (401, "600 601 602"),
    (403, "603 607"),
    (429, "606 615"),
    (503, "502 604 608 611 713"),
    (400, "1001 1002 1003 1007"),
)
STATUS = {code: status for status, codes in MEANINGS for code in codes.split()}


def means(response: Reply) -> int:
    """Marketo answers 200, whatever happened: the body says it. What is not known is a refusal."""
    if response.status_code != 200 or '"success"' not in response.text:
        return response.status_code
    said = response.json()
    errors = said.get("errors") or [{}]
    return 200 if said.get("success") else STATUS.get(str(errors[0].get("code")), 404)


destination = Destination(
    name="marketo",
    base_url=None,
    secrets=("base_url", "client_id", "client_secret"),
    authenticate=client_credentials("/identity/oauth/token", in_query=True),
    rate=Rate(100, per_s=20),
    quota_words=("Daily quota",),
    means=means,
)


@destination.object(
    key="email", batch_size=300, modes=("upsert", "update", "create"), is_partial=True
)
def leads(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    """Leads, created or updated by the lookup field."""
    records = {api.key_of(row): {name: _value(row[name]) for name in row} for row in rows}
    for pack in packs(records, PACK_BYTES):
        body = {"action": ACTIONS[api.mode], "lookupField": api.key, "input": list(pack.values())}
        yield from _words(list(pack), api.call("POST", f"{LEADS}.json", body))


@leads.delete
def delete_leads(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    ids = yield from _known(api, rows)
    if ids:
        body = {"input": [{"id": lead_id} for lead_id in ids.values()]}
        yield from _words(list(ids), api.call("POST", f"{LEADS}/delete.json", body), fine="1004")


@leads.merge
def merge_leads(api: Api, merges: list[Merge]) -> Iterator[Rejected | Accepted]:
    for one in merges:
        if one.record_id and one.into_record_id:
            path = f"{LEADS}/{one.into_record_id}/merge.json"
            api.call("POST", path, params={"leadId": one.record_id})
            yield Accepted(one.key, one.into_record_id)
        else:
            yield Rejected(one.key, "Marketo merges by its own ids, which are not known")


@leads.read
def read_leads(api: Api, keys: list[str]) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for names in packs({field["name"]: field["name"] for field in _fields(api)}, ADDRESS_BYTES):
        for key, found in _found(api, keys, [*names]).items():
            rows.setdefault(key, {}).update(found[0])
    return rows


@leads.describe
def describe_leads(api: Api) -> dict[str, FieldSpec]:
    return {
        field["name"]: FieldSpec(
            field["dataType"], field.get("length"), is_writable=field["updateable"]
        )
        for field in _fields(api)
    }


@destination.object(key="email", batch_size=300)
def list_members(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    """Leads that Marketo has, put on the static list `list_id`.

    A sync has one list: a row that comes with another one stays on that it was on.
    """
    found = _found(api, [api.key_of(row) for row in rows], ["id", api.key])
    members: dict[str, dict[str, int]] = {}
    for row in rows:
        key = api.key_of(row)
        leads_of_key = found.get(key, [])
        if len(leads_of_key) != 1:
            how_many = "several leads" if leads_of_key else "no lead"
            code = "1007" if leads_of_key else "1004"
            yield Rejected(key, f"Marketo has {how_many} with this {api.key}", code)
        elif not row.get("list_id"):
            yield Rejected(key, "it has no list_id")
        else:
            members.setdefault(str(row["list_id"]), {})[key] = leads_of_key[0]["id"]
    for list_id, ids in members.items():
        body = {"input": [{"id": lead_id} for lead_id in ids.values()]}
        yield from _words(list(ids), api.call("POST", f"/rest/v1/lists/{list_id}/leads.json", body))


@list_members.price
def list_calls(_: Api, row_count: int, action: Action) -> int:
    """About a hundred addresses are looked up in a call; one changes the list."""
    return 1 + (ceil(row_count / 100) if action == "send" else 0)


@list_members.delete
def leave_list(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    """1004: the lead is gone; 1015: it is not on the list."""
    ids = yield from _known(api, rows)
    lists = {api.key_of(row): str(row.get("list_id")) for row in rows}
    for list_id in dict.fromkeys(lists[key] for key in ids):
        leaving = {key: lead_id for key, lead_id in ids.items() if lists[key] == list_id}
        path, params = f"/rest/v1/lists/{list_id}/leads.json", {"id": list(leaving.values())}
        body = {"input": [{"id": lead_id} for lead_id in leaving.values()]}
        answer = api.call("DELETE", path, body, params)
        yield from _words(list(leaving), answer, fine="1004 1015")


def _known(api: Api, rows: list[Row]) -> Generator[Rejected, None, dict[str, int]]:
    """Marketo's ids by key; rows without one are refused."""
    for row in rows:
        if not row.get(RECORD_ID):
            yield Rejected(api.key_of(row), "Marketo removes by its own id, which is not known")
    return {api.key_of(row): int(row[RECORD_ID]) for row in rows if row.get(RECORD_ID)}


def _words(keys: list[str], answer: Any, fine: str = "") -> Iterator[Rejected | Accepted]:
    """Results come in the order of the input; a reason coded `fine` is as good as success."""
    results = (answer or {}).get("result") or []
    for key, result in zip(keys, results, strict=False):
        reasons = result.get("reasons") or []
        codes = [str(reason.get("code")) for reason in reasons]
        if result.get("status") != "skipped" or set(codes) & set(fine.split()):
            yield Accepted(key, str(result["id"]) if "id" in result else None)
        else:
            said = "; ".join(f"{reason['code']}: {reason['message']}" for reason in reasons)
            code = codes[0] if codes else None
            yield Rejected(key, said or "skipped without a reason", code, _kind(code))
    for key in keys[len(results) :]:
        yield Rejected(key, "not mentioned in the answer")


def _kind(code: str | None) -> Kind:
    """1006, 1011: no such field; 1008 to 1010: not in this partition."""
    if code in ("1006", "1011"):
        return "mapping"
    return "permission" if code in ("1008", "1009", "1010") else "row"


def _fields(api: Api) -> list[dict[str, Any]]:
    answer = api.call("GET", f"{LEADS}/describe2.json")
    return list(answer["result"][0]["fields"])


def _found(api: Api, keys: list[str], fields: list[str]) -> dict[str, list[dict[str, Any]]]:
    """The leads that Marketo has of each key, which it compares without regard to capitals."""
    by_shown = {key.lower(): key for key in keys}
    found: dict[str, list[dict[str, Any]]] = {}
    for pack in packs({key: quote(key) for key in keys}, ADDRESS_BYTES):
        params = {
            "filterType": api.key,
            "filterValues": ",".join(pack),
            "fields": ",".join(dict.fromkeys([api.key, *fields])),
        }
        more = True
        while more:
            answer = api.call("GET", f"{LEADS}.json", params=params)
            for lead in answer.get("result") or []:
                key = by_shown.get(str(lead.get(api.key)).lower())
                if key is not None:
                    found.setdefault(key, []).append(lead)
            params["nextPageToken"] = answer.get("nextPageToken") or ""
            more = bool(params["nextPageToken"])
    return found


def _value(value: Any) -> Any:
    """A field's value in JSON; null clears, several choices have `;` between.

    Times have no fractions of a second:
    https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/lead-database/field-types
    """
    match value:
        case Decimal():
            return float(value)
        case date():
            return iso(value, "seconds")
        case list():
            return ";".join(map(str, value))
        case _:
            return value
