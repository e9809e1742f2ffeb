"""A tool on loopback that costs next to nothing: HubSpot, Marketo and a webhook, counted.

An address that begins with `bad` is refused, each row by itself as the tool does it. With a limit,
more calls than that within the window are answered as the tool does when it is busy.
"""

import argparse
import json
import time
from collections import deque

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

counts = {"calls": 0, "rows": 0, "refused": 0, "busy": 0}
recent: deque[float] = deque()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--window-s", type=float, default=10)
    given = parser.parse_args()

    async def upsert(request: Request) -> JSONResponse:
        if _is_busy(given.limit, given.window_s):
            return JSONResponse({"message": "slow down"}, 429, {"Retry-After": "1"})
        inputs = json.loads(await request.body())["inputs"]
        bad = [each for each in inputs if each["id"].startswith("bad")]
        good = [each for each in inputs if not each["id"].startswith("bad")]
        _count(len(inputs), len(bad))
        results = [
            {"id": each["id"], "objectWriteTraceId": each["objectWriteTraceId"]} for each in good
        ]
        errors = [
            {
                "category": "VALIDATION_ERROR",
                "message": "no address",
                "context": {"objectWriteTraceId": [each["objectWriteTraceId"]]},
            }
            for each in bad
        ]
        return JSONResponse({"status": "COMPLETE", "results": results, "errors": errors}, 207)

    async def token(_: Request) -> JSONResponse:
        return JSONResponse({"access_token": "t", "expires_in": 3600})

    async def leads(request: Request) -> JSONResponse:
        if _is_busy(given.limit, given.window_s):
            errors = [{"code": "606", "message": "slow down"}]
            return JSONResponse({"success": False, "errors": errors})
        rows = json.loads(await request.body())["input"]
        bad = {"status": "skipped", "reasons": [{"code": "1007", "message": "no address"}]}
        good = {"status": "created", "id": 1}
        is_bad = [row["email"].startswith("bad") for row in rows]
        _count(len(rows), sum(is_bad))
        return JSONResponse({"success": True, "result": [bad if one else good for one in is_bad]})

    async def hook(request: Request) -> JSONResponse:
        said = json.loads(await request.body())
        rows = said.get("rows", [said])
        keys = [row.get("key") or row["email"] for row in rows]
        bad = [key for key in keys if key.startswith("bad")]
        _count(len(rows), len(bad))
        if bad and len(rows) == 1:
            return JSONResponse({"message": "no address"}, 400)
        return JSONResponse({"rejected": [{"key": key, "reason": "no address"} for key in bad]})

    async def one(request: Request) -> JSONResponse:
        text = await request.body()
        bad = b'"bad' in text or "/bad" in request.url.path
        _count(1, int(bad))
        return JSONResponse({"id": "1", "message": "no address"}, 400 if bad else 200)

    async def told(_: Request) -> JSONResponse:
        said = dict(counts)
        counts.update(dict.fromkeys(counts, 0))
        return JSONResponse(said)

    app = Starlette(
        routes=[
            Route("/crm/v3/objects/contacts/batch/upsert", upsert, methods=["POST"]),
            Route("/identity/oauth/token", token, methods=["POST"]),
            Route("/rest/v1/leads.json", leads, methods=["POST"]),
            Route("/hook", hook, methods=["POST"]),
            Route("/counts", told),
            Route("/{path:path}", one, methods=["POST", "PATCH"]),
        ]
    )
    uvicorn.run(app, port=given.port, log_level="error", access_log=False)


def _count(rows: int, refused: int) -> None:
    counts["calls"] += 1
    counts["rows"] += rows
    counts["refused"] += refused


def _is_busy(limit: int, window_s: float) -> bool:
    now = time.monotonic()
    while recent and recent[0] <= now - window_s:
        recent.popleft()
    if limit and len(recent) >= limit:
        counts["busy"] += 1
        return True
    recent.append(now)
    return False


if __name__ == "__main__":
    main()
