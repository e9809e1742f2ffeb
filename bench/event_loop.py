"""A peer: the loop one writes by hand, with orjson and Arrow, into the tables that we make.

Each line goes through orjson and Python; what many lines gave goes to DuckDB as Arrow, once as a
call and once to the table of its kind.
"""

import gzip
import io
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa

EVENTS_AT_A_TIME = 50_000
WORD = re.compile(r"[A-Z0-9]+[a-z0-9]*|[a-z0-9]+")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
AT = pa.timestamp("us", "UTC")
TABLES = {"page": "pages", "screen": "screens", "identify": "identifies", "group": "groups"}
TYPES = {pa.bool_(): "boolean", pa.int64(): "bigint", pa.float64(): "double", AT: "timestamptz"}

Row = dict[str, Any]
Columns = dict[str, tuple[str, pa.Array]]


class Rows:
    """Rows of one table, kept by column."""

    def __init__(self) -> None:
        self.count = 0
        self.columns: dict[str, list[Any]] = {}

    def add(self, row: Row) -> None:
        count = self.count
        for name, value in row.items():
            column = self.columns.get(name)
            if column is None:
                column = self.columns[name] = [None] * count
            elif len(column) < count:
                column.extend([None] * (count - len(column)))
            column.append(value)
        self.count += 1

    def taken(self) -> Columns:
        """The columns as Arrow; then the rows are forgotten."""
        columns = {}
        for name, values in self.columns.items():
            values.extend([None] * (self.count - len(values)))
            columns[name] = _column(values)
        self.count, self.columns = 0, {}
        return columns


class Loop:
    """A load under way: what was seen, and the rows that are not written yet."""

    def __init__(self, connection: duckdb.DuckDBPyConnection):
        self.connection = connection
        self.seen: set[str] = set()
        self.counts = {"lines": 0, "stored": 0, "duplicate": 0, "malformed": 0}
        self.loaded_at = datetime.now(UTC)
        self.columns: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self.newest: dict[str, dict[str, Row]] = {"users": {}, "accounts": {}}
        self.quarantine = Rows()
        # What all calls have, what only the table of calls has, and per other table what it has
        # besides and for which calls.
        self.shared = Rows()
        self.calls = Rows()
        self.own: defaultdict[str, tuple[list[int], Rows]] = defaultdict(lambda: ([], Rows()))

    def read(self, path: Path) -> None:
        for number, line in enumerate(_lines(path), 1):
            self.counts["lines"] += 1
            try:
                event = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                self._refuse(path, number, line, error)
                continue
            if event["messageId"] in self.seen:
                self.counts["duplicate"] += 1
                continue
            self.seen.add(event["messageId"])
            self._keep(event, str(path), number)
            if self.shared.count >= EVENTS_AT_A_TIME:
                self.write()

    def _refuse(self, path: Path, number: int, line: bytes, error: Exception) -> None:
        self.counts["malformed"] += 1
        raw = line.decode(errors="backslashreplace")
        self.quarantine.add({"file": str(path), "line": number, "reason": str(error), "raw": raw})

    def _keep(self, event: Row, path: str, number: int) -> None:
        self.counts["stored"] += 1
        get = event.get
        shared = {
            "id": event["messageId"],
            "anonymous_id": get("anonymousId"),
            "user_id": get("userId"),
            "received_at": get("receivedAt"),
            "sent_at": get("sentAt"),
            "original_timestamp": get("originalTimestamp"),
            "timestamp": get("timestamp"),
            "uuid_ts": self.loaded_at,
            "_file": path,
            "_line": number,
        }
        _flatten(event["context"], "context", shared)
        own = _own(event)
        call = {**own, "type": event["type"]}
        for name in ("properties", "traits"):
            if name in event:
                call[name] = orjson.dumps(event[name]).decode()
        given: Row = {}
        _flatten(get("properties") or get("traits") or {}, "", given)
        indices, rows = self.own[TABLES.get(event["type"]) or own["event"]]
        indices.append(self.shared.count)
        rows.add({**given, **own})
        self.shared.add(shared)
        self.calls.add(call)
        if event["type"] == "identify":
            self._know("users", shared["user_id"], shared, given)
        elif event["type"] == "group":
            self._know("accounts", own["group_id"], shared, given)

    def _know(self, table: str, key: str, shared: Row, given: Row) -> None:
        known = self.newest[table].get(key, {"received_at": ""})
        if known["received_at"] <= shared["received_at"]:
            own = {"id": key, "anonymous_id": None, "user_id": None}
            self.newest[table][key] = {**known, **given, **shared, **own}

    def write(self) -> None:
        self.connection.execute("begin")
        shared = self.shared.taken()
        self._write("calls", {**shared, **self.calls.taken()})
        for table, (indices, rows) in self.own.items():
            at = pa.array(indices)
            taken = {name: (type_, array.take(at)) for name, (type_, array) in shared.items()}
            self._write(table, {**rows.taken(), **taken})
        self._write("quarantine", self.quarantine.taken())
        self.own.clear()
        self.connection.execute("commit")

    def finish(self) -> None:
        self.write()
        for table, newest in self.newest.items():
            rows = Rows()
            for row in newest.values():
                rows.add(row)
            self._write(table, rows.taken())
        self.connection.execute(
            "create view events.tracks as from events.calls where type = 'track'"
        )

    def _write(self, table: str, columns: Columns) -> None:
        # A column is made when its first value comes.
        columns = {name: (t, a) for name, (t, a) in columns.items() if a.null_count < len(a)}
        for name, (type_, _) in columns.items():
            self._make_room(table, name, type_)
        if columns:
            arrived = pa.table({name: array for name, (_, array) in columns.items()})
            self.connection.register("arrived", arrived)
            self.connection.execute(f"insert into events.{table} by name from arrived")
            self.connection.unregister("arrived")

    def _make_room(self, table: str, name: str, type_: str) -> None:
        """A column for these values: made, or widened from what came before."""
        columns = self.columns[table]
        if not columns:
            self.connection.execute(f'create table events.{table} ("{name}" {type_})')
        elif name not in columns:
            self.connection.execute(f'alter table events.{table} add column "{name}" {type_}')
        elif (wide := _wider(columns[name], type_)) != columns[name]:
            type_ = wide
            self.connection.execute(f'alter table events.{table} alter "{name}" type {wide}')
        else:
            return
        columns[name] = type_


def load(folder: Path, warehouse: Path) -> dict[str, int]:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema events")
        loop = Loop(connection)
        for path in sorted(folder.iterdir()):
            loop.read(path)
        loop.finish()
    return loop.counts


def _lines(path: Path) -> Iterator[bytes]:
    # Buffered: a GzipFile by itself goes through Python code for each line.
    with gzip.open(path) as file, io.BufferedReader(file) as lines:
        yield from lines


def _own(event: Row) -> Row:
    """The columns that this kind of call has besides its properties or traits."""
    match event["type"]:
        case "track":
            return {"event": _slug(event["event"]), "event_text": event["event"]}
        case "page" | "screen":
            return {"name": event.get("name"), "category": event.get("category")}
        case "group":
            return {"group_id": event.get("groupId")}
        case _:
            return {}


def _flatten(given: Row, prefix: str, into: Row) -> None:
    for key, value in given.items():
        name = _column_name(prefix, key)
        if isinstance(value, dict):
            _flatten(value, name, into)
        else:
            into[name] = value


@cache
def _column_name(prefix: str, key: str) -> str:
    return f"{prefix}_{_slug(key)}" if prefix else _slug(key)


@cache
def _slug(text: str) -> str:
    return "_".join(WORD.findall(text)).lower()


def _column(values: list[Any]) -> tuple[str, pa.Array]:
    """The values as Arrow, and DuckDB's type for them by what they are."""
    first = next((value for value in values if value is not None), None)
    if isinstance(first, list):
        return "json", pa.array([v and orjson.dumps(v).decode() for v in values], pa.string())
    try:
        array = pa.array(values)
        if isinstance(first, str) and TIME.fullmatch(first):
            array = array.cast(AT)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        array = pa.array([v if v is None else str(v) for v in values], pa.string())
    return TYPES.get(array.type, "varchar"), array


def _wider(had: str, comes: str) -> str:
    if had == comes:
        return had
    return "double" if {had, comes} == {"bigint", "double"} else "varchar"
