"""What stands in a tool's answer, besides what was asked for: how long to wait, what is wrong."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

import orjson

CHARSET = re.compile(r"charset=[\"']?([\w.:-]+)")
# https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines
HUBSPOT_WINDOW = "x-hubspot-ratelimit-interval-milliseconds"


@dataclass(frozen=True)
class Reply:
    """An answer of HTTP; the names of its headers are in small letters."""

    status_code: int
    headers: dict[str, str]
    content: bytes
    reason: str = ""

    @cached_property
    def text(self) -> str:
        told = CHARSET.search(self.headers.get("content-type", ""))
        try:
            return self.content.decode(told[1] if told else "utf-8", "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body from JSON, ValueError where it is none."""
        return orjson.loads(self.content)


def pause_told_s(response: Reply) -> float | None:
    """How long the tool asks us to wait, in seconds, if it does.

    Retry-After is seconds or a date (RFC 9110, 10.2.3). RateLimit-Reset is the seconds until there
    is room again (Vitally, and draft-ietf-httpapi-ratelimit-headers). HubSpot tells the length of
    its window.
    """
    told = response.headers.get("retry-after", "").strip()
    if told.replace(".", "", 1).isdigit():
        return float(told)
    if told:
        return _seconds_until(told)
    if response.status_code != 429:
        return None
    for header, unit_s in (("ratelimit-reset", 1.0), (HUBSPOT_WINDOW, 0.001)):
        told = response.headers.get(header, "").strip()
        if told.isdigit():
            return int(told) * unit_s
    return None


def no_room_for_s(response: Reply) -> float:
    """Seconds until the tool has room again; 0 while it has. It says so before it refuses."""
    if response.headers.get("ratelimit-remaining") != "0":
        return 0.0
    until = response.headers.get("ratelimit-reset", "")
    return float(until) if until.isdigit() else 0.0


def _seconds_until(date: str) -> float | None:
    try:
        until = parsedate_to_datetime(date)
    except ValueError:
        return None
    return max((until.astimezone(UTC) - datetime.now(UTC)).total_seconds(), 0.0)


def sentence(response: Reply) -> str:
    """The telling part of the error bodies that tools send, all fields optional."""
    try:
        said = response.json()
    except ValueError:
        return ""
    for inner in ("meta", "errors"):
        if isinstance(said, dict) and "message" not in said and said.get(inner):
            said = said[inner]
    if isinstance(said, list):
        said = said[0] if said else {}
    if not isinstance(said, dict):
        return str(said)
    fields = ("errorCode", "category", "error", "reason", "field", "error_description", "message")
    return ": ".join(str(said[name]) for name in fields if said.get(name))
