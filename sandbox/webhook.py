"""A company's own receiver of webhooks, by the Standard Webhooks: signed, and nothing done twice.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hmac
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.stores import Json
from sandbox.wire import Refusal, json_body, world_of

SECRET = "whsec_c2FuZGJveC13ZWJob29rLXNlY3JldA=="
_TOLERANCE_S = 300
_ACTIONS = ("upsert", "append", "delete")


def trouble(status: int) -> Any:
    return {"error": f"the receiver is out of order ({status})"}


async def _receive(request: Request) -> Response:
    call = f"call {await _verify(request)}"
    store = world_of(request).webhook
    name, action, rows = _read(await json_body(request))
    if call in store.seen:
        return JSONResponse({"repeated": True})
    rejected = [
        {"key": row["key"], "reason": reason, "code": "invalid"}
        for row in rows
        if (reason := _wrong(row["fields"]))
    ]
    if rejected and len(rows) == 1:
        raise Refusal(422, {"error": rejected[0]["reason"]})
    store.is_new(call)
    refused = {row["key"] for row in rejected}
    for row in rows:
        if row["key"] not in refused:
            store.do(name, action, row)
    return JSONResponse({"rejected": rejected})


async def _verify(request: Request) -> str:
    """The call's id, once the signature over id, time and body holds."""
    sent = request.headers
    call_id, at = sent.get("webhook-id", ""), sent.get("webhook-timestamp", "")
    if not at.isdigit() or abs(time.time() - int(at)) > _TOLERANCE_S:
        raise Refusal(401, {"error": "webhook-timestamp is missing or too old"})
    secret = base64.b64decode(SECRET.removeprefix("whsec_"))
    signed = f"{call_id}.{at}.".encode() + await request.body()
    mark = "v1," + base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()
    if not hmac.compare_digest(mark, sent.get("webhook-signature", "")):
        raise Refusal(401, {"error": "webhook-signature does not match"})
    return call_id


def _read(body: Any) -> tuple[str, str, list[Json]]:
    """The name, the action and the rows of a call in the sender's own form."""
    told = body.get("type") if isinstance(body, dict) else None
    name, _, action = str(told).rpartition(".")
    if action not in _ACTIONS or not isinstance(body.get("rows"), list):
        raise Refusal(400, {"error": f"no call that is known here: {told}"})
    return name, action, body["rows"]


def _wrong(fields: Json) -> str | None:
    email = fields.get("email")
    return f"{email} is no e-mail address" if email and "@" not in email else None


ROUTES = [Route("/{path:path}", _receive, methods=["POST"])]
