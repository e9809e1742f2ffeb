"""Every request our connectors make, and the sandbox's answers, against the vendors' contracts."""

from pathlib import Path

from conftest import StartContract, StartSandbox
from dagster import AssetSelection
from whole import in_folder


def test_what_passes_between_us_and_the_vendors_keeps_their_contracts(
    start_sandbox: StartSandbox, contract: StartContract, tmp_path: Path
) -> None:
    sandbox = start_sandbox(people=40)
    stripe = contract("stripe-unexpanded", f"{sandbox.url}/stripe")
    google = contract("google-ads", f"{sandbox.url}/google_ads")
    hubspot = contract("hubspot-contacts", f"{sandbox.url}/hubspot")
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
    assert routes == {"/crm/v3/objects/contacts/batch/upsert"}
    assert {status for _, status in hubspot.calls()} <= {200, 207}
