"""Google Ads by REST: searchStream over campaigns and their days, behind Google's OAuth.

https://developers.google.com/google-ads/api/rest/overview
"""

from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import gaql
from sandbox.stores import Json
from sandbox.wire import Refusal, bearer, form_body, json_body, world_of

CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"
REFRESH_TOKEN = "sandbox-refresh"
DEVELOPER_TOKEN = "sandbox-developer"
CUSTOMER_ID = "1234567890"
_VERSIONS = ("v23", "v24", "v25", "v26")
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
_MESSAGES = {
    400: "Request contains an invalid argument.",
    401: "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
    "cookie or other valid authentication credential.",
    403: "The caller does not have permission",
    404: "Requested entity was not found.",
    429: "Resource has been exhausted (e.g. check quota).",
    503: "The service is currently unavailable.",
}


def trouble(status: int) -> Any:
    """searchStream answers with an array, so its errors come in one too."""
    message = _MESSAGES.get(status, "Internal error encountered.")
    code = _STATUSES.get(status, "INTERNAL")
    return [{"error": {"code": status, "message": message, "status": code}}]


def _failure(version: str, status: int, kind: str, code: str, message: str) -> Any:
    """A GoogleAdsFailure: which error of which kind, in Google's words."""
    body = trouble(status)
    name = f"type.googleapis.com/google.ads.googleads.{version}.errors.GoogleAdsFailure"
    errors = [{"errorCode": {kind: code}, "message": message}]
    body[0]["error"]["details"] = [{"@type": name, "errors": errors, "requestId": uuid4().hex}]
    return body


async def _token(request: Request) -> Response:
    form = await form_body(request)
    if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
        raise Refusal(401, _denied("invalid_client", "The OAuth client was not found."))
    if form.get("grant_type") != "refresh_token":
        told = f"Invalid grant_type: {form.get('grant_type')}"
        raise Refusal(400, _denied("unsupported_grant_type", told))
    if form.get("refresh_token") != REFRESH_TOKEN:
        raise Refusal(400, _denied("invalid_grant", "Bad Request"))
    grants = request.app.state.grants
    return JSONResponse(
        {
            "access_token": grants.issue(),
            "expires_in": grants.lifetime_s,
            "scope": "https://www.googleapis.com/auth/adwords",
            "token_type": "Bearer",
        }
    )


def _denied(error: str, description: str) -> Json:
    return {"error": error, "error_description": description}


def _authorize(request: Request, version: str) -> None:
    if version not in _VERSIONS:
        raise Refusal(404, trouble(404))
    if not request.app.state.grants.valid(bearer(request)):
        raise Refusal(401, trouble(401))
    if request.headers.get("developer-token") != DEVELOPER_TOKEN:
        told = "The developer token is not valid."
        kind, code = "authenticationError", "DEVELOPER_TOKEN_INVALID"
        raise Refusal(401, _failure(version, 401, kind, code, told))
    if request.path_params["customer"] != CUSTOMER_ID:
        told = "User doesn't have permission to access customer. Note: If you're accessing a "
        told += "client customer, the manager's customer id must be set in the "
        told += "'login-customer-id' header."
        kind, code = "authorizationError", "USER_PERMISSION_DENIED"
        raise Refusal(403, _failure(version, 403, kind, code, told))


async def _search_stream(request: Request) -> Response:
    version = request.path_params["version"]
    _authorize(request, version)
    try:
        body = await json_body(request)
        query = str(body["query"])
    except (ValueError, KeyError, TypeError) as error:
        raise Refusal(400, trouble(400)) from error
    store = world_of(request).google_ads
    try:
        mask, rows = gaql.run(store, query, CUSTOMER_ID)
    except gaql.QueryError as error:
        failure = _failure(version, 400, "queryError", error.code, str(error))
        raise Refusal(400, failure) from error
    size, told = store.batch_size, {"fieldMask": mask, "requestId": uuid4().hex[:22]}
    batches = [{"results": rows[at : at + size], **told} for at in range(0, len(rows), size)]
    # A stream without rows still has its one message, and no `results` in it.
    return JSONResponse(batches or [told])


ROUTES = [
    Route(
        "/{version}/customers/{customer}/googleAds:searchStream", _search_stream, methods=["POST"]
    )
]
OAUTH_ROUTES = [Route("/token", _token, methods=["POST"])]
