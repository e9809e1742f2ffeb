"""Vitally's REST API: accounts and users, one by one. https://docs.vitally.io/en/articles/9880649"""

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.stores import Json
from sandbox.vitally_store import FIELDS
from sandbox.wire import Refusal, basic, json_body, world_of
from sandbox.world import World

API_KEY = "sk_live_sandbox"


def trouble(status: int) -> Json:
    words = {401: "Unauthorized", 404: "Not found", 429: "Too Many Requests"}
    return {"error": words.get(status, "Internal Server Error")}


def _refuse(message: str) -> Refusal:
    return Refusal(400, {"error": message})


def _kind(request: Request) -> tuple[World, str]:
    if basic(request) != (API_KEY, ""):
        raise Refusal(401, trouble(401))
    kind = request.path_params["kind"]
    if kind not in FIELDS:
        raise Refusal(404, trouble(404))
    return world_of(request), kind


def _find(request: Request) -> tuple[World, str, Json]:
    """By Vitally's id or by the customer's."""
    world, kind = _kind(request)
    found = world.vitally.find(kind, request.path_params["id"])
    if not found:
        raise Refusal(404, {"error": f"{kind.removesuffix('s').capitalize()} not found"})
    return world, kind, found


async def _body(request: Request) -> Json:
    try:
        body = await json_body(request)
    except ValueError as error:
        raise _refuse("Request body must be JSON") from error
    if not isinstance(body, dict) or not isinstance(body.get("traits", {}), dict):
        raise _refuse("traits must be an object")
    return body


async def _create(request: Request) -> Response:
    (world, kind), body = _kind(request), await _body(request)
    external_id = body.get("externalId")
    if not isinstance(external_id, str) or not external_id:
        raise _refuse("externalId is required")
    if kind == "accounts" and not body.get("name"):
        raise _refuse("name is required")
    if kind == "users" and not (body.get("accountIds") or body.get("organizationIds")):
        raise _refuse("accountIds or organizationIds is required")
    if world.vitally.find(kind, external_id):
        raise _refuse(f"externalId {external_id} already exists")
    made: Json = dict.fromkeys(FIELDS[kind]) | {"externalId": external_id, "traits": {}}
    made |= {"id": world.vitally.new_id(), "createdAt": _now(world)}
    return JSONResponse(_keep(world, kind, made, body))


async def _update(request: Request) -> Response:
    (world, kind, found), body = _find(request), await _body(request)
    return JSONResponse(_keep(world, kind, found, body))


def _keep(world: World, kind: str, held: Json, body: Json) -> Json:
    """Traits are merged into those that are there; null removes one."""
    given = {name: body[name] for name in FIELDS[kind] if name in body}
    if given.get("email") and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", given["email"]):
        raise _refuse("email must be a valid email address")
    ids = given.get("accountIds")
    known = world.vitally.records["accounts"]
    if ids is not None and not (ids and all(one in known for one in ids)):
        raise _refuse("accountIds must be ids of accounts")
    traits = {**held["traits"], **body.get("traits", {})}
    kept = {name: value for name, value in traits.items() if value is not None}
    record = {**held, **given, "traits": kept, "updatedAt": _now(world)}
    world.vitally.records[kind][record["id"]] = record
    return record


def _now(world: World) -> str:
    return world.tick().strftime("%Y-%m-%dT%H:%M:%S.000Z")


async def _show(request: Request) -> Response:
    return JSONResponse(_find(request)[2])


async def _delete(request: Request) -> Response:
    world, kind, found = _find(request)
    world.tick()
    del world.vitally.records[kind][found["id"]]
    return Response(status_code=204)


ROUTES = [
    Route("/resources/{kind}", _create, methods=["POST"]),
    Route("/resources/{kind}/{id:path}", _show),
    Route("/resources/{kind}/{id:path}", _update, methods=["PUT"]),
    Route("/resources/{kind}/{id:path}", _delete, methods=["DELETE"]),
]
