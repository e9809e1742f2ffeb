"""What every part of HubSpot's API needs of HTTP: its token and its bodies."""

from starlette.requests import Request

from sandbox.hubspot_errors import error, refuse
from sandbox.stores import Json
from sandbox.wire import Refusal, bearer, json_body, world_of
from sandbox.world import World

ACCESS_TOKEN = "pat-sandbox"


def authorize(request: Request) -> World:
    if bearer(request) != ACCESS_TOKEN:
        told = "Authentication credentials not found. This API supports OAuth 2.0 authentication."
        raise Refusal(401, error("INVALID_AUTHENTICATION", told))
    return world_of(request)


async def json_object(request: Request) -> Json:
    try:
        body = await json_body(request)
    except ValueError as wrong:
        raise refuse(f"Invalid input JSON on line 1, column 1: {wrong}") from wrong
    if not isinstance(body, dict):
        raise refuse("Invalid input JSON on line 1, column 1: expected an object")
    return body
