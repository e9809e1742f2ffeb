"""The sandbox's Google Ads: a grant, a developer token, and campaigns streamed by day."""

from datetime import date

import pytest
import requests
from conftest import Sandbox

GOOGLE = {
    "grant_type": "refresh_token",
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
    "refresh_token": "sandbox-refresh",
}
DAYS = "SELECT campaign.id, campaign.name, metrics.cost_micros, segments.date FROM campaign"


def stream(sandbox: Sandbox, query: str, **headers: str) -> requests.Response:
    token = requests.post(f"{sandbox.url}/google_oauth/token", GOOGLE, timeout=10).json()
    sent = {"Authorization": f"Bearer {token['access_token']}"}
    sent |= {"developer-token": "sandbox-developer"} | headers
    url = f"{sandbox.url}/google_ads/v24/customers/1234567890/googleAds:searchStream"
    return requests.post(url, json={"query": query}, headers=sent, timeout=10)


def with_campaigns(sandbox: Sandbox) -> None:
    ads, brand = sandbox.world.google_ads, {"id": 7, "name": "Brand", "status": "ENABLED"}
    for number in range(1, 6):
        ads.set_day(brand, date(2026, 11, number), number * 1_000_000, number, 10 * number, 0.5)
    ads.set_day({"id": 8, "name": "Old", "status": "PAUSED"}, date(2026, 11, 3), 90, 1, 9, 0.0)


def test_google_ads_streams_days_in_batches_with_whole_numbers_as_text(sandbox: Sandbox) -> None:
    with_campaigns(sandbox)
    sandbox.world.google_ads.batch_size = 2
    query = f"{DAYS} WHERE segments.date BETWEEN '2026-11-02' AND '2026-11-04'"
    batches = stream(sandbox, f"{query} ORDER BY segments.date, campaign.id").json()
    assert [len(batch["results"]) for batch in batches] == [2, 2]
    mask = "campaign.id,campaign.name,metrics.costMicros,segments.date"
    assert {batch["fieldMask"] for batch in batches} == {mask}
    assert batches[0]["results"][0] == {
        "campaign": {
            "id": "7",
            "name": "Brand",
            "resourceName": "customers/1234567890/campaigns/7",
        },
        "metrics": {"costMicros": "2000000"},
        "segments": {"date": "2026-11-02"},
    }


def test_google_ads_sums_what_the_query_does_not_tell_apart(sandbox: Sandbox) -> None:
    with_campaigns(sandbox)
    batches = stream(
        sandbox,
        "SELECT campaign.id, customer.currency_code, metrics.clicks, metrics.conversions "
        "FROM campaign WHERE segments.date >= '2026-11-01' AND segments.date <= '2026-11-30' "
        "AND metrics.clicks > 1",
    ).json()
    assert [row["metrics"] for batch in batches for row in batch["results"]] == [
        {"clicks": "15", "conversions": 2.5}
    ]


def test_a_google_ads_stream_without_rows_has_no_results(sandbox: Sandbox) -> None:
    batches = stream(sandbox, f"{DAYS} WHERE segments.date = '2020-01-01'").json()
    assert [set(batch) for batch in batches] == [{"fieldMask", "requestId"}]


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        (
            "SELECT campaign.nick FROM campaign",
            "UNRECOGNIZED_FIELD",
            "Unrecognized field in the query: 'campaign.nick'.",
        ),
        (
            f"{DAYS} WHERE segments.date >= '2026-11-01'",
            "EXPECTED_FILTERS_ON_DATE_RANGE",
            "The query needs a filter on segments.date with a start and an end.",
        ),
    ],
)
def test_google_ads_refuses_a_query_with_a_failure_inside_an_array(
    sandbox: Sandbox, query: str, code: str, message: str
) -> None:
    answer = stream(sandbox, query)
    error = answer.json()[0]["error"]
    assert (answer.status_code, error["status"]) == (400, "INVALID_ARGUMENT")
    told = [{"errorCode": {"queryError": code}, "message": message}]
    assert error["details"][0]["errors"] == told


def test_google_ads_wants_a_grant_and_a_developer_token(sandbox: Sandbox) -> None:
    wrong = requests.post(
        f"{sandbox.url}/google_oauth/token", {**GOOGLE, "refresh_token": "old"}, timeout=10
    )
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant")
    nobody = stream(sandbox, DAYS, Authorization="Bearer nothing")
    assert nobody.json()[0]["error"]["status"] == "UNAUTHENTICATED"
    untold = stream(sandbox, DAYS, **{"developer-token": "guess"})
    code = untold.json()[0]["error"]["details"][0]["errors"][0]["errorCode"]
    assert (untold.status_code, code) == (401, {"authenticationError": "DEVELOPER_TOKEN_INVALID"})
