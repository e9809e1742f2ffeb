"""What the vendors share: the state, the clock, faults, limits and the log of requests."""

import json
import time

import pytest
import requests
from conftest import NOW, Sandbox, StartSandbox

from sandbox.world import World

STRIPE = ("sk_test_sandbox", "")
HUBSPOT = {"Authorization": "Bearer pat-sandbox"}


def upsert(sandbox: Sandbox, email: str) -> requests.Response:
    row = {"id": email, "idProperty": "email", "properties": {"firstname": "Ada"}}
    url = f"{sandbox.url}/hubspot/crm/v3/objects/contacts/batch/upsert"
    return requests.post(url, json={"inputs": [row]}, headers=HUBSPOT, timeout=10)


def customers(sandbox: Sandbox) -> requests.Response:
    return requests.get(f"{sandbox.url}/stripe/v1/customers", auth=STRIPE, timeout=10)


def test_a_world_dumped_as_json_and_loaded_again_is_the_same_world() -> None:
    world = World(NOW)
    world.stripe.save("customers", {"id": "cus_1", "object": "customer", "created": 1}, world.now)
    contact = world.salesforce.save("Contact", {"LastName": "Byron"}, world.tick())
    world.salesforce.delete("Contact", contact, world.tick())
    world.google_ads.set_day(
        {"id": "7", "name": "Brand", "status": "ENABLED"}, NOW.date(), 5_000_000, 3, 90, 1.0
    )
    made = {"id": "1", "createdAt": "x", "archived": False, "properties": {"email": "a@b.co"}}
    world.hubspot.shelves["contacts"].save(made)
    world.customerio.save(world.customerio.new() | {"id": "u1", "email": "A@b.co"})
    world.company["seed"] = 7

    again = World.load(json.loads(json.dumps(world.dump())))

    assert again.dump() == world.dump()
    assert again.hubspot.shelves["contacts"].unique == {"email": {"a@b.co": "1"}, "profile_id": {}}
    assert again.customerio.find("email", "a@B.co") == again.customerio.find("id", "u1")


def test_a_world_goes_on_in_a_new_process_where_the_old_one_stopped(
    start_sandbox: StartSandbox,
) -> None:
    first = start_sandbox()
    upsert(first, "ada@example.com")
    second = start_sandbox(world=World.load(json.loads(json.dumps(first.world.dump()))))

    upsert(second, "ada@example.com")
    upsert(second, "bob@example.com")

    assert [row["id"] for row in second.records("hubspot", "contacts")] == [
        "100000001",
        "100000002",
    ]


def test_the_clock_moves_on_with_every_write() -> None:
    world = World(NOW)
    assert NOW < world.tick() < world.tick() == world.now


def test_a_status_fault_answers_in_the_vendors_words_as_often_as_told(sandbox: Sandbox) -> None:
    sandbox.faults([{"vendor": "hubspot", "status": 429, "retry_after": 1, "times": 2}])
    first, second, third = (upsert(sandbox, "ada@example.com") for _ in range(3))
    assert [first.status_code, second.status_code, third.status_code] == [429, 429, 200]
    assert first.headers["Retry-After"] == "1"
    assert first.json()["policyName"] == "TEN_SECONDLY_ROLLING"


def test_a_fault_without_end_lasts_until_it_is_taken_back(sandbox: Sandbox) -> None:
    control = f"{sandbox.url}/_sandbox/faults"
    told = [{"vendor": "stripe", "status": 503, "times": -1}]
    assert requests.post(control, json=told, timeout=10).status_code == 204
    assert [customers(sandbox).status_code for _ in range(3)] == [503, 503, 503]
    assert requests.delete(control, timeout=10).status_code == 204
    assert customers(sandbox).status_code == 200


def test_drop_after_does_what_was_asked_and_cuts_the_connection_without_an_answer(
    sandbox: Sandbox,
) -> None:
    sandbox.faults([{"vendor": "hubspot", "drop_after": True, "times": 1}])
    with pytest.raises(requests.ConnectionError, match="closed connection without response"):
        upsert(sandbox, "ada@example.com")
    assert [row["properties"]["email"] for row in sandbox.records("hubspot", "contacts")] == [
        "ada@example.com"
    ]
    assert upsert(sandbox, "ada@example.com").json()["results"][0]["new"] is False


def test_a_fault_may_be_for_some_paths_only(sandbox: Sandbox) -> None:
    sandbox.faults([{"vendor": "stripe", "status": 500, "path": "/events", "times": -1}])
    events = requests.get(f"{sandbox.url}/stripe/v1/events", auth=STRIPE, timeout=10)
    assert (customers(sandbox).status_code, events.status_code) == (200, 500)
    assert events.json()["error"]["type"] == "api_error"


def test_latency_comes_before_the_answer(sandbox: Sandbox) -> None:
    sandbox.faults([{"vendor": "stripe", "latency_ms": 200, "times": 1}])
    start = time.monotonic()
    assert customers(sandbox).status_code == 200
    assert time.monotonic() - start > 0.2


def test_a_fault_that_cannot_be_is_refused_with_what_can(sandbox: Sandbox) -> None:
    control = f"{sandbox.url}/_sandbox/faults"
    unknown = requests.post(control, json=[{"vendor": "stripe", "stauts": 503}], timeout=10)
    assert (unknown.status_code, unknown.json()["error"]) == (
        400,
        "a fault has no stauts; it has vendor, status, retry_after, latency_ms, drop_after, "
        "expire_tokens, path, times",
    )
    nobody = requests.post(control, json=[{"vendor": "nobody", "status": 503}], timeout=10)
    assert nobody.json()["error"] == (
        f"no vendor 'nobody'; there are {', '.join(sandbox.gate.vendors)}"
    )


def test_more_than_a_hundred_calls_in_ten_seconds_are_too_many_for_hubspot(
    sandbox: Sandbox,
) -> None:
    url = f"{sandbox.url}/hubspot/crm/v3/objects/contacts"
    with requests.Session() as session:
        answers = [session.get(url, headers=HUBSPOT, timeout=10) for _ in range(125)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert all(answer.status_code == 200 for answer in answers[:100])
    assert refused[0].json()["message"] == "You have reached your ten_secondly_rolling limit."
    assert int(refused[0].headers["Retry-After"]) >= 1


def test_the_request_log_counts_by_vendor_route_and_status(sandbox: Sandbox) -> None:
    customers(sandbox)
    customers(sandbox)
    requests.get(f"{sandbox.url}/stripe/v1/customers/cus_none", auth=STRIPE, timeout=10)
    log = requests.get(f"{sandbox.url}/_sandbox/requests", timeout=10).json()
    assert log == [
        {"vendor": "stripe", "route": "GET /v1/customers", "status": 200, "count": 2},
        {"vendor": "stripe", "route": "GET /v1/customers/{id}", "status": 404, "count": 1},
    ]
    assert log == sandbox.requests()


def test_records_shows_all_that_is_held_and_says_what_is_not(sandbox: Sandbox) -> None:
    upsert(sandbox, "ada@example.com")
    held = requests.get(f"{sandbox.url}/_sandbox/records/hubspot/contacts", timeout=10).json()
    assert held == sandbox.records("hubspot", "contacts")
    nothing = requests.get(f"{sandbox.url}/_sandbox/records/hubspot/tickets", timeout=10)
    assert (nothing.status_code, nothing.json()) == (404, {"error": "hubspot holds no tickets"})


def test_health_tells_the_worlds_time(sandbox: Sandbox) -> None:
    health = requests.get(f"{sandbox.url}/_sandbox/health", timeout=10).json()
    assert health == {"now": "2026-11-22T00:00:00+00:00"}
