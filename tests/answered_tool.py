"""A tool with nothing of its own, and the way to it: what any connector's calls are tried on."""

from answering import Answer, Answering, Sleeper

from destinations.api import Api
from destinations.destination import Destination
from destinations.login import Login, bearer
from destinations.pace import Rate

FINE = Answer(200, {"fine": True})


def tool(login: Login, *secrets: str) -> Destination:
    return Destination(
        name="tool",
        base_url="https://tool.test/api/",
        secrets=secrets,
        authenticate=login,
        rate=Rate(1000, per_s=1),
        quota_words=("QUOTA_GONE",),
    )


def opened(transport: Answering, sleeper: Sleeper | None = None) -> Api:
    return tool(bearer("token"), "token").open(
        {"token": "s3cret"}, "email", transport=transport, sleep=(sleeper or Sleeper()).sleep
    )
