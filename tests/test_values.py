"""The same value, sent to each tool: the table of how it arrives there."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from conftest import Sandbox
from signing_in import CLIENT

import destinations
from destinations import files
from destinations import salesforce as salesforce_file
from destinations.api import Api
from destinations.rows import Row
from sandbox.webhook import SECRET

DESTINATIONS = destinations.find()[0]
NOON = datetime(2026, 11, 23, 12, 0, 0, 250000, tzinfo=UTC)
ISO = "2026-11-23T12:00:00.250000Z"
BIG = Decimal("12345678901234.50")


@dataclass(frozen=True)
class Value:
    """A value of a kind, and what each tool has then; where it is not said, the same."""

    said: str
    kind: str
    value: Any
    told: dict[str, Any] = field(default_factory=dict)


def plain(number: Any, text: str) -> dict[str, Any]:
    return {"salesforce": number, "webhook": number, "ndjson": number, "csv": text}


def iso(text: str, salesforce: str | None = None) -> dict[str, Any]:
    return {"salesforce": salesforce or text, "webhook": text, "ndjson": text, "csv": text}


NEW_YORK = NOON.astimezone(timezone(timedelta(hours=-5)))
NAIVE = NOON.replace(tzinfo=None)
SHOWN = "2026-11-23T12:00:00.250+0000"
VALUES = [
    Value("an apostrophe", "text", "O'Brien"),
    Value("quotes, commas, a line break", "text", 'née "Müller", 1;2\nJr. %s {{x}}'),
    Value("an emoji", "text", "🚀"),
    Value("a character of four bytes", "text", "𠮷"),
    Value("the text null", "text", "null"),
    Value("Salesforce's word for null", "text", "#N/A"),
    # Salesforce has no empty text.
    Value("an empty text", "text", "", {"salesforce": None}),
    Value("no text", "text", None, {"csv": ""}),
    Value("true", "boolean", True, {"csv": "true"}),
    Value("false", "boolean", False, {"csv": "false"}),
    Value("zero", "integer", 0, {"csv": "0"}),
    Value("a whole number", "integer", 1234567, {"csv": "1234567"}),
    Value("no number", "integer", None, {"csv": ""}),
    Value("a fraction", "ratio", 0.1, {"csv": "0.1"}),
    Value("a decimal", "decimal", Decimal("12.50"), plain(12.5, "12.50")),
    Value("a long decimal", "decimal", BIG, plain(float(BIG), str(BIG))),
    Value("a date", "date", date(2026, 2, 28), iso("2026-02-28")),
    Value("a time in UTC", "time", NOON, iso(ISO, SHOWN)),
    Value("a time without zone", "time", NAIVE, iso(ISO, SHOWN) | {"postgres": NOON}),
    Value("a time in New York", "time", NEW_YORK, iso(ISO, SHOWN)),
    Value("no time", "time", None, {"csv": ""}),
    Value("a list", "list", ["web", "app"], {"salesforce": "web;app", "csv": '["web", "app"]'}),
]
FIELDS = {
    "text": ("Contact", "Plan__c"),
    "boolean": ("Contact", "Is_Customer__c"),
    "integer": ("Contact", "Order_Count__c"),
    "ratio": ("Contact", "Order_Count__c"),
    "decimal": ("Contact", "Lifetime_Value__c"),
    "date": ("Subscription__c", "Renews_On__c"),
    "time": ("Contact", "Last_Seen__c"),
    "list": ("Contact", "Audience__c"),
}
COLUMNS = {
    "text": "text",
    "boolean": "boolean",
    "integer": "bigint",
    "ratio": "double precision",
    "decimal": "numeric(18, 2)",
    "date": "date",
    "time": "timestamptz",
    "list": "text[]",
}
every_value = pytest.mark.parametrize("value", VALUES, ids=lambda value: value.said)


def send(api: Api, rows: list[Row]) -> None:
    made = DESTINATIONS[api.destination].thing(api.object)
    assert made
    assert made.send_batch(api, rows).rejected == {}


@pytest.fixture
def salesforce(sandbox: Sandbox) -> Callable[[Value, int], list[Any]]:
    def arrive(value: Value, count: int) -> list[Any]:
        sobject, name_of_field = FIELDS[value.kind]
        key = "Subscription_Id__c" if sobject == "Subscription__c" else "Profile_Id__c"
        name = "Name" if sobject == "Subscription__c" else "LastName"
        client = {name: CLIENT[name] for name in ("client_id", "client_secret")}
        arguments = {"base_url": f"{sandbox.url}/salesforce", **client}
        api = DESTINATIONS["salesforce"].open(arguments, key, name=sobject, sleep=lambda _: None)
        send(api, [{key: f"k{n}", name: "X", name_of_field: value.value} for n in range(count)])
        return [record[name_of_field] for record in sandbox.records("salesforce", sobject)]

    return arrive


def expected(value: Value, tool: str) -> Any:
    return value.told.get(tool, value.value)


@every_value
@pytest.mark.parametrize("count", [1, 3], ids=["in a collection", "in a job"])
def test_salesforce(
    salesforce: Callable[[Value, int], list[Any]],
    monkeypatch: pytest.MonkeyPatch,
    value: Value,
    count: int,
) -> None:
    monkeypatch.setattr(salesforce_file, "BULK_ABOVE", 2)
    assert salesforce(value, count) == [expected(value, "salesforce")] * count


@every_value
def test_webhook(sandbox: Sandbox, value: Value) -> None:
    arguments = {"url": f"{sandbox.url}/webhook/in", "secret": SECRET}
    api = DESTINATIONS["webhook"].open(arguments, "key", name="things")
    send(api, [{"key": "k", "field": value.value}])
    assert sandbox.records("webhook", "things") == [
        {"key": "k", "field": expected(value, "webhook")}
    ]


def written(folder: Path, form: str, value: Value) -> Path:
    api = DESTINATIONS["files"].open({"url": str(folder)}, "key", name=f"things.{form}")
    send(api, [{"key": "k", "field": value.value}])
    files.finish(api)
    [path] = folder.glob(f"things/*/part-00001.{form}")
    return path


@every_value
def test_ndjson(tmp_path: Path, value: Value) -> None:
    line = written(tmp_path, "ndjson", value).read_text(encoding="utf-8")
    assert json.loads(line) == {"key": "k", "field": expected(value, "ndjson")}


@every_value
def test_csv(tmp_path: Path, value: Value) -> None:
    text = written(tmp_path, "csv", value).read_text(encoding="utf-8")
    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert row == {"key": "k", "field": expected(value, "csv")}
    # Without quotes an empty cell is NULL, with them the empty text.
    assert text.endswith(',""\n') == (value.value == "")


@every_value
def test_parquet(tmp_path: Path, value: Value) -> None:
    with duckdb.connect() as db:
        db.execute("set timezone = 'UTC'")
        path = written(tmp_path, "parquet", value)
        is_zoned = isinstance(value.value, datetime) and value.value.tzinfo
        select = "select epoch_us(field)" if is_zoned else "select field"
        [(found,)] = db.sql(f"{select} from '{path}'").fetchall()
    wanted = expected(value, "parquet")
    assert found == (round(wanted.timestamp() * 1_000_000) if is_zoned else wanted)


@every_value
def test_postgres(postgres_url: str, value: Value) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as db:
        db.execute("drop table if exists things")
        db.execute(f"create table things (key text primary key, field {COLUMNS[value.kind]})")
        api = DESTINATIONS["postgres"].open({"url": postgres_url}, "key", name="things")
        send(api, [{"key": "k", "field": value.value}])
        assert db.execute("select field from things").fetchall() == [(expected(value, "postgres"),)]
