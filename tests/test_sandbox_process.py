"""python -m sandbox as a process, and its answers held against the vendors' own contracts."""

import signal
from pathlib import Path

import requests
from conftest import Run, StartContract, StartSandbox
from contracting import Json, answers, free_port

HUBSPOT = {"Authorization": "Bearer pat-sandbox"}


def test_the_state_outlives_the_process_and_the_day(run: Run, tmp_path: Path) -> None:
    port, folder = free_port(), tmp_path / "outside"
    url = f"http://127.0.0.1:{port}"
    told = ("-m", "sandbox", "--port", port, "--folder", folder)
    first = run(*told, "--people", 30, "--seed", 3, "--today", "2026-11-23")
    health = answers(f"{url}/_sandbox/health", first).json()
    assert health == {"now": "2026-11-22T00:00:00+00:00"}
    files = set((folder / "events").iterdir())
    next_day = requests.post(f"{url}/_sandbox/day", timeout=60).json()
    assert next_day == {"now": "2026-11-23T00:00:00+00:00"}
    assert set((folder / "events").iterdir()) > files
    row = {"id": "ada@example.com", "idProperty": "email", "properties": {"plan": "pro"}}
    upsert = f"{url}/hubspot/crm/v3/objects/contacts/batch/upsert"
    requests.post(upsert, json={"inputs": [row]}, headers=HUBSPOT, timeout=10)
    seen = "stripe/customers", "salesforce/Contact", "hubspot/contacts"
    before = [requests.get(f"{url}/_sandbox/records/{kind}", timeout=10).json() for kind in seen]

    first.send_signal(signal.SIGTERM)
    first.wait(timeout=20)
    answers(f"{url}/_sandbox/health", run(*told))

    after = [requests.get(f"{url}/_sandbox/records/{kind}", timeout=10).json() for kind in seen]
    assert after == before
    assert [len(rows) > 0 for rows in after] == [True, True, True]


def test_stripes_answers_keep_stripes_contract(
    start_sandbox: StartSandbox, contract: StartContract
) -> None:
    sandbox = start_sandbox(people=40)
    stripe = contract("stripe-unexpanded", f"{sandbox.url}/stripe")
    key = ("sk_test_sandbox", "")
    kinds = ("customers", "subscriptions", "invoices", "charges", "events")
    for kind in kinds:
        asked = {"limit": 20, "created[gte]": 1} | (
            {"status": "all"} if kind == "subscriptions" else {}
        )
        page = requests.get(f"{stripe.url}/v1/{kind}", asked, auth=key, timeout=30).json()
        after = {**asked, "starting_after": page["data"][0]["id"]}
        requests.get(f"{stripe.url}/v1/{kind}", after, auth=key, timeout=30)
        requests.get(f"{stripe.url}/v1/{kind}/{page['data'][0]['id']}", auth=key, timeout=30)
    requests.get(f"{stripe.url}/v1/customers/cus_none", auth=key, timeout=30)
    requests.get(f"{stripe.url}/v1/customers", auth=("sk_wrong", ""), timeout=30)
    sandbox.faults([{"vendor": "stripe", "status": 429, "retry_after": 1}])
    requests.get(f"{stripe.url}/v1/charges", auth=key, timeout=30)

    calls = stripe.calls()

    assert {(f"/v1/{kind}", 200) for kind in kinds} < calls
    assert {status for _, status in calls} == {200, 401, 404, 429}


def test_hubspots_answers_keep_hubspots_contract(
    start_sandbox: StartSandbox, contract: StartContract
) -> None:
    sandbox = start_sandbox()
    hubspot = contract("hubspot-contacts+hubspot-properties", f"{sandbox.url}/hubspot")
    base = f"{hubspot.url}/crm/v3"

    def post(path: str, body: Json) -> None:
        requests.post(f"{base}/{path}", json=body, headers=HUBSPOT, timeout=30)

    def get(path: str) -> None:
        requests.get(f"{base}/{path}", headers=HUBSPOT, timeout=30)

    def row(key: str, **properties: str) -> Json:
        told = {"idProperty": "profile_id", "objectWriteTraceId": key}
        return {"id": key, "properties": properties, **told}

    post("objects/contacts/batch/upsert", {"inputs": [row("a", email="a@b.co"), row("b")]})
    post("objects/contacts/batch/upsert", {"inputs": [row("a", email="nobody"), row("c")]})
    post("objects/contacts/batch/upsert", {"inputs": [row("a"), row("a")]})
    read = {"idProperty": "profile_id", "properties": ["email"], "propertiesWithHistory": []}
    post("objects/contacts/batch/read", {**read, "inputs": [{"id": "a"}, {"id": "none"}]})
    equal = {"propertyName": "email", "operator": "EQ", "value": "a@b.co"}
    post("objects/contacts/search", {"filterGroups": [{"filters": [equal]}], "limit": 1})
    get("objects/contacts?limit=1&properties=email,plan")
    get("objects/contacts/100000001")
    get("objects/contacts/5")
    post("objects/contacts/batch/archive", {"inputs": [{"id": "100000001"}]})
    get("objects/contacts?archived=true")
    get("properties/contacts")
    get("properties/contacts/email")

    assert {status for _, status in hubspot.calls()} == {200, 204, 207, 400, 404}


def test_google_ads_answers_keep_google_ads_contract(
    start_sandbox: StartSandbox, contract: StartContract
) -> None:
    sandbox = start_sandbox(people=30)
    google = contract("google-ads", f"{sandbox.url}/google_ads")
    grant = {
        "grant_type": "refresh_token",
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "refresh_token": "sandbox-refresh",
    }
    token = requests.post(f"{sandbox.url}/google_oauth/token", grant, timeout=10).json()
    headers = {
        "Authorization": f"Bearer {token['access_token']}",
        "developer-token": "sandbox-developer",
        "login-customer-id": "1234567890",
    }
    fields = (
        "campaign.id, campaign.name, campaign.status, customer.currency_code, segments.date, "
        "metrics.cost_micros, metrics.clicks, metrics.impressions, metrics.conversions"
    )
    for days in ("'2026-11-01' AND '2026-11-21'", "'2000-01-01' AND '2000-01-02'"):
        query = f"SELECT {fields} FROM campaign WHERE segments.date BETWEEN {days}"
        url = f"{google.url}/v24/customers/1234567890/googleAds:searchStream"
        answer = requests.post(url, json={"query": query}, headers=headers, timeout=30)
        assert answer.status_code == 200
    assert len(google.calls()) == 1
