"""All the vendors' APIs in one ASGI app, and the sandbox's own control routes."""

from collections.abc import Callable
from typing import Any, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from sandbox import (
    customerio,
    google_ads,
    hubspot,
    marketo,
    mixpanel,
    salesforce,
    salesforce_wire,
    stripe,
    vitally,
    webhook,
)
from sandbox.faults import Gate, Vendor
from sandbox.limits import Bucket
from sandbox.tokens import Tokens
from sandbox.wire import Refusal, json_body, world_of
from sandbox.world import World


def build(world: World, next_day: Callable[[], None]) -> Gate:
    """The app over a world; `next_day` lets one day of it pass."""
    sessions, grants = Tokens("00D5e0000000001!AQ", 7200), Tokens("ya29.sandbox", 3599)
    app = Starlette(
        routes=[
            Mount("/stripe/v1", routes=stripe.ROUTES),
            Mount("/salesforce", routes=salesforce.ROUTES),
            Mount("/google_ads", routes=google_ads.ROUTES),
            Mount("/google_oauth", routes=google_ads.OAUTH_ROUTES),
            Mount("/hubspot", routes=hubspot.ROUTES),
            Mount("/customerio", routes=customerio.ROUTES),
            Mount("/marketo", routes=marketo.ROUTES),
            Mount("/vitally", routes=vitally.ROUTES),
            Mount("/mixpanel", routes=mixpanel.ROUTES),
            Mount("/mixpanel_data", routes=mixpanel.EXPORT_ROUTES),
            Mount("/webhook", routes=webhook.ROUTES),
            Mount("/_sandbox", routes=_CONTROL),
        ],
        exception_handlers={Refusal: _refused, HTTPException: _unrouted},
    )
    gate = Gate(
        app,
        {
            # https://docs.stripe.com/rate-limits
            "stripe": Vendor(stripe.trouble, Bucket(100, 1)),
            "salesforce": Vendor(salesforce_wire.trouble, tokens=sessions),
            "google_ads": Vendor(google_ads.trouble, tokens=grants),
            # https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines
            "hubspot": Vendor(hubspot.trouble, Bucket(100, 10)),
            # https://docs.customer.io/integrations/api/track/
            "customerio": Vendor(customerio.trouble, Bucket(100, 1)),
            "marketo": Vendor(
                marketo.trouble,
                Bucket(100, 20),
                hides_status=True,
                tokens=Tokens("cdf01657-110d-4155-99a7-f986b2ff13a0:", 3600),
            ),
            # https://docs.vitally.io/en/articles/9880649-rest-api-overview
            "vitally": Vendor(vitally.trouble, Bucket(1000, 60), tells_limit=True),
            # A limit by bytes and events, not by calls.
            "mixpanel": Vendor(mixpanel.trouble),
            # https://docs.mixpanel.com/reference/raw-event-export
            "mixpanel_data": Vendor(mixpanel.export_trouble, Bucket(60, 3600)),
            "webhook": Vendor(webhook.trouble),
        },
    )
    app.state.world, app.state.gate, app.state.next_day = world, gate, next_day
    app.state.sessions, app.state.grants, app.state.cursors = sessions, grants, {}
    return gate


def _refused(_: Request, refusal: Exception) -> Response:
    refusal = cast(Refusal, refusal)
    return JSONResponse(refusal.body, refusal.status)


def _unrouted(request: Request, error: Exception) -> Response:
    error = cast(HTTPException, error)
    vendors = cast(Gate, request.app.state.gate).vendors
    vendor = vendors.get(request.url.path.split("/")[1])
    body = vendor.trouble(error.status_code) if vendor else {"error": error.detail}
    return JSONResponse(body, error.status_code, error.headers)


async def _health(request: Request) -> Response:
    return JSONResponse({"now": world_of(request).now.isoformat()})


async def _day(request: Request) -> Response:
    request.app.state.next_day()
    return await _health(request)


async def _requests(request: Request) -> Response:
    return JSONResponse(request.app.state.gate.counts())


async def _faults(request: Request) -> Response:
    gate: Gate = request.app.state.gate
    try:
        gate.tell(await json_body(request))
    except ValueError as error:
        raise Refusal(400, {"error": str(error)}) from error
    return Response(status_code=204)


async def _mended(request: Request) -> Response:
    request.app.state.gate.faults.clear()
    return Response(status_code=204)


async def _records(request: Request) -> Response:
    vendor, kind = request.path_params["vendor"], request.path_params["kind"]
    try:
        held: Any = world_of(request).held(vendor, kind)
    except KeyError as error:
        raise Refusal(404, {"error": f"{vendor} holds no {kind}"}) from error
    return JSONResponse(held)


_CONTROL = [
    Route("/health", _health),
    Route("/day", _day, methods=["POST"]),
    Route("/requests", _requests),
    Route("/faults", _faults, methods=["POST"]),
    Route("/faults", _mended, methods=["DELETE"]),
    Route("/records/{vendor}/{kind}", _records),
]
