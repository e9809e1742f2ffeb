"""Marketo's REST API: leads synchronised, deleted and merged, and static lists.

Whatever happens, the answer's status is 200; the body says what it was.
https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/error-codes
"""

import itertools
from collections.abc import Callable
from typing import cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.faults import Gate
from sandbox.marketo_leads import FIELDS, MarketoStore, Wrong, sync
from sandbox.stores import Json
from sandbox.tokens import Tokens
from sandbox.wire import Refusal, bearer, json_body, world_of
from sandbox.world import World

CLIENT = ("sandbox-client", "sandbox-secret")
_BATCH, _BODY_BYTES, _ADDRESS_BYTES = 300, 1_000_000, 8_192
_ACTIONS = ("createOnly", "updateOnly", "createOrUpdate")
_request_ids = itertools.count(0x14272)


def _failed(code: str, message: str) -> Json:
    errors = [{"code": code, "message": message}]
    return {"requestId": f"e42b#{next(_request_ids):x}", "success": False, "errors": errors}


def trouble(status: int) -> Json:
    code, message = {
        401: ("601", "Access token invalid"),
        403: ("603", "Access denied"),
        404: ("610", "Requested resource not found"),
        405: ("605", "HTTP method not supported"),
        429: ("606", "Max rate limit '100' exceeded with in '20' secs"),
        503: ("608", "API Temporarily Unavailable"),
    }.get(status, ("611", "System error"))
    return _failed(code, message)


def _refuse(code: str, message: str) -> Refusal:
    return Refusal(200, _failed(code, message))


def _tokens(request: Request) -> Tokens:
    return cast(Tokens, cast(Gate, request.app.state.gate).vendors["marketo"].tokens)


async def _identity(request: Request) -> Response:
    asked, tokens = request.query_params, _tokens(request)
    if (asked.get("client_id"), asked.get("client_secret")) != CLIENT:
        told = {"error": "invalid_client", "error_description": "Bad client credentials"}
        raise Refusal(401, told)
    if asked.get("grant_type") != "client_credentials":
        told = {"error": "unsupported_grant_type", "error_description": "Unsupported grant type"}
        raise Refusal(400, told)
    return JSONResponse(
        {
            "access_token": tokens.issue(),
            "token_type": "bearer",
            "expires_in": int(tokens.lifetime_s) - 1,
            "scope": "api@sandbox.example.com",
        }
    )


def _authorize(request: Request) -> World:
    token, tokens = bearer(request), _tokens(request)
    if len(str(request.url)) > _ADDRESS_BYTES:
        raise Refusal(414, {"error": "Request-URI Too Long"})
    if not token:
        raise _refuse("600", "Access token not specified")
    if not tokens.valid(token):
        if tokens.was_issued(token):
            raise _refuse("602", "Access token expired")
        raise _refuse("601", "Access token invalid")
    return world_of(request)


async def _body(request: Request) -> Json:
    if len(await request.body()) > _BODY_BYTES:
        raise Refusal(413, {"error": "Request Entity Too Large"})
    try:
        body = await json_body(request)
    except ValueError as error:
        raise _refuse("609", "Invalid JSON") from error
    inputs = body.get("input") if isinstance(body, dict) else None
    if not isinstance(inputs, list) or not inputs:
        raise _refuse("1002", "Missing value for the required parameter 'input'")
    if len(inputs) > _BATCH:
        # The limit is documented, Marketo's words for it are not.
        raise _refuse("1003", f"A maximum of {_BATCH} records can be given in one call")
    return dict(body)


def _done(result: list[Json]) -> Response:
    told = {"requestId": f"e42b#{next(_request_ids):x}", "success": True, "result": result}
    return JSONResponse(told)


def _each(inputs: list[Json], do: Callable[[Json], Json]) -> Response:
    """Each record has its result, in the order of the input."""
    result: list[Json] = []
    for one in inputs:
        try:
            result.append(do(one))
        except Wrong as wrong:
            ids = {"id": one["id"]} if "id" in one else {}
            result.append({**ids, "status": "skipped", "reasons": [wrong.reason]})
    return _done(result)


async def _sync(request: Request) -> Response:
    world, body = _authorize(request), await _body(request)
    action, lookup = body.get("action", "createOrUpdate"), body.get("lookupField", "email")
    if action not in _ACTIONS:
        raise _refuse("1001", f"Invalid value '{action}'. Required of type 'LeadActionType'")
    if lookup not in FIELDS:
        raise _refuse("1006", f"Field '{lookup}' not found")
    if not FIELDS[lookup].is_key:
        raise _refuse("1011", f"Field '{lookup}' not supported")
    now = _now(world)
    return _each(body["input"], lambda one: sync(world.marketo, action, lookup, one, now))


def _now(world: World) -> str:
    return world.tick().strftime("%Y-%m-%dT%H:%M:%SZ")


async def _find(request: Request) -> Response:
    world, asked = _authorize(request), request.query_params
    field, values = asked.get("filterType", ""), asked.get("filterValues", "").split(",")
    if field not in FIELDS or not FIELDS[field].is_key:
        raise _refuse("1003", f"Invalid filterType '{field}'")
    if len(values) > _BATCH:
        raise _refuse("1003", f"A maximum of {_BATCH} filterValues is allowed")
    names = [name for name in asked.get("fields", "").split(",") if name]
    names = names or ["updatedAt", "lastName", "email", "createdAt", "id", "firstName"]
    if unknown := [name for name in names if name not in FIELDS]:
        raise _refuse("1006", f"Field '{unknown[0]}' not found")
    found = [lead for value in values for lead in world.marketo.find(field, value)]
    return _done([{name: lead[name] for name in ("id", *names)} for lead in found])


async def _delete(request: Request) -> Response:
    world, body = _authorize(request), await _body(request)
    world.tick()

    def delete(one: Json) -> Json:
        _lead(world.marketo, one)
        world.marketo.delete(one["id"])
        return {"id": one["id"], "status": "deleted"}

    return _each(body["input"], delete)


def _lead(store: MarketoStore, one: Json) -> Json:
    lead = store.leads.get(str(one.get("id")))
    if not lead:
        raise Wrong("1004", f"Lead '{one.get('id')}' not found")
    return lead


async def _merge(request: Request) -> Response:
    """The winner keeps its values and gets those it lacks."""
    world = _authorize(request)
    store = world.marketo
    winner = store.leads.get(request.path_params["id"])
    losers = [store.leads.get(one) for one in request.query_params.getlist("leadId")]
    if not winner or not losers or None in losers:
        raise _refuse("1004", "Lead not found")
    for loser in losers:
        assert loser
        store.delete(loser["id"])
        winner = {
            name: winner[name] if winner[name] is not None else loser[name] for name in FIELDS
        }
    store.save({**winner, "updatedAt": _now(world)})
    return JSONResponse({"requestId": f"e42b#{next(_request_ids):x}", "success": True})


async def _describe(request: Request) -> Response:
    _authorize(request)
    fields = [
        {
            "name": one.name,
            "displayName": one.name,
            "dataType": one.type,
            **({"length": one.length} if one.length else {}),
            "updateable": not one.is_readonly,
            "crmManaged": False,
        }
        for one in FIELDS.values()
    ]
    keys = [[one.name] for one in FIELDS.values() if one.is_key]
    return _done([{"name": "API Lead", "searchableFields": keys, "fields": fields}])


async def _join(request: Request) -> Response:
    world, members = _members(request)
    body = await _body(request)

    def join(one: Json) -> Json:
        lead_id = _lead(world.marketo, one)["id"]
        members.extend([] if lead_id in members else [lead_id])
        return {"id": lead_id, "status": "added"}

    return _each(body["input"], join)


async def _leave(request: Request) -> Response:
    world, members = _members(request)
    body = await _body(request)

    def leave(one: Json) -> Json:
        lead_id = _lead(world.marketo, one)["id"]
        if lead_id not in members:
            raise Wrong("1015", "Lead not in list")
        members.remove(lead_id)
        return {"id": lead_id, "status": "removed"}

    return _each(body["input"], leave)


def _members(request: Request) -> tuple[World, list[int]]:
    world, list_id = _authorize(request), request.path_params["list_id"]
    if list_id not in world.marketo.lists:
        raise _refuse("1013", f"List with id '{list_id}' not found")
    return world, world.marketo.lists[list_id]


ROUTES = [
    Route("/identity/oauth/token", _identity, methods=["GET", "POST"]),
    Route("/rest/v1/leads.json", _sync, methods=["POST"]),
    Route("/rest/v1/leads.json", _find),
    Route("/rest/v1/leads/delete.json", _delete, methods=["POST"]),
    Route("/rest/v1/leads/describe2.json", _describe),
    Route("/rest/v1/leads/{id}/merge.json", _merge, methods=["POST"]),
    Route("/rest/v1/lists/{list_id}/leads.json", _join, methods=["POST"]),
    Route("/rest/v1/lists/{list_id}/leads.json", _leave, methods=["DELETE"]),
]
