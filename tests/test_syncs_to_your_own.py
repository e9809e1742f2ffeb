"""Syncs to what is a company's own: a webhook, a folder, and Salesforce objects of its making."""

import json
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from conftest import StartSandbox
from dagster import AssetSelection
from whole import Whole, in_folder

from cdp_assets.cli import cli
from sandbox.webhook import SECRET

pytestmark = pytest.mark.usefixtures("without_dotenv")

HEADER = "-- One row per person.\n-- to: {to}\n-- key: {key}\n-- mode: upsert\n-- cron: 0 * * * *\n"
PEOPLE = """select * from (values
    ('u1', 'O''Brien', 12.50::decimal(18, 2), timestamptz '2026-11-23 12:00:00+00'),
    ('u2', '𠮷 🚀', null, null)
) as people (user_id, name, spend, seen_at)
"""


def sync(whole: Whole, name: str, to: str, key: str, select: str) -> None:
    path = whole.root / "warehouse" / "models" / "syncs" / f"{name}.sql"
    path.write_text(HEADER.format(to=to, key=key) + select)
    whole.run(AssetSelection.assets(f"syncs/{name}", f"ledger/{name}"))


def test_a_sync_goes_to_a_webhook_a_file_and_any_object_and_goes_once(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox, folder = start_sandbox(), tmp_path / "exports"
    whole = in_folder(tmp_path, sandbox.url, copy=True)
    whole.environ["DESTINATIONS__WEBHOOK__URL"] = f"{sandbox.url}/webhook/in"
    whole.environ["DESTINATIONS__WEBHOOK__SECRET"] = SECRET
    whole.environ["DESTINATIONS__FILES__URL"] = str(folder)
    subscriptions = (
        f"select user_id as Subscription_Id__c, name as Name, spend as Amount__c from ({PEOPLE})"
    )
    for _ in range(2):
        sync(whole, "webhook_people", "webhook.people", "user_id", PEOPLE)
        sync(whole, "files_people", "files.people.ndjson", "user_id", PEOPLE)
        sync(
            whole,
            "salesforce_subs",
            "salesforce.Subscription__c",
            "Subscription_Id__c",
            subscriptions,
        )
    expected = [
        {"user_id": "u1", "name": "O'Brien", "spend": 12.5, "seen_at": "2026-11-23T12:00:00Z"},
        {"user_id": "u2", "name": "𠮷 🚀", "spend": None, "seen_at": None},
    ]
    assert sandbox.records("webhook", "people") == expected
    [part] = folder.glob("people/*/part-*.ndjson")
    assert [json.loads(line) for line in part.read_text(encoding="utf-8").splitlines()] == expected
    held = sandbox.records("salesforce", "Subscription__c")
    assert [(one["Subscription_Id__c"], one["Name"], one["Amount__c"]) for one in held] == [
        ("u1", "O'Brien", 12.5),
        ("u2", "𠮷 🚀", None),
    ]
    assert whole.ask("select sync, sum(accepted) from ledger.runs group by all order by all") == [
        ("files_people", 2),
        ("salesforce_subs", 2),
        ("webhook_people", 2),
    ]


def test_a_sync_is_verified_in_a_database_and_in_records_tied_to_a_parent(
    start_sandbox: StartSandbox, tmp_path: Path, postgres_url: str
) -> None:
    sandbox = start_sandbox()
    whole = in_folder(tmp_path, sandbox.url, copy=True)
    whole.environ["DESTINATIONS__POSTGRES__URL"] = postgres_url
    with psycopg.connect(postgres_url, autocommit=True) as db:
        db.execute("drop table if exists people")
        db.execute(
            "create table people"
            " (user_id text primary key, name text, spend numeric(18, 2), seen_at timestamptz)"
        )
        contacts = f"select user_id as Profile_Id__c, name as LastName, seen_at as Last_Seen__c from ({PEOPLE})"
        tied = (
            "select user_id as Subscription_Id__c, spend as Amount__c,"
            f' user_id as "Contact__r.Profile_Id__c" from ({PEOPLE})'
        )
        sync(whole, "crm_people", "postgres.people", "user_id", PEOPLE)
        sync(whole, "salesforce_people", "salesforce.Contact", "Profile_Id__c", contacts)
        sync(whole, "salesforce_subs", "salesforce.Subscription__c", "Subscription_Id__c", tied)
        for name in ("crm_people", "salesforce_people", "salesforce_subs"):
            assert verified(whole, name) == "2 records read back, 0 differences\n"
        db.execute("update people set spend = 12.51 where user_id = 'u1'")
    assert "spend" in verified(whole, "crm_people", status=1)
    ids = {one["Profile_Id__c"]: one["Id"] for one in sandbox.records("salesforce", "Contact")}
    assert [
        (one["Contact__c"], one["Amount__c"])
        for one in sandbox.records("salesforce", "Subscription__c")
    ] == [(ids["u1"], 12.5), (ids["u2"], None)]


def verified(whole: Whole, name: str, status: int = 0) -> str:
    environ = {**whole.environ, "COLUMNS": "120"}
    done = CliRunner().invoke(cli, ["verify", name], obj=whole.root, env=environ)
    assert done.exit_code == status, f"{done.output}{done.exception!r}"
    return done.output
