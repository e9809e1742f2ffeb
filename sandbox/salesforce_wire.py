"""What all of Salesforce's routes share: errors in its words, its session, its objects."""

from itertools import count
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.salesforce_fields import FIELDS
from sandbox.stores import Json
from sandbox.wire import Refusal, bearer

_calls = count(1)
CALLS_A_DAY = 100_000


def trouble(status: int) -> Any:
    code, message = {
        404: ("NOT_FOUND", "The requested resource does not exist"),
        405: ("METHOD_NOT_ALLOWED", "HTTP Method not allowed for this resource"),
        403: ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        429: ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        503: ("SERVER_UNAVAILABLE", "The server is temporarily unavailable. Try again later."),
    }.get(status, ("UNKNOWN_EXCEPTION", "An unexpected error occurred."))
    return error(code, message)


def error(code: str, message: str) -> list[Json]:
    return [{"message": message, "errorCode": code}]


def authorize(request: Request) -> None:
    if not request.app.state.sessions.valid(bearer(request)):
        raise Refusal(401, error("INVALID_SESSION_ID", "Session expired or invalid"))


def answer(body: Any) -> Response:
    return JSONResponse(
        body, headers={"Sforce-Limit-Info": f"api-usage={next(_calls)}/{CALLS_A_DAY}"}
    )


def sobject_of(request: Request) -> str:
    sobject: str = request.path_params["sobject"]
    if sobject not in FIELDS:
        raise Refusal(404, trouble(404))
    return sobject


def external_id(sobject: str, name: str) -> None:
    field = FIELDS[sobject].get(name)
    if not field or not field.external_id:
        told = f"Provided external ID field does not exist or is not accessible: {name}"
        raise Refusal(404, error("NOT_FOUND", told))
