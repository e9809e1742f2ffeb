"""Stripe, read from the sandbox into a warehouse, up to its staging models."""

import json
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from conftest import NOW, Sandbox
from reading import Reading

from cdp_assets.loads import LoadFailed
from sandbox.world import World

FIXTURES = Path(__file__).parents[2] / "shared" / "fixtures"
CREATED = int(NOW.timestamp())


def customer(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"cus_{number:03}",
        "object": "customer",
        "created": CREATED,
        "currency": None,
        "email": f"{number}@example.com",
        "metadata": {},
        "name": None,
        "phone": None,
    } | fields


def names(reading: Reading) -> list[tuple[Any, ...]]:
    return reading.query("select id, name, deleted from stripe.customers order by id")


def test_first_run_lists_everything_and_the_next_reads_nothing(
    world: World, reading: Reading
) -> None:
    for number in range(230):
        world.stripe.save("customers", customer(number), NOW)
    assert reading.load("stripe", "customers") == {"customers": 230}
    assert reading.load("stripe", "customers") == {"customers": 0}
    assert reading.query("select count(*), count(distinct id) from stripe.customers") == [
        (230, 230)
    ]


def test_changes_come_from_events_and_the_newest_of_an_object_wins(
    world: World, reading: Reading
) -> None:
    for number in (1, 2, 3):
        world.stripe.save("customers", customer(number), NOW)
    reading.load("stripe", "customers")
    later = NOW + timedelta(hours=1)
    for name in ("old", "older than new", "new"):
        world.stripe.save("customers", customer(1, name=name), later)
    world.stripe.save("customers", customer(4, name="born"), later)
    world.stripe.delete("customers", "cus_002", later)
    assert reading.load("stripe", "customers") == {"customers": 3}
    assert names(reading) == [
        ("cus_001", "new", False),
        ("cus_002", None, True),
        ("cus_003", None, False),
        ("cus_004", "born", False),
    ]
    assert reading.load("stripe", "customers") == {"customers": 0}
    deleted = [row for row in reading.staging("stripe__customers") if row["is_deleted"]]
    assert [row["email"] for row in deleted] == ["2@example.com"]


def test_an_event_that_comes_to_light_late_does_not_undo_a_newer_one(
    world: World, reading: Reading
) -> None:
    world.stripe.save("customers", customer(1), NOW)
    reading.load("stripe", "customers")
    world.stripe.save("customers", customer(1, name="first"), NOW + timedelta(seconds=10))
    world.stripe.save("customers", customer(1, name="second"), NOW + timedelta(seconds=20))
    late = world.stripe.events.pop(-2)
    reading.load("stripe", "customers")
    world.stripe.events.insert(-1, late)
    assert reading.load("stripe", "customers") == {"customers": 0}
    assert names(reading) == [("cus_001", "second", False)]


def test_after_more_than_30_days_the_list_is_read_again_and_shows_what_is_gone(
    world: World, reading: Reading
) -> None:
    for number in (1, 2, 3):
        world.stripe.save("customers", customer(number), NOW)
    reading.load("stripe", "customers")
    world.stripe.save("customers", customer(1, name="changed"), NOW + timedelta(days=1))
    world.stripe.delete("customers", "cus_002", NOW + timedelta(days=1))
    world.now = NOW + timedelta(days=40)
    world.stripe.save("customers", customer(4), world.now)
    assert reading.load("stripe", "customers") == {"customers": 4}  # one of them twice
    assert [
        (row["stripe_customer_id"], row["full_name"], row["is_deleted"])
        for row in reading.staging("stripe__customers")
    ] == [
        ("cus_001", "changed", False),
        ("cus_002", None, True),
        ("cus_003", None, False),
        ("cus_004", None, False),
    ]
    assert reading.load("stripe", "customers") == {"customers": 0}


def test_an_empty_account_gives_empty_staging_tables(reading: Reading) -> None:
    none = {"customers": 0, "subscriptions": 0, "invoices": 0, "charges": 0}
    assert reading.load("stripe") == none
    for stream in none:
        assert reading.staging(f"stripe__{stream}") == []


def test_subscriptions_of_both_api_generations_give_the_same_staging_rows(
    world: World, reading: Reading
) -> None:
    period_end = CREATED + 30 * 86_400
    shared = {
        "object": "subscription",
        "customer": "cus_001",
        "status": "active",
        "currency": "usd",
        "start_date": CREATED,
        "canceled_at": None,
        "cancel_at_period_end": True,
        "created": CREATED,
    }
    price = {
        "nickname": "Team",
        "unit_amount": 2000,
        "recurring": {"interval": "year", "interval_count": 1, "usage_type": "licensed"},
    }
    new = {"price": price, "quantity": 3, "current_period_end": period_end}
    plan = {"nickname": "Team", "amount": 2000, "interval": "year", "interval_count": 1}
    old = {"plan": plan, "quantity": 3}
    save = world.stripe.save
    save("subscriptions", shared | {"id": "sub_new", "items": {"data": [new]}}, NOW)
    save(
        "subscriptions",
        shared
        | {"id": "sub_old", "items": {"data": [old]}, "plan": plan}
        | {"current_period_end": period_end},
        NOW,
    )
    reading.load("stripe", "subscriptions")

    subscription = {
        "stripe_customer_id": "cus_001",
        "status": "active",
        "plan_name": "Team",
        "monthly_amount": Decimal("5.00"),
        "currency": "USD",
        "started_at": NOW,
        "current_period_end_at": NOW + timedelta(days=30),
        "canceled_at": None,
        "is_canceling": True,
        "created_at": NOW,
    }
    assert reading.staging("stripe__subscriptions") == [
        {"subscription_id": "sub_new"} | subscription,
        {"subscription_id": "sub_old"} | subscription,
    ]


def test_invoices_of_both_api_generations_give_the_same_staging_rows(
    world: World, reading: Reading
) -> None:
    bill = {
        "object": "invoice",
        "customer": "cus_001",
        "status": "paid",
        "amount_due": 500,
        "amount_paid": 500,
        "currency": "jpy",
        "status_transitions": {"paid_at": CREATED + 60},
        "created": CREATED,
    }
    parent = {"subscription_details": {"subscription": "sub_new"}}
    world.stripe.save("invoices", bill | {"id": "in_new", "parent": parent}, NOW)
    world.stripe.save("invoices", bill | {"id": "in_old", "subscription": "sub_new"}, NOW)
    reading.load("stripe", "invoices")

    invoice = {
        "stripe_customer_id": "cus_001",
        "subscription_id": "sub_new",
        "status": "paid",
        "amount_due": Decimal("500.00"),
        "amount_paid": Decimal("500.00"),
        "currency": "JPY",
        "paid_at": NOW + timedelta(minutes=1),
        "created_at": NOW,
    }
    assert reading.staging("stripe__invoices") == [
        {"invoice_id": "in_new"} | invoice,
        {"invoice_id": "in_old"} | invoice,
    ]


@pytest.mark.skipif(not FIXTURES.exists(), reason="Stripe's own objects lie in ../shared")
def test_stripes_own_objects_and_events_pass(world: World, reading: Reading) -> None:
    kinds = ("customer", "subscription", "invoice", "charge")
    for line in (FIXTURES / "stripe-official-objects.jsonl").read_text().splitlines():
        told = json.loads(line)
        if told["resource"] in kinds:
            world.stripe.save(f"{told['resource']}s", told["object"], NOW)
    reading.load("stripe")
    at = int((NOW + timedelta(hours=1)).timestamp())
    for line in (FIXTURES / "stripe-webhook-events.jsonl").read_text().splitlines():
        world.stripe.events.append(json.loads(line)["event"] | {"created": at})
    assert reading.load("stripe") == {
        "customers": 1,
        "subscriptions": 2,
        "invoices": 4,
        "charges": 3,
    }
    kept = [row["invoice_id"] for row in reading.staging("stripe__invoices")]
    assert kept == [
        "in_1KJdKkJDPojXS6LNSwSWkZSN",
        "in_1KJqKBJDPojXS6LNJbvLUgEy",
        "in_1KJrLsJDPojXS6LN8xJ2QLQt",
        "in_1Pgc6tB7WZ01zgkWu9fdqL6I",
    ]
    assert [row["amount_refunded"] for row in reading.staging("stripe__charges")] == [
        Decimal("0.00"),
        Decimal("25.00"),
        Decimal("0.00"),
        Decimal("0.00"),
    ]
    created = datetime(2009, 2, 13, 23, 31, 30, tzinfo=UTC)
    assert reading.staging("stripe__subscriptions")[0] == {
        "subscription_id": "sub_1Pgc6rB7WZ01zgkWNy0Cn5nw",
        "stripe_customer_id": "cus_QXg1o8vcGmoR32",
        "status": "active",
        "plan_name": "prod_QXg1hqf4jFNsqG",
        "monthly_amount": Decimal("20.00"),
        "currency": "USD",
        "started_at": created,
        "current_period_end_at": datetime(2000, 12, 8, 15, 2, 53, tzinfo=UTC),
        "canceled_at": created,
        "is_canceling": True,
        "created_at": created,
    }


def test_a_busy_stripe_is_asked_again_when_it_says(sandbox: Sandbox, reading: Reading) -> None:
    sandbox.world.stripe.save("customers", customer(1), NOW)
    sandbox.faults([{"vendor": "stripe", "status": 429, "retry_after": 2, "times": 1}])
    started = time.monotonic()
    assert reading.load("stripe", "customers") == {"customers": 1}
    assert time.monotonic() - started > 2


def test_stripes_words_are_in_the_error_and_the_key_is_not(
    sandbox: Sandbox, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME__REQUEST_BACKOFF_FACTOR", "0.01")
    sandbox.faults([{"vendor": "stripe", "status": 503, "times": -1}])
    with pytest.raises(LoadFailed) as failed:
        reading.load("stripe", "customers")
    assert str(failed.value) == (
        "Not loaded:\n"
        f"stripe/customers: Stripe answered 503 Service Unavailable to GET {sandbox.url}"
        '/stripe/v1/events: {"error":{"message":"Sorry! There was an error while talking to one'
        ' of our backends.","type":"api_error"}}'
    )
    sandbox.mend()
    with pytest.raises(LoadFailed) as refused:
        reading.load("stripe", "customers", api_key="sk_test_wrong")
    assert "Stripe answered 401 Unauthorized" in str(refused.value)
    assert "sk_test_wrong" not in str(refused.value)
    with pytest.raises(LoadFailed, match=r"stripe/customers: .*Connection refused"):
        reading.load("stripe", "customers", base_url="http://127.0.0.1:9/v1/")
