"""Mixpanel: raw events. https://docs.mixpanel.com/reference/raw-event-export

Signed in by a service account. Events come to light late (a phone that was offline sends its day
when it is back), so the last days are read again in every run. The export shows an event as often
as it came in: of those with the same name, time, distinct_id and $insert_id, the last one counts.

A project made before 2023 counts days in its own time zone, and shows times as its clock showed
them: for such a one, set `time_zone` (US/Pacific). For one in the EU, set base_url to
https://data-eu.mixpanel.com/api/2.0/.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import dlt
from dlt.sources import DltResource
from requests.auth import HTTPBasicAuth

from sources._web import Api

STREAMS = ("events",)

# Mixpanel takes 60 requests an hour: the first run asks for a month at a time, or for more where
# that would be too many.
DAYS_PER_REQUEST = 30
MOST_REQUESTS = 50
ROWS = 5_000

COLUMNS: Any = {
    "event": {"data_type": "text"},
    "time": {"data_type": "timestamp"},
    "distinct_id": {"data_type": "text"},
    "insert_id": {"data_type": "text"},
    "user_id": {"data_type": "text"},
    "device_id": {"data_type": "text"},
    "properties": {"data_type": "json"},
    "processed_at": {"data_type": "timestamp", "dedup_sort": "desc"},
}


@dlt.source(name="mixpanel", max_table_nesting=0)
def source(  # noqa: PLR0913, PLR0917 -- each is a setting the vendor asks for
    username: str = dlt.secrets.value,
    secret: str = dlt.secrets.value,
    project_id: str = dlt.config.value,
    time_zone: str = "UTC",
    start_date: str = "2024-01-01",
    look_back_days: int = 5,
    base_url: str = "https://data.mixpanel.com/api/2.0/",
) -> DltResource:
    api = Api("Mixpanel", base_url, auth=HTTPBasicAuth(username, secret), secrets=(secret,))
    return dlt.resource(
        _read(
            api,
            project_id,
            ZoneInfo(time_zone),
            date.fromisoformat(start_date),
            timedelta(int(look_back_days)),
        ),
        name="events",
        primary_key=("event", "time", "distinct_id", "insert_id"),
        write_disposition="merge",
        columns=COLUMNS,
    )


def _read(
    api: Api, project_id: str, zone: ZoneInfo, start: date, look_back: timedelta
) -> Iterator[list[dict[str, Any]]]:
    yield dlt.mark.materialize_table_schema()
    state = dlt.current.resource_state()
    # The newest day of the project that had an event.
    newest = date.fromisoformat(state["newest"]) if "newest" in state else None
    first, last = newest - look_back if newest else start, datetime.now(zone).date()
    days = max(DAYS_PER_REQUEST, (last - first).days // MOST_REQUESTS + 1)
    while first <= last:
        until = min(first + timedelta(days - 1), last)
        asked = {"project_id": project_id, "from_date": str(first), "to_date": str(until)}
        lines = api.lines("export", asked | {"time_in_ms": "true"})
        for rows in _batches(_row(json.loads(line), zone) for line in lines):
            reached = max(row["time"].astimezone(zone).date() for row in rows)
            state["newest"] = max(state.get("newest", ""), str(reached))
            yield rows
        first = until + timedelta(1)


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """itertools.batched, which Python has from 3.12 on."""
    left = iter(rows)
    while batch := list(islice(left, ROWS)):
        yield batch


def _row(event: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    properties = event["properties"]
    # As if the project's clock had shown UTC. An hour that it showed twice is taken for the first.
    shown = datetime.fromtimestamp(properties["time"] / 1000, UTC).replace(tzinfo=zone)
    processed_ms = properties.get("mp_processing_time_ms")
    return {
        "event": event["event"],
        "time": shown.astimezone(UTC),
        "distinct_id": str(properties.get("distinct_id") or ""),
        "insert_id": str(properties.get("$insert_id") or ""),
        "user_id": properties.get("$user_id"),
        "device_id": properties.get("$device_id"),
        "properties": properties,
        "processed_at": datetime.fromtimestamp((processed_ms or 0) / 1000, UTC),
    }
