"""Calls as the event loader has them when it asks what a tracking plan says of them."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from warehouse.database import Database
from warehouse.events import plan as plans
from warehouse.events.plan import Plan
from warehouse.events.plan.rules import Rule

Json = dict[str, Any]
Violation = tuple[int, str, str | None, str, str, str | None]
FIELDS = {
    "type": "type",
    "event": "event_text",
    "name": "name",
    "messageId": "id",
    "userId": "user_id",
    "anonymousId": "anonymous_id",
    "groupId": "group_id",
    "timestamp": "timestamp",
}
OBJECTS = ("properties", "traits", "context")


def take(db: Database, messages: Iterable[Json]) -> None:
    """Makes `calls_in`; `n` counts from 0."""
    told = list(messages)
    columns: dict[str, Any] = {
        column: pa.array([message.get(name) for message in told], pa.string())
        for name, column in FIELDS.items()
    }
    columns |= {
        name: pa.array([_as_json(message.get(name)) for message in told], pa.string())
        for name in OBJECTS
    }
    casts = ", ".join([f"{name}::json as {name}" for name in OBJECTS])
    with db.lent("told", pa.table({"n": range(len(told)), **columns})):
        db.run(
            "create or replace temp table calls_in as"
            f" select * replace ({casts}, timestamp::timestamptz as timestamp),"
            " null::varchar as code from told order by type, event_text"
        )


def judged(db: Database, plan: Plan, *messages: Json) -> list[Violation]:
    """(n, kind, field, message, action, omitted) of everything that is wrong."""
    take(db, messages)
    plans.judge(db, plan)
    return db.run("from plan_violations order by n, field, kind")  # type: ignore[return-value]


def track(properties: Json | None = None, **fields: Any) -> Json:
    return {"type": "track", "event": "Seen", "properties": properties or {}, **fields}


def planned(schema: Json, **said: Any) -> Plan:
    """A plan for the properties of one event, called Seen."""
    rule: Json = {"on_violation": "allow", "on_unplanned": "allow", **said}
    message = {"properties": {"properties": schema}}
    return Plan("test", (Rule("track", "Seen", 1, message, **rule),))


def written(folder: Path, **files: str) -> Path:
    """A folder with these plan files; order_toml is order.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / ".".join(name.rsplit("_", 1))).write_text(text)
    return folder


def _as_json(value: Json | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
