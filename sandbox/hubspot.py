"""HubSpot's CRM API: contacts, companies and deals in batches, their properties, and lists.

https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide
"""

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import hubspot_lists
from sandbox.hubspot_errors import error, not_found, refuse, trouble
from sandbox.hubspot_properties import Property, iso
from sandbox.hubspot_records import archive, find, merge, row_error, shown, values, write
from sandbox.hubspot_search import search
from sandbox.hubspot_store import Shelf
from sandbox.hubspot_wire import authorize, json_object
from sandbox.stores import Json
from sandbox.wire import Refusal
from sandbox.world import World

__all__ = ["ROUTES", "trouble"]

_BATCH = 100


def _shelf(request: Request) -> tuple[World, Shelf]:
    world = authorize(request)
    kind = request.path_params["kind"]
    if kind not in world.hubspot.shelves:
        told = f"Unable to infer object type from: {kind}"
        raise Refusal(400, error("VALIDATION_ERROR", told))
    return world, world.hubspot.shelves[kind]


async def _inputs(request: Request, *, named: bool = True) -> tuple[Json, list[Json]]:
    """The body and its rows; `named` if each must say which record it means."""
    body = await json_object(request)
    inputs = body.get("inputs")
    # HubSpot answers a body whose inputs it does not see with success and nothing done.
    rows: list[Json] = inputs if isinstance(inputs, list) else []
    if len(rows) > _BATCH:
        raise refuse(f"The maximum number of inputs supported in a batch request is {_BATCH}")
    if any(not isinstance(row, dict) for row in rows):
        raise refuse("Invalid input JSON: every input must be an object")
    if not named:
        return body, rows
    if any(not isinstance(row.get("id"), str) for row in rows):
        raise refuse("Invalid input JSON: every input needs an id that is a string")
    ids = [row["id"] for row in rows]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        told = f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique"
        raise refuse(told, ids=twice)
    return body, rows


async def _write(request: Request) -> Response:
    """batch/upsert, batch/create and batch/update.

    With an objectWriteTraceId on every row the good rows are taken and the bad ones told (207).
    Without, one bad row fails them all.
    https://developers.hubspot.com/docs/api-reference/error-handling#multi-status-errors
    """
    world, shelf = _shelf(request)
    action = request.path_params["action"]
    if action not in ("create", "update", "upsert"):
        raise Refusal(404, trouble(404))
    _, rows = await _inputs(request, named=action != "create")
    makes = action != "update"

    def found(row: Json) -> Json | None:
        return find(shelf, row.get("idProperty"), row["id"]) if action != "create" else None

    if not all(row.get("objectWriteTraceId") for row in rows):
        for row in rows:
            values(shelf, row, found(row), makes=makes)
    results: list[Json] = []
    errors: list[Json] = []
    for row in rows:
        old = found(row)
        try:
            answer = write(world, shelf, row, old, values(shelf, row, old, makes=makes))
            results.append(answer | ({"new": old is None} if action == "upsert" else {}))
        except Refusal as refusal:
            errors.append(row_error(refusal.body, row))
    return _batch(world, results, errors, 201 if action == "create" else 200)


def _batch(world: World, results: list[Json], errors: list[Json], status: int = 200) -> Response:
    now = iso(world.now)
    body: Json = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    if not errors:
        return JSONResponse(body, status)
    return JSONResponse({**body, "numErrors": len(errors), "errors": errors}, 207)


async def _read(request: Request) -> Response:
    world, shelf = _shelf(request)
    body, rows = await _inputs(request)
    names = body.get("properties") or []
    found = {row["id"]: find(shelf, body.get("idProperty"), row["id"]) for row in rows}
    missing = [wanted for wanted, record in found.items() if record is None]
    told: Json = {"status": "error", "category": "OBJECT_NOT_FOUND"}
    told |= {"message": not_found(shelf.kind), "context": {"ids": missing}}
    told |= {"errors": [], "links": {}}
    results = [shown(shelf, record, names) for record in found.values() if record]
    return _batch(world, results, [told] if missing else [])


async def _archive(request: Request) -> Response:
    world, shelf = _shelf(request)
    _, rows = await _inputs(request)
    for row in rows:
        record = find(shelf, None, row["id"])
        if record:
            archive(world, shelf, record)
    return Response(status_code=204)


async def _merge(request: Request) -> Response:
    world, shelf = _shelf(request)
    body = await json_object(request)
    primary, other = (
        find(shelf, None, str(body.get(name))) for name in ("primaryObjectId", "objectIdToMerge")
    )
    if not primary or not other or primary is other:
        raise Refusal(404, error("OBJECT_NOT_FOUND", not_found(shelf.kind)))
    return JSONResponse(merge(world, shelf, primary, other))


def _names(asked: QueryParams) -> list[str]:
    """properties=a,b and properties=a&properties=b alike."""
    return [name for one in asked.getlist("properties") for name in one.split(",") if name]


async def _list(request: Request) -> Response:
    """In the order of their ids; `after` is the id of the last record of the page before."""
    (_, shelf), asked = _shelf(request), request.query_params
    limit, after = asked.get("limit", "10"), asked.get("after", "0")
    if not (limit.isdecimal() and 1 <= int(limit) <= _BATCH and after.isdecimal()):
        raise refuse(f"limit must be between 1 and {_BATCH}, and after a number")
    archived = asked.get("archived") == "true"
    names = _names(asked)
    rows = [
        record
        for record in shelf.records.values()
        if int(record["id"]) > int(after) and record["archived"] == archived
    ]
    body: Json = {"results": [shown(shelf, row, names) for row in rows[: int(limit)]]}
    if len(rows) > int(limit):
        last = body["results"][-1]["id"]
        body["paging"] = {
            "next": {"after": last, "link": str(request.url.include_query_params(after=last))}
        }
    return JSONResponse(body)


async def _one(request: Request) -> Response:
    (_, shelf), asked = _shelf(request), request.query_params
    record = find(shelf, asked.get("idProperty"), request.path_params["id"])
    if record is None:
        raise Refusal(404, trouble(404))
    return JSONResponse(shown(shelf, record, _names(asked)))


async def _search(request: Request) -> Response:
    (_, shelf), body = _shelf(request), await json_object(request)
    try:
        found = search(list(shelf.records.values()), shelf.properties, body)
    except (ValueError, KeyError, TypeError) as wrong:
        raise refuse(f"There was a problem with the request: {wrong}") from wrong
    start, limit, names = int(body.get("after") or 0), body.get("limit", 10), body.get("properties")
    page = [shown(shelf, one, names or []) for one in found[start : start + limit]]
    answer: Json = {"total": len(found), "results": page}
    if start + limit < len(found):
        answer["paging"] = {"next": {"after": str(start + limit)}}
    return JSONResponse(answer)


async def _properties(request: Request) -> Response:
    _, shelf = _shelf(request)
    return JSONResponse({"results": [_defined(one) for one in shelf.properties.values()]})


async def _property(request: Request) -> Response:
    definition = _shelf(request)[1].properties.get(request.path_params["name"])
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
    (_, shelf), body = _shelf(request), await json_object(request)
    needed = ("name", "label", "type", "fieldType", "groupName")
    lacking = [name for name in needed if not body.get(name)]
    if lacking:
        raise refuse(f"Some required fields were not set: [{', '.join(lacking)}]")
    if body["name"] in shelf.properties:
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
    shelf.properties[definition.name] = definition
    return JSONResponse(_defined(definition), 201)


_OBJECTS, _PROPERTIES = "/crm/v3/objects/{kind}", "/crm/v3/properties/{kind}"
ROUTES = [
    Route(_OBJECTS + "/batch/read", _read, methods=["POST"]),
    Route(_OBJECTS + "/batch/archive", _archive, methods=["POST"]),
    Route(_OBJECTS + "/batch/{action}", _write, methods=["POST"]),
    Route(_OBJECTS + "/merge", _merge, methods=["POST"]),
    Route(_OBJECTS + "/search", _search, methods=["POST"]),
    Route(_OBJECTS, _list),
    Route(_OBJECTS + "/{id}", _one),
    Route(_PROPERTIES, _properties),
    Route(_PROPERTIES, _define, methods=["POST"]),
    Route(_PROPERTIES + "/{name}", _property),
    *hubspot_lists.ROUTES,
]
