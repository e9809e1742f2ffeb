"""Companies: which there are, under which names, and who belongs to them on whose word."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from warehouse import model
from warehouse.database import Database, connect

MODELS = {m.table: m for m in model.find(Path(__file__).parents[1] / "warehouse" / "models")[0]}
GIVEN = """
create schema identity;
create schema resolved;
create schema staging;
create table identity.identifiers as from (values
    ('email', 'ada@acme.example', 'ada', 'stripe__customers', '2026-01-02', '2026-01-09'),
    ('email', 'bob@gmail.com', 'bob', 'stripe__customers', '2026-01-02', '2026-01-02'),
    ('email', 'cy@@acme.example', 'cy', 'stripe__customers', '2026-01-02', '2026-01-02'),
    ('email', 'dee@localhost', 'dee', 'stripe__customers', '2026-01-02', '2026-01-02'),
    ('email', 'eve@fresh.example', 'eve', 'salesforce__leads', '2026-01-03', '2026-01-04'),
) as t (type, value, profile_id, source, first_seen_at, last_seen_at);
create table resolved.events__events as from (values
    ('group', 'g1', 'ada', '{"name": "Acme", "domain": "ACME.example", "plan": "pro"}', '2026-01-05'),
    ('track', 'g1', 'bob', null, '2026-01-06'),
    ('track', 'g1', 'bob', null, '2026-01-07'),
    ('track', 'g1', null, null, '2026-01-08'),
    ('group', 'g2', 'bob', '{"name": "Bob alone", "domain": "gmail.com"}', '2026-01-07'),
) as t (event_type, group_id, profile_id, traits, occurred_at);
create table resolved.salesforce__contacts as from (values
    ('ada', 'sf1', false, '2026-01-01', '2026-01-10'),
    ('cy', 'sf2', false, '2026-01-02', '2026-01-02'),
    ('dee', 'sf2', true, '2026-01-02', '2026-01-02'),
    ('eve', 'sf3', false, '2026-01-02', '2026-01-02'),
) as t (profile_id, salesforce_account_id, is_deleted, created_at, modified_at);
create table staging.salesforce__accounts as from (values
    ('sf1', 'Acme Inc', 'acme.example', false, '2026-01-01'),
    ('sf2', 'Acme Ltd', 'acme.example', false, '2026-01-02'),
    ('sf3', 'No web', null, false, '2026-01-02'),
    ('sf4', 'Gone', 'gone.example', true, '2026-01-02'),
) as t (salesforce_account_id, account_name, domain, is_deleted, created_at);
"""


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with connect(tmp_path / "warehouse.duckdb") as opened:
        opened.run(GIVEN)
        opened.run("alter table resolved.events__events alter occurred_at type timestamptz")
        opened.run("alter table resolved.events__events alter traits type json")
        for table in ("resolved.salesforce__contacts", "staging.salesforce__accounts"):
            opened.run(f"alter table {table} alter created_at type timestamptz")
        opened.run("alter table resolved.salesforce__contacts alter modified_at type timestamptz")
        for column in ("first_seen_at", "last_seen_at"):
            opened.run(f"alter table identity.identifiers alter {column} type timestamptz")
        for name in ("free_mail_domains", "account_sources", "account_members"):
            made = MODELS[f"profiles.{name}"]
            opened.materialize(made.table, made.select)
        yield opened


def test_a_company_is_known_by_its_domain_and_else_by_the_name_its_source_gives_it(
    db: Database,
) -> None:
    assert db.run(
        "select account_source_id, account_id, account_name from profiles.account_sources"
        " order by account_source_id"
    ) == [
        ("domain:acme.example", "acme.example", None),
        ("domain:fresh.example", "fresh.example", None),
        ("group:g1", "acme.example", "Acme"),
        ("group:g2", "group:g2", "Bob alone"),
        ("salesforce:sf1", "acme.example", "Acme Inc"),
        ("salesforce:sf2", "acme.example", "Acme Ltd"),
        ("salesforce:sf3", "salesforce:sf3", "No web"),
    ]


def test_a_person_belongs_to_companies_on_the_word_of_every_table_that_says_so(
    db: Database,
) -> None:
    assert members(db) == [
        ("ada", "acme.example", "domain", "stripe__customers", 2, 9),
        ("ada", "acme.example", "group", "events__events", 5, 5),
        ("ada", "acme.example", "salesforce", "salesforce__contacts", 1, 10),
        ("bob", "acme.example", "group", "events__events", 6, 7),
        ("bob", "group:g2", "group", "events__events", 7, 7),
        ("cy", "acme.example", "salesforce", "salesforce__contacts", 2, 2),
        ("eve", "fresh.example", "domain", "salesforce__leads", 3, 4),
        ("eve", "salesforce:sf3", "salesforce", "salesforce__contacts", 2, 2),
    ]


def members(db: Database) -> list[tuple[Any, ...]]:
    """With the days of January on which the membership was first and last seen."""
    rows = db.run(
        "select profile_id, account_id, kind, source, first_seen_at, last_seen_at"
        " from profiles.account_members order by all"
    )
    return [(*row[:4], *(at.day for at in row[4:] if isinstance(at, datetime))) for row in rows]
