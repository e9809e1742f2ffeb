"""Stripe's API for reading: customers, subscriptions, invoices, charges and their events.

https://docs.stripe.com/api
"""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.stores import Json
from sandbox.wire import Refusal, basic, bearer, world_of
from sandbox.world import World

API_KEY = "sk_test_sandbox"
_PAGING = {"limit", "starting_after", "ending_before"}
_FILTERS = {
    "customers": {"created", "email"},
    "subscriptions": {"created", "customer", "status"},
    "invoices": {"created", "customer", "status", "subscription"},
    "charges": {"created", "customer"},
    "events": {"created", "type", "types"},
}
_SINGULAR = {kind: kind.removesuffix("s") for kind in _FILTERS}
_EVENTS_KEPT = timedelta(days=30)  # https://docs.stripe.com/api/events
_NAMED = re.compile(r"(\w+)(?:\[(\w*)\])?$")
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "gt": int.__gt__,
    "gte": int.__ge__,
    "lt": int.__lt__,
    "lte": int.__le__,
    "": int.__eq__,
}


def trouble(status: int) -> Json:
    if status == 429:
        message = (
            "Request rate limit exceeded. "
            "Learn more about rate limits here https://stripe.com/docs/rate-limits."
        )
        return _error(message, code="rate_limit")
    if status >= 500:
        message = "Sorry! There was an error while talking to one of our backends."
        return {"error": {"message": message, "type": "api_error"}}
    return _error("Unrecognized request URL. Please see https://stripe.com/docs.")


def _error(message: str, **more: str) -> Json:
    return {"error": {**more, "message": message, "type": "invalid_request_error"}}


def _authorize(request: Request) -> None:
    user, _ = basic(request) or (bearer(request), "")
    if not user:
        raise Refusal(401, _error("You did not provide an API key in the Authorization header."))
    if user != API_KEY:
        shown = f"{user[:8]}{'*' * max(len(user) - 12, 0)}{user[-4:]}"
        raise Refusal(401, _error(f"Invalid API Key provided: {shown}"))


def _answer(request: Request, body: Any) -> Response:
    version = request.headers.get("stripe-version", "2025-09-30.clover")
    headers = {"Request-Id": f"req_{uuid4().hex[:14]}", "Stripe-Version": version}
    return JSONResponse(body, headers=headers)


async def _list(request: Request) -> Response:
    _authorize(request)
    kind = _kind(request)
    asked = _asked(request, kind)
    rows = [row for row in _held(world_of(request), kind) if _wanted(kind, row, asked)]
    page, has_more = _page(kind, rows, asked)
    url = f"/v1/{kind}"
    return _answer(request, {"object": "list", "data": page, "has_more": has_more, "url": url})


async def _one(request: Request) -> Response:
    _authorize(request)
    kind, wanted = _kind(request), request.path_params["id"]
    for row in world_of(request).held("stripe", kind):
        if row["id"] == wanted:
            return _answer(request, row)
    raise Refusal(404, _missing(kind, wanted, "id"))


def _kind(request: Request) -> str:
    return request.url.path.split("/")[3]


def _missing(kind: str, wanted: str, param: str) -> Json:
    message = f"No such {_SINGULAR[kind]}: '{wanted}'"
    return _error(message, code="resource_missing", param=param)


def _asked(request: Request, kind: str) -> dict[str, list[tuple[str, str]]]:
    """Parameters by name, each with its (key in brackets, value) pairs."""
    asked: dict[str, list[tuple[str, str]]] = {}
    for named, value in request.query_params.multi_items():
        match = _NAMED.match(named)
        name, key = (match[1], match[2] or "") if match else (named, "")
        if name not in _PAGING | _FILTERS[kind]:
            text = f"Received unknown parameter: {name}"
            raise Refusal(400, _error(text, code="parameter_unknown", param=name))
        if name == "created":
            _integer(value, named)
        asked.setdefault(name, []).append((key, value))
    return asked


def _integer(text: str, param: str) -> int:
    if not re.fullmatch(r"-?\d+", text):
        told = f"Invalid integer: {text}"
        raise Refusal(400, _error(told, code="parameter_invalid_integer", param=param))
    return int(text)


def _held(world: World, kind: str) -> list[Json]:
    """Newest first. Deleted customers and events past their 30 days are no longer listed."""
    rows = [row for row in world.held("stripe", kind) if not row.get("deleted")]
    if kind == "events":
        oldest = (world.now - _EVENTS_KEPT).timestamp()
        rows = [row for row in rows if row["created"] >= oldest]
    rows.reverse()
    return sorted(rows, key=lambda row: -row["created"])


def _wanted(kind: str, row: Json, asked: dict[str, list[tuple[str, str]]]) -> bool:
    if kind == "subscriptions" and "status" not in asked and row["status"] == "canceled":
        return False
    return all(_matches(row, name, pairs) for name, pairs in asked.items() if name not in _PAGING)


def _matches(row: Json, name: str, pairs: list[tuple[str, str]]) -> bool:
    values = [value for _, value in pairs]
    if name == "created":
        return all(_COMPARE[key](row["created"], int(value)) for key, value in pairs)
    if name == "status" and values == ["all"]:
        return True
    if name == "status" and values == ["ended"]:
        return row["status"] in ("canceled", "incomplete_expired")
    if name in ("type", "types"):
        return any(_is_type(row["type"], value) for value in values)
    return row.get(name) in values


def _is_type(event: str, wanted: str) -> bool:
    return event.startswith(wanted[:-1]) if wanted.endswith("*") else event == wanted


def _page(
    kind: str, rows: list[Json], asked: dict[str, list[tuple[str, str]]]
) -> tuple[list[Json], bool]:
    limit = _integer(asked.get("limit", [("", "10")])[-1][1], "limit")
    if not 1 <= limit <= 100:
        bound = "greater than or equal to 1" if limit < 1 else "less than or equal to 100"
        told = f"This value must be {bound}."
        raise Refusal(400, _error(told, code="parameter_invalid_integer", param="limit"))
    if "starting_after" in asked:
        rows = rows[_place(kind, rows, asked, "starting_after") + 1 :]
    if "ending_before" in asked:
        rows = rows[: _place(kind, rows, asked, "ending_before")]
        return rows[-limit:], len(rows) > limit
    return rows[:limit], len(rows) > limit


def _place(kind: str, rows: list[Json], asked: dict[str, list[tuple[str, str]]], param: str) -> int:
    wanted = asked[param][-1][1]
    for place, row in enumerate(rows):
        if row["id"] == wanted:
            return place
    raise Refusal(400, _missing(kind, wanted, param))


ROUTES = [
    route
    for kind in _FILTERS
    for route in (Route(f"/{kind}", _list), Route(f"/{kind}/{{id}}", _one))
]
