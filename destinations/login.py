"""How a tool knows who asks: the headers of a request, from the destination's parameters."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

Arguments = dict[str, str]
Headers = dict[str, str]
# Post a form to a path of the tool, without signing it; the JSON it answers.
PostForm = Callable[[str, dict[str, str]], Any]


@dataclass(frozen=True)
class Login:
    """`headers` makes what is sent along; `renews` if a fresh one can be had when it expires."""

    headers: Callable[[Arguments, PostForm], Headers]
    renews: bool = False


NO_LOGIN = Login(lambda _, __: {})


def bearer(token: str) -> Login:
    """A token that stands in one parameter."""
    return Login(lambda arguments, _: {"Authorization": f"Bearer {arguments[token]}"})


def basic(user: str, password: str | None = None) -> Login:
    """HTTP Basic, user and password each from a parameter; some tools want no password."""

    def headers(arguments: Arguments, _: PostForm) -> Headers:
        pair = f"{arguments[user]}:{arguments[password] if password else ''}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}

    return Login(headers)


def client_credentials(path: str, *, in_query: bool = False) -> Login:
    """OAuth 2.0 client credentials (RFC 6749, 4.4): a token for `client_id`, `client_secret`.

    They go in a form, as the RFC has it, or in the query, where a tool wants them there.
    """

    def headers(arguments: Arguments, post_form: PostForm) -> Headers:
        asked = {
            "grant_type": "client_credentials",
            "client_id": arguments["client_id"],
            "client_secret": arguments["client_secret"],
        }
        answer = post_form(f"{path}?{urlencode(asked)}", {}) if in_query else post_form(path, asked)
        return {"Authorization": f"Bearer {answer['access_token']}"}

    return Login(headers, renews=True)
