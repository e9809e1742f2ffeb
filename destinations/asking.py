"""What is asked of a tool: a request, from its parts."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import requests

from destinations.login import Headers
from destinations.rows import on_wire

AS_JSON = {"Content-Type": "application/json"}
AS_FORM = {"Content-Type": "application/x-www-form-urlencoded"}

# A request's body, params and headers.
Content = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One request, as it goes out."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None


def as_content(body: Any, params: Any = None, headers: Headers | None = None) -> Content:
    if not (body is None or isinstance(body, bytes)):
        body, headers = on_wire(body), AS_JSON | (headers or {})
    return {"body": body, "params": params, "headers": headers or {}}


def as_form(form: dict[str, str]) -> Content:
    return as_content(urlencode(form).encode() if form else None, headers=AS_FORM if form else {})


def address(url: str, params: Any) -> str:
    """An address as it goes over the wire: with its query, and its odd signs written as %20."""
    if not params:
        return _quoted(url)
    asked = requests.PreparedRequest()
    asked.prepare_url(url, params)
    return asked.url or url


@lru_cache(maxsize=256)
def _quoted(url: str) -> str:
    asked = requests.PreparedRequest()
    asked.prepare_url(url, None)
    return asked.url or url
