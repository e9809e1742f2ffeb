"""Salesforce's REST API: OAuth client credentials, SOQL, describe, and sObject collections.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/
"""

from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import salesforce_bulk, salesforce_collections, soql
from sandbox.salesforce_fields import FIELDS, PREFIXES, Field
from sandbox.salesforce_wire import answer, authorize, error, external_id, sobject_of, trouble
from sandbox.stores import Json
from sandbox.wire import Refusal, form_body, world_of

CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"
_CURSORS_KEPT = 10  # an open query beyond the tenth closes the oldest


async def _token(request: Request) -> Response:
    form = await form_body(request)
    if form.get("grant_type") != "client_credentials":
        raise Refusal(400, _denied("unsupported_grant_type", "grant type not supported"))
    if form.get("client_id") != CLIENT_ID:
        raise Refusal(400, _denied("invalid_client_id", "client identifier invalid"))
    if form.get("client_secret") != CLIENT_SECRET:
        raise Refusal(400, _denied("invalid_client", "invalid client credentials"))
    instance = f"{request.url.scheme}://{request.url.netloc}/salesforce"
    org = "00D5e0000000001EAA"
    return JSONResponse(
        {
            "access_token": request.app.state.sessions.issue(),
            "signature": uuid4().hex,
            "scope": "api",
            "instance_url": instance,
            "id": f"{instance}/id/{org}/{world_of(request).salesforce.api_user}",
            "token_type": "Bearer",
            "issued_at": str(int(world_of(request).now.timestamp() * 1000)),
        }
    )


def _denied(error: str, description: str) -> Json:
    return {"error": error, "error_description": description}


async def _resources(request: Request) -> Response:
    authorize(request)
    base = f"/services/data/{request.path_params['version']}"
    return answer({name: f"{base}/{name}" for name in ("sobjects", "query", "composite", "jobs")})


async def _query(request: Request) -> Response:
    authorize(request)
    version = request.path_params["version"]
    asked = request.query_params.get("q")
    if asked is None:
        raise Refusal(400, error("MALFORMED_QUERY", "A query string has to be specified"))
    everything = request.url.path.endswith("/queryAll")
    try:
        rows = soql.run(world_of(request).salesforce, asked, version, everything)
    except soql.QueryError as wrong:
        raise Refusal(400, error(wrong.code, str(wrong))) from wrong
    locator, cursors = f"01g{uuid4().hex[:15]}", request.app.state.cursors
    cursors[locator] = rows
    while len(cursors) > _CURSORS_KEPT:
        del cursors[next(iter(cursors))]
    return answer(_page(request, locator, 0))


async def _more(request: Request) -> Response:
    authorize(request)
    locator, _, start = request.path_params["locator"].rpartition("-")
    if locator not in request.app.state.cursors or not start.isdecimal():
        raise Refusal(400, error("INVALID_QUERY_LOCATOR", "invalid query locator"))
    return answer(_page(request, locator, int(start)))


def _page(request: Request, locator: str, start: int) -> Json:
    """A page of the result as it was when the query ran."""
    rows: list[Json] = request.app.state.cursors[locator]
    end = start + world_of(request).salesforce.page_size
    page: Json = {"totalSize": len(rows), "done": end >= len(rows), "records": rows[start:end]}
    if not page["done"]:
        version = request.path_params["version"]
        page["nextRecordsUrl"] = f"/services/data/{version}/query/{locator}-{end}"
    return page


async def _describe(request: Request) -> Response:
    authorize(request)
    sobject = sobject_of(request)
    fields = [_described(field) for field in FIELDS[sobject].values()]
    return answer({"name": sobject, "keyPrefix": PREFIXES[sobject], "fields": fields})


def _described(field: Field) -> Json:
    picklist = [{"value": value, "label": value, "active": True} for value in field.picklist]
    return {
        "name": field.name,
        "type": field.type,
        "length": field.length if field.type not in ("double", "currency", "int") else 0,
        "nillable": not field.required and field.type != "boolean",
        "createable": not field.readonly,
        "defaultedOnCreate": field.readonly or field.type == "boolean" or field.name == "OwnerId",
        "updateable": not field.readonly,
        "custom": field.name.endswith("__c"),
        "externalId": field.external_id,
        "unique": field.external_id,
        "restrictedPicklist": bool(field.picklist),
        "picklistValues": picklist,
        "referenceTo": [field.refers_to] if field.refers_to else [],
        "relationshipName": field.relationship or None,
    }


async def _record(request: Request) -> Response:
    authorize(request)
    sobject, store = sobject_of(request), world_of(request).salesforce
    by = request.path_params.get("field", "Id")
    if by != "Id":
        external_id(sobject, by)
    wanted, version = request.path_params["id"], request.path_params["version"]
    for row in store.held(sobject):
        if row[by] == wanted and not row["IsDeleted"]:
            url = f"/services/data/{version}/sobjects/{sobject}/{row['Id']}"
            return answer({"attributes": {"type": sobject, "url": url}, **row})
    raise Refusal(404, trouble(404))


_DATA = "/services/data/{version}"
ROUTES = [
    Route("/services/oauth2/token", _token, methods=["POST"]),
    Route(_DATA, _resources),
    Route(f"{_DATA}/query", _query),
    Route(f"{_DATA}/queryAll", _query),
    Route(_DATA + "/query/{locator}", _more),
    Route(_DATA + "/sobjects/{sobject}/describe", _describe),
    Route(_DATA + "/sobjects/{sobject}/{id}", _record),
    Route(_DATA + "/sobjects/{sobject}/{field}/{id}", _record),
    *salesforce_bulk.ROUTES,
    *salesforce_collections.ROUTES,
]
