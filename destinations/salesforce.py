"""Salesforce: contacts, leads, accounts, and any object by its API name, by external id.

https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobjects-collections.html
https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/bulk_api_2_0_ingest.htm

Rows are recognised by a custom field of the object that is marked External ID and Unique; its API
name is the sync's key. To update only, `Id` will do too. A parent is named by an external id of its
own, in a field `Account.Account_Id__c`. `base_url` is the My Domain address: the client-credentials
flow works there only.

Up to BULK_ABOVE rows go in collections of 200, more as a job of the Bulk API. A row that Salesforce
could not take just now (UNABLE_TO_LOCK_ROW) is rejected like any other, with its code: what is owed
goes again later, when the lock is gone. A record that it takes for a duplicate
(DUPLICATES_DETECTED) stays rejected: writing to the one it suggests has merged strangers.
"""

import re
from collections.abc import Iterator
from math import ceil
from typing import Any

from destinations._salesforce_bulk import in_bulk
from destinations._salesforce_words import NULL, read_value, reason, refused, value_of
from destinations.api import Api
from destinations.destination import Action, Destination
from destinations.login import client_credentials
from destinations.pace import Rate
from destinations.rows import RECORD_ID, Accepted, FieldSpec, Rejected, Row, packs

DATA = "/services/data/v63.0"
COLLECTIONS = f"{DATA}/composite/sobjects"
# A job takes some six calls, as much as 1,200 rows in collections, and its time in the queue.
BULK_ABOVE = 2000
JOB_CALLS = 6
PER_CALL = 200
UNTOLD = 15_000  # the smallest allowance that Salesforce gives
NUMBERS = ("int", "double", "currency", "percent", "long")
NAMED = {"contacts": "Contact", "leads": "Lead", "accounts": "Account"}
# Salesforce limits calls by the day, not by the second: this only keeps us civil.
# https://developer.salesforce.com/docs/platform/api-rest/guide/errorcodes.html
destination = Destination(
    name="salesforce",
    base_url=None,
    secrets=("base_url", "client_id", "client_secret"),
    authenticate=client_credentials("/services/oauth2/token"),
    rate=Rate(25, per_s=1),
    quota_words=("REQUEST_LIMIT_EXCEEDED",),
)


def send(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    """Records of an object, by external id: created or updated, only updated, or only created."""
    if api.mode == "update":
        ids = _ids(api, [api.key_of(row) for row in rows])
        for row in rows:
            if api.key_of(row) not in ids:
                yield Rejected(api.key_of(row), "no record has this key", "NOT_FOUND")
        known = [row for row in rows if api.key_of(row) in ids]
        rows = [{**row, "Id": ids[api.key_of(row)]} for row in known]
    is_bulk = len(rows) > BULK_ABOVE
    yield from _in_collections(api, [row for row in rows if not is_bulk or NULL in row.values()])
    if is_bulk:
        operation = "insert" if api.mode == "create" else api.mode
        column = "Id" if operation == "update" else api.key
        many = [row for row in rows if NULL not in row.values()]
        yield from in_bulk(api, _sobject(api), operation, column, many)


def delete(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    known = [row for row in rows if row.get(RECORD_ID)]
    for row in rows:
        if not row.get(RECORD_ID):
            yield Rejected(api.key_of(row), "Salesforce deletes by its own id, which is not known")
    if len(known) > BULK_ABOVE:
        ids = [{api.key: row[api.key], "Id": row[RECORD_ID]} for row in known]
        yield from in_bulk(api, _sobject(api), "delete", "Id", ids)
        return
    for pack in _packs(known):
        joined = ",".join(row[RECORD_ID] for row in pack)
        answer = api.call("DELETE", COLLECTIONS, params={"ids": joined, "allOrNone": "false"})
        yield from _words(api, pack, answer or [])


def read(api: Api, keys: list[str]) -> dict[str, Row]:
    """Records with all fields that have a value of their own, in Python's types."""
    ids = _ids(api, keys)
    kinds = {
        one["name"]: one["type"]
        for one in _fields(api)
        if one["type"] not in ("address", "location", "base64")
    }
    found: dict[str, Row] = {}
    for start in range(0, len(ids), 2000):
        pack = dict(list(ids.items())[start : start + 2000])
        asked = {"ids": list(pack.values()), "fields": list(kinds)}
        records = api.call("POST", f"{COLLECTIONS}/{_sobject(api)}", asked) or []
        for (key, record_id), record in zip(pack.items(), records, strict=True):
            if record:
                values = {name: read_value(kinds[name], record.get(name)) for name in kinds}
                found[key] = {**values, RECORD_ID: record_id}
    return found


def describe(api: Api) -> dict[str, FieldSpec]:
    """The object's fields, and by the name of the relationship the parents it may have."""
    fields = _fields(api)
    parents = {
        one["relationshipName"]: FieldSpec(f"reference to {', '.join(one['referenceTo'])}")
        for one in fields
        if one.get("relationshipName")
    }
    return parents | {one["name"]: _spec(one) for one in fields}


def count_calls(api: Api, row_count: int, action: Action) -> int:
    """Rows that are only updated are looked up first, about as many in a call as are then sent."""
    by_pack = ceil(row_count / PER_CALL)
    looked_up = by_pack if api.mode == "update" and action == "send" and api.key != "Id" else 0
    return looked_up + (JOB_CALLS if row_count > BULK_ABOVE else by_pack)


@destination.quota
def calls_left(api: Api) -> int:
    """Of the last 24 hours' allowance; every answer has `Sforce-Limit-Info: api-usage=18/15000`.

    https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_api_usage.htm
    """
    api.call("GET", DATA)
    told = re.search(r"api-usage=(\d+)/(\d+)", api.heard.get("sforce-limit-info", ""))
    return max(int(told[2]) - int(told[1]), 0) if told else UNTOLD


for name in (*NAMED, "*"):
    made = destination.object(
        key=None,
        batch_size=50_000,
        name=name,
        modes=("upsert", "update", "create"),
        is_partial=True,
    )(send)
    made.delete(delete)
    made.read(read)
    made.describe(describe)
    made.price(count_calls)


def _sobject(api: Api) -> str:
    return NAMED.get(api.object, api.object)


def _in_collections(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    method, path = "PATCH", COLLECTIONS
    if api.mode == "create":
        method = "POST"
    elif api.mode == "upsert":
        path = f"{COLLECTIONS}/{_sobject(api)}/{api.key}"
    for pack in _packs(rows):
        records = [_record(api, row) for row in pack]
        answer = api.call(method, path, {"allOrNone": False, "records": records})
        yield from _words(api, pack, answer or [])


def _packs(rows: list[Row]) -> Iterator[list[Row]]:
    return (rows[start : start + PER_CALL] for start in range(0, len(rows), PER_CALL))


def _record(api: Api, row: Row) -> dict[str, Any]:
    """A row in JSON; the parent `Account.Account_Id__c` is an object within it."""
    record: dict[str, Any] = {"attributes": {"type": _sobject(api)}}
    for name, value in row.items():
        if name == api.key and "Id" in row and name != "Id":
            continue  # it is found by its Id, and its external id stays what it is
        parent, _, field = name.partition(".")
        record[parent] = {field: value_of(value)} if field else value_of(value)
    return record


def _words(
    api: Api, rows: list[Row], results: list[dict[str, Any]]
) -> Iterator[Rejected | Accepted]:
    """Results come in the order of the records."""
    for row, result in zip(rows, results, strict=False):
        errors = result.get("errors") or []
        if result.get("success"):
            yield Accepted(api.key_of(row), result.get("id"))
        elif errors:
            said = "; ".join(
                reason(error["statusCode"], error["message"], ", ".join(error.get("fields") or []))
                for error in errors
            )
            yield refused(api.key_of(row), errors[0]["statusCode"], said)
        else:
            yield Rejected(api.key_of(row), "refused without a reason")
    for row in rows[len(results) :]:
        yield Rejected(api.key_of(row), "not mentioned in the answer")


def _ids(api: Api, keys: list[str]) -> dict[str, str]:
    """Salesforce's ids of the records that have these keys."""
    if api.key == "Id":
        return {key: key for key in keys}
    kinds = {one["name"]: one["type"] for one in _fields(api)}
    sign = "" if kinds.get(api.key) in NUMBERS else "'"
    found: dict[str, str] = {}
    # The query is part of the address, which may have 16 kB once its signs are written as %27.
    for pack in packs({key: key for key in keys}, 4_000):
        listed = ",".join(
            sign + key.replace("\\", r"\\").replace("'", r"\'") + sign for key in pack
        )
        query = f"SELECT Id, {api.key} FROM {_sobject(api)} WHERE {api.key} IN ({listed})"
        records = (api.call("GET", f"{DATA}/query", params={"q": query}) or {}).get("records", [])
        found |= {_same(record[api.key]): record["Id"] for record in records}
    return {key: found[_same(key)] for key in keys if _same(key) in found}


def _same(value: Any) -> str:
    """Salesforce does not care for the capitals of an external id, and has numbers as 5.0."""
    return str(value).removesuffix(".0").lower()


def _fields(api: Api) -> list[dict[str, Any]]:
    if "fields" not in api.memory:
        described = api.call("GET", f"{DATA}/sobjects/{_sobject(api)}/describe") or {}
        api.memory["fields"] = described.get("fields") or []
    return list(api.memory["fields"])


def _spec(field: dict[str, Any]) -> FieldSpec:
    is_writable = bool(field.get("createable") or field.get("updateable"))
    choices = [one["value"] for one in field.get("picklistValues") or [] if one.get("active")]
    is_given = field.get("nillable") or field.get("defaultedOnCreate")
    return FieldSpec(
        field["type"],
        field.get("length") or None,
        tuple(choices) if field.get("restrictedPicklist") else None,
        is_required=is_writable and not is_given,
        is_writable=is_writable,
    )
