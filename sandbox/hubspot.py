"""HubSpot's CRM API: contacts in batches and their properties.

https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.hubspot_contacts import find, row_error, shown, values, write
from sandbox.hubspot_errors import NOT_FOUND, error, refuse, trouble
from sandbox.hubspot_properties import Property, iso
from sandbox.hubspot_search import search
from sandbox.stores import Json
from sandbox.wire import Refusal, bearer, json_body, world_of
from sandbox.world import World

__all__ = ["ROUTES", "trouble"]

ACCESS_TOKEN = "pat-sandbox"
_BATCH = 100


def _authorize(request: Request) -> World:
    if bearer(request) != ACCESS_TOKEN:
        told = "Authentication credentials not found. This API supports OAuth 2.0 authentication."
        raise Refusal(401, error("INVALID_AUTHENTICATION", told))
    return world_of(request)


async def _body(request: Request) -> Json:
    try:
        body = await json_body(request)
    except ValueError as wrong:
        raise refuse(f"Invalid input JSON on line 1, column 1: {wrong}") from wrong
    if not isinstance(body, dict):
        raise refuse("Invalid input JSON on line 1, column 1: expected an object")
    return body


async def _inputs(request: Request) -> tuple[Json, list[Json]]:
    body = await _body(request)
    inputs = body.get("inputs")
    # HubSpot answers a body whose inputs it does not see with success and nothing done.
    rows: list[Json] = inputs if isinstance(inputs, list) else []
    if len(rows) > _BATCH:
        raise refuse(f"The maximum number of inputs supported in a batch request is {_BATCH}")
    if any(not isinstance(row, dict) or not isinstance(row.get("id"), str) for row in rows):
        raise refuse("Invalid input JSON: every input needs an id that is a string")
    ids = [row["id"] for row in rows]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        told = f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique"
        raise refuse(told, ids=twice)
    return body, rows


async def _upsert(request: Request) -> Response:
    """With an objectWriteTraceId on every row the good rows are taken and the bad ones told (207).

    Without, one bad row fails them all.
    https://developers.hubspot.com/docs/api-reference/error-handling#multi-status-errors
    """
    world = _authorize(request)
    _, rows = await _inputs(request)
    if not all(row.get("objectWriteTraceId") for row in rows):
        for row in rows:
            values(world, row, find(world, row.get("idProperty"), row["id"]))
    results: list[Json] = []
    errors: list[Json] = []
    for row in rows:
        found = find(world, row.get("idProperty"), row["id"])
        try:
            results.append(write(world, row, found, values(world, row, found)))
        except Refusal as refusal:
            errors.append(row_error(refusal.body, row))
    return _batch(world, results, errors)


def _batch(world: World, results: list[Json], errors: list[Json]) -> Response:
    now = iso(world.now)
    body: Json = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    if not errors:
        return JSONResponse(body)
    return JSONResponse({**body, "numErrors": len(errors), "errors": errors}, 207)


async def _read(request: Request) -> Response:
    world = _authorize(request)
    body, rows = await _inputs(request)
    names = body.get("properties") or []
    found = {row["id"]: find(world, body.get("idProperty"), row["id"]) for row in rows}
    missing = [wanted for wanted, contact in found.items() if contact is None]
    told: Json = {"status": "error", "category": "OBJECT_NOT_FOUND", "message": NOT_FOUND}
    told |= {"context": {"ids": missing}, "errors": [], "links": {}}
    results = [shown(contact, names) for contact in found.values() if contact]
    return _batch(world, results, [told] if missing else [])


async def _archive(request: Request) -> Response:
    world = _authorize(request)
    _, rows = await _inputs(request)
    for row in rows:
        contact = find(world, None, row["id"])
        if contact:
            now = iso(world.tick())
            gone = {"archived": True, "archivedAt": now, "updatedAt": now}
            world.hubspot.save(contact | gone)
    return Response(status_code=204)


def _names(asked: str | None) -> list[str]:
    return [name for name in (asked or "").split(",") if name]


async def _list(request: Request) -> Response:
    """In the order of their ids; `after` is the id of the last contact of the page before."""
    world, asked = _authorize(request), request.query_params
    limit, after = asked.get("limit", "10"), asked.get("after", "0")
    if not (limit.isdecimal() and 1 <= int(limit) <= _BATCH and after.isdecimal()):
        raise refuse(f"limit must be between 1 and {_BATCH}, and after a number")
    archived = asked.get("archived") == "true"
    names = _names(asked.get("properties"))
    rows = [
        contact
        for contact in world.hubspot.contacts.values()
        if int(contact["id"]) > int(after) and contact["archived"] == archived
    ]
    body: Json = {"results": [shown(row, names) for row in rows[: int(limit)]]}
    if len(rows) > int(limit):
        last = body["results"][-1]["id"]
        body["paging"] = {
            "next": {"after": last, "link": str(request.url.include_query_params(after=last))}
        }
    return JSONResponse(body)


async def _one(request: Request) -> Response:
    world, asked = _authorize(request), request.query_params
    contact = find(world, asked.get("idProperty"), request.path_params["id"])
    if contact is None:
        raise Refusal(404, trouble(404))
    names = _names(asked.get("properties"))
    return JSONResponse(shown(contact, names))


async def _search(request: Request) -> Response:
    world, body = _authorize(request), await _body(request)
    store = world.hubspot
    try:
        found = search(store.held("contacts"), store.properties, body)
    except (ValueError, KeyError, TypeError) as wrong:
        raise refuse(f"There was a problem with the request: {wrong}") from wrong
    start, limit, names = int(body.get("after") or 0), body.get("limit", 10), body.get("properties")
    page = found[start : start + limit]
    answer: Json = {"total": len(found), "results": [shown(one, names or []) for one in page]}
    if start + limit < len(found):
        answer["paging"] = {"next": {"after": str(start + limit)}}
    return JSONResponse(answer)


async def _properties(request: Request) -> Response:
    world = _authorize(request)
    shown = [_defined(one) for one in world.hubspot.properties.values()]
    return JSONResponse({"results": shown})


async def _property(request: Request) -> Response:
    definition = _authorize(request).hubspot.properties.get(request.path_params["name"])
    if not definition:
        raise Refusal(404, trouble(404))
    return JSONResponse(_defined(definition))


def _defined(one: Property) -> Json:
    options = [{"label": value, "value": value, "hidden": False} for value in one.options]
    return {
        "name": one.name,
        "label": one.label,
        "type": one.type,
        "fieldType": one.field_type,
        "groupName": one.group,
        "description": one.description,
        "options": options,
        "hasUniqueValue": one.unique,
        "hubspotDefined": one.defined_by_hubspot,
        "archived": False,
        "modificationMetadata": {
            "archivable": not one.defined_by_hubspot,
            "readOnlyDefinition": one.defined_by_hubspot,
            "readOnlyValue": one.readonly,
        },
    }


async def _define(request: Request) -> Response:
    world, body = _authorize(request), await _body(request)
    needed = ("name", "label", "type", "fieldType", "groupName")
    lacking = [name for name in needed if not body.get(name)]
    if lacking:
        raise refuse(f"Some required fields were not set: [{', '.join(lacking)}]")
    if body["name"] in world.hubspot.properties:
        told = f"Property named '{body['name']}' already exists."
        raise Refusal(409, error("OBJECT_ALREADY_EXISTS", told))
    definition = Property(
        body["name"],
        body["label"],
        body["type"],
        body["fieldType"],
        body["groupName"],
        body.get("description", ""),
        tuple(option["value"] for option in body.get("options", [])),
        bool(body.get("hasUniqueValue")),
    )
    world.hubspot.properties[definition.name] = definition
    return JSONResponse(_defined(definition), 201)


_CONTACTS, _PROPERTIES = "/crm/v3/objects/contacts", "/crm/v3/properties/contacts"
ROUTES = [
    Route(f"{_CONTACTS}/batch/upsert", _upsert, methods=["POST"]),
    Route(f"{_CONTACTS}/batch/read", _read, methods=["POST"]),
    Route(f"{_CONTACTS}/batch/archive", _archive, methods=["POST"]),
    Route(f"{_CONTACTS}/search", _search, methods=["POST"]),
    Route(_CONTACTS, _list),
    Route(_CONTACTS + "/{id}", _one),
    Route(_PROPERTIES, _properties),
    Route(_PROPERTIES, _define, methods=["POST"]),
    Route(_PROPERTIES + "/{name}", _property),
]
