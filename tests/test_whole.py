"""The whole road on the demo company: what goes out, what does not, and what a bad day does."""

from collections import Counter
from pathlib import Path

import pytest
from conftest import Sandbox, StartSandbox
from dagster import AssetSelection
from whole import Whole, in_folder

from warehouse import database

LAST_RUNS = """
    select sync, accepted, rejected, waiting, planned
    from ledger.runs
    qualify row_number() over (partition by sync order by started_at desc) = 1
    order by sync
"""


@pytest.fixture
def sandbox(start_sandbox: StartSandbox) -> Sandbox:
    return start_sandbox(people=40)


@pytest.fixture
def whole(sandbox: Sandbox, tmp_path: Path) -> Whole:
    return in_folder(tmp_path, sandbox.url)


def test_the_tools_hold_what_the_syncs_say_and_a_second_run_sends_nothing(
    whole: Whole, sandbox: Sandbox
) -> None:
    whole.run()
    first = whole.ask(LAST_RUNS)
    assert [planned for *_, planned in first] == [a + r + w for _, a, r, w, _ in first]
    assert in_hubspot(sandbox) == wanted_in_hubspot(whole)
    assert len(in_hubspot(sandbox)) > 20

    sent = writes(sandbox)
    whole.run()
    assert [(accepted, rejected) for _, accepted, rejected, _, _ in whole.ask(LAST_RUNS)] == [
        (0, 0)
    ] * len(first)
    assert len(first) == 7
    assert writes(sandbox) == sent


def test_what_mixpanel_saw_reaches_salesforce(whole: Whole, sandbox: Sandbox) -> None:
    whole.run()
    minutes = Counter[str]()
    for event in sandbox.records("mixpanel", "events"):
        minutes[event["properties"]["$user_id"]] += event["properties"]["minutes"]
    leads = [
        lead for lead in sandbox.records("salesforce", "Lead") if lead["LeadSource"] == "Product"
    ]
    users = dict(whole.ask("select profile_id, user_id from profiles.profiles"))
    assert len(leads) >= 2
    for lead in leads:
        assert 60 <= lead["Board_Minutes__c"] <= minutes[users[lead["Profile_Id__c"]]]


def test_nobody_is_mixed_with_somebody_else_and_all_that_is_evident_is_tied(
    whole: Whole, tmp_path: Path
) -> None:
    from cdp_assets.demo_report import STITCHING

    whole.run(AssetSelection.groups("identity").upstream())
    truth = tmp_path / "outside" / "truth.csv"
    place = whole.environ["WAREHOUSE__PATH"]
    with database.connect(Path(place)) as db:
        mixed, precision, recall = db.run(STITCHING, {"truth": str(truth)})[0]
    assert (mixed, precision, recall) == (0, 1.0, 1.0)


def test_a_vendor_that_is_down_fails_alone_and_is_read_on_when_it_is_back(
    whole: Whole, sandbox: Sandbox
) -> None:
    sandbox.faults([{"vendor": "google_ads", "status": 400, "times": -1}])
    failed = whole.run(AssetSelection.groups("google_ads", "stripe", "events"), succeeds=False)
    assert list(failed) == ["google_ads"]
    assert "Google answered 400" in failed["google_ads"]
    assert whole.ask("select count(*) > 0 from stripe.customers") == [(True,)]
    sandbox.mend()
    whole.run(AssetSelection.groups("google_ads"))
    assert whole.ask("select count(*) > 0 from google_ads.campaign_days") == [(True,)]


def test_a_missing_secret_is_named_with_those_that_are_set(whole: Whole) -> None:
    del whole.environ["SOURCES__SALESFORCE__CLIENT_SECRET"]
    assert whole.run(AssetSelection.groups("salesforce"), succeeds=False) == {
        "salesforce": "cdp_assets.loads.MissingSetting: The source salesforce needs"
        " SOURCES__SALESFORCE__CLIENT_SECRET; set of its variables:"
        " SOURCES__SALESFORCE__CLIENT_ID, SOURCES__SALESFORCE__BASE_URL. Set it in the environment"
        " or in .env."
    }


def in_hubspot(sandbox: Sandbox) -> dict[str, str]:
    records = sandbox.records("hubspot", "contacts")
    return {r["properties"]["email"]: r["properties"]["profile_id"] for r in records}


def wanted_in_hubspot(whole: Whole) -> dict[str, str]:
    """What the sync says, but for the rows that HubSpot refused."""
    return dict(
        whole.ask(
            "select email, profile_id from syncs.hubspot_contacts anti join"
            " (select key as email from ledger.outbox where sync = 'hubspot_contacts'"
            " and state = 'rejected') using (email)"
        )
    )


def writes(sandbox: Sandbox) -> int:
    """Calls that write to a tool."""
    routes = ("batch/upsert", "composite/sobjects", "api/v2/batch", "v1/leads.json", "/engage")
    routes += ("PUT /resources", "POST /resources")
    return sum(
        each["count"] for each in sandbox.requests() if any(r in each["route"] for r in routes)
    )
