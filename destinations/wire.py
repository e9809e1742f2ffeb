"""Requests on the wire, several in the air from one thread: by libcurl, through pycurl.

A call by a session of `requests` costs more than a millisecond, as much as all else that becomes of
thirty rows; this way it is a tenth of that (docs/adr/8). What holds for the session holds here: its
proxies and certificates, no redirects (in which a POST would lose its body), no cookies. Over a
transport of its own, as in the tests, the session sends: one request at a time.

What goes wrong is said in the exceptions of `requests`; ConnectTimeout: nothing has been sent.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pycurl
import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy

from destinations.answers import Reply
from destinations.asking import Asked

# HubSpot itself gives up after 100 s, Salesforce after 120.
CONNECT_S = 10
SILENCE_S = 125
MOST_CONNECTIONS = 100
# While the resolver works there is nothing to wait for.
RESOLVING_S = 0.005

# What curl says unasked; the last is a wait for a "go on" before a long body.
ADDED = ("User-Agent", "Accept", "Content-Type", "Expect")

BrokenOff = requests.ConnectionError | requests.Timeout
UNTRUSTED = {
    pycurl.E_SSL_CONNECT_ERROR,
    pycurl.E_PEER_FAILED_VERIFICATION,
    pycurl.E_SSL_CACERT_BADFILE,
}


class Kind(NamedTuple):
    """Requests that are alike."""

    place: str  # scheme and host
    method: str
    has_body: bool


class Line:
    """One request in the air, and what has come of its answer. May be used again."""

    def __init__(self) -> None:
        self.curl = pycurl.Curl()
        self.kind: Kind | None = None
        self.parts: list[bytes] = []
        self.head: list[bytes] = []

    def ask(self, asked: Asked, session: requests.Session) -> None:
        self.parts.clear()
        self.head.clear()
        kind = _kind(asked)
        if kind != self.kind:
            self._become(kind, session)
        curl = self.curl
        curl.setopt(pycurl.URL, asked.url)
        curl.setopt(pycurl.HTTPHEADER, _headers(asked))
        if kind.has_body:
            body = asked.body or b""
            curl.setopt(pycurl.POSTFIELDSIZE, len(body))
            # What can be read but once curl cannot send again on its own: it may have arrived.
            curl.setopt(pycurl.READFUNCTION, BytesIO(body).read)
            # Of nothing, it would not notice that it had gone out.
            curl.setopt(pycurl.FRESH_CONNECT, not body)

    def _become(self, kind: Kind, session: requests.Session) -> None:
        """What is the same for all of a kind is said once."""
        self.kind = kind
        self.curl.reset()
        for option, value in _options(kind, session).items():
            self.curl.setopt(option, value)
        self.curl.setopt(pycurl.WRITEFUNCTION, self.parts.append)
        self.curl.setopt(pycurl.HEADERFUNCTION, self.head.append)

    def reply(self) -> Reply | BrokenOff:
        reason, headers, is_whole = "", dict[str, str](), False
        lines = b"".join(self.head).decode("latin-1").split("\n")
        for text in map(str.strip, lines[:-1]):  # the last one ends as well
            if text.startswith("HTTP/"):  # also that of a proxy, or of an answer yet to come
                reason, headers, is_whole = " ".join(text.split(" ")[2:]), {}, False
            elif text:
                name, _, value = text.partition(":")
                headers[name.rstrip().lower()] = value.lstrip()
            else:
                is_whole = True
        if not is_whole:  # curl takes what there is of a head for all of it
            return requests.ConnectionError("the answer broke off")
        status = self.curl.getinfo(pycurl.RESPONSE_CODE)
        return Reply(status, headers, b"".join(self.parts), reason)

    def broken_off(self, code: int, words: str) -> BrokenOff:
        if code in UNTRUSTED:
            return requests.exceptions.SSLError(words)
        if not self.curl.getinfo(pycurl.REQUEST_SIZE):
            return requests.exceptions.ConnectTimeout(words)
        if code == pycurl.E_OPERATION_TIMEDOUT:
            return requests.ReadTimeout(words)
        return requests.ConnectionError(words)


@dataclass(eq=False)
class Wire:
    """The way of a session to wherever it is sent; its connections are kept from call to call."""

    session: requests.Session
    multi: Any = field(default_factory=pycurl.CurlMulti)
    is_direct: bool = field(init=False)
    idle: list[Line] = field(default_factory=list)
    flying: dict[Any, Line] = field(default_factory=dict)
    came: dict[Line, Reply | BrokenOff] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.headers = {**self.session.headers, "Accept-Encoding": "gzip"}
        self.multi.setopt(pycurl.M_MAXCONNECTS, MOST_CONNECTIONS)
        # No transport of somebody's own stands between.
        self.is_direct = all(type(way) is HTTPAdapter for way in self.session.adapters.values())

    def ask(self, asked: Asked) -> Reply:
        if not self.is_direct:
            return self._through_session(asked)
        [(_, answer)] = self.land([self.launch(asked)])
        if isinstance(answer, Reply):
            return answer
        raise answer

    def launch(self, asked: Asked) -> Line:
        """Hand a request over; it goes out with the next `push`, or while others land."""
        line = self.idle.pop() if self.idle else Line()
        line.ask(asked, self.session)
        self.flying[line.curl] = line
        self.multi.add_handle(line.curl)
        return line

    def push(self) -> None:
        """Let what was launched go out, and do not wait."""
        self.multi.perform()

    def land(self, lines: Collection[Line]) -> list[tuple[Line, Reply | BrokenOff]]:
        """Those of the lines that are answered, or have broken off; at least one."""
        while not (landed := [line for line in lines if line in self.came]):
            self.multi.perform()
            if not self._collect():
                self._wait()
        self.idle += landed
        return [(line, self.came.pop(line)) for line in landed]

    def _wait(self) -> None:
        """Until something comes, or curl has a clock of its own to look at."""
        clock_ms = self.multi.timeout()
        if self.multi.select(clock_ms / 1000 if clock_ms >= 0 else SILENCE_S) < 0:
            time.sleep(RESOLVING_S)

    def _collect(self) -> bool:
        """Whether anything has come down."""
        _, answered, broken = self.multi.info_read()
        for curl in answered:
            line = self._down(curl)
            self.came[line] = line.reply()
        for curl, code, words in broken:
            line = self._down(curl)
            self.came[line] = line.broken_off(code, words)
        return bool(answered or broken)

    def _down(self, curl: Any) -> Line:
        self.multi.remove_handle(curl)
        return self.flying.pop(curl)

    def _through_session(self, asked: Asked) -> Reply:
        prepared = requests.PreparedRequest()
        prepared.prepare_method(asked.method)
        prepared.prepare_url(asked.url, None)
        prepared.prepare_headers(asked.headers)
        prepared.prepare_body(asked.body, None)
        response = self.session.get_adapter(asked.url).send(
            prepared, timeout=(CONNECT_S, SILENCE_S)
        )
        # Read here, where a connection that breaks is somebody's business.
        told = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, told, response.content, response.reason or "")


def _kind(asked: Asked) -> Kind:
    # What stands between the third slash and the second is the host.
    end = asked.url.find("/", asked.url.find("//") + 2)
    has_body = asked.body is not None or asked.method not in ("GET", "DELETE")
    return Kind(asked.url[:end] if end > 0 else asked.url, asked.method, has_body)


def _options(kind: Kind, session: requests.Session) -> dict[int, Any]:
    return {
        pycurl.NOSIGNAL: 1,
        pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
        pycurl.CONNECTTIMEOUT: CONNECT_S,
        # Slower than a byte a second for so long.
        pycurl.LOW_SPEED_LIMIT: 1,
        pycurl.LOW_SPEED_TIME: SILENCE_S,
        pycurl.ACCEPT_ENCODING: "gzip",
        pycurl.PROXY: select_proxy(kind.place, session.proxies) or "",
        **_trusting(session.verify),
        **({pycurl.POST: 1} if kind.has_body else {}),
        pycurl.CUSTOMREQUEST: kind.method,
    }


def _headers(asked: Asked) -> list[bytes]:
    lines = [f"{name}: {value}" if value else f"{name};" for name, value in asked.headers.items()]
    lines += [f"{name}:" for name in ADDED if name not in asked.headers]
    told = "\n".join(lines)
    if "\r" in told or told.count("\n") >= len(lines):
        raise requests.exceptions.InvalidHeader("a line break stands in a header")
    return told.encode("latin-1").split(b"\n")


def _trusting(verify: bool | str | None) -> dict[int, Any]:
    """Certificates as the session has them: of requests, of a file or folder, or unchecked."""
    if verify is False:
        return {pycurl.SSL_VERIFYPEER: 0, pycurl.SSL_VERIFYHOST: 0}
    trusted = verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH
    return {pycurl.CAPATH if Path(trusted).is_dir() else pycurl.CAINFO: trusted}
