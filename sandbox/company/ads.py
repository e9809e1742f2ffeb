"""What Google Ads reports: five campaigns by day, with conversions that come in for three days."""

import random
from datetime import UTC, datetime

from sandbox.company import names
from sandbox.company.state import DAY, Company
from sandbox.stores import GoogleAdsStore

RESTATED_DAYS = 3


def run(company: Company, store: GoogleAdsStore) -> None:
    """The day's figures, and the last three days' again with what has come in since."""
    for age in range(RESTATED_DAYS + 1):
        if company.days >= age:
            for place in range(len(names.CAMPAIGNS)):
                _report(company, store, place, age)


def _report(company: Company, store: GoogleAdsStore, place: int, age: int) -> None:
    midnight = company.today - age * DAY
    on = datetime.fromtimestamp(midnight, UTC).date()
    rng = random.Random(f"{company.seed}/ads/{on}/{place}")
    weekday = 0.55 if on.weekday() >= 5 else 1.0
    clicks = round(company.size / 100 * weekday * rng.uniform(0.6, 1.5) / (1 + place * 0.3)) + 1
    impressions = round(clicks * rng.uniform(14, 60) * (1 + place * 2))
    cost = clicks * round(rng.uniform(0.4, 2.6) * 1_000_000)
    conversions = clicks * rng.uniform(0.02, 0.09)
    known, kept = 1 - 0.12 * (RESTATED_DAYS - age), 1 - 0.01 * age
    store.set_day(
        names.CAMPAIGNS[place],
        on,
        cost_micros=round(cost * kept / 10_000) * 10_000,
        clicks=clicks,
        impressions=impressions,
        conversions=round(conversions * known, 2),
    )
