"""A tool's HTTP interface, for one sync: signed, at the tool's pace, patient while it is busy.

What a status means is decided here and nowhere else:
    2xx                     the tool's answer, as JSON
    words that say that it  done: an earlier try was taken, and its answer lost
    was done before
    401 with a login that   the token has expired: a fresh one, once
    can be renewed
    408 423 429 477 5xx,    busy: again after what it says (Retry-After), or 1, 2, 4 ... 32 s, until
    no connection           patience is over; then RetryLater
    a quota's words         RetryLater at once: asking again would only use up more of it
    400 413 422             Refused about the rows: the caller looks for the one to blame
    401 403, the token's    Refused about the login
    anything else           Refused about the request
A tool whose status says something else than it means has a function that tells (Destination.means).
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
import requests

from destinations.answers import no_room_for_s, pause_told_s, sentence
from destinations.errors import About, BadParameter, Refused, RetryLater, Unanswered
from destinations.login import Arguments, Headers, Login
from destinations.rows import Row, on_wire

T = TypeVar("T")

log = logging.getLogger(__name__)

# 477: HubSpot moves the account between data centres.
# https://developers.hubspot.com/docs/api-reference/error-handling
BUSY = {408, 423, 429, 477}
# Who answers so has taken nothing of what was asked.
UNTOUCHED = {423, 429, 477, 503}
LONGEST_PAUSE_S = 32.0
LATER_S = 60.0
QUOTA_S = 900.0
# Connect, then read: HubSpot itself gives up after 100 s, Salesforce after 120.
TIMEOUT_S = (10, 125)
WORDS_LENGTH = 400
AS_JSON = {"Content-Type": "application/json"}


# The status that an answer means.
Means = Callable[[requests.Response], int]


def as_it_says(response: requests.Response) -> int:
    return response.status_code


@dataclass(frozen=True)
class Rate:
    """The tool's documented limit: so many calls in any window of so many seconds."""

    calls: int
    per_s: float


UNLIMITED = Rate(1000, per_s=1)


@dataclass(eq=False)
class Pace:
    """Keeps calls within a Rate by waiting before the one that would exceed it.

    `not_before`: until then the tool has said that it has no room.
    """

    rate: Rate
    sleep: Callable[[float], None]
    now: Callable[[], float]
    made_at: deque[float] = field(default_factory=deque)
    not_before: float = 0.0

    def wait(self) -> None:
        until = self.not_before
        if len(self.made_at) == self.rate.calls:
            until = max(until, self.made_at.popleft() + self.rate.per_s)
        if (pause := until - self.now()) > 0:
            self.sleep(pause)
        self.made_at.append(self.now())


@dataclass(eq=False)
class Api:
    """What a connector talks through. `key` is the field by which this sync recognises rows.

    `mode` says what the sync wants of `object`, one of its modes ("upsert" for mirror); `run_id`
    names this attempt: for file names and idempotency keys. `may_repeat`: what has perhaps arrived
    may be sent again; `answered` counts the calls that the tool has answered well. `heard` are
    the headers of the last answer; `memory` is the connector's own, for what it must know of the
    run's batches before.
    """

    destination: str
    key: str
    base_url: str
    arguments: Arguments = field(repr=False)
    login: Login
    pace: Pace
    quota_words: tuple[str, ...]
    session: requests.Session
    patience_s: float
    mode: str = "upsert"
    run_id: str = ""
    object: str = ""
    memory: dict[str, Any] = field(default_factory=dict)
    means: Means = as_it_says
    may_repeat: bool = True
    answered: int = 0
    heard: Mapping[str, str] = field(default_factory=dict)
    headers: Headers = field(default_factory=dict, repr=False)

    def key_of(self, row: Row) -> str:
        return str(row[self.key])

    def parameter(self, name: str, read: Callable[[str], T], default: str = "") -> T:
        """A parameter as `read` understands it; BadParameter where that raises ValueError."""
        try:
            return read(self.arguments.get(name) or default)
        except ValueError as error:
            raise BadParameter(self.destination, name, str(error)) from error

    def call(  # noqa: PLR0913 - what a request may have
        self,
        method: str,
        path: str,
        body: Any = None,
        params: Any = None,
        *,
        headers: Headers | None = None,
        is_text: bool = False,
        done: str = "",
    ) -> Any:
        """One request to the tool; its answer from JSON, None if it had nothing to say.

        A body of bytes goes as it is; with `is_text`, an answer that is not called JSON comes as
        it is too. `path` may be a whole address. A refusal with the words `done` says that an
        earlier try had been taken, and its answer lost: nothing more is to do.
        """
        if not (body is None or isinstance(body, bytes)):
            body, headers = on_wire(body), AS_JSON | (headers or {})
        content = {"data": body, "params": params, "headers": headers or {}}
        response = self._signed(method, path, content)
        if self.means(response) == 401 and self.login.renews:
            self.headers = {}
            response = self._signed(method, path, content)
        answer, self.heard = None, response.headers
        if not (done and response.status_code >= 300 and done in response.text):
            answer = self._answer(response, _about(self.means(response)), is_text)
        self.answered += 1
        return answer

    def attempt(  # noqa: PLR0913 - as `call`
        self,
        method: str,
        path: str,
        body: Any = None,
        params: Any = None,
        *,
        headers: Headers | None = None,
        is_text: bool = False,
    ) -> Any:
        """As `call`, for a tool that takes rows one by one: a refusal of this one is the answer."""
        try:
            return self.call(method, path, body, params, headers=headers, is_text=is_text)
        except Refused as refusal:
            if refusal.about == "login":
                raise
            return refusal

    def _signed(self, method: str, path: str, content: dict[str, Any]) -> requests.Response:
        self.headers = self.headers or self.login.headers(self.arguments, self._post_form)
        signed = content | {"headers": self.headers | content["headers"]}
        return self._patiently(method, path, signed, may_repeat=self.may_repeat or method == "GET")

    def _post_form(self, path: str, form: dict[str, str]) -> Any:
        return self._answer(self._patiently("POST", path, {"data": form}), "login")

    def _answer(self, response: requests.Response, about: About, is_text: bool = False) -> Any:
        status = self.means(response)
        if status >= 300:
            words = self._words(response)
            if any(word in response.text for word in self.quota_words):
                raise RetryLater(self.destination, QUOTA_S, words)
            raise Refused(self.destination, status, words, about)
        if not response.content:
            return None
        if is_text and "json" not in response.headers.get("Content-Type", ""):
            return response.content.decode()
        try:
            return orjson.loads(response.content)
        except ValueError as error:
            words = f"its answer is no JSON: {self._words(response)}"
            raise Refused(self.destination, status, words, about) from error

    def _patiently(
        self, method: str, path: str, content: dict[str, Any], *, may_repeat: bool = True
    ) -> requests.Response:
        """Ask until the tool is not busy, or the connection holds if what is sent may go twice."""
        started, slept, tries = self.pace.now(), 0.0, 0
        while True:
            response = self._once(method, path, content)
            if isinstance(response, requests.Response):
                status = self.means(response)
                if status not in BUSY and status < 500:
                    self.pace.not_before = self.pace.now() + no_room_for_s(response)
                    return response
                words, told_s = f"{status} {self._words(response)}", pause_told_s(response)
                is_unsure = status not in UNTOUCHED
            else:
                words, told_s, is_unsure = response, None, response != self._out_of_reach()
            if is_unsure and not may_repeat:
                raise Unanswered(self.destination, words)
            pause = told_s or min(2.0**tries, LONGEST_PAUSE_S)
            if max(slept, self.pace.now() - started) + pause > self.patience_s:
                raise RetryLater(self.destination, told_s or LATER_S, words, is_unsure)
            log.info("%s is busy (%s): again in %.1f s.", self.destination, words, pause)
            self.pace.sleep(pause)
            slept, tries = slept + pause, tries + 1

    def _once(self, method: str, path: str, content: dict[str, Any]) -> requests.Response | str:
        """One request at the right moment: the response, or what was in its way."""
        self.pace.wait()
        try:
            return self._ask(method, path, **content)
        except requests.exceptions.ConnectTimeout:
            return self._out_of_reach()
        except (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
        ) as error:
            if "NewConnectionError" in str(error):
                return self._out_of_reach()
            return f"no answer from {self.base_url or self.destination} ({type(error).__name__})"

    def _ask(
        self, method: str, path: str, data: Any, params: Any = None, headers: Headers | None = None
    ) -> requests.Response:
        """One request as it is: no redirects, in which a POST would lose its body, no cookies.

        The session's own way through all of these costs half as much again as the request does.
        """
        asked = requests.PreparedRequest()
        asked.prepare_method(method)
        url = path if "://" in path else self.base_url.rstrip("/") + path
        asked.prepare_url(url, params)
        asked.prepare_headers({**self.session.headers, **(headers or {})})
        asked.prepare_body(data, None)
        session = self.session
        verify = True if session.verify is None else session.verify
        response = session.get_adapter(asked.url or url).send(
            asked, timeout=TIMEOUT_S, verify=verify, proxies=session.proxies
        )
        # Read here, where a connection that breaks is somebody's business.
        assert response.content is not None
        return response

    def _out_of_reach(self) -> str:
        # A whole address that stands in a parameter may be a secret.
        return f"no connection to {self.base_url or self.destination}"

    def _words(self, response: requests.Response) -> str:
        """What the tool said, in short, without what must stay secret."""
        said = sentence(response) or response.text or response.reason or "nothing"
        return self._hide(" ".join(said.split())[:WORDS_LENGTH])

    def _hide(self, words: str) -> str:
        """Some tools repeat the token they refuse."""
        secrets = [value for name, value in self.arguments.items() if name != "base_url"]
        secrets += [value.split(" ")[-1] for value in self.headers.values()]
        for secret in (one for one in secrets if len(one) > 2):
            words = words.replace(secret, "***")
        return words


def _about(status: int) -> About:
    if status in (401, 403):
        return "login"
    return "rows" if status in (400, 413, 422) else "request"
