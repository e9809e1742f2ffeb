"""Google Ads, read from the sandbox into a warehouse, up to its staging model."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from reading import Reading

from cdp_assets.loads import LoadFailed
from sandbox.world import World

SEARCH = {"id": 111, "name": "Search", "status": "ENABLED"}
VIDEO = {"id": 222, "name": "Video", "status": "PAUSED"}
TODAY = date(2026, 11, 22)


def spend(world: World, campaign: dict[str, Any], days_ago: int, euros: int) -> None:
    micros = euros * 1_000_000
    world.google_ads.set_day(campaign, TODAY - timedelta(days_ago), micros, 10, 1000, 1.5)


def spent(reading: Reading) -> list[tuple[str, int, Decimal]]:
    rows = reading.staging("google_ads__campaign_days")
    return [(row["campaign_name"], (TODAY - row["spent_on"]).days, row["cost"]) for row in rows]


def test_days_are_read_again_and_replaced(world: World, reading: Reading) -> None:
    for campaign in (SEARCH, VIDEO):
        for days_ago in (45, 20, 0):
            spend(world, campaign, days_ago, euros=5)
    world.google_ads.batch_size = 2
    assert reading.load("google_ads") == {"campaign_days": 6}
    first = spent(reading)

    spend(world, SEARCH, 45, euros=99)  # too long ago to be looked at again
    spend(world, SEARCH, 20, euros=7)
    del world.google_ads.days[f"222 {TODAY - timedelta(20)}"]
    del world.google_ads.days[f"222 {TODAY}"]
    del world.google_ads.days[f"111 {TODAY}"]  # a day that is empty now
    reading.load("google_ads")
    assert len(first) == 6
    assert sorted(spent(reading)) == [
        ("Search", 20, Decimal("7.00")),
        ("Search", 45, Decimal("5.00")),
        ("Video", 45, Decimal("5.00")),
    ]


def test_a_day_becomes_its_staging_row(world: World, reading: Reading) -> None:
    world.google_ads.set_day(SEARCH, TODAY, 12_345_678, 10, 1000, 1.5)
    reading.load("google_ads")
    assert reading.staging("google_ads__campaign_days") == [
        {
            "campaign_day_id": "111:2026-11-22",
            "campaign_id": "111",
            "campaign_name": "Search",
            "campaign_status": "ENABLED",
            "spent_on": TODAY,
            "cost": Decimal("12.35"),
            "currency": "USD",
            "clicks": 10,
            "impressions": 1000,
            "conversions": 1.5,
        }
    ]


def test_an_account_without_campaigns_gives_an_empty_table(reading: Reading) -> None:
    assert reading.load("google_ads") == {"campaign_days": 0}
    assert reading.staging("google_ads__campaign_days") == []


def test_googles_words_are_in_the_error_and_the_tokens_are_not(reading: Reading) -> None:
    with pytest.raises(LoadFailed) as failed:
        reading.load("google_ads", developer_token="not-a-token")
    assert "The developer token is not valid." in str(failed.value)
    assert "not-a-token" not in str(failed.value)
