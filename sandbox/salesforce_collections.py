"""Salesforce's sObject collections: up to 200 records in a call, each with its own outcome.

https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobjects-collections.html
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.salesforce_fields import FIELDS
from sandbox.salesforce_rows import MalformedError, problem, read
from sandbox.salesforce_wire import answer, authorize, error, external_id, sobject_of
from sandbox.salesforce_writes import Write, delete, refused
from sandbox.stores import Json
from sandbox.wire import Refusal, json_body, world_of

_ROLLED_BACK = (
    "Record rolled back because not all records were valid and the request was using "
    "AllOrNone header"
)
_TOO_MANY = "record limit reached. cannot submit more than 200 records into this api"


async def _upsert(request: Request) -> Response:
    """https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobjects-collections-upsert.html"""
    authorize(request)
    sobject, key = sobject_of(request), request.path_params["field"]
    external_id(sobject, key)
    body, rows = await _rows(request, sobject)
    return _written(Write(world_of(request), sobject, "upsert", key), body, rows)


async def _insert_or_update(request: Request) -> Response:
    """POST creates records, PATCH changes those whose Id each record names."""
    authorize(request)
    body, rows = await _rows(request, None)
    operation = "insert" if request.method == "POST" else "update"
    return _written(Write(world_of(request), body["sobject"], operation), body, rows)


def _written(write: Write, body: Json, rows: list[Json]) -> Response:
    found = write.errors(rows)
    if body.get("allOrNone") and any(found):
        undone = [problem("ALL_OR_NONE_OPERATION_ROLLED_BACK", _ROLLED_BACK)]
        found = [errors or undone for errors in found]
    return answer(
        [
            refused(errors) if errors else write.take(row)
            for row, errors in zip(rows, found, strict=True)
        ]
    )


async def _rows(request: Request, sobject: str | None) -> tuple[Json, list[Json]]:
    """The body, with the object its records are of in `sobject`, and the records."""
    try:
        body = await json_body(request)
        records: list[Json] = body["records"]
        if len(records) > 200:
            raise MalformedError("EXCEEDED_ID_LIMIT", _TOO_MANY)
        wanted = sobject or records[0].get("attributes", {}).get("type")
        for record in records:
            if record.get("attributes", {}).get("type") != wanted or wanted not in FIELDS:
                told = f"Every record needs attributes with the type {wanted}."
                raise MalformedError("INVALID_INPUT", told)
        return {**body, "sobject": wanted}, [read(wanted, record) for record in records]
    except MalformedError as wrong:
        raise Refusal(400, error(wrong.code, str(wrong))) from wrong
    except (ValueError, TypeError, KeyError, AttributeError) as wrong:
        told = f"The body is no collection of records: {wrong}"
        raise Refusal(400, error("JSON_PARSER_ERROR", told)) from wrong


async def _retrieve(request: Request) -> Response:
    """POST composite/sobjects/Contact {ids, fields}: records in the order of the ids, or null."""
    authorize(request)
    sobject = sobject_of(request)
    body: Any = await json_body(request)
    if len(body["ids"]) > 2000:
        told = "record limit reached. cannot submit more than 2000 records into this api"
        raise Refusal(400, error("EXCEEDED_ID_LIMIT", told))
    for name in body["fields"]:
        if name not in FIELDS[sobject]:
            told = f"No such column '{name}' on sobject of type {sobject}"
            raise Refusal(400, error("INVALID_FIELD", told))
    records = world_of(request).salesforce.records[sobject]
    return answer([_shown(sobject, records.get(one), body["fields"]) for one in body["ids"]])


def _shown(sobject: str, record: Json | None, names: list[str]) -> Json | None:
    if not record or record["IsDeleted"]:
        return None
    return {"attributes": {"type": sobject}, **{name: record[name] for name in ["Id", *names]}}


async def _delete(request: Request) -> Response:
    """DELETE composite/sobjects?ids=…: up to 200 record Ids, each with its own outcome."""
    authorize(request)
    ids = [part for part in request.query_params.get("ids", "").split(",") if part]
    if not 1 <= len(ids) <= 200:
        raise Refusal(400, error("EXCEEDED_ID_LIMIT", _TOO_MANY))
    return answer([delete(world_of(request), record_id) for record_id in ids])


_COLLECTIONS = "/services/data/{version}/composite/sobjects"
ROUTES = [
    Route(_COLLECTIONS, _delete, methods=["DELETE"]),
    Route(_COLLECTIONS, _insert_or_update, methods=["POST", "PATCH"]),
    Route(_COLLECTIONS + "/{sobject}", _retrieve, methods=["POST"]),
    Route(_COLLECTIONS + "/{sobject}/{field}", _upsert, methods=["PATCH"]),
]
