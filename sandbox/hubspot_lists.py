"""HubSpot's lists: made by hand, filled by hand; the dynamic ones fill themselves.

https://developers.hubspot.com/docs/api-reference/crm-lists-v3/guide
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.hubspot_errors import error, refuse
from sandbox.hubspot_properties import TYPE_IDS, iso
from sandbox.hubspot_wire import authorize, json_object
from sandbox.stores import Json
from sandbox.wire import Refusal, json_body
from sandbox.world import World

_TYPES = ("MANUAL", "SNAPSHOT", "DYNAMIC")


async def _make(request: Request) -> Response:
    world, body = authorize(request), await json_object(request)
    lacking = [one for one in ("name", "objectTypeId", "processingType") if not body.get(one)]
    if lacking:
        raise refuse(f"Some required fields were not set: [{', '.join(lacking)}]")
    if body["processingType"] not in _TYPES:
        raise refuse(f"processingType must be one of: [{', '.join(_TYPES)}]")
    if any(one["name"] == body["name"] for one in world.hubspot.lists.values()):
        raise refuse(f"The list name '{body['name']}' is already in use.")
    list_id, now = world.hubspot.new_id(), iso(world.tick())
    named = {name: body[name] for name in ("name", "objectTypeId", "processingType")}
    made = {"listId": list_id, **named, "createdAt": now, "members": {}}
    world.hubspot.lists[list_id] = made
    return JSONResponse({"list": _shown(made)})


async def _one(request: Request) -> Response:
    return JSONResponse({"list": _shown(_find(authorize(request), request))})


def _shown(one: Json) -> Json:
    told = {name: value for name, value in one.items() if name != "members"}
    told |= {"processingStatus": "COMPLETE", "listVersion": 1, "size": len(one["members"])}
    return told


def _find(world: World, request: Request) -> Json:
    found = world.hubspot.lists.get(request.path_params["list_id"])
    if not found:
        told = f"List does not exist with ID {request.path_params['list_id']}."
        raise Refusal(404, error("OBJECT_NOT_FOUND", told))
    return found


async def _members(request: Request) -> Response:
    found = _find(authorize(request), request)
    joined = [
        {"recordId": record, "membershipTimestamp": at} for record, at in found["members"].items()
    ]
    return JSONResponse({"results": joined, "total": len(joined)})


async def _add(request: Request) -> Response:
    return await _change(request, added=await _ids(request), removed=[])


async def _remove(request: Request) -> Response:
    return await _change(request, added=[], removed=await _ids(request))


async def _add_and_remove(request: Request) -> Response:
    body = await json_object(request)
    added, removed = body.get("recordIdsToAdd", []), body.get("recordIdsToRemove", [])
    return await _change(request, added=added, removed=removed)


async def _ids(request: Request) -> list[str]:
    ids = await json_body(request)
    if not isinstance(ids, list):
        raise refuse("Invalid input JSON on line 1, column 1: expected a list of record ids")
    return [str(one) for one in ids]


async def _change(request: Request, added: list[str], removed: list[str]) -> Response:
    """Records that are there already, or were never, are not spoken of; unknown ones are."""
    world = authorize(request)
    found = _find(world, request)
    if found["processingType"] == "DYNAMIC":
        raise refuse("Memberships of a DYNAMIC list are decided by its filters.")
    kind = next(one for one, type_id in TYPE_IDS.items() if type_id == found["objectTypeId"])
    records, members = world.hubspot.shelves[kind].records, found["members"]
    missing = [one for one in added if one not in records or records[one]["archived"]]
    joining = [one for one in added if one not in missing and one not in members]
    leaving = [one for one in removed if one in members]
    members.update(dict.fromkeys(joining, iso(world.tick())))
    for one in leaving:
        del members[one]
    answer = {"recordsIdsAdded": joining, "recordIdsRemoved": leaving, "recordIdsMissing": missing}
    return JSONResponse(answer)


_LISTS = "/crm/v3/lists"
_MEMBERS = _LISTS + "/{list_id}/memberships"
ROUTES = [
    Route(_LISTS + "/", _make, methods=["POST"]),
    Route(_LISTS + "/{list_id}", _one),
    Route(_MEMBERS, _members),
    Route(_MEMBERS + "/add", _add, methods=["PUT"]),
    Route(_MEMBERS + "/remove", _remove, methods=["PUT"]),
    Route(_MEMBERS + "/add-and-remove", _add_and_remove, methods=["PUT"]),
]
