"""Customer.io's Track API v2: people identified, merged, deleted and given events.

https://docs.customer.io/integrations/api/track/tag/track_v2/
"""

import json
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.stores import CustomerioStore, Json
from sandbox.wire import Refusal, basic, json_body, world_of
from sandbox.world import World

SITE_ID = "sandbox-site"
API_KEY = "sandbox-key"
_BATCH_BYTES, _ITEM_BYTES = 500 * 1024, 32 * 1024
_IDENTIFIERS = ("cio_id", "id", "email")
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def trouble(status: int) -> Json:
    messages = {401: "Unauthorized request", 404: "not found", 429: "too many requests"}
    return {"meta": {"error": messages.get(status, "internal server error")}}


def _wrong(reason: str, field: str, message: str) -> Json:
    return {"reason": reason, "field": field, "message": message}


def _authorize(request: Request) -> World:
    if basic(request) != (SITE_ID, API_KEY):
        raise Refusal(401, trouble(401))
    return world_of(request)


async def _body(request: Request) -> Json:
    try:
        body = await json_body(request)
    except ValueError as error:
        raise Refusal(400, {"errors": [_wrong("invalid", "body", "invalid JSON")]}) from error
    if not isinstance(body, dict):
        raise Refusal(400, {"errors": [_wrong("invalid", "body", "must be an object")]})
    return body


async def _batch(request: Request) -> Response:
    """Good items are taken whatever becomes of the others; the bad ones are told by their place."""
    world = _authorize(request)
    if len(await request.body()) > _BATCH_BYTES:
        told = _wrong("invalid", "batch", "batch request must be smaller than 500kb")
        raise Refusal(400, {"errors": [told]})
    items = (await _body(request)).get("batch")
    if not isinstance(items, list) or not items:
        raise Refusal(400, {"errors": [_wrong("required", "batch", "batch cannot be blank")]})
    errors = [
        {"batch_index": place, **error}
        for place, item in enumerate(items)
        for error in _do(world, item)
    ]
    return JSONResponse({"errors": errors} if errors else {}, 207 if errors else 200)


async def _entity(request: Request) -> Response:
    world = _authorize(request)
    errors = _do(world, await _body(request))
    return JSONResponse({"errors": errors} if errors else {}, 400 if errors else 200)


def _do(world: World, item: Any) -> list[Json]:
    """Carry out one operation; what is wrong with it, or nothing."""
    errors = _errors(item)
    if errors:
        return errors
    if item["action"] == "merge":
        _merge(world, item["primary"], item["secondary"])
        return []
    identifiers, given = item["identifiers"], item.get("attributes") or {}
    if item["action"] == "identify":
        _identify(world, identifiers, given)
    elif item["action"] == "event":
        _event(world, item, identifiers, given)
    elif person := _person(world, identifiers):
        world.tick()
        world.customerio.delete(person)
    return []


def _event(world: World, item: Json, identifiers: Json, given: Json) -> None:
    """An event whose id was seen before is passed over.

    https://docs.customer.io/journeys/events/#deduplicating-events
    """
    store = world.customerio
    person = _person(world, identifiers)
    if not person:
        _identify(world, identifiers, {})
        person = _person(world, identifiers)
    event = {"cio_id": person and person["cio_id"], "name": item["name"], "data": given}
    at = item.get("timestamp") or int(world.tick().timestamp())
    store.track({**event, "timestamp": at} | ({"id": item["id"]} if "id" in item else {}))


def _merge(world: World, primary: Json, secondary: Json) -> None:
    """The primary keeps its attributes and gets those it lacks; the secondary is gone.

    Where either is not known, nothing is done and nothing said.
    https://docs.customer.io/journeys/merge-people
    """
    store = world.customerio
    kept, other = _person(world, primary), _person(world, secondary)
    if not kept or not other or kept is other:
        return
    now = int(world.tick().timestamp())
    store.delete(other)
    names = {name: kept[name] or other[name] for name in CustomerioStore.NAMES}
    attributes = {**other["attributes"], **kept["attributes"]}
    store.save({**kept, **names, "attributes": attributes, "updated_at": now})
    for event in store.events:
        if event["cio_id"] == other["cio_id"]:
            event["cio_id"] = kept["cio_id"]


def _errors(item: Any) -> list[Json]:
    if not isinstance(item, dict):
        return [_wrong("invalid", "body", "must be an object")]
    if len(json.dumps(item, ensure_ascii=False).encode()) > _ITEM_BYTES:
        return [_wrong("invalid", "body", "request must be 32kb or smaller")]
    if item.get("type") != "person":
        return [_wrong("invalid", "type", f"unknown type {item.get('type')}")]
    if item.get("action") not in ("identify", "delete", "event", "merge"):
        return [_wrong("invalid", "action", f"unknown action {item.get('action')}")]
    if item["action"] == "merge":
        return _identifier_errors(item.get("primary"), "primary") + _identifier_errors(
            item.get("secondary"), "secondary"
        )
    errors = _event_errors(item) if item["action"] == "event" else []
    errors += _identifier_errors(item.get("identifiers"), "identifiers")
    return errors + _attribute_errors(item.get("attributes"))


def _event_errors(item: Json) -> list[Json]:
    errors = []
    if not item.get("name"):
        errors.append(_wrong("required", "name", "event name must not be blank"))
    if "id" in item and not _ULID.fullmatch(str(item["id"])):
        errors.append(_wrong("invalid", "id", "must be a valid ULID"))
    if not isinstance(item.get("timestamp", 0), int):
        errors.append(_wrong("invalid", "timestamp", "must be a unix timestamp"))
    return errors


def _identifier_errors(identifiers: Any, field: str) -> list[Json]:
    """One of id, email and cio_id: a text that is not empty."""
    if not isinstance(identifiers, dict) or not set(identifiers) & set(_IDENTIFIERS):
        return [_wrong("required", field, "one of id, email or cio_id must be present")]
    errors = []
    for name, value in identifiers.items():
        if name not in _IDENTIFIERS:
            errors.append(_wrong("invalid", f"{field}.{name}", "unknown identifier"))
        elif not isinstance(value, str) or not value:
            told = "must be a string value and cannot be empty"
            errors.append(_wrong("invalid", f"{field}.{name}", told))
        elif name == "email" and not _EMAIL.fullmatch(value):
            errors.append(_wrong("invalid", f"{field}.email", "invalid email address"))
    return errors


def _attribute_errors(attributes: Any) -> list[Json]:
    """https://docs.customer.io/journeys/invalid-api-requests"""
    if attributes is None:
        return []
    if not isinstance(attributes, dict):
        return [_wrong("invalid", "attributes", "must be an object")]
    errors = []
    if len(attributes) > 300:
        told = "cannot identify more than 300 attributes in one request"
        errors.append(_wrong("invalid", "attributes", told))
    for name, value in attributes.items():
        text = value if isinstance(value, str) else json.dumps(value)
        if len(name.encode()) > 150:
            told = "property name cannot be longer than 150 bytes"
            errors.append(_wrong("invalid", f"attributes.{name}", told))
        if len(text.encode()) > 1000:
            told = "property value cannot be longer than 1000 bytes"
            errors.append(_wrong("invalid", f"attributes.{name}", told))
        if name == "email" and value and not _EMAIL.fullmatch(str(value)):
            errors.append(_wrong("invalid", "attributes.email", "invalid email address"))
    return errors


def _person(world: World, identifiers: Json) -> Json | None:
    """cio_id counts before id, id before email."""
    store = world.customerio
    if "cio_id" in identifiers:
        return store.people.get(identifiers["cio_id"].removeprefix("cio_"))
    name = "id" if "id" in identifiers else "email"
    return store.find(name, identifiers[name])


def _identify(world: World, identifiers: Json, given: Json) -> None:
    """Null and the empty text remove an attribute.

    An id or e-mail that somebody else has is left out without an error: Customer.io shows it as a
    failed attribute change in the workspace, not to the sender.
    """
    store = world.customerio
    person = _person(world, identifiers) or store.new()
    named = {
        name: value
        for name, value in {**given, **identifiers}.items()
        if name in CustomerioStore.NAMES
    }
    free = {
        name: value
        for name, value in named.items()
        if value and (store.find(name, value) or person) is person
    }
    attributes = person["attributes"] | {
        name: value for name, value in given.items() if name not in CustomerioStore.NAMES
    }
    kept = {name: value for name, value in attributes.items() if value not in (None, "")}
    now = int(world.tick().timestamp())
    store.save({**person, **free, "attributes": kept, "updated_at": now})


ROUTES = [
    Route("/api/v2/batch", _batch, methods=["POST"]),
    Route("/api/v2/entity", _entity, methods=["POST"]),
]
