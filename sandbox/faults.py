"""Trouble on demand: errors, latency and cut connections in front of the vendors' APIs."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, cast

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sandbox.limits import Bucket
    from sandbox.tokens import Tokens


@dataclass(frozen=True)
class Vendor:
    """What stands before one vendor's routes."""

    trouble: Callable[[int], Any]  # the body the vendor sends with a status that is no answer
    limit: Bucket | None = None
    tells_limit: bool = False  # in every answer, and how long to wait in no other header
    hides_status: bool = False  # the answer's status is 200, whatever the body says
    tokens: Tokens | None = None


@dataclass
class Fault:
    """`times` requests (-1: all) of a vendor, or of its paths that contain `path`, go wrong."""

    vendor: str
    status: int = 0
    retry_after: float | None = None
    latency_ms: int = 0
    drop_after: bool = False
    expire_tokens: bool = False
    path: str = ""
    times: int = 1

    @classmethod
    def read(cls, told: dict[str, Any]) -> Self:
        unknown = sorted(set(told) - set(cls.__dataclass_fields__))
        if unknown:
            known = ", ".join(cls.__dataclass_fields__)
            raise ValueError(f"a fault has no {', '.join(unknown)}; it has {known}")
        return cls(**told)

    def hits(self, vendor: str, path: str) -> bool:
        return self.times != 0 and vendor == self.vendor and self.path in path


@dataclass
class Gate:
    """ASGI in front of the app: counts requests, holds the rate limits, works the faults."""

    app: ASGIApp
    vendors: Mapping[str, Vendor]
    faults: list[Fault] = field(default_factory=list)
    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)

    def tell(self, told: list[dict[str, Any]]) -> None:
        """Take new faults; tokens expire at once, the others wait for their requests."""
        faults = [Fault.read(one) for one in told]
        for fault in faults:
            if fault.vendor not in self.vendors:
                raise ValueError(f"no vendor {fault.vendor!r}; there are {', '.join(self.vendors)}")
            tokens = self.vendors[fault.vendor].tokens
            if fault.expire_tokens and tokens:
                tokens.expire_all()
        self.faults += [fault for fault in faults if not fault.expire_tokens]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        vendor = _vendor(scope["path"]) if scope["type"] == "http" else ""
        if vendor not in self.vendors:
            await self.app(scope, receive, send)
            return
        status = 0

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": self._told(vendor, message["headers"])}
            await send(message)

        await self._meet(vendor, scope, receive, seen, cast("Any", send))
        self.requests[vendor, _route(scope), status] += 1

    def _told(self, vendor: str, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The headers of an answer, with the vendor's limit where it tells that."""
        one, given = self.vendors[vendor], {name for name, _ in headers}
        told = one.limit.told() if one.limit and one.tells_limit else {}
        more = [(name.lower().encode(), value.encode()) for name, value in told.items()]
        return [*headers, *(pair for pair in more if pair[0] not in given)]

    async def _meet(
        self, vendor: str, scope: Scope, receive: Receive, seen: Send, wire: Any
    ) -> None:
        """1. The rate limit. 2. Latency. 3. An error instead of the call, or no answer after it."""
        limit, path = self.vendors[vendor].limit, scope["path"]
        wait_s = limit.take() if limit else 0.0
        answer: ASGIApp = self._answer(vendor, 429, wait_s) if wait_s else self.app
        for fault in [] if wait_s else [one for one in self.faults if one.hits(vendor, path)]:
            fault.times -= fault.times > 0
            await asyncio.sleep(fault.latency_ms / 1000)
            if fault.drop_after:
                await self._drop_after(scope, receive, wire)
                return
            if fault.status:
                answer = self._answer(vendor, fault.status, fault.retry_after)
                break
        await answer(scope, receive, seen)

    def _answer(self, vendor: str, status: int, retry_after: float | None) -> JSONResponse:
        one = self.vendors[vendor]
        header = "RateLimit-Reset" if one.tells_limit else "Retry-After"
        headers = {} if retry_after is None else {header: str(math.ceil(retry_after))}
        return JSONResponse(one.trouble(status), 200 if one.hides_status else status, headers)

    async def _drop_after(self, scope: Scope, receive: Receive, wire: Any) -> None:
        """Do what was asked, then cut the connection without a word."""

        async def nowhere(message: Message) -> None:
            pass

        await self.app(scope, receive, nowhere)
        # ASGI has no word for it: uvicorn's send is a method of the cycle that holds the socket.
        wire.__self__.transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass

    def counts(self) -> list[dict[str, Any]]:
        return [
            {"vendor": vendor, "route": route, "status": status, "count": count}
            for (vendor, route, status), count in sorted(self.requests.items())
        ]


def _vendor(path: str) -> str:
    first = path.split("/")[1]
    return "google_ads" if first == "google_oauth" else first


def _route(scope: Scope) -> str:
    """The path with the parameters' names in place of their values."""
    names = {value: name for name, value in scope.get("path_params", {}).items()}
    parts = scope["path"].split("/")[2:]
    shown = "/".join(f"{{{names[part]}}}" if part in names else part for part in parts)
    return f"{scope['method']} /{shown}"
