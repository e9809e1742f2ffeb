"""Tracking plans: what each rule of a schema says of a call, and what becomes of the call."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from judging import Json, judged, planned, take, track

from warehouse import database
from warehouse.database import Database
from warehouse.events import plan as plans
from warehouse.events.plan import Plan
from warehouse.events.plan.rules import Rule


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with database.scratch(tmp_path) as opened:
        yield opened


VALUE, TYPE = "invalid_value", "invalid_type"


def test_a_required_property_may_be_null_but_not_missing(db: Database) -> None:
    plan = planned({"properties": {"a": {"type": ["string", "null"]}}, "required": ["a", "b"]})
    assert judged(db, plan, track({"a": None, "b": 1}), track({"b": 1}), track()) == [
        (1, "required", "a", "a is required", "allow", None),
        (2, "required", "a", "a is required", "allow", None),
        (2, "required", "b", "b is required", "allow", None),
    ]


def test_schemas_reach_into_objects_and_every_element_of_arrays(db: Database) -> None:
    item = {
        "type": "object",
        "required": ["sku"],
        "properties": {"tags": {"items": {"type": "string"}}},
    }
    city = {"required": ["zip"], "properties": {"zip": {"pattern": "^[0-9]+$"}}}
    address = {"type": "object", "properties": {"city": city}, "additionalProperties": False}
    plan = planned(
        {"properties": {"products": {"items": item}, "address": address}}, on_violation="omit"
    )
    items = [{"sku": 1, "tags": ["a", 2, 3]}, {}, "x", {"sku": 2, "tags": "none"}]
    assert judged(
        db,
        plan,
        track({"products": [{"sku": "a"}], "address": {"city": {"zip": "1"}}}),
        track({"products": items, "address": {"city": {"zip": "x"}, "planet": "Mars"}}),
        track({"products": "no array", "address": {"city": {}}}),
    ) == [
        (1, VALUE, "address.city.zip", 'address.city.zip is "x", does not match ^[0-9]+$', "omit", "address"),
        (1, "unplanned_property", "address.planet", 'address.planet is "Mars", not in the plan', "omit", "address"),
        (1, TYPE, "products[]", 'products[] is "x", not object', "omit", "products"),
        (1, "required", "products[].sku", "products[].sku is required", "omit", "products"),
        (1, TYPE, "products[].tags[]", "products[].tags[] is 2, not string", "omit", "products"),
        (2, "required", "address.city.zip", "address.city.zip is required", "omit", "address"),
    ]  # fmt: skip


def test_a_name_that_is_a_number_is_no_place_in_an_array(db: Database) -> None:
    numbered: Json = {"properties": {"0": {"type": "string", "items": {"type": "null"}}}}
    deep = {"properties": {"0": {"properties": {"b": {"type": "string"}}}}}
    closed = {"properties": {"0": {"additionalProperties": False}}}
    names = {"a": numbered | {"required": ["0"]}, "deep": deep, "closed": closed}
    plan = planned({"properties": names, "required": ["0"]})
    wrong = {"a": {"0": 1}, "deep": {"0": {"b": 1}}, "closed": {"0": {"b": 1}}}
    fine = {"0": 1, "a": [1], "deep": [{"b": 1}], "closed": [{"b": 1}]}
    assert judged(db, plan, track(fine), track(wrong), track({"0": 1, "a": {"0": [1]}})) == [
        (1, "required", "0", "0 is required", "allow", None),
        (1, TYPE, "a.0", "a.0 is 1, not string", "allow", None),
        (1, "unplanned_property", "closed.0.b", "closed.0.b is 1, not in the plan", "allow", None),
        (1, TYPE, "deep.0.b", "deep.0.b is 1, not string", "allow", None),
        (2, TYPE, "a.0", "a.0 is [1], not string", "allow", None),
        (2, TYPE, "a.0[]", "a.0[] is 1, not null", "allow", None),
    ]


NAMES = ["a", "A", "a.b", 'q"', "it's", "", "0", "~/", "é😀", "$", "*", "\\", "\0", "x" * 300]


def test_any_name_is_a_name(db: Database) -> None:
    """Also for names that differ only in case, which columns of DuckDB cannot tell apart."""
    plan = planned(
        {"properties": {name: {"type": "integer"} for name in NAMES}}, on_unplanned="omit"
    )
    fine = dict(enumerate(NAMES))
    right = {name: number for number, name in fine.items()}
    wrong = [track({**right, name: "no"}) for name in NAMES]
    other = [track({**right, name + " ": 1}) for name in NAMES]
    said = judged(db, plan, track(right), *wrong, *other)
    assert said == [
        (n, TYPE, name, f'{name} is "no", not integer', "allow", None)
        for n, name in enumerate(NAMES, 1)
    ] + [
        (n, "unplanned_property", f"{name} ", f"{name}  is 1, not in the plan", "omit", f"{name} ")
        for n, name in enumerate(NAMES, 1 + len(NAMES))
    ]


SCHEMA = {"properties": {"a": {"type": "string"}}, "required": ["b"]}


@pytest.mark.parametrize(
    ("on_violation", "on_unplanned", "said"),
    [
        ("allow", "allow", [("a", "allow", None), ("b", "allow", None)]),
        ("omit", "omit", [("a", "omit", "a"), ("b", "allow", None), ("c", "omit", "c")]),
        ("block", "omit", [("a", "block", None), ("b", "block", None), ("c", "omit", "c")]),
        ("allow", "block", [("a", "allow", None), ("b", "allow", None), ("c", "block", None)]),
    ],
)
def test_a_plan_allows_omits_or_blocks(
    db: Database, on_violation: str, on_unplanned: str, said: list[tuple[str, str, str | None]]
) -> None:
    """What is missing cannot be omitted. What is unplanned and allowed is no violation."""
    plan = planned(SCHEMA, on_violation=on_violation, on_unplanned=on_unplanned)
    found = judged(db, plan, track({"a": 1, "c": 1}))
    assert sorted((field, action, omitted) for _, _, field, _, action, omitted in found) == said


def test_events_that_are_in_no_plan_can_be_blocked(db: Database) -> None:
    calls = [track(), track(event="it's"), {"type": "page"}, {"type": "identify"}]
    rules = planned({}).rules
    assert judged(db, Plan("test", rules, "allow"), *calls) == []
    blocked = (1, "unplanned_event", None, "it's is not in the plan", "block", None)
    assert judged(db, Plan("test", rules, "block"), *calls) == [blocked]
    assert judged(db, Plan("test", (), "block"), *calls) == [
        (0, "unplanned_event", None, "Seen is not in the plan", "block", None),
        blocked,
    ]


def rule(call: str | None, schema: Json, name: str | None = None, version: int = 1) -> Rule:
    return Rule(call, name, version, schema, "omit", "allow")


def test_a_call_is_held_to_the_version_it_says_or_to_the_oldest(db: Database) -> None:
    def needs(name: str, version: int) -> Rule:
        body = {"required": [name]}
        return rule("track", {"properties": {"properties": body}}, "Seen", version)

    plan = Plan("test", (needs("third", 3), needs("first", 1), needs("second", 2)))
    versions: list[Any] = [None, 1, 2, 3, 4, 3.2, "2", {}]
    calls = [track(context={"protocols": {"event_version": one}}) for one in versions]
    said = judged(db, plan, track(), track(context={}), *calls)
    first, second, third = "first", "second", "third"
    fields = [first, first, first, first, second, third, first, first, first, first]
    assert [(n, field) for n, _, field, *_ in said] == list(enumerate(fields))


def test_common_rules_are_about_whole_messages_of_every_kind(db: Database) -> None:
    """The example in Segment's documentation, less some of it."""
    device = {"properties": {"device": {"type": "object", "required": ["advertisingId"]}}}
    schema = {
        "type": "object",
        "properties": {
            "context": {"type": "object", "required": ["device"], **device},
            "userId": {"type": "string", "pattern": "^u"},
            "traits": {"type": "object", "required": ["email"]},
        },
        "required": ["context", "anonymousId", "userId"],
    }
    ids = {"userId": "u1", "anonymousId": "a1"}
    phone = {"device": {"advertisingId": "x"}}
    said = judged(
        db,
        Plan("test", (rule(None, schema),)),
        {"type": "track", **ids, "context": phone},
        {"type": "page", "userId": "1", "context": phone},
        {"type": "identify", **ids, "context": {"device": {}}, "traits": {}},
        {"type": "group", **ids},
    )
    assert said == [
        (1, "required", "anonymousId", "anonymousId is required", "allow", None),
        (1, VALUE, "userId", 'userId is "1", does not match ^u', "allow", None),
        (2, "required", "context.device.advertisingId", "context.device.advertisingId is required", "allow", None),
        (2, "required", "email", "email is required", "allow", None),
        (3, "required", "context.device", "context.device is required", "allow", None),
    ]  # fmt: skip


def test_a_kind_of_call_has_its_rule_and_a_page_of_a_name_another(db: Database) -> None:
    traits = {"properties": {"traits": {"properties": {"age": {"type": "integer"}}}}}
    url = {"properties": {"properties": {"required": ["url"]}}, "required": ["properties"]}
    plan = Plan("test", (rule("identify", traits), rule("page", url, "Home"), rule("screen", {})))
    assert judged(
        db,
        plan,
        {"type": "identify", "traits": {"age": "7"}},
        {"type": "group", "traits": {"age": "7"}},
        {"type": "page", "name": "Home"},
        {"type": "page", "name": "Docs"},
        {"type": "screen", "name": "Home"},
    ) == [
        (0, TYPE, "age", 'age is "7", not integer', "omit", "age"),
        (2, "required", "url", "url is required", "allow", None),
    ]


def test_what_is_common_to_all_calls_is_planned_for_each(db: Database) -> None:
    common: Json = {"properties": {"properties": {"properties": {"unit": {}}}}}
    rules = planned({"properties": {"a": {}}}, on_unplanned="block").rules
    plan = Plan("test", (*rules, rule(None, common)))
    assert judged(db, plan, track({"a": 1, "unit": 1}), track({"b": {"c": "x" * 200}})) == [
        (
            1, "unplanned_property", "b", f'b is {{"c":"{"x" * 94}…, not in the plan', "block", None,
        )
    ]  # fmt: skip


def test_calls_that_are_no_events_are_not_judged(db: Database) -> None:
    take(db, [track({"a": 1})])
    db.run("update calls_in set code = 'bad_request'")
    plans.judge(db, Plan("test", planned(SCHEMA).rules, "block"))
    assert db.run("from plan_violations") == []


def test_violations_add_up_over_loads_by_event_field_kind_and_day(db: Database) -> None:
    db.run("create schema events")
    plans.make_table(db, "events")
    plans.make_table(db, "events")
    plan = Plan("test", (*planned(SCHEMA).rules, rule("identify", {"required": ["traits"]})))
    for hour in (12, 11):
        at = f"2026-11-23T{hour}:00:00Z"
        said = {"timestamp": at, "messageId": f"m{hour}"}
        late = {"timestamp": "2026-11-24T00:00:00Z", "messageId": f"late{hour}"}
        judged(
            db,
            plan,
            track({"a": hour, "b": 1}, **said),
            track({"a": None, "b": 1}, timestamp="2026-11-23T01:00:00Z", messageId=f"early{hour}"),
            track({}, **late),
            {"type": "identify", **said},
        )
        plans.record(db, "events")
    assert db.run(
        "select type, event_text, field, kind, strftime(occurred_on, '%d'), violation_count,"
        " example_id, example_message, strftime(first_seen_at, '%d %H'),"
        " strftime(last_seen_at, '%d %H') from events.violations order by type, field"
    ) == [
        ("identify", None, "traits", "required", "23", 2, "m12", "traits is required", "23 11", "23 12"),
        ("track", "Seen", "a", TYPE, "23", 4, "m12", "a is 12, not string", "23 01", "23 12"),
        ("track", "Seen", "b", "required", "24", 2, "late11", "b is required", "24 00", "24 00"),
    ]  # fmt: skip
