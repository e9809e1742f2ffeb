"""The files of a tracking plan: ours, those that Segment exports, and what can be wrong in them."""

import json
from pathlib import Path

import pytest
from company_stitcher import new, well_formed
from judging import Json, judged, written

from warehouse import database
from warehouse.events.plan import Plan, read
from warehouse.events.plan.rules import Rule

ROOT = Path(__file__).parents[1]
ORDER = """
event = "Order Completed"
version = 2
on_violation = "omit"
description = "Paid."

[properties.total]
type = "number"
required = true
minimum = 0

[properties.coupon]
type = ["string", "null"]
allowed = ["SUMMER", "WINTER"]
pattern = '^[A-Z]+$'
min_length = 1
max_length = 9

[properties.at]
type = ["date-time", "null"]

[properties."any.thing"]
type = "any"

[properties.products]
min_items = 1
max_items = 100
items.properties.sku = { type = "string", required = true }
items.properties.url.format = "uri"
"""
PRODUCT = {
    "type": ["object"],
    "properties": {"sku": {"type": ["string"]}, "url": {"format": "uri"}},
    "required": ["sku"],
}
ORDER_SCHEMA = {
    "properties": {
        "properties": {
            "properties": {
                "total": {"type": ["number"], "minimum": 0},
                "coupon": {
                    "type": ["string", "null"],
                    "enum": ["SUMMER", "WINTER"],
                    "pattern": "^[A-Z]+$",
                    "minLength": 1,
                    "maxLength": 9,
                },
                "at": {"type": ["string", "null"], "format": "date-time"},
                "any.thing": {},
                "products": {"type": ["array"], "minItems": 1, "maxItems": 100, "items": PRODUCT},
            },
            "required": ["total"],
        }
    },
    "required": ["properties"],
}


def test_our_files_say_what_a_json_schema_would(tmp_path: Path) -> None:
    folder = written(
        tmp_path / "shop",
        order_toml=ORDER,
        group_toml='call = "group"\n[traits.size]\ntype = "integer"',
        plan_toml='on_unplanned = "block"\non_unplanned_event = "block"',
        README_md="no plan",
    )
    group = {"traits": {"properties": {"size": {"type": ["integer"]}}, "required": []}}
    rules = (
        Rule("group", None, 1, {"properties": group, "required": []}, "allow", "block"),
        Rule("track", "Order Completed", 2, ORDER_SCHEMA, "omit", "block"),
    )
    assert read(folder) == Plan("shop", rules, "block")


def test_a_source_without_a_plan_has_none(tmp_path: Path) -> None:
    assert read(tmp_path / "none") is None
    assert read(written(tmp_path / "empty", README_md="")) is None


BODY = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
MESSAGE = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "labels": {"team": "shop"},
    "properties": {"context": {}, "traits": {"type": "object"}, "properties": BODY},
    "required": ["properties"],
}
TRAITS = {"type": "object", "properties": {"traits": {"properties": {"email": {"id": "/email"}}}}}
COMMON = {"properties": {"context": {"required": ["ip"]}}}
TIMES = {"createdAt": "2024-08-08T18:23:59.000Z", "deprecatedAt": "0001-01-01T00:00:00.000Z"}
LISTED: list[Json] = [
    {"type": "TRACK", "key": "Order Completed", "jsonSchema": MESSAGE, "version": 1, **TIMES},
    {"type": "TRACK", "key": "Order Completed", "jsonSchema": MESSAGE, "version": 2},
    {"type": "COMMON", "key": None, "jsonSchema": COMMON, "version": 1},
    {"type": "IDENTIFY", "key": "", "jsonSchema": TRAITS, "version": 1},
]
CONFIG = {
    "name": "workspaces/acme/tracking-plans/rs_1",
    "display_name": "Shop",
    "rules": {
        "events": [
            {"name": "Order Completed", "description": "Paid.", "rules": MESSAGE, "version": 1},
            {"name": "Order Completed", "rules": MESSAGE, "version": 2},
        ],
        "global": COMMON,
        "identify": TRAITS,
        "group": {},
        "identify_traits": [],
        "group_traits": [],
    },
    "update_time": "2022-07-22T21:58:16.000Z",
}
FORMS: dict[str, Json] = {
    "an answer of the Public API": {
        "data": {"rules": LISTED, "pagination": {"current": "MA==", "totalEntries": 4}}
    },
    "its rules": {"rules": LISTED},
    "a plan with its rules": {"id": "tp_1", "name": "Shop", "type": "LIVE", "rules": LISTED},
    "the older Config API": CONFIG,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_plan_of_segment_is_read_as_it_is(tmp_path: Path, form: str) -> None:
    folder = written(
        tmp_path / "shop",
        plan_json=json.dumps(FORMS[form]),
        plan_toml='name = "Web shop"\non_violation = "omit"',
    )
    rules = (
        Rule("track", "Order Completed", 1, MESSAGE, "omit", "allow"),
        Rule("track", "Order Completed", 2, MESSAGE, "omit", "allow"),
        Rule(None, None, 1, COMMON, "omit", "allow"),
        Rule("identify", None, 1, TRAITS, "omit", "allow"),
    )
    assert read(folder) == Plan("Web shop", rules, "allow")


def test_typewriters_copy_of_a_plan_is_about_properties(tmp_path: Path) -> None:
    """https://github.com/segmentio/typewriter keeps it as plan.json."""
    schema = BODY | {"eventMetadata": {"name": "Paid", "type": "TRACK"}, "labels": {}}
    told = {"rules": [{"type": "TRACK", "key": "Paid", "jsonSchema": schema, "version": 1}]}
    folder = written(tmp_path / "shop", plan_json=json.dumps(told))
    whole = {"properties": {"properties": schema}, "required": ["properties"]}
    assert read(folder) == Plan("shop", (Rule("track", "Paid", 1, whole, "allow", "allow"),))


def test_the_demo_company_keeps_to_its_plan(tmp_path: Path) -> None:
    outside = new(tmp_path, 40)
    calls = [event for _, line in outside.lines() if (event := well_formed(line))]
    plan = read(ROOT / "warehouse" / "tracking_plans" / "events")
    assert plan
    with database.scratch(tmp_path) as db:
        assert judged(db, plan, *calls) == []
        names = {(rule.call, rule.name) for rule in plan.rules}
        assert names <= {(call["type"], call.get("event")) for call in calls}
