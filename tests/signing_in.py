"""Signing in to the sandbox's Salesforce."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from conftest import Sandbox
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce

CLIENT = {
    "grant_type": "client_credentials",
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
}


def signed_in(sandbox: Sandbox) -> requests.Session:
    url = f"{sandbox.url}/salesforce/services/oauth2/token"
    token = requests.post(url, CLIENT, timeout=10).json()
    assert token["instance_url"] == f"{sandbox.url}/salesforce"
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token['access_token']}"
    return session


class Loopback(HTTPAdapter):
    """simple-salesforce knows https only; the sandbox speaks http."""

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
        request.url = urlsplit(str(request.url))._replace(scheme="http").geturl()
        return super().send(request, *args, **more)


@contextmanager
def common_client(sandbox: Sandbox) -> Iterator[Salesforce]:
    """A client that many use, signed in."""
    with signed_in(sandbox) as session:
        session.mount("https://", Loopback())
        yield Salesforce(
            instance=f"{urlsplit(sandbox.url).netloc}/salesforce",
            session_id=str(session.headers["Authorization"]).removeprefix("Bearer "),
            session=session,
            version="63.0",
        )
