"""Salesforce's REST API: OAuth client credentials, SOQL, describe, and sObject collections.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/
"""

from itertools import count
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import soql
from sandbox.salesforce_fields import FIELDS, PREFIXES, Field
from sandbox.salesforce_rows import MalformedError, problem, problems, read
from sandbox.stores import Json
from sandbox.wire import Refusal, bearer, form_body, json_body, world_of

CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"
_ROLLED_BACK = (
    "Record rolled back because not all records were valid and the request was using "
    "AllOrNone header"
)
_CURSORS_KEPT = 10  # an open query beyond the tenth closes the oldest
_calls = count(1)


def trouble(status: int) -> Any:
    code, message = {
        404: ("NOT_FOUND", "The requested resource does not exist"),
        405: ("METHOD_NOT_ALLOWED", "HTTP Method not allowed for this resource"),
        403: ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        429: ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        503: ("SERVER_UNAVAILABLE", "The server is temporarily unavailable. Try again later."),
    }.get(status, ("UNKNOWN_EXCEPTION", "An unexpected error occurred."))
    return _error(code, message)


def _error(code: str, message: str) -> list[Json]:
    return [{"message": message, "errorCode": code}]


async def _token(request: Request) -> Response:
    form = await form_body(request)
    if form.get("grant_type") != "client_credentials":
        raise Refusal(400, _denied("unsupported_grant_type", "grant type not supported"))
    if form.get("client_id") != CLIENT_ID:
        raise Refusal(400, _denied("invalid_client_id", "client identifier invalid"))
    if form.get("client_secret") != CLIENT_SECRET:
        raise Refusal(400, _denied("invalid_client", "invalid client credentials"))
    instance = f"{request.url.scheme}://{request.url.netloc}/salesforce"
    org = "00D5e0000000001EAA"
    return JSONResponse(
        {
            "access_token": request.app.state.sessions.issue(),
            "signature": uuid4().hex,
            "scope": "api",
            "instance_url": instance,
            "id": f"{instance}/id/{org}/{world_of(request).salesforce.api_user}",
            "token_type": "Bearer",
            "issued_at": str(int(world_of(request).now.timestamp() * 1000)),
        }
    )


def _denied(error: str, description: str) -> Json:
    return {"error": error, "error_description": description}


def _authorize(request: Request) -> None:
    if not request.app.state.sessions.valid(bearer(request)):
        raise Refusal(401, _error("INVALID_SESSION_ID", "Session expired or invalid"))


def _answer(body: Any) -> Response:
    return JSONResponse(body, headers={"Sforce-Limit-Info": f"api-usage={next(_calls)}/100000"})


async def _query(request: Request) -> Response:
    _authorize(request)
    version = request.path_params["version"]
    asked = request.query_params.get("q")
    if asked is None:
        raise Refusal(400, _error("MALFORMED_QUERY", "A query string has to be specified"))
    everything = request.url.path.endswith("/queryAll")
    try:
        rows = soql.run(world_of(request).salesforce, asked, version, everything)
    except soql.QueryError as error:
        raise Refusal(400, _error(error.code, str(error))) from error
    locator, cursors = f"01g{uuid4().hex[:15]}", request.app.state.cursors
    cursors[locator] = rows
    while len(cursors) > _CURSORS_KEPT:
        del cursors[next(iter(cursors))]
    return _answer(_page(request, locator, 0))


async def _more(request: Request) -> Response:
    _authorize(request)
    locator, _, start = request.path_params["locator"].rpartition("-")
    if locator not in request.app.state.cursors or not start.isdecimal():
        raise Refusal(400, _error("INVALID_QUERY_LOCATOR", "invalid query locator"))
    return _answer(_page(request, locator, int(start)))


def _page(request: Request, locator: str, start: int) -> Json:
    """A page of the result as it was when the query ran."""
    rows: list[Json] = request.app.state.cursors[locator]
    end = start + world_of(request).salesforce.page_size
    page: Json = {"totalSize": len(rows), "done": end >= len(rows), "records": rows[start:end]}
    if not page["done"]:
        version = request.path_params["version"]
        page["nextRecordsUrl"] = f"/services/data/{version}/query/{locator}-{end}"
    return page


def _sobject(request: Request) -> str:
    sobject: str = request.path_params["sobject"]
    if sobject not in FIELDS:
        raise Refusal(404, trouble(404))
    return sobject


async def _describe(request: Request) -> Response:
    _authorize(request)
    sobject = _sobject(request)
    fields = [_described(field) for field in FIELDS[sobject].values()]
    return _answer({"name": sobject, "keyPrefix": PREFIXES[sobject], "fields": fields})


def _described(field: Field) -> Json:
    picklist = [{"value": value, "label": value, "active": True} for value in field.picklist]
    return {
        "name": field.name,
        "type": field.type,
        "length": field.length if field.type not in ("double", "currency", "int") else 0,
        "nillable": not field.required and field.type != "boolean",
        "createable": not field.readonly,
        "updateable": not field.readonly,
        "custom": field.name.endswith("__c"),
        "externalId": field.external_id,
        "unique": field.external_id,
        "restrictedPicklist": bool(field.picklist),
        "picklistValues": picklist,
        "referenceTo": [field.refers_to] if field.refers_to else [],
        "relationshipName": field.relationship or None,
    }


async def _record(request: Request) -> Response:
    _authorize(request)
    sobject, store = _sobject(request), world_of(request).salesforce
    by = request.path_params.get("field", "Id")
    if by != "Id":
        _external_id(sobject, by)
    wanted, version = request.path_params["id"], request.path_params["version"]
    for row in store.held(sobject):
        if row[by] == wanted and not row["IsDeleted"]:
            url = f"/services/data/{version}/sobjects/{sobject}/{row['Id']}"
            return _answer({"attributes": {"type": sobject, "url": url}, **row})
    raise Refusal(404, trouble(404))


def _external_id(sobject: str, name: str) -> None:
    field = FIELDS[sobject].get(name)
    if not field or not field.external_id:
        told = f"Provided external ID field does not exist or is not accessible: {name}"
        raise Refusal(404, _error("NOT_FOUND", told))


async def _upsert(request: Request) -> Response:
    """https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobjects-collections-upsert.html"""
    _authorize(request)
    sobject, key = _sobject(request), request.path_params["field"]
    _external_id(sobject, key)
    body, rows = await _rows(request, sobject)
    world, keys = world_of(request), [row.get(key) for row in rows]
    held = {row[key]: row["Id"] for row in world.salesforce.held(sobject) if not row["IsDeleted"]}
    found = [
        _unkeyed(key, row.get(key), keys)
        or problems(world.salesforce, sobject, row, row[key] not in held)
        for row in rows
    ]
    if body.get("allOrNone") and any(found):
        undone = [problem("ALL_OR_NONE_OPERATION_ROLLED_BACK", _ROLLED_BACK)]
        found = [errors or undone for errors in found]
    outcome: list[Json] = []
    for row, errors in zip(rows, found, strict=True):
        if errors:
            outcome.append({"success": False, "created": False, "errors": errors})
            continue
        known = {"Id": held[row[key]]} if row[key] in held else {}
        saved = world.salesforce.save(sobject, row | known, world.tick())
        outcome.append({"id": saved, "success": True, "created": not known, "errors": []})
    return _answer(outcome)


async def _rows(request: Request, sobject: str) -> tuple[Json, list[Json]]:
    try:
        body = await json_body(request)
        records: list[Json] = body["records"]
        if len(records) > 200:
            told = "record limit reached. cannot submit more than 200 records into this api"
            raise MalformedError("EXCEEDED_ID_LIMIT", told)
        for record in records:
            if record.get("attributes", {}).get("type") != sobject:
                told = f"Every record needs attributes with the type {sobject}."
                raise MalformedError("INVALID_INPUT", told)
        return body, [read(sobject, record) for record in records]
    except MalformedError as error:
        raise Refusal(400, _error(error.code, str(error))) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        told = f"The body is no collection of records: {error}"
        raise Refusal(400, _error("JSON_PARSER_ERROR", told)) from error


def _unkeyed(key: str, value: Any, keys: list[Any]) -> list[Json]:
    """Salesforce refuses every row of a key that comes twice in one call."""
    if value is None:
        return [problem("MISSING_ARGUMENT", f"{key} not specified")]
    if keys.count(value) > 1:
        return [problem("DUPLICATE_VALUE", f"Duplicate external id specified: {value}", key)]
    return []


async def _delete(request: Request) -> Response:
    """DELETE composite/sobjects?ids=…: up to 200 record Ids, each with its own outcome."""
    _authorize(request)
    world = world_of(request)
    ids = [part for part in request.query_params.get("ids", "").split(",") if part]
    if not 1 <= len(ids) <= 200:
        told = "record limit reached. cannot submit more than 200 records into this api"
        raise Refusal(400, _error("EXCEEDED_ID_LIMIT", told))
    outcome = []
    for record_id in ids:
        sobject = next((name for name, ids in PREFIXES.items() if record_id[:3] == ids), "")
        record = world.salesforce.records.get(sobject, {}).get(record_id)
        if not record or record["IsDeleted"]:
            code = "ENTITY_IS_DELETED" if record else "INVALID_CROSS_REFERENCE_KEY"
            told = "entity is deleted" if record else "invalid cross reference id"
            outcome.append({"id": record_id, "success": False, "errors": [problem(code, told)]})
            continue
        world.salesforce.delete(sobject, record_id, world.tick())
        outcome.append({"id": record_id, "success": True, "errors": []})
    return _answer(outcome)


_DATA = "/services/data/{version}"
ROUTES = [
    Route("/services/oauth2/token", _token, methods=["POST"]),
    Route(f"{_DATA}/query", _query),
    Route(f"{_DATA}/queryAll", _query),
    Route(_DATA + "/query/{locator}", _more),
    Route(_DATA + "/sobjects/{sobject}/describe", _describe),
    Route(_DATA + "/sobjects/{sobject}/{id}", _record),
    Route(_DATA + "/sobjects/{sobject}/{field}/{id}", _record),
    Route(_DATA + "/composite/sobjects", _delete, methods=["DELETE"]),
    Route(_DATA + "/composite/sobjects/{sobject}/{field}", _upsert, methods=["PATCH"]),
]
