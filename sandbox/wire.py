"""What every vendor's API needs of HTTP: credentials, bodies, and refusing a request."""

import base64
import binascii
import json
from typing import Any, cast
from urllib.parse import parse_qsl

from starlette.requests import Request

from sandbox.world import World


class Refusal(Exception):
    """The vendor says no: a status and a body in the vendor's own shape."""

    def __init__(self, status: int, body: Any) -> None:
        self.status, self.body = status, body
        super().__init__(f"{status} {json.dumps(body)}")


def world_of(request: Request) -> World:
    return cast(World, request.app.state.world)


def bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def basic(request: Request) -> tuple[str, str] | None:
    """User and password, or None when the header is absent or no Basic credentials."""
    scheme, _, coded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return user, password


async def form_body(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))


async def json_body(request: Request) -> Any:
    """The parsed body; raises ValueError when it is no JSON."""
    return json.loads(await request.body())
