"""Salesforce's Bulk API 2.0: a job for thousands of rows, and what became of each.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/bulk_api_2_0_ingest.htm
"""

import csv
import io
from collections.abc import Iterator
from typing import Any

from destinations._salesforce_words import cell, reason, refused
from destinations.api import Api
from destinations.errors import Refused, RetryLater
from destinations.rows import Accepted, Rejected, Row

JOBS = "/services/data/v63.0/jobs/ingest"
# Salesforce turns what it gets to base64, of which 150 MB are the limit.
JOB_BYTES = 100_000_000
JOB_S = 3600.0
JOB_LATER_S = 900.0
ENDED = ("JobComplete", "Failed", "Aborted")


def in_bulk(
    api: Api, sobject: str, operation: str, column: str, rows: list[Row]
) -> Iterator[Rejected | Accepted]:
    """Jobs of rows, whose results are tied to ours by what stands in `column`."""
    told = {"object": sobject, "operation": operation, "contentType": "CSV", "lineEnding": "LF"}
    if operation == "upsert":
        told["externalIdFieldName"] = api.key
    for content, keys in _files(api, column, rows):
        path = f"{JOBS}/{api.call('POST', JOBS, told)['id']}"
        # A second upload, after a cut connection, makes the job unfit to be closed: INVALIDJOB,
        # with status 400, upon which the rows come again in two jobs of their own.
        api.call("PUT", f"{path}/batches", content, headers={"Content-Type": "text/csv"})
        api.call("PATCH", path, {"state": "UploadComplete"}, done="INVALIDJOBSTATE")
        ended = _wait(api, path)
        if ended["state"] != "JobComplete" and not ended.get("numberRecordsProcessed"):
            raise Refused(api.destination, 400, ended.get("errorMessage") or ended["state"])
        for result in _results(api, f"{path}/successfulResults"):
            if key := keys.pop(result[column], None):
                yield Accepted(key, result["sf__Id"])
        for result in _results(api, f"{path}/failedResults"):
            if key := keys.pop(result[column], None):
                yield _failed(key, result["sf__Error"])
        if keys and ended["state"] != "JobComplete":
            words = f"{len(keys)} rows unprocessed: {ended.get('errorMessage') or ended['state']}"
            raise RetryLater(api.destination, JOB_LATER_S, words)
        for key in keys.values():
            yield Rejected(key, "not mentioned in the results of the job")


def _files(api: Api, column: str, rows: list[Row]) -> Iterator[tuple[bytes, dict[str, str]]]:
    """CSV in files that a job takes, with our keys by what stands in `column`."""
    own = api.key if column == "Id" and api.key != "Id" else None
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name != own]
    lines, filled, keys = [_line(names)], 0, dict[str, str]()
    for row in rows:
        line = _line([cell(row[name]) if name in row else "" for name in names])
        if keys and filled + len(line) > JOB_BYTES:
            yield b"".join(lines), keys
            lines, filled, keys = lines[:1], 0, {}
        lines.append(line)
        filled += len(line)
        keys[cell(row[column])] = api.key_of(row)
    if keys:
        yield b"".join(lines), keys


def _line(cells: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _wait(api: Api, path: str) -> dict[str, Any]:
    """The job once it has ended; one that does not is given up, lest it write old values later."""
    pause, waited = 1.0, 0.0
    while (job := api.call("GET", path))["state"] not in ENDED:
        if waited > JOB_S:
            api.call("PATCH", path, {"state": "Aborted"}, done="INVALIDJOBSTATE")
            words = f"the job {job['id']} is {job['state']} since {waited:.0f} s"
            raise RetryLater(api.destination, JOB_LATER_S, words)
        api.pace.sleep(pause)
        pause, waited = min(pause * 2, 30.0), waited + pause
    return dict(job)


def _results(api: Api, path: str) -> Iterator[dict[str, str]]:
    text = api.call("GET", path, headers={"Accept": "text/csv"}, is_text=True) or ""
    return csv.DictReader(io.StringIO(text, newline=""))


def _failed(key: str, told: str) -> Rejected | Accepted:
    """REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --"""
    code, _, rest = told.partition(":")
    message, _, fields = rest.rpartition(":")
    said = reason(code, message, fields.removesuffix("--").strip()) if message else told
    return refused(key, code, said)
