"""Salesforce's Bulk API 2.0, ingest: a job, its rows as CSV, and what became of each.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/bulk_api_2_0_ingest.htm
"""

import csv
import io
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.salesforce_cells import UnknownColumnError, columns, row_of
from sandbox.salesforce_fields import FIELDS
from sandbox.salesforce_wire import authorize, error, external_id, trouble
from sandbox.salesforce_writes import Write, delete, refused
from sandbox.stores import Json, salesforce_time
from sandbox.wire import Refusal, json_body, world_of
from sandbox.world import World

_OPERATIONS = ("insert", "update", "upsert", "delete")
_HIDDEN = ("content", "uploads", "outcomes")


async def _create(request: Request) -> Response:
    authorize(request)
    asked, world = await json_body(request), world_of(request)
    sobject, operation = asked.get("object"), asked.get("operation")
    if sobject not in FIELDS or operation not in _OPERATIONS:
        told = f"Unable to find object: {sobject}" if sobject not in FIELDS else "bad operation"
        raise Refusal(400, error("INVALIDJOB", f"InvalidJob : {told}"))
    if operation == "upsert":
        external_id(sobject, asked.get("externalIdFieldName") or "")
    version, stamp = request.path_params["version"], salesforce_time(world.tick())
    job_id = f"7505e{len(world.salesforce.jobs) + 1:010d}AAA"
    world.salesforce.jobs[job_id] = {
        "id": job_id,
        "operation": operation,
        "object": sobject,
        "createdById": world.salesforce.api_user,
        "createdDate": stamp,
        "systemModstamp": stamp,
        "state": "Open",
        "externalIdFieldName": asked.get("externalIdFieldName"),
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": float(version.removeprefix("v")),
        "contentUrl": f"services/data/{version}/jobs/ingest/{job_id}/batches",
        "lineEnding": asked.get("lineEnding", "LF"),
        "columnDelimiter": "COMMA",
        "content": "",
        "uploads": 0,
        "outcomes": [],
    }
    return _info(world.salesforce.jobs[job_id])


def _info(job: Json) -> Response:
    return JSONResponse({name: value for name, value in job.items() if name not in _HIDDEN})


def _job(request: Request) -> Json:
    authorize(request)
    job: Json | None = world_of(request).salesforce.jobs.get(request.path_params["job"])
    if not job:
        raise Refusal(404, trouble(404))
    return job


async def _upload(request: Request) -> Response:
    """One upload a job: of a second one Salesforce complains when the job is closed."""
    job = _job(request)
    if job["state"] != "Open":
        raise Refusal(400, error("INVALIDJOBSTATE", f"Job is {job['state']}, not Open"))
    job["content"] = (await request.body()).decode()
    job["uploads"] += 1
    return Response(status_code=201)


async def _change(request: Request) -> Response:
    job, state = _job(request), (await json_body(request)).get("state")
    fitting = {"UploadComplete": ("Open",), "Aborted": ("Open", "UploadComplete", "InProgress")}
    if job["state"] not in fitting.get(state, ()):
        told = f"Closing already {job['state']} Job not allowed"
        raise Refusal(400, error("INVALIDJOBSTATE", told))
    if state == "UploadComplete" and job["uploads"] > 1:
        told = (
            f"Found multipe contents for job: <{job['id']}>, please 'Close' / 'Abort' / 'Delete' "
            "the current Job then create a new Job and make sure you only do 'PUT' once on a "
            "given Job."
        )
        raise Refusal(400, error("INVALIDJOB", told))
    job["state"] = state
    return _info(job)


async def _look(request: Request) -> Response:
    """Whoever looks sees the job a step further: queued, then at work, then done."""
    job = _job(request)
    seen = _info(job)
    if job["state"] == "InProgress":
        _work(world_of(request), job)
    elif job["state"] == "UploadComplete":
        job["state"] = "InProgress"
    return seen


def _work(world: World, job: Json) -> None:
    """Do the rows; a job of which `stop_after` is set fails there, as after too many retries."""
    rows = list(csv.reader(io.StringIO(job["content"])))
    header, cells = rows[0] if rows else [], rows[1:]
    try:
        fields = columns(job["object"], header)
    except UnknownColumnError as wrong:
        job |= {"state": "Failed", "errorMessage": f"InvalidBatch : {wrong}"}
        return
    stop_after = world.salesforce.bulk_stops_after
    done = cells if stop_after is None else cells[:stop_after]
    job["outcomes"] = _outcomes(world, job, fields, done)
    failed = sum(not one["success"] for one in job["outcomes"])
    job |= {"state": "JobComplete" if done == cells else "Failed"}
    job |= {"numberRecordsProcessed": len(done), "numberRecordsFailed": failed, "retries": 0}
    if done != cells:
        job["errorMessage"] = "InternalServerError : Unable to process all the data in the job"


def _outcomes(world: World, job: Json, fields: list[Any], cells: list[list[str]]) -> list[Json]:
    if job["operation"] == "delete":
        return [delete(world, row[0]) for row in cells]
    key = job["externalIdFieldName"] or "Id"
    write = Write(world, job["object"], job["operation"], key)
    rows = [row_of(fields, row) for row in cells]
    found = write.errors([row for row, _ in rows])
    return [
        refused(errors) if errors else write.take(row)
        for (row, wrong), known in zip(rows, found, strict=True)
        for errors in [wrong or known]
    ]


async def _results(request: Request) -> Response:
    job, kind = _job(request), request.path_params["kind"].rstrip("/")
    header, *cells = list(csv.reader(io.StringIO(job["content"]))) or [[]]
    outcomes = job["outcomes"]
    if kind == "unprocessedrecords":
        return _csv([header, *cells[len(outcomes) :]])
    wanted = kind == "successfulResults"
    first = ["sf__Id", "sf__Created" if wanted else "sf__Error"]
    told = [
        [one.get("id") or "", _created(one) if wanted else _said(one), *row]
        for row, one in zip(cells, outcomes, strict=False)
        if one["success"] == wanted
    ]
    return _csv([first + header, *told])


def _created(outcome: Json) -> str:
    return str(outcome.get("created", False)).lower()


def _said(outcome: Json) -> str:
    """REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --"""
    one = outcome["errors"][0]
    fields = ",".join(one["fields"])
    return f"{one['statusCode']}:{one['message']}:{fields + ' ' if fields else ''}--"


def _csv(rows: list[list[str]]) -> Response:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return Response(text.getvalue(), media_type="text/csv")


_INGEST = "/services/data/{version}/jobs/ingest"
ROUTES = [
    Route(_INGEST, _create, methods=["POST"]),
    Route(_INGEST + "/{job}", _look),
    Route(_INGEST + "/{job}", _change, methods=["PATCH"]),
    Route(_INGEST + "/{job}/batches", _upload, methods=["PUT"]),
    Route(_INGEST + "/{job}/{kind:path}", _results),
]
