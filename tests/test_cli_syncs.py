"""A sync by hand: looked at, applied, tried again, sent again and read back, on the sandbox."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import StartSandbox
from dagster import AssetSelection
from whole import Whole, in_folder

from cdp_assets.cli import cli

pytestmark = pytest.mark.usefixtures("without_dotenv")

SYNC = """-- One row per person of two, by their made-up addresses.
-- to: hubspot.contacts
-- key: email
-- mode: upsert
-- cron: 0 * * * *
select email, firstname
from (
    values ('ann@example.com', 'Ann'), ('bad address', 'Bo')
) as people (email, firstname)
"""


@dataclass(frozen=True)
class Terminal:
    """Where somebody types `cdp`."""

    whole: Whole
    folder: Path

    def cdp(self, *words: str, status: int = 0) -> str:
        told = {**self.whole.environ, "COLUMNS": "120"}
        done = CliRunner().invoke(cli, words, obj=self.whole.root, env=told)
        assert done.exit_code == status, f"{words}\n{done.output}{done.exception!r}"
        return done.output

    def write(self, select: str) -> None:
        path = self.whole.root / "warehouse" / "models" / "syncs" / "hubspot_two.sql"
        path.write_text(select)
        self.whole.run(AssetSelection.assets("syncs/hubspot_two"))


@pytest.fixture
def terminal(start_sandbox: StartSandbox, tmp_path: Path) -> Terminal:
    made = Terminal(in_folder(tmp_path, start_sandbox().url, copy=True), tmp_path)
    made.write(SYNC)
    return made


def test_a_plan_is_shown_applied_and_its_refusal_tried_again(terminal: Terminal) -> None:
    out = str(terminal.folder / "plan.jsonl")
    shown = terminal.cdp("plan", "hubspot_two", "--out", out)
    assert "2 create, 0 update, 0 refresh, 0 delete, 0 unchanged, 0 held" in shown
    assert "1 API calls, about 0:00:01 at the tool's limit; 2 records, 4 fields" in shown
    assert "ann@example.com" in shown
    planned = [json.loads(line) for line in Path(out).read_text().splitlines()]
    assert [(row["key"], row["action"]) for row in planned] == [
        ("ann@example.com", "create"),
        ("bad address", "create"),
    ]

    said = terminal.cdp("apply", out, status=1)
    assert said == "partial: 2 planned = 1 accepted + 1 rejected + 0 waiting\n"
    assert "2 rows of sync hubspot_two are no longer as in the file" in terminal.cdp(
        "apply", out, status=1
    )

    assert terminal.cdp("retry", "hubspot_two", "--code", "NONE", status=1) == (
        "0 refused rows may go again.\npartial: 1 planned = 0 accepted + 0 rejected + 1 waiting\n"
    )
    assert terminal.cdp("retry", "hubspot_two", status=1) == (
        "1 refused rows may go again.\npartial: 1 planned = 0 accepted + 1 rejected + 0 waiting\n"
    )
    assert terminal.cdp("resend", "hubspot_two", "--where", "firstname = 'Ann'", status=1) == (
        "1 rows go again.\npartial: 2 planned = 1 accepted + 0 rejected + 1 waiting\n"
    )

    terminal.write(SYNC.replace("bad address", "bo@example.com"))
    assert terminal.cdp("resend", "hubspot_two", "--where", "false") == (
        "0 rows go again.\ncomplete: 1 planned = 1 accepted + 0 rejected + 0 waiting\n"
    )


def test_what_cannot_be_done_is_a_sentence(terminal: Terminal) -> None:
    assert "There is no sync nosuch. There are: " in terminal.cdp("plan", "nosuch", status=1)
    other = terminal.folder / "x"
    other.write_text("{}")
    assert "x holds no plan." in terminal.cdp("apply", str(other), status=1)
    assert terminal.cdp("decide", "hubspot_two") == "0 events are held.\n"


def test_a_value_in_the_tool_is_traced_to_the_vendors_column_and_row(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    terminal = Terminal(in_folder(tmp_path, start_sandbox(people=40).url), tmp_path)
    terminal.whole.run(AssetSelection.assets("syncs/hubspot_contacts").upstream())
    ((email, value, profile_id),) = terminal.whole.ask(
        "select email, lifetime_value, profile_id from syncs.hubspot_contacts"
        " where lifetime_value > 0 order by email limit 1"
    )
    charges = [
        f"          = {amount}"
        for (amount,) in terminal.whole.ask(
            f"select amount from resolved.stripe__charges where profile_id = '{profile_id}' limit 5"
        )
    ]

    said = terminal.cdp("lineage", "hubspot_contacts", "lifetime_value", "--key", email)

    assert said.splitlines()[:6] == [
        "hubspot.contacts lifetime_value",
        "  syncs.hubspot_contacts.lifetime_value",
        f"    = {value}",
        "    profiles.profiles.lifetime_value",
        f"      = {value}",
        "      traits.spend.lifetime_value",
    ]
    assert "            stripe.charges.amount\n" in said
    assert set(charges) <= set(said.splitlines())
    assert "sends no field nosuch; it sends: email," in terminal.cdp(
        "lineage", "hubspot_contacts", "nosuch", status=1
    )
    assert "has no row nobody" in terminal.cdp(
        "lineage", "hubspot_contacts", "--key", "nobody", status=1
    )
