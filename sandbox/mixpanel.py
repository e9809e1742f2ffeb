"""Mixpanel: profiles and events taken in, and the raw events given out.

https://docs.mixpanel.com/reference/ingestion-api, https://docs.mixpanel.com/reference/raw-event-export
"""

import json
import re
from datetime import date, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.stores import Json
from sandbox.wire import Refusal, basic, json_body, world_of
from sandbox.world import World

PROJECT_TOKEN = "sandbox-token"
PROJECT_ID = "2195193"
SERVICE_ACCOUNT = ("sandbox-account", "sandbox-secret")
_RECORDS, _BODY_BYTES = 2000, 2_097_152
_NOBODY = ("anon", "anonymous", "nil", "none", "null", "n/a", "undefined", "unknown", "0", "-1")
_STATUS = {
    400: ("Bad Request", "some data points in the request failed validation"),
    401: ("Unauthorized", "Invalid credentials"),
    403: ("Forbidden", "Forbidden"),
    404: ("Not Found", "not found"),
    413: ("Request Entity Too Large", f"request exceeds max limit of {_BODY_BYTES} bytes"),
    429: (
        "Too Many Requests",
        "Project exceeded rate limits. Please retry the request with exponential backoff.",
    ),
}


def trouble(status: int) -> Json:
    said, error = _STATUS.get(status, ("Internal Server Error", "internal server error"))
    return {"code": status, "error": error, "status": said}


def export_trouble(status: int) -> Json:
    return {"request": "/api/2.0/export", "error": _STATUS.get(status, ("", "error"))[1]}


async def _records(request: Request) -> tuple[World, list[Any]]:
    world = world_of(request)
    if len(await request.body()) > _BODY_BYTES:
        raise Refusal(413, trouble(413))
    try:
        records = await json_body(request)
    except ValueError as error:
        raise Refusal(400, trouble(400) | {"error": "request body is not JSON"}) from error
    records = records if isinstance(records, list) else [records]
    if len(records) > _RECORDS:
        raise Refusal(413, trouble(413) | {"error": f"more than {_RECORDS} records in a request"})
    return world, records


def _answer(count: int, failed: list[Json], *, is_strict: bool) -> Response:
    taken = count - len(failed)
    if not is_strict:
        return JSONResponse(1 if taken else 0)
    if failed:
        told = {"num_records_imported": taken, "failed_records": failed}
        return JSONResponse(trouble(400) | told, 400)
    return JSONResponse({"code": 200, "num_records_imported": taken, "status": "OK"})


async def _import(request: Request) -> Response:
    """The events that pass are taken in, whatever becomes of the others."""
    if basic(request) not in ((PROJECT_TOKEN, ""), SERVICE_ACCOUNT):
        raise Refusal(401, trouble(401))
    world, records = await _records(request)
    failed = []
    for index, record in enumerate(records):
        if wrong := _event_wrong(world, record):
            insert_id = record.get("properties", {}).get("$insert_id", "")
            failed.append({"index": index, "insert_id": insert_id, **wrong})
        else:
            world.mixpanel.track(record, world.tick())
    return _answer(len(records), failed, is_strict=request.query_params.get("strict") == "1")


def _event_wrong(world: World, record: Json) -> Json | None:
    """The first thing wrong with an event; a time in seconds becomes one in milliseconds.

    https://docs.mixpanel.com/reference/import-events#validation
    """
    named = record.get("properties") or {}
    told = {
        "event": "must be a non-empty string",
        "properties.time": "must be specified as seconds since epoch, after 1971-01-01 and not"
        " more than an hour in the future",
        "properties.$insert_id": "must be at most 36 bytes of letters, digits and '-'",
        "properties.distinct_id": "not a valid identifier",
        "properties": "must have less than 256 properties",
    }
    is_right = {
        "event": isinstance(record.get("event"), str) and record["event"] != "",
        "properties.time": _time(world, named),
        "properties.$insert_id": bool(
            re.fullmatch(r"[A-Za-z0-9-]{1,36}", str(named.get("$insert_id", "")))
        ),
        "properties.distinct_id": str(named.get("distinct_id", "none")).lower() not in _NOBODY,
        "properties": len(named) <= 255,
    }
    for field, right in is_right.items():
        if not right:
            return _wrong(field, f"'{field}' is invalid: {told[field]}")
    return None


def _time(world: World, named: Json) -> bool:
    at = named.get("time")
    if not isinstance(at, int) or isinstance(at, bool):
        return False
    # Seconds and milliseconds are told apart by their size.
    named["time"] = at * 1000 if at < 10**11 else at
    latest = (world.now + timedelta(hours=1)).timestamp() * 1000
    return bool(31_536_000_000 <= named["time"] <= latest)


def _wrong(field: str, message: str) -> Json:
    return {"field": field, "message": message}


async def _engage(request: Request) -> Response:
    world, records = await _records(request)
    failed = []
    for index, record in enumerate(records):
        if wrong := _update_wrong(record):
            failed.append({"index": index, **wrong})
        else:
            _update(world, record)
    return _answer(len(records), failed, is_strict=request.query_params.get("strict") == "1")


_OPERATIONS = ("$set", "$set_once", "$unset", "$delete")


def _update_wrong(record: Any) -> Json | None:
    if not isinstance(record, dict) or record.get("$token") != PROJECT_TOKEN:
        return _wrong("$token", "'$token' is invalid: not a token of a project")
    who = record.get("$distinct_id")
    if not isinstance(who, str) or not who or who.lower() in _NOBODY:
        return _wrong("$distinct_id", "'$distinct_id' is invalid: not a valid identifier")
    asked = [name for name in _OPERATIONS if name in record]
    if len(asked) != 1:
        return _wrong("", f"a record must have one operation of {', '.join(_OPERATIONS)}")
    if asked[0] in ("$set", "$set_once") and not isinstance(record[asked[0]], dict):
        return _wrong(asked[0], f"'{asked[0]}' is invalid: must be an object")
    if len(json.dumps(record)) > 1_048_576:
        return _wrong("", "a record must be smaller than 1 MB")
    return None


def _update(world: World, record: Json) -> None:
    profiles, who = world.mixpanel.profiles, record["$distinct_id"]
    now = world.tick().strftime("%Y-%m-%dT%H:%M:%S")
    if "$delete" in record:
        profiles.pop(who, None)
        return
    held = profiles.get(who) or {"$distinct_id": who, "$properties": {}}
    properties = {**record.get("$set_once", {}), **held["$properties"], **record.get("$set", {})}
    for name in record.get("$unset", []):
        properties.pop(name, None)
    profiles[who] = {**held, "$properties": properties, "$last_updated": now}


async def _export(request: Request) -> Response:
    """One event a line; none, and the answer is empty."""
    asked, world = request.query_params, world_of(request)
    if basic(request) != SERVICE_ACCOUNT or asked.get("project_id") != PROJECT_ID:
        raise Refusal(401, export_trouble(401))
    try:
        first, last = (date.fromisoformat(asked[name]) for name in ("from_date", "to_date"))
    except (KeyError, ValueError) as error:
        raise Refusal(400, {"error": "from_date and to_date must be yyyy-mm-dd"}) from error
    if first > last:
        raise Refusal(400, {"error": "from_date must not be after to_date"})
    names = json.loads(asked.get("event", "null"))
    unit_ms = 1 if asked.get("time_in_ms") == "true" else 1000
    lines = []
    for event in world.mixpanel.exported(first.isoformat(), last.isoformat()):
        if names is None or event["event"] in names:
            properties = {**event["properties"], "time": event["properties"]["time"] // unit_ms}
            lines.append(json.dumps({**event, "properties": properties}))
    return Response(
        "".join(line + "\n" for line in lines) + world.mixpanel.export_end, media_type="text/plain"
    )


ROUTES = [
    Route("/import", _import, methods=["POST"]),
    Route("/engage", _engage, methods=["POST"]),
]
EXPORT_ROUTES = [Route("/api/2.0/export", _export)]
