"""Adding something is adding one file: the README's examples, written into a project and made."""

import re
from pathlib import Path

import pytest
from conftest import StartSandbox
from dagster import AssetSelection
from event_files import put, track
from whole import ROOT, in_folder

import destinations
from cdp_assets import project
from warehouse.mistakes import Mistakes


def example(name: str) -> str:
    """The file that the README shows under its path."""
    found = re.search(
        rf"`{re.escape(name)}`\n+```\w+\n(.*?)```", (ROOT / "README.md").read_text(), re.S
    )
    assert found, f"README.md does not show {name}"
    return found[1]


def test_a_trait_an_audience_and_a_sync_are_one_file_each(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(people=40)
    whole = in_folder(tmp_path, sandbox.url, copy=True)
    whole.run(AssetSelection.assets("profiles/profiles").upstream())
    for name in (
        "warehouse/models/traits/invitations.sql",
        "warehouse/models/audiences/advocates.sql",
        "warehouse/models/syncs/hubspot_advocates.sql",
    ):
        (whole.root / name).write_text(example(name))
    whole.run(
        AssetSelection.assets(
            "traits/invitations",
            "profiles/profiles",
            "audiences/advocates",
            "syncs/hubspot_advocates",
            "ledger/hubspot_advocates",
        )
    )
    expected = whole.ask(
        "select email, invitation_count from profiles.profiles"
        " where invitation_count >= 2 and email is not null order by email"
    )
    assert expected
    assert (
        whole.ask("select email, invitation_count from syncs.hubspot_advocates order by email")
        == expected
    )
    held = {r["properties"]["email"] for r in sandbox.records("hubspot", "contacts")}
    assert held == {email for email, _ in expected}


def test_another_place_with_events_is_a_file_of_two_lines_with_a_schema_of_its_own(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    whole = in_folder(tmp_path, start_sandbox().url, copy=True)
    (whole.root / "sources" / "phone_app.py").write_text(
        '"""Events of the phone app."""\n\nfrom sources.events import STREAMS, source\n'
    )
    (whole.root / "warehouse" / "models" / "staging" / "phone_app__orders.sql").write_text(
        "-- One row per order that was placed in the app.\n-- key: order_id\n"
        "select id as order_id, total as amount from phone_app.order_completed\n"
    )
    put(
        tmp_path / "app.jsonl",
        track(event="Order Completed", messageId="m1", properties={"total": 12.5}),
    )
    whole.environ["SOURCES__PHONE_APP__URL"] = str(tmp_path / "app.jsonl")
    whole.run(AssetSelection.assets("staging/phone_app__orders").upstream())
    assert whole.ask("from staging.phone_app__orders") == [("m1", 12.5)]
    assert whole.ask("select count(*) from phone_app.tracks") == [(1,)]
    whole.environ["SOURCES__PHONE_APP__URL"] = "/no/such/folder"
    failed = whole.run(AssetSelection.groups("phone_app"), succeeds=False)
    assert "Mend SOURCES__PHONE_APP__URL." in failed["phone_app"]


def test_a_tracking_plan_is_a_file_for_an_event(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    whole = in_folder(tmp_path, start_sandbox().url, copy=True)
    name = "warehouse/tracking_plans/events/order_completed.toml"
    (whole.root / name).write_text(example(name))
    order = {"event": "Order Completed", "messageId": "m1"}
    put(tmp_path / "a.jsonl", track(**order, properties={"total": 5, "coupon": "ten"}))
    whole.environ["SOURCES__EVENTS__URL"] = str(tmp_path / "a.jsonl")
    whole.run(AssetSelection.groups("events"))
    assert whole.ask(
        "select total, _extra from events.order_completed join events.calls using (id)"
    ) == [(5, '{"omitted":{"coupon":"ten"}}')]
    assert whole.ask("select event_text, field, kind, example_message from events.violations") == [
        (
            "Order Completed",
            "coupon",
            "invalid_value",
            'coupon is "ten", does not match ^[A-Z]+$',
        )
    ]


def test_all_mistakes_of_all_files_come_in_one_message_when_the_project_is_read(
    tmp_path: Path,
) -> None:
    whole = in_folder(tmp_path, "http://127.0.0.1:1", copy=True)
    models = whole.root / "warehouse" / "models"
    (models / "traits" / "a.sql").write_text(
        "-- One row per person.\n-- kee: x\nselect profile_id from nosuch.table\n"
    )
    (models / "syncs" / "b.sql").write_text(
        "-- One row per person.\n-- to: hubspt.contacts\n-- key: mail\n-- mode: upsert\n"
        "-- cron: 0 * * * *\nselect email from profiles.profiles\n"
    )
    (whole.root / "sources" / "c.py").write_text("STREAMS = ()\n")
    with pytest.raises(Mistakes) as caught:
        project.find(whole.environ, whole.root)
    known = ", ".join(sorted(destinations.find()[0]))
    said = str(caught.value).replace(f"{whole.root}/", "")
    assert said.splitlines() == [
        "7 mistakes to mend:",
        "  sources/c.py:1: no docstring that says which vendor this is, with a link",
        '  sources/c.py:1: no STREAMS = ("…",), a tuple of plain names of tables',
        "  sources/c.py:1: no function source(…) at the top level",
        f"  warehouse/models/syncs/b.sql:2: unknown destination 'hubspt'; known: {known}",
        "  warehouse/models/syncs/b.sql:3: key 'mail' is no column of it; it has: email",
        "  warehouse/models/traits/a.sql:2: unknown word 'kee'; known: key, time, to, mode, cron, keep, fill, refresh, profile, max_deletes, max_updates, materialized, owner, tags",
        "  warehouse/models/traits/a.sql:3: nobody makes the table nosuch.table",
    ]
