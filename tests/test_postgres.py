"""A PostgreSQL database: a real server takes rows, refuses some, and breaks off."""

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from answering import Sleeper
from postgres_server import Wire

from destinations import postgres
from destinations.api import Api
from destinations.destination import Object
from destinations.errors import BadParameter, Refused, RetryLater
from destinations.postgres import destination
from destinations.rows import FieldSpec, Outcome, Row

NOON = datetime(2026, 11, 23, 12, 0, 0, 250000, tzinfo=UTC)
PEOPLE = """
    drop schema if exists crm cascade;
    create schema crm;
    create type crm.plan as enum ('free', 'pro');
    create table crm.people (
        id bigint generated always as identity,
        user_id varchar(40) primary key,
        name text not null,
        "Spend %" numeric(20, 2) check ("Spend %" >= 0),
        visits integer default 0,
        plan crm.plan,
        seen_at timestamptz,
        local_at timestamp,
        born_on date,
        is_customer boolean,
        ratio double precision,
        tags text[],
        extra jsonb,
        shouted text generated always as (upper(name)) stored
    );
    create table crm.visits (visit_id bigint unique, page text);
"""


@dataclass(frozen=True)
class Database:
    """The tests' server, and the way there of a run."""

    url: str
    sleeper: Sleeper

    def open(self, name: str = "crm.people", mode: str = "upsert", key: str = "user_id") -> Api:
        sleep = self.sleeper.sleep
        return destination.open({"url": self.url}, key, name=name, mode=mode, sleep=sleep)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(statement).fetchall()

    def do(self, statements: str) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(statements)


@pytest.fixture
def database(postgres_url: str) -> Database:
    made = Database(postgres_url, Sleeper())
    made.do(PEOPLE)
    return made


def thing() -> Object:
    return destination.objects["*"]


def send(api: Api, *rows: Row) -> Outcome:
    return thing().send_batch(api, list(rows))


def person(number: int, **more: Any) -> Row:
    return {"user_id": f"u{number}", "name": f"N{number}", **more}


def taken(*numbers: int) -> Outcome:
    return Outcome({f"u{number}": None for number in numbers}, {})


NAMES = "select user_id, name, visits from crm.people order by user_id"


def test_rows_are_inserted_and_updated_and_what_is_not_mapped_stays(database: Database) -> None:
    assert send(database.open(), person(1, visits=3), person(2, visits=None)) == taken(1, 2)
    assert send(database.open(), person(1, name="O'Brien"), person(3)) == taken(1, 3)
    assert database.ask(NAMES) == [("u1", "O'Brien", 3), ("u2", "N2", None), ("u3", "N3", 0)]


def test_update_touches_only_what_is_there(database: Database) -> None:
    send(database.open(), person(1))
    assert send(database.open(mode="update"), person(1, visits=7), person(2)) == Outcome(
        {"u1": None}, {"u2": "no row has this key"}
    )
    assert database.ask(NAMES) == [("u1", "N1", 7)]


def test_create_leaves_alone_what_is_there(database: Database) -> None:
    send(database.open(), person(1))
    assert send(database.open(mode="create"), person(1, name="X"), person(2)) == Outcome(
        {"u2": None}, {"u1": "a row has this key already"}
    )
    assert database.ask(NAMES) == [("u1", "N1", 0), ("u2", "N2", 0)]


def test_deleted_rows_are_gone_and_gone_is_gone(database: Database) -> None:
    api = database.open()
    send(api, person(1), person(2))
    for _ in range(2):
        gone: Row = {**person(1), "record_id": None}
        assert thing().delete_batch(api, [gone]) == taken(1)
    assert database.ask(NAMES) == [("u2", "N2", 0)]


def test_refused_rows_cost_their_neighbours_nothing(database: Database) -> None:
    rows = [person(number, **{"Spend %": Decimal(number)}) for number in range(1, 101)]
    rows[12]["name"] = None
    rows[49]["Spend %"] = Decimal(-1)
    rows[70]["Spend %"] = "much"
    rows[88]["name"] = "nul\0byte"
    outcome = send(database.open(), *rows)
    assert outcome.rejected == {
        "u13": 'null value in column "name" of relation "people" violates not-null constraint',
        "u50": 'new row for relation "people" violates check constraint "people_Spend %_check"',
        "u71": 'invalid input syntax for type numeric: "much"',
        "u89": "unsupported Unicode escape sequence",
    }
    assert outcome.marks == {
        "u13": ("23502", "row"),
        "u50": ("23514", "row"),
        "u71": ("22P02", "row"),
        "u89": ("22P05", "row"),
    }
    assert len(outcome.accepted) == 96
    assert database.ask("select count(*) from crm.people") == [(96,)]


@pytest.mark.parametrize(
    ("column", "value", "kept"),
    [
        ("name", "O'Brien", "O'Brien"),
        ("name", 'née 🚀 𠮷\n"M" %s', 'née 🚀 𠮷\n"M" %s'),
        ("name", "null", "null"),
        ("name", "", ""),
        ("visits", None, None),
        ("visits", 7, 7),
        ("Spend %", Decimal("123456789012345678.90"), Decimal("123456789012345678.90")),
        ("ratio", 0.1, 0.1),
        ("is_customer", True, True),
        ("is_customer", False, False),
        ("plan", "pro", "pro"),
        ("born_on", date(2026, 2, 28), date(2026, 2, 28)),
        ("seen_at", NOON, NOON),
        ("seen_at", NOON.replace(tzinfo=None), NOON),
        ("seen_at", NOON.astimezone(timezone(timedelta(hours=9))), NOON),
        ("seen_at", date(2026, 11, 23), datetime(2026, 11, 23, tzinfo=UTC)),
        ("local_at", NOON, NOON.replace(tzinfo=None)),
        ("tags", ["a,b", "", "{}"], ["a,b", "", "{}"]),
        ("tags", [], []),
        ("extra", {"since": NOON, "n": 1}, {"since": "2026-11-23T12:00:00.250000Z", "n": 1}),
    ],
)
def test_a_value_arrives_as_its_column_has_it(
    database: Database, column: str, value: object, kept: object
) -> None:
    assert send(database.open(), person(1, **{column: value})) == taken(1)
    assert database.ask(f'select "{column}" from crm.people') == [(kept,)]
    assert postgres.read(database.open(), ["u1", "u2"])["u1"][column] == kept


def test_rows_are_read_back_by_a_key_of_another_type(database: Database) -> None:
    api = database.open("crm.visits", key="visit_id")
    send(api, {"visit_id": 1, "page": "/"}, {"visit_id": 2, "page": None})
    assert postgres.read(api, ["2", "3"]) == {"2": {"visit_id": 2, "page": None}}


def test_an_appended_row_is_there_once_even_if_the_connection_breaks_as_it_commits(
    database: Database, postgres_url: str
) -> None:
    with closing(Wire(urlsplit(postgres_url).port or 0)) as wire:
        wire.cuts = 1
        api = Database(wire.url, database.sleeper).open("crm.visits", "append", "visit_id")
        outcome = send(api, {"visit_id": 1, "page": "/"}, {"visit_id": 2, "page": "/"})
        assert (outcome, wire.cuts) == (Outcome({"1": None, "2": None}, {}), 0)
    assert database.sleeper.slept == [1.0]
    assert database.ask("select visit_id from crm.visits order by 1") == [(1,), (2,)]


def test_an_appended_row_is_never_changed(database: Database) -> None:
    api = database.open("crm.visits", "append", "visit_id")
    send(api, {"visit_id": 1, "page": "/"})
    assert send(api, {"visit_id": 1, "page": "/other"}) == Outcome({"1": None}, {})
    assert database.ask("select page from crm.visits") == [("/",)]


def test_a_busy_server_is_waited_for_then_the_rows_go_later(database: Database) -> None:
    with psycopg.connect(database.url) as holder:
        holder.execute("lock table crm.people")
        database.do("alter database postgres set lock_timeout = '20ms'")
        with pytest.raises(RetryLater, match="55P03 canceling statement due to lock timeout"):
            send(database.open(), person(1))
    database.do("alter database postgres reset lock_timeout")
    assert database.sleeper.slept == [1.0, 2.0, 4.0]
    assert database.ask(NAMES) == []


def test_the_table_describes_its_columns(database: Database) -> None:
    told = postgres.describe(database.open())
    assert told == {
        "id": FieldSpec("bigint", is_writable=False),
        "user_id": FieldSpec("character varying", 40, is_required=True),
        "name": FieldSpec("text", is_required=True),
        "Spend %": FieldSpec("numeric"),
        "visits": FieldSpec("integer"),
        "plan": FieldSpec("crm.plan", choices=("free", "pro")),
        "seen_at": FieldSpec("timestamp with time zone"),
        "local_at": FieldSpec("timestamp without time zone"),
        "born_on": FieldSpec("date"),
        "is_customer": FieldSpec("boolean"),
        "ratio": FieldSpec("double precision"),
        "tags": FieldSpec("text[]"),
        "extra": FieldSpec("jsonb"),
        "shouted": FieldSpec("text", is_writable=False),
    }


@pytest.mark.parametrize(
    ("name", "key", "row", "words"),
    [
        ("crm.nobody", "user_id", person(1), '42P01: relation "crm.nobody" does not exist'),
        (
            "crm.people",
            "user_id",
            person(1, nick="x"),
            '42703: column "nick" of relation "people" does not exist',
        ),
        (
            "crm.people",
            "name",
            person(1),
            "42P10: there is no unique or exclusion constraint matching the ON CONFLICT specification",
        ),
    ],
)
def test_what_the_table_does_not_have_stops_the_sync(
    database: Database, name: str, key: str, row: Row, words: str
) -> None:
    with pytest.raises(Refused) as refused:
        send(database.open(name, key=key), row, person(2, **dict.fromkeys(row, "x")))
    assert str(refused.value) == (
        f"postgres refused the request with {words}. Look at the sync that sent it."
    )


def test_a_user_that_may_not_write_stops_the_sync(database: Database) -> None:
    database.do(
        "drop role if exists reader; create role reader login; grant usage on schema crm to reader"
    )
    reader = Database(database.url.replace("tester@", "reader:hush@"), Sleeper())
    with pytest.raises(
        Refused, match="refused the login with 42501: permission denied for table people"
    ):
        send(reader.open(), person(1))
    nobody = Database(database.url.replace("tester@", "nobody_here:hush@"), Sleeper())
    with pytest.raises(
        Refused, match=r'refused the login with FATAL: .*role "nobody_here" does not exist'
    ):
        send(nobody.open(), person(1))


@pytest.mark.parametrize("url", ["x:hush@y", "postgres//tester:hush@localhost/x"])
def test_an_address_that_cannot_be_read_is_told_without_its_password(url: str) -> None:
    with pytest.raises(BadParameter) as told:
        send(Database(url, Sleeper()).open(), person(1))
    assert str(told.value) == (
        "DESTINATIONS__POSTGRES__URL cannot be read: it is no address like "
        "postgresql://user:password@host/database."
    )


def test_nobody_at_the_address_means_later() -> None:
    sleeper = Sleeper()
    with pytest.raises(RetryLater, match="connection failed"):
        send(Database("postgresql://tester:hush@127.0.0.1:1/x", sleeper).open(), person(1))
    assert sleeper.slept == [1.0, 2.0, 4.0]
