"""The fake at the edge: a transport for requests, answered by a function."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A request as it went over the wire."""

    method: str
    url: str
    body: Any
    headers: dict[str, str]


class Answering(HTTPAdapter):
    """Answers each request by the function; an exception it returns is a broken connection."""

    def __init__(self, answer: Callable[[Asked], Answer | Exception]):
        super().__init__()
        self.answer = answer
        self.asked: list[Asked] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        text = request.body.decode() if isinstance(request.body, bytes) else request.body
        is_json = request.headers.get("Content-Type") == "application/json"
        body = json.loads(text) if is_json and text else text
        asked = Asked(request.method, request.url, body, dict(request.headers))
        self.asked.append(asked)
        given = self.answer(asked)
        if isinstance(given, Exception):
            raise given
        is_text = isinstance(given.body, str)
        said = given.body if is_text else "" if given.body is None else json.dumps(given.body)
        wire = HTTPResponse(
            BytesIO(said.encode()), given.headers, given.status, preload_content=False
        )
        return self.build_response(request, wire)


def in_turn(*answers: Answer | Exception) -> Callable[[Asked], Answer | Exception]:
    """The first answer to the first request, and so on; the last one to all that follow."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


@dataclass
class Sleeper:
    """A clock for tests: `sleep` takes no time and is remembered."""

    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
