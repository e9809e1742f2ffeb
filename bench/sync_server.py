"""A tool on loopback that costs next to nothing: HubSpot, Marketo and a webhook, counted.

An address that begins with `bad` is refused, each row by itself as the tool does it. With a limit,
more calls than that within the window are answered as the tool does when it is busy.
"""

import argparse
import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import httptools
import orjson
import uvloop

counts = {"calls": 0, "rows": 0, "refused": 0, "busy": 0}
recent: deque[float] = deque()

# Status, body and further headers.
Said = tuple[int, Any, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--window-s", type=float, default=10)
    given = parser.parse_args()

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        tool = Tool(given.limit, given.window_s)
        server = await loop.create_server(lambda: Talking(tool), "127.0.0.1", given.port)
        await server.serve_forever()

    uvloop.run(serve())


class Tool:
    """What is answered to whom: by path, from the request's body."""

    def __init__(self, limit: int, window_s: float):
        self.limit, self.window_s = limit, window_s
        self.ways: dict[str, Callable[[bytes], Said]] = {
            "/crm/v3/objects/contacts/batch/upsert": self.upsert,
            "/identity/oauth/token": lambda _: (200, {"access_token": "t", "expires_in": 3600}, ""),
            "/rest/v1/leads.json": self.leads,
            "/hook": hook,
            "/counts": told,
        }

    def answer(self, path: str, body: bytes) -> Said:
        way = self.ways.get(path)
        return way(body) if way else one(path, body)

    def is_busy(self) -> bool:
        now = time.monotonic()
        while recent and recent[0] <= now - self.window_s:
            recent.popleft()
        if self.limit and len(recent) >= self.limit:
            counts["busy"] += 1
            return True
        recent.append(now)
        return False

    def upsert(self, body: bytes) -> Said:
        if self.is_busy():
            return 429, {"message": "slow down"}, "Retry-After: 1\r\n"
        inputs = orjson.loads(body)["inputs"]
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
        return 207, {"status": "COMPLETE", "results": results, "errors": errors}, ""

    def leads(self, body: bytes) -> Said:
        if self.is_busy():
            errors = [{"code": "606", "message": "slow down"}]
            return 200, {"success": False, "errors": errors}, ""
        rows = orjson.loads(body)["input"]
        bad = {"status": "skipped", "reasons": [{"code": "1007", "message": "no address"}]}
        good = {"status": "created", "id": 1}
        is_bad = [row["email"].startswith("bad") for row in rows]
        _count(len(rows), sum(is_bad))
        return 200, {"success": True, "result": [bad if one else good for one in is_bad]}, ""


def hook(body: bytes) -> Said:
    said = orjson.loads(body)
    rows = said.get("rows", [said])
    keys = [row.get("key") or row["email"] for row in rows]
    bad = [key for key in keys if key.startswith("bad")]
    _count(len(rows), len(bad))
    if bad and len(rows) == 1:
        return 400, {"message": "no address"}, ""
    return 200, {"rejected": [{"key": key, "reason": "no address"} for key in bad]}, ""


def one(path: str, body: bytes) -> Said:
    bad = b'"bad' in body or "/bad" in path
    _count(1, int(bad))
    return 400 if bad else 200, {"id": "1", "message": "no address"}, ""


def told(_: bytes) -> Said:
    said = dict(counts)
    counts.update(dict.fromkeys(counts, 0))
    return 200, said, ""


def _count(rows: int, refused: int) -> None:
    counts["calls"] += 1
    counts["rows"] += rows
    counts["refused"] += refused


class Talking(asyncio.Protocol):
    """One connection: each request is answered as soon as it is whole."""

    def __init__(self, tool: Tool):
        self.tool = tool
        self.parser = httptools.HttpRequestParser(self)
        self.url, self.parts = b"", list[bytes]()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.url, self.parts = b"", []

    def on_url(self, part: bytes) -> None:
        self.url += part

    def on_body(self, part: bytes) -> None:
        self.parts.append(part)

    def on_message_complete(self) -> None:
        path = self.url.decode().partition("?")[0]
        status, said, headers = self.tool.answer(path, b"".join(self.parts))
        body = orjson.dumps(said)
        head = (
            f"HTTP/1.1 {status} {'OK' if status < 300 else 'No'}\r\n{headers}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.transport.write(head.encode() + body)


if __name__ == "__main__":
    main()
