"""Adding something is adding one file: the README's examples, written into a project and made."""

import re
from pathlib import Path

import pytest
from conftest import StartSandbox
from dagster import AssetSelection
from whole import ROOT, in_folder

from cdp_assets import project
from warehouse.mistakes import Mistakes


def example(name: str) -> str:
    """The file that the README shows under its path."""
    found = re.search(
        rf"`{re.escape(name)}`\n+```sql\n(.*?)```", (ROOT / "README.md").read_text(), re.S
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
    said = str(caught.value).replace(f"{whole.root}/", "")
    assert said.splitlines() == [
        "7 mistakes to mend:",
        "  sources/c.py:1: no docstring that says which vendor this is, with a link",
        '  sources/c.py:1: no STREAMS = ("…",), a tuple of plain names of tables',
        "  sources/c.py:1: no function source(…) at the top level",
        "  warehouse/models/syncs/b.sql:2: unknown destination 'hubspt'; known: customerio, hubspot, salesforce",
        "  warehouse/models/syncs/b.sql:3: key 'mail' is no column of it; it has: email",
        "  warehouse/models/traits/a.sql:2: unknown word 'kee'; known: key, time, to, mode, cron, owner, tags",
        "  warehouse/models/traits/a.sql:3: nobody makes the table nosuch.table",
    ]
