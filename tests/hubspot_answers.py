"""HubSpot as a transport answers for it."""

from typing import Any

from answering import Answer, Answering, Sleeper

from destinations.api import Api
from destinations.hubspot import destination


def opened(transport: Answering, key: str = "email", sleeper: Sleeper | None = None) -> Api:
    sleep = (sleeper or Sleeper()).sleep
    return destination.open({"access_token": "pat"}, key, transport=transport, sleep=sleep)


def result(key: str, record_id: str) -> dict[str, Any]:
    return {
        "id": record_id,
        "new": True,
        "objectWriteTraceId": key,
        "properties": {"email": key.lower()},
        "createdAt": "2026-11-22T00:00:00.000Z",
        "updatedAt": "2026-11-22T00:00:00.000Z",
    }


def complete(*results: dict[str, Any]) -> Answer:
    return Answer(200, {"status": "COMPLETE", "results": list(results)})
