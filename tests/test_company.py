"""The demo company: the same from the same seed, moving day by day, and solvable by the rules."""

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from company_stitcher import (
    Outside,
    assert_solved,
    groups,
    new,
    of_event,
    people_mixed,
    stitch,
    users_by_device,
)

from sandbox.company import next_day
from sandbox.stores import StripeStore
from sandbox.world import World

CONTRACT = Path(__file__).parents[2] / "shared" / "contracts" / "specs" / "stripe.json"


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Outside:
    return new(tmp_path_factory.mktemp("company"), 150)


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Outside:
    """Three more days, with the world put away and taken out again after each."""
    outside = new(tmp_path_factory.mktemp("later"), 150)
    world = outside.world
    for _ in range(3):
        world = World.load(json.loads(json.dumps(world.dump())))
        next_day(world, outside.folder)
    return Outside(world, outside.folder)


def test_the_rules_find_every_person_whole_and_mix_nobody(outside: Outside) -> None:
    assert_solved(outside)


def test_the_rules_still_do_after_three_more_days(later: Outside) -> None:
    assert_solved(later)


def test_the_evidence_is_exactly_what_the_rules_can_tie(outside: Outside) -> None:
    """Nothing is called untied that the rules tie, but for records in the recycle bin."""
    stitcher = stitch(outside)
    home: dict[int, list[str]] = {}
    for name, ids in groups(outside).items():
        if len(ids) > 1:
            home.setdefault(stitcher.of[ids[0]], []).append(name)
    assert {profile: names for profile, names in home.items() if len(names) > 1} == {}


def test_nobody_is_mixed_when_contacts_are_ordered_by_their_last_change(later: Outside) -> None:
    assert people_mixed(later, stitch(later, "SystemModstamp")) == []


def test_small_companies_of_other_seeds_are_solvable_too(tmp_path: Path) -> None:
    for seed in (1, 2):
        assert_solved(new(tmp_path / str(seed), 50, seed))


def _tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    first, second, other = (
        new(tmp_path / name, 50, seed) for name, seed in (("a", 7), ("b", 7), ("c", 8))
    )
    for one in (first, second):
        next_day(one.world, one.folder)
    assert _tree(first.folder) == _tree(second.folder)
    assert first.world.dump() == second.world.dump()
    assert _tree(first.folder)["truth.csv"] != _tree(other.folder)["truth.csv"]


def test_stripe_knows_people_in_four_ways(outside: Outside) -> None:
    person = {(line["identifier_type"], line["value"]): line for line in outside.truth()}
    app = {dict(of_event(event)).get("email") for event in outside.events()}
    ways: Counter[tuple[bool, bool]] = Counter()
    for one in outside.world.stripe.objects["customers"].values():
        if "deleted" not in one:
            same = one["email"] in app
            ways["user_id" in one["metadata"], same] += 1
            assert ("stripe_customer_id", one["id"]) in person
    assert set(ways) == {(True, True), (True, False), (False, True), (False, False)}


def test_one_billing_address_stands_on_two_customers_of_two_users(outside: Outside) -> None:
    owners = defaultdict(set)
    for line in outside.truth():
        owners[line["identifier_type"], line["value"]].add(line["person"])
    shared = {kind: people for kind, people in owners.items() if len(people) > 1}
    assert {kind for kind, _ in shared} == {
        "email",
        "phone",
        "anonymous_id",
        "ios_id",
        "ios_idfa",
        "ios_push_token",
    }
    assert all(len(shared[one]) <= 3 for one in shared if one[0] == "phone")


def test_contacts_with_a_phone_only_are_tied_through_the_phone(outside: Outside) -> None:
    line = {line["value"]: line for line in outside.truth()}
    tied: Counter[bool] = Counter()
    for one in outside.world.salesforce.records["Contact"].values():
        if not one["Email"] and not one["IsDeleted"]:
            mates = groups(outside)[line[one["Id"]]["evidence"]]
            tied[any(kind == "user_id" for kind, _ in mates)] += 1
    assert tied[True] >= 3
    assert tied[False] >= 1


def test_stripe_shows_every_turn_a_subscription_can_take(later: Outside) -> None:
    store = later.world.stripe
    assert {one["currency"] for one in store.objects["charges"].values()} >= {"usd", "gbp", "eur"}
    types = {event["type"] for event in store.events}
    assert types >= {
        "customer.created",
        "customer.updated",
        "customer.subscription.created",
        "customer.subscription.updated",
        "customer.subscription.deleted",
        "invoice.created",
        "invoice.paid",
        "charge.succeeded",
        "charge.failed",
        "charge.refunded",
    }
    assert all(a["created"] <= b["created"] for a, b in pairwise(store.events))
    seen = Counter(
        (event["data"]["object"]["status"], event["data"]["object"]["cancel_at_period_end"])
        for event in store.events
        if event["type"].startswith("customer.subscription")
    )
    assert {status for status, _ in seen} >= {"trialing", "active", "past_due", "canceled"}
    assert any(leaving for _, leaving in seen)
    intervals = {
        one["items"]["data"][0]["price"]["recurring"]["interval"]
        for one in store.objects["subscriptions"].values()
    }
    assert intervals == {"month", "year"}


def test_salesforce_has_leads_converted_and_deals_won_and_lost(later: Outside) -> None:
    held = later.world.salesforce.records
    assert {bool(one["ConvertedContactId"]) for one in held["Lead"].values()} == {True, False}
    assert {one["IsConverted"] for one in held["Lead"].values()} == {True, False}
    assert any(one["IsDeleted"] for one in held["Contact"].values())
    deals = held["Opportunity"].values()
    assert len({one["StageName"] for one in deals}) >= 4
    assert all(one["OwnerId"] in held["User"] for one in deals)
    assert all(one["AccountId"] in held["Account"] for one in deals)


def test_a_day_brings_something_of_everything(tmp_path: Path) -> None:
    outside = new(tmp_path, 150)
    world, before = outside.world, outside.world.dump()
    old = json.loads(json.dumps(before))
    next_day(world, tmp_path)
    assert world.now == datetime(2026, 11, 23, tzinfo=UTC)
    assert "2026-11-22" in {day for day, _ in outside.lines()}
    events = world.stripe.events[len(old["stripe"]["events"]) :]
    assert {event["type"] for event in events} >= {"charge.refunded", "invoice.paid"}
    left = [
        event
        for event in events
        if event["type"].startswith("customer.subscription")
        and event["data"]["object"]["canceled_at"]
    ]
    assert left
    contacts, had = world.salesforce.records["Contact"], old["salesforce"]["records"]["Contact"]
    assert set(contacts) > set(had)
    assert any(contacts[key]["IsDeleted"] and not had[key]["IsDeleted"] for key in had)
    deals, were = world.salesforce.records["Opportunity"], old["salesforce"]["records"]
    assert any(
        deals[key]["StageName"] != one["StageName"] for key, one in were["Opportunity"].items()
    )
    days, had_days = world.google_ads.days, old["google_ads"]["days"]
    restated = {days[key]["date"] for key in had_days if days[key] != had_days[key]}
    assert restated == {"2026-11-19", "2026-11-20", "2026-11-21"}


def test_people_who_were_anonymous_log_in_on_a_later_day(later: Outside, outside: Outside) -> None:
    before, after = users_by_device(outside), users_by_device(later)
    seen = {event.get("anonymousId") for event in outside.events()}
    assert (set(after) - set(before)) & seen


def with_nulls(schema: Any) -> Any:
    """OpenAPI 3.0's nullable also where it stands beside anyOf, as Stripe means it."""
    if isinstance(schema, list):
        return [with_nulls(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    told = {key: with_nulls(part) for key, part in schema.items()}
    if told.pop("nullable", None) is True and "anyOf" in told:
        told["anyOf"] = [*told["anyOf"], {"enum": [None]}]
    elif schema.get("nullable") is True:
        told = {"anyOf": [told, {"enum": [None]}]}
    return told


def test_the_stripe_objects_keep_the_official_contract(later: Outside) -> None:
    if not CONTRACT.exists():
        pytest.skip("the official contracts are not beside this checkout")
    validator = pytest.importorskip("openapi_schema_validator").OAS30Validator
    spec = with_nulls(json.loads(CONTRACT.read_text(encoding="utf-8")))
    names = ("customer", "subscription", "invoice", "charge")
    for kind, name in zip(StripeStore.KINDS, names, strict=True):
        schema = {"$ref": f"#/components/schemas/{name}", "components": spec["components"]}
        objects = [o for o in later.world.stripe.objects[kind].values() if "deleted" not in o]
        faults = [
            str(fault) for one in objects[:25] for fault in validator(schema).iter_errors(one)
        ]
        assert faults == []
