"""Asking a vendor's API on behalf of a source: retries, access tokens, the vendor's own words.

dlt's client does the waiting: a 429 or 5xx is asked again after what Retry-After says, else after
a growing pause, five times. What is refused for good becomes a `VendorError`.
"""

from collections.abc import Callable, Iterator
from typing import Any

from dlt.sources.helpers.requests import Client
from requests import HTTPError, PreparedRequest, Response
from requests.auth import AuthBase

WORDS_LIMIT = 1_000
LINES_BYTES = 64 * 1024


class VendorError(HTTPError):
    """A vendor refused a request, or its answer made no sense; carries its words, no secret."""

    def __init__(
        self, vendor: str, response: Response, secrets: tuple[str, ...], said: str | None = None
    ):
        words = (response.text if said is None else said).strip() or "(no words)"
        for secret in filter(None, secrets):
            words = words.replace(secret, "***")
        asked = f"{response.request.method} {str(response.request.url).split('?')[0]}"
        super().__init__(
            f"{vendor} answered {response.status_code} {response.reason} to {asked}:"
            f" {words[:WORDS_LIMIT]}",
            response=response,
        )


class Token(AuthBase):
    """A bearer token, fetched when first needed and again when the vendor says 401."""

    def __init__(self, fetch: Callable[[], str]):
        self.fetch = fetch
        self.value = ""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        self.value = self.value or self.fetch()
        request.headers["Authorization"] = f"Bearer {self.value}"
        request.register_hook("response", self._renew)  # type: ignore[no-untyped-call]
        return request

    def _renew(self, response: Response, **sending: Any) -> Response:
        """The answer to the same request with a new token, if the old one was refused."""
        if response.status_code != 401:
            return response
        response.close()
        self.value = self.fetch()
        response.request.headers["Authorization"] = f"Bearer {self.value}"
        again: Response = response.connection.send(response.request, **sending)
        again.history.append(response)
        return again


class Api:
    """One vendor's API. Paths go below `base_url`; the answer is JSON, or a VendorError."""

    def __init__(
        self,
        vendor: str,
        base_url: str,
        auth: Callable[[PreparedRequest], PreparedRequest] | None = None,
        headers: dict[str, str] | None = None,
        secrets: tuple[str, ...] = (),
    ):
        self.vendor = vendor
        self.base_url = base_url.rstrip("/")
        self.secrets = secrets
        self.session = Client(raise_for_status=False).session
        self.session.auth = auth
        self.session.headers.update(headers or {})
        self.session.hooks["response"].append(self._refuse)

    def get(self, path: str, params: Any = None) -> Any:
        return self._json(self.session.get(self._url(path), params=params))

    def lines(self, path: str, params: Any = None) -> Iterator[bytes]:
        """The lines of an answer as they come. What is no JSON object is the vendor's complaint."""
        with self.session.get(self._url(path), params=params, stream=True) as response:
            for line in response.iter_lines(LINES_BYTES):
                if not line.startswith(b"{"):
                    raise VendorError(self.vendor, response, self.secrets, line.decode())
                yield line

    def post(self, path: str = "", *, json: Any = None, data: Any = None) -> Any:
        return self._json(self.session.post(self._url(path), json=json, data=data))

    def _url(self, path: str) -> str:
        return f"{self.base_url}/{path.lstrip('/')}" if path else self.base_url

    def _json(self, response: Response) -> Any:
        try:
            return response.json()
        except ValueError as error:
            raise VendorError(self.vendor, response, self.secrets) from error

    def _refuse(self, response: Response, **_sending: Any) -> None:
        """Inside the client's retries: it asks again after the statuses that pass."""
        if response.status_code >= 400:
            raise VendorError(self.vendor, response, self.secrets)
