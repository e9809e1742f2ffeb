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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
import requests

from destinations.answers import Reply, no_room_for_s, pause_told_s, sentence
from destinations.asking import Asked, Content, address, as_content, as_form
from destinations.errors import About, BadParameter, Refused, RetryLater, Unanswered
from destinations.login import Arguments, Headers, Login
from destinations.pace import Pace
from destinations.rows import Row
from destinations.wire import Wire

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
WORDS_LENGTH = 400


# What came of a request: a response, or what was in its way.
Said = Reply | str
BROKEN = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)
# The status that an answer means.
Means = Callable[[Reply], int]


def as_it_says(response: Reply) -> int:
    return response.status_code


@dataclass(eq=False)
class Api:
    """What a connector talks through. `key` is the field by which this sync recognises rows.

    `mode` says what the sync wants of `object`, one of its modes ("upsert" for mirror); `run_id`
    names this attempt: for file names and idempotency keys. `may_repeat`: what has perhaps arrived
    may be sent again; `parallel` calls at most are in the air at once, of a tool that takes rows
    one by one; `answered` counts the calls that the tool has answered well, `lost` the answers
    that did not come to what was perhaps done. `heard` are the headers
    of the last answer, in small letters; `memory` is the connector's own, for what it must know of
    the run's batches
    before.
    """

    destination: str
    key: str
    base_url: str
    arguments: Arguments = field(repr=False)
    login: Login
    pace: Pace
    quota_words: tuple[str, ...]
    wire: Wire
    patience_s: float
    mode: str = "upsert"
    run_id: str = ""
    object: str = ""
    memory: dict[str, Any] = field(default_factory=dict)
    means: Means = as_it_says
    may_repeat: bool = True
    parallel: int = 1
    answered: int = 0
    lost: int = 0
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
        content = as_content(body, params, headers)
        return self.taken(self.signed(method, path, content), is_text, done)

    def taken(self, response: Reply, is_text: bool = False, done: str = "") -> Any:
        """What a response says; see `call`."""
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

    def signed(self, method: str, path: str, content: Content, said: Said | None = None) -> Reply:
        """Ask, patiently, and once more where the login had expired; `said`: to the first try."""
        response = self._patiently(method, path, self.sign(content), self._may_go(method), said)
        if self.has_expired(response):
            self.headers = {}
            response = self._patiently(method, path, self.sign(content), self._may_go(method))
        return response

    def sign(self, content: Content) -> Content:
        self.headers = self.headers or self.login.headers(self.arguments, self._post_form)
        return content | {"headers": self.headers | content["headers"]}

    def has_expired(self, response: Reply) -> bool:
        return self.login.renews and self.means(response) == 401

    def is_busy(self, response: Reply) -> bool:
        status = self.means(response)
        return status in BUSY or status >= 500

    def is_unsure(self, said: Said) -> bool:
        """What was asked may have been done, for all that such an answer says."""
        if isinstance(said, str):
            return said != self._out_of_reach()
        return self.is_busy(said) and self.means(said) not in UNTOUCHED

    def _may_go(self, method: str) -> bool:
        return self.may_repeat or method == "GET"

    def _post_form(self, path: str, form: dict[str, str]) -> Any:
        return self._answer(self._patiently("POST", path, as_form(form)), "login")

    def _answer(self, response: Reply, about: About, is_text: bool = False) -> Any:
        status = self.means(response)
        if status >= 300:
            words = self._words(response)
            if any(word in response.text for word in self.quota_words):
                raise RetryLater(self.destination, QUOTA_S, words)
            raise Refused(self.destination, status, words, about)
        if not response.content:
            return None
        if is_text and "json" not in response.headers.get("content-type", ""):
            return response.content.decode()
        try:
            return orjson.loads(response.content)
        except ValueError as error:
            words = f"its answer is no JSON: {self._words(response)}"
            raise Refused(self.destination, status, words, about) from error

    def _patiently(
        self,
        method: str,
        path: str,
        content: Content,
        may_repeat: bool = True,
        said: Said | None = None,
    ) -> Reply:
        """Ask until the tool is not busy, or the connection holds if what is sent may go twice."""
        started, slept, tries = self.pace.now(), 0.0, 0
        while True:
            response = self._once(method, path, content) if said is None else said
            said, told_s = None, None
            if isinstance(response, Reply):
                if not self.is_busy(response):
                    self.note_room(response)
                    return response
                told_s = pause_told_s(response)
            words, is_unsure = self._said(response), self.is_unsure(response)
            if is_unsure and not may_repeat:
                raise Unanswered(self.destination, words)
            pause = told_s or min(2.0**tries, LONGEST_PAUSE_S)
            if max(slept, self.pace.now() - started) + pause > self.patience_s:
                raise RetryLater(self.destination, told_s or LATER_S, words, is_unsure)
            self.lost += is_unsure
            log.info("%s is busy (%s): again in %.1f s.", self.destination, words, pause)
            self.pace.sleep(pause)
            slept, tries = slept + pause, tries + 1

    def note_room(self, response: Reply) -> None:
        self.pace.not_before = max(self.pace.not_before, self.pace.now() + no_room_for_s(response))

    def _said(self, said: Said) -> str:
        if isinstance(said, str):
            return said
        return f"{self.means(said)} {self._words(said)}"

    def _once(self, method: str, path: str, content: Content) -> Said:
        """One request at the right moment: the response, or what was in its way."""
        self.pace.wait()
        try:
            return self.wire.ask(self.asked(method, path, content))
        except BROKEN as error:
            return self.in_the_way(error)

    def asked(self, method: str, path: str, content: Content) -> Asked:
        url = path if "://" in path else self.base_url.rstrip("/") + path
        url = address(url, content["params"])
        return Asked(method, url, self.wire.headers | content["headers"], content["body"])

    def in_the_way(self, error: Exception) -> str:
        is_near = isinstance(error, requests.ConnectTimeout) or "NewConnectionError" in str(error)
        if is_near:
            return self._out_of_reach()
        return f"no answer from {self.base_url or self.destination} ({type(error).__name__})"

    def _out_of_reach(self) -> str:
        # A whole address that stands in a parameter may be a secret.
        return f"no connection to {self.base_url or self.destination}"

    def _words(self, response: Reply) -> str:
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
