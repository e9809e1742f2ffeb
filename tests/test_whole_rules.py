"""A change of the rules on the demo company: foretold, adopted, and repaired in the tools."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Sandbox, StartSandbox
from dagster import AssetSelection
from whole import Whole, in_folder

from cdp_assets import project
from warehouse import database
from warehouse.identity.asking.what_if import Counts, what_if

IDENTITY = AssetSelection.groups("identity")
Holders = dict[str, frozenset[str]]  # identifiers by profile


@pytest.fixture
def sandbox(start_sandbox: StartSandbox) -> Sandbox:
    return start_sandbox(people=40)


@pytest.fixture
def whole(sandbox: Sandbox, tmp_path: Path) -> Whole:
    return in_folder(tmp_path, sandbox.url, copy=True)


def test_what_if_names_the_profiles_that_change_and_adopting_the_rules_changes_exactly_those(
    whole: Whole, tmp_path: Path
) -> None:
    whole.run(IDENTITY.upstream())
    before = holders(whole)
    rules = whole.root / "warehouse" / "identity.toml"
    other = tmp_path / "other.toml"
    looser = rules.read_text().replace('limit = "1 ever"', 'limit = "3 ever"')
    other.write_text(f'{looser}\n[sources.stripe]\nbarred = ["email"]\n')
    counts, named = foretold(whole, other)
    assert min(counts.merging, counts.splitting) > 0
    assert holders(whole) == before

    rules.write_text(other.read_text())
    whole.run(IDENTITY)
    after = holders(whole)
    assert named == {profile for profile in before if after.get(profile) != before[profile]}
    assert foretold(whole, other) == (Counts(0, 0, 0, 0, 0, 0, 0, 0), set())


def foretold(whole: Whole, path: Path) -> tuple[Counts, set[str]]:
    found = project.find(whole.environ, whole.root)
    sources, ruled = project.by_other_rules(found, path)
    with database.beside(found.place.warehouse) as db:
        counts = what_if(db, sources, ruled)
        rows = db.run("select distinct profile_id from changes where profile_id is not null")
    return counts, {row[0] for row in rows}


def holders(whole: Whole) -> Holders:
    rows = whole.ask(
        "select profile_id, list(type || ':' || value) from identity.identifiers group by all"
    )
    return {profile: frozenset(names) for profile, names in rows}


def test_a_line_that_parts_two_people_takes_the_ones_fields_from_the_others_record_in_the_crm(
    whole: Whole, sandbox: Sandbox
) -> None:
    whole.run()
    [(customer,)] = whole.ask(
        "select email from profiles.profiles"
        " where email in (select _key from ledger.hubspot_contacts)"
        " and lifetime_value > 0 and first_name is not null and company_name is not null"
        " order by email limit 1"
    )
    right, partner = contact(sandbox, customer), "ex@partner.example"
    tell(
        whole,
        call("borrowed", "2026-11-21T23:00:00Z", email=customer),
        call("own", "2026-11-21T23:30:00Z", email=partner, firstName="Alex", company="Ex Ltd"),
    )
    whole.run()
    wrong = contact(sandbox, customer)
    assert (wrong["firstname"], wrong["company"]) == ("Alex", "Ex Ltd")

    with (whole.root / "warehouse" / "identity.toml").open("a") as rules:
        rules.write(
            f'\n[[part]]\nidentifiers = ["email:{partner}", "email:{customer}"]\n'
            'reason = "they shared a laptop"\nby = "ada"\n'
        )
    whole.run()
    assert contact(sandbox, customer) == {**right, "last_seen_at": "2026-11-21T23:00:00.000Z"}
    found = contact(sandbox, partner)
    assert found.pop("profile_id") not in ("", right["profile_id"])
    assert found == {
        "email": partner,
        "firstname": "Alex",
        "company": "Ex Ltd",
        "lifecycle": "lead",
        "last_seen_at": "2026-11-21T23:30:00.000Z",
    }


def tell(whole: Whole, *calls: dict[str, Any]) -> None:
    dump = Path(whole.environ["SOURCES__EVENTS__URL"]) / "laptop.jsonl"
    dump.write_text("".join(json.dumps(each) + "\n" for each in calls))


def call(message: str, at: str, **traits: str) -> dict[str, Any]:
    told = {"type": "identify", "messageId": message, "anonymousId": "a-laptop"}
    return {**told, "timestamp": at, "traits": traits}


def contact(sandbox: Sandbox, email: str) -> dict[str, str]:
    """What HubSpot holds of a contact, as far as it is filled and ours."""
    [found] = [
        record["properties"]
        for record in sandbox.records("hubspot", "contacts")
        if record["properties"]["email"] == email
    ]
    own = ("createdate", "lastmodifieddate", "hs_object_id")
    return {name: value for name, value in found.items() if value and name not in own}
