"""Google Ads: what each campaign cost on each day.

REST searchStream with GAQL, signed in by an OAuth refresh token and a developer token.
https://developers.google.com/google-ads/api/rest/common/search

Google restates a day for as long as a click of it can still bring a conversion (30 days, unless
the account asks for more) and credits invalid clicks later. So the last days are read again in
every run and replaced as a whole: a campaign that Google no longer shows for a day leaves it.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dlt
from dlt.sources import DltResource

from sources._web import Api, Token

STREAMS = ("campaign_days",)

VERSION = "v24"
# One answer is held in memory whole: so the first run asks for a season at a time.
DAYS_PER_REQUEST = 90

GAQL = (
    "SELECT customer.id, customer.currency_code, campaign.id, campaign.name, campaign.status,"
    " segments.date, metrics.cost_micros, metrics.clicks, metrics.impressions, metrics.conversions"
    " FROM campaign WHERE segments.date BETWEEN '{first}' AND '{last}'"
)
COLUMNS: Any = {
    "campaign_id": {"data_type": "text"},
    "campaign_name": {"data_type": "text"},
    "campaign_status": {"data_type": "text"},
    "customer_id": {"data_type": "text"},
    "currency_code": {"data_type": "text"},
    "date": {"data_type": "date", "merge_key": True},
    "cost_micros": {"data_type": "bigint"},
    "clicks": {"data_type": "bigint"},
    "impressions": {"data_type": "bigint"},
    "conversions": {"data_type": "double"},
    # Set on a row that only says "this day was read": it empties the day and is not kept.
    "is_emptied": {"data_type": "bool", "hard_delete": True},
}


@dlt.source(name="google_ads", max_table_nesting=0)
def source(  # noqa: PLR0913, PLR0917 -- each is a setting the vendor asks for
    developer_token: str = dlt.secrets.value,
    client_id: str = dlt.secrets.value,
    client_secret: str = dlt.secrets.value,
    refresh_token: str = dlt.secrets.value,
    customer_id: str = dlt.config.value,
    login_customer_id: str = "",
    start_date: str = "2024-01-01",
    look_back_days: int = 30,
    base_url: str = "https://googleads.googleapis.com/",
    token_url: str = "https://oauth2.googleapis.com/token",  # noqa: S107 -- an address
) -> DltResource:
    secrets = (developer_token, client_secret, refresh_token)
    door = Api("Google", token_url, secrets=secrets)
    credentials = {
        "grant_type": "refresh_token",
        "client_id": client_id,
        "client_secret": client_secret,
        "refresh_token": refresh_token,
    }
    headers = {"developer-token": developer_token}
    if login_customer_id:
        headers["login-customer-id"] = _digits(login_customer_id)
    api = Api(
        "Google Ads",
        base_url,
        auth=Token(lambda: str(door.post(data=credentials)["access_token"])),
        headers=headers,
        secrets=secrets,
    )
    return dlt.resource(
        _read(
            api,
            _digits(customer_id),
            date.fromisoformat(start_date),
            timedelta(int(look_back_days)),
        ),
        name="campaign_days",
        write_disposition="merge",
        columns=COLUMNS,
    )


def _read(
    api: Api, customer_id: str, start: date, look_back: timedelta
) -> Iterator[list[dict[str, Any]]]:
    yield dlt.mark.materialize_table_schema()
    state = dlt.current.resource_state()
    newest = date.fromisoformat(state["newest"]) if "newest" in state else None
    first = newest - look_back if newest else start
    if newest:
        yield [{"date": day, "is_emptied": True} for day in _days(first, newest)]
    # The account may lie in a time zone where it is tomorrow already.
    last = datetime.now(UTC).date() + timedelta(1)
    path = f"{VERSION}/customers/{customer_id}/googleAds:searchStream"
    while first <= last:
        until = min(first + timedelta(DAYS_PER_REQUEST - 1), last)
        for chunk in api.post(path, json={"query": GAQL.format(first=first, last=until)}):
            if rows := [_row(result) for result in chunk.get("results", [])]:
                state["newest"] = max(
                    state.get("newest", ""), str(max(row["date"] for row in rows))
                )
                yield rows
        first = until + timedelta(1)


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(number)


def _row(result: dict[str, Any]) -> dict[str, Any]:
    """A row of ours; Google leaves out what is zero or unset, and writes 64-bit numbers as text."""
    campaign, customer, metrics = result["campaign"], result["customer"], result.get("metrics", {})
    return {
        "campaign_id": str(campaign["id"]),
        "campaign_name": campaign.get("name"),
        "campaign_status": campaign.get("status"),
        "customer_id": str(customer["id"]),
        "currency_code": customer.get("currencyCode"),
        "date": date.fromisoformat(result["segments"]["date"]),
        "cost_micros": int(metrics.get("costMicros", 0)),
        "clicks": int(metrics.get("clicks", 0)),
        "impressions": int(metrics.get("impressions", 0)),
        "conversions": float(metrics.get("conversions", 0)),
    }


def _digits(customer_id: str) -> str:
    """People write 123-456-7890, the API wants 1234567890."""
    return customer_id.replace("-", "")
