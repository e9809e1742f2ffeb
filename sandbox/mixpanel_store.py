"""What a Mixpanel project holds: profiles by distinct_id, and events as they came in."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]


class MixpanelStore:
    """`time_zone` is the project's; one made before 2023 keeps and exports times in it."""

    def __init__(self) -> None:
        self.time_zone = "UTC"
        self.export_end = ""  # a test lets it be what Mixpanel writes when it stops in the middle
        self.profiles: dict[str, Json] = {}
        self.events: list[Json] = []

    def track(self, event: Json, at: datetime) -> None:
        """Keep an event as it comes in; two of the same are both kept."""
        properties = {**event["properties"], "mp_processing_time_ms": _milliseconds(at)}
        self.events.append({"event": event["event"], "properties": properties})

    def exported(self, first: str, last: str) -> list[Json]:
        """The events of these days of the project, both included, without looking for doubles.

        https://docs.mixpanel.com/reference/raw-data-export-api
        """
        shown = [self._in_project_time(event) for event in self.events]
        return [event for event in shown if first <= _day(event) <= last]

    def _in_project_time(self, event: Json) -> Json:
        """Milliseconds since 1970 as if the project's clock had shown UTC."""
        at = datetime.fromtimestamp(event["properties"]["time"] / 1000, ZoneInfo(self.time_zone))
        offset = at.utcoffset()
        assert offset is not None
        moved = event["properties"]["time"] + round(offset.total_seconds() * 1000)
        return {**event, "properties": {**event["properties"], "time": moved}}

    def held(self, kind: str) -> list[Json]:
        """Events as Mixpanel's reports count them: of the same, the one that came last."""
        if kind != "events":
            return list({"people": self.profiles}[kind].values())
        return list({_identity(event): event for event in self.events}.values())

    def dump(self) -> Json:
        return {"time_zone": self.time_zone, "profiles": self.profiles, "events": self.events}

    def load(self, held: Json) -> None:
        self.time_zone, self.profiles = held["time_zone"], held["profiles"]
        self.events = held["events"]


def _identity(event: Json) -> tuple[Any, ...]:
    """What makes two events the same: https://docs.mixpanel.com/reference/import-events"""
    named = event["properties"]
    return event["event"], named["time"], named["distinct_id"], named["$insert_id"]


def _day(event: Json) -> str:
    at = datetime.fromtimestamp(event["properties"]["time"] / 1000, ZoneInfo("UTC"))
    return at.date().isoformat()


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
