"""Salesforce: contacts, leads, accounts, up to some thousand rows, by external id.

https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobjects-collections-upsert.html

Rows are recognised by a custom field of the object that is marked External ID and Unique; its API
name is the sync's key. `base_url` is the My Domain address: the client-credentials flow works
there only.

A row that Salesforce could not take just now (UNABLE_TO_LOCK_ROW) is rejected like any other, with
its code in the reason: what is owed goes again later, when the lock is gone. A record that it takes
for a duplicate (DUPLICATES_DETECTED) stays rejected: writing to the one it suggests has merged
strangers.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from destinations.api import Api, Rate
from destinations.destination import Destination
from destinations.login import client_credentials
from destinations.rows import RECORD_ID, Accepted, Rejected, Row, moment

COLLECTIONS = "/services/data/v63.0/composite/sobjects"

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


def upsert(sobject: str) -> Callable[[Api, list[Row]], Iterator[Rejected | Accepted]]:
    def send(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
        records = [
            {"attributes": {"type": sobject}} | {name: _value(row[name]) for name in row}
            for row in rows
        ]
        path = f"{COLLECTIONS}/{sobject}/{api.key}"
        answer = api.call("PATCH", path, {"allOrNone": False, "records": records})
        yield from _words(api, rows, answer or [])

    send.__doc__ = f"{sobject} records, created or updated by external id."
    return send


def delete(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    known = [row for row in rows if row.get(RECORD_ID)]
    for row in rows:
        if not row.get(RECORD_ID):
            yield Rejected(api.key_of(row), "Salesforce deletes by its own id, which is not known")
    if known:
        ids = ",".join(row[RECORD_ID] for row in known)
        answer = api.call("DELETE", COLLECTIONS, params={"ids": ids, "allOrNone": "false"})
        yield from _words(api, known, answer or [], fine="ENTITY_IS_DELETED")


for name, sobject in {"contacts": "Contact", "leads": "Lead", "accounts": "Account"}.items():
    destination.object(key=None, batch_size=200, name=name)(upsert(sobject)).delete(delete)


def _words(
    api: Api, rows: list[Row], results: list[dict[str, Any]], fine: str = ""
) -> Iterator[Rejected | Accepted]:
    """Results come in the order of the records; the error coded `fine` is as good as success."""
    for row, result in zip(rows, results, strict=False):
        errors = result.get("errors") or []
        if result.get("success") or {error["statusCode"] for error in errors} == {fine}:
            yield Accepted(api.key_of(row), result.get("id"))
        else:
            said = "; ".join(_reason(error) for error in errors)
            yield Rejected(api.key_of(row), said or "refused without a reason")
    for row in rows[len(results) :]:
        yield Rejected(api.key_of(row), "not mentioned in the answer")


def _reason(error: dict[str, Any]) -> str:
    fields = ", ".join(error.get("fields") or [])
    return f"{error['statusCode']}: {error['message']}" + (f" ({fields})" if fields else "")


def _value(value: Any) -> Any:
    """A field's value in JSON; null clears, several choices have `;` between."""
    match value:
        case Decimal():
            return float(value)
        case datetime():
            return moment(value).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case list():
            return ";".join(map(str, value))
        case _:
            return value
