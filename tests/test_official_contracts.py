"""Every request our connectors make, and the sandbox's answers, against the vendors' contracts."""

from pathlib import Path

import pytest
from conftest import Sandbox, StartContract, StartSandbox
from dagster import AssetSelection
from tool_case import Case
from tool_cases import CASES, opened, thing
from whole import in_folder

from destinations.rows import Merge

SPECS = {
    "hubspot": "hubspot-contacts+hubspot-companies+hubspot-deals+hubspot-lists+hubspot-properties",
    "marketo": "marketo-rest+marketo-identity",
}


def test_what_passes_between_us_and_the_vendors_keeps_their_contracts(
    start_sandbox: StartSandbox, contract: StartContract, tmp_path: Path
) -> None:
    sandbox = start_sandbox(people=40)
    stripe = contract("stripe-unexpanded", f"{sandbox.url}/stripe")
    google = contract("google-ads", f"{sandbox.url}/google_ads")
    hubspot = contract(SPECS["hubspot"], f"{sandbox.url}/hubspot")
    whole = in_folder(tmp_path, sandbox.url)
    whole.environ["SOURCES__STRIPE__BASE_URL"] = f"{stripe.url}/v1/"
    whole.environ["SOURCES__GOOGLE_ADS__BASE_URL"] = f"{google.url}/"
    whole.environ["DESTINATIONS__HUBSPOT__BASE_URL"] = hubspot.url

    whole.run(AssetSelection.assets("ledger/hubspot_contacts").upstream())
    whole.run(AssetSelection.groups("google_ads", "stripe"))

    assert stripe.calls() == {
        (f"/v1/{kind}", 200)
        for kind in ("customers", "subscriptions", "invoices", "charges", "events")
    }
    assert google.calls() == {("/{version}/customers/{customerId}/googleAds:searchStream", 200)}
    routes = {route for route, _ in hubspot.calls()}
    assert routes == {
        "/crm/v3/objects/contacts/batch/upsert",
        "/crm/v3/properties/{objectType}",
    }
    assert {status for _, status in hubspot.calls()} <= {200, 207}


@pytest.mark.parametrize("tool", SPECS)
def test_all_that_a_connector_can_do_keeps_the_tools_contract(
    tool: str, start_sandbox: StartSandbox, contract: StartContract
) -> None:
    for case in (case for case in CASES if case.tool == tool):
        sandbox = start_sandbox()
        between = contract(SPECS[tool], f"{sandbox.url}/{tool}")
        do_everything(case, sandbox, between.url)
        assert between.calls()


def do_everything(case: Case, sandbox: Sandbox, url: str) -> None:
    case.prepare(sandbox)
    made, api = thing(case), opened(case, url)
    ids = made.send_batch(api, [case.good[0], case.bad]).accepted
    for api.mode in made.declared:
        ids |= made.send_batch(api, case.good).accepted
    if made.read_back and made.specify:
        made.read_back(api, list(ids))
        made.specify(api)
    one, two = ids
    if made.unite:
        made.merge_batch(api, [Merge(one, ids[one], two, ids[two])])
    if made.remove:
        made.delete_batch(api, [{**case.good[0], "record_id": ids[one]}])
