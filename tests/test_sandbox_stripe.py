"""The sandbox's Stripe, read as a client reads it."""

from datetime import timedelta
from typing import Any

import pytest
import requests
from conftest import Sandbox

Json = dict[str, Any]
KEY = ("sk_test_sandbox", "")


def stripe(sandbox: Sandbox, path: str, **asked: Any) -> requests.Response:
    return requests.get(f"{sandbox.url}/stripe/v1/{path}", asked, auth=KEY, timeout=10)


def with_customers(sandbox: Sandbox, count: int) -> list[str]:
    """Customers a minute apart, the ids returned newest first."""
    world = sandbox.world
    for number in range(count):
        at = world.now - timedelta(days=40) + timedelta(minutes=number)
        customer = {"id": f"cus_{number}", "object": "customer", "created": int(at.timestamp())}
        world.stripe.save("customers", customer, at)
    return [f"cus_{number}" for number in reversed(range(count))]


def paged(sandbox: Sandbox, kind: str, **asked: Any) -> list[str]:
    ids: list[str] = []
    while True:
        after = {"starting_after": ids[-1]} if ids else {}
        page = stripe(sandbox, kind, **asked, **after).json()
        ids += [row["id"] for row in page["data"]]
        if not page["has_more"]:
            return ids


def test_stripe_refuses_a_key_it_does_not_know_and_shows_only_its_ends(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/stripe/v1/customers"
    assert requests.get(url, timeout=10).status_code == 401
    wrong = requests.get(url, auth=("sk_test_wrong_key_1234", ""), timeout=10)
    assert (wrong.status_code, wrong.json()) == (
        401,
        {
            "error": {
                "message": "Invalid API Key provided: sk_test_**********1234",
                "type": "invalid_request_error",
            }
        },
    )
    bearer = {"Authorization": "Bearer sk_test_sandbox"}
    assert requests.get(url, headers=bearer, timeout=10).status_code == 200


def test_stripe_paged_to_the_end_is_everything_held_newest_first(sandbox: Sandbox) -> None:
    ids = with_customers(sandbox, 7)
    assert paged(sandbox, "customers", limit=3) == ids
    before = stripe(sandbox, "customers", limit=2, ending_before="cus_1").json()
    assert ([row["id"] for row in before["data"]], before["has_more"]) == (["cus_3", "cus_2"], True)


def test_stripe_filters_by_created(sandbox: Sandbox) -> None:
    with_customers(sandbox, 5)
    third = stripe(sandbox, "customers/cus_2").json()["created"]
    since = stripe(sandbox, "customers", **{"created[gte]": third, "limit": 100}).json()
    assert [row["id"] for row in since["data"]] == ["cus_4", "cus_3", "cus_2"]


@pytest.mark.parametrize(
    ("path", "asked", "status", "error"),
    [
        (
            "customers",
            {"limit": 101},
            400,
            {
                "code": "parameter_invalid_integer",
                "message": "This value must be less than or equal to 100.",
                "param": "limit",
            },
        ),
        (
            "customers",
            {"updated": 1},
            400,
            {
                "code": "parameter_unknown",
                "message": "Received unknown parameter: updated",
                "param": "updated",
            },
        ),
        (
            "customers",
            {"starting_after": "cus_none"},
            400,
            {
                "code": "resource_missing",
                "message": "No such customer: 'cus_none'",
                "param": "starting_after",
            },
        ),
        (
            "invoices/in_none",
            {},
            404,
            {"code": "resource_missing", "message": "No such invoice: 'in_none'", "param": "id"},
        ),
    ],
)
def test_stripe_says_what_is_wrong_with_a_request(
    sandbox: Sandbox, path: str, asked: Json, status: int, error: Json
) -> None:
    answer = stripe(sandbox, path, **asked)
    told = {"error": {**error, "type": "invalid_request_error"}}
    assert (answer.status_code, answer.json()) == (status, told)


def test_stripe_lists_cancelled_subscriptions_only_when_asked(sandbox: Sandbox) -> None:
    world = sandbox.world
    for number, status in enumerate(("active", "canceled", "past_due")):
        made = {"id": f"sub_{number}", "object": "subscription", "created": number}
        world.stripe.save("subscriptions", {**made, "status": status}, world.now)
    assert paged(sandbox, "subscriptions") == ["sub_2", "sub_0"]
    assert paged(sandbox, "subscriptions", status="all") == ["sub_2", "sub_1", "sub_0"]
    assert paged(sandbox, "subscriptions", status="canceled") == ["sub_1"]


def test_stripe_tells_changes_as_events_of_the_last_thirty_days(sandbox: Sandbox) -> None:
    world = sandbox.world
    with_customers(sandbox, 1)  # forty days ago: its event is gone
    made: Json = {"id": "sub_1", "object": "subscription", "created": 1, "status": "active"}
    day = timedelta(days=1)
    world.stripe.save("subscriptions", made, world.now - 3 * day)
    world.stripe.save("subscriptions", {**made, "status": "past_due"}, world.now - 2 * day)
    world.stripe.save("subscriptions", {**made, "status": "canceled"}, world.now - day)
    world.stripe.delete("customers", "cus_0", world.now)

    events = stripe(sandbox, "events", limit=100).json()["data"]

    assert [(event["type"], event["data"]["object"].get("status")) for event in events] == [
        ("customer.deleted", None),
        ("customer.subscription.deleted", "canceled"),
        ("customer.subscription.updated", "past_due"),
        ("customer.subscription.created", "active"),
    ]
    assert events[2]["data"]["previous_attributes"] == {"status": "active"}
    types = ["customer.deleted", "customer.subscription.updated"]
    some = stripe(sandbox, "events", **{"types[]": types}).json()["data"]
    assert [event["type"] for event in some] == types
    assert paged(sandbox, "customers") == []
    stub = stripe(sandbox, "customers/cus_0").json()
    assert stub == {"id": "cus_0", "object": "customer", "deleted": True}


def test_stripe_sends_invoice_and_charge_events_for_what_happened(sandbox: Sandbox) -> None:
    world = sandbox.world
    invoice: Json = {"id": "in_1", "object": "invoice", "created": 1, "status": "open"}
    world.stripe.save("invoices", invoice, world.now)
    world.stripe.save("invoices", {**invoice, "status": "paid"}, world.now)
    world.stripe.save("invoices", {**invoice, "status": "paid"}, world.now)
    charge: Json = {"id": "ch_1", "object": "charge", "created": 1, "status": "succeeded"}
    world.stripe.save("charges", {**charge, "amount_refunded": 0}, world.now)
    world.stripe.save("charges", {**charge, "amount_refunded": 500}, world.now)
    assert [event["type"] for event in sandbox.records("stripe", "events")] == [
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "charge.succeeded",
        "charge.refunded",
    ]
