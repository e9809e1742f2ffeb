"""What can be wrong in the files of a tracking plan: all of it is told at once, with its line."""

import json
from pathlib import Path
from typing import Any

import pytest
from judging import Json, written

from warehouse.events.plan import read
from warehouse.mistakes import Mistakes


def mistakes(folder: Path) -> list[str]:
    with pytest.raises(Mistakes) as caught:
        read(folder)
    return [str(mistake).removeprefix(f"{folder}/") for mistake in caught.value.mistakes]


FILES = {
    "a_toml": 'event = "A"\ncal = "identify"\non_violation = "drop"\nversion = 0',
    "b_toml": """
event = "B"

[properties.x]
type = "text"
requird = true

[properties.products.items.properties.sku]
required = "yes"
type = ["date-time", "string"]
""",
    "c_toml": """
call = "identify"

[traits.email]
pattern = '^(?!x)'

[traits.age]
min_length = -1
allowed = []
""",
    "d_toml": 'event = "D"\n[properties.x\n',
    "e_toml": 'call = "alias"\n[properties]\nx = "string"',
    "f_toml": '[properties.x]\ntype = "string"',
    "g_toml": 'event = "G"\n[traits.x]\ntype = "string"',
    "h_toml": 'event = "H"\n[properties]\nx = "string"\ny = { type = "any", items = 1 }',
    "plan_toml": 'on_unplanned_event = "omit"\nname = 7',
    "plan_csv": "",
}


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    folder = written(tmp_path, **FILES)
    known = "event, call, version, description, on_violation, on_unplanned"
    words = "type, allowed, pattern, format, minimum, maximum, min_length, max_length, min_items, max_items"
    types = "array, boolean, integer, null, number, object, string, date-time, any"
    assert mistakes(folder) == [
        f"a.toml:2: unknown word 'cal'; known: {known}, properties",
        "a.toml:3: 'drop' is not allow, omit or block",
        "a.toml:4: version 0 is not 1, 2, 3 …",
        f"b.toml:5: properties.x: unknown type 'text'; known: {types}",
        f"b.toml:6: properties.x: unknown word 'requird'; known: {words}, required, items, properties, description",
        "b.toml:9: properties.products[].sku: 'required' is true or false",
        "b.toml:10: properties.products[].sku: 'date-time' is a text of its own form: no string, no other format",
        "c.toml:5: traits.email: the pattern '^(?!x)' is none: invalid perl operator: (?!",
        "c.toml:8: traits.age: 'min_length' is -1, not a count",
        "c.toml:9: traits.age: 'allowed' is [], not a list of texts, numbers, true, false or null",
        "d.toml:2: Expected ']' at the end of a table declaration (at line 2, column 14)",
        "e.toml:1: 'alias' is no kind of call with a plan; known: identify, group, page, screen",
        "f.toml:1: say either event, with its name, or call, with its kind",
        f"g.toml:2: unknown word 'traits'; known: {known}, properties",
        "h.toml:3: properties.x: not a table with words such as type = 'string'",
        "h.toml:4: properties.y[]: not a table with words such as type = 'string'",
        "plan.csv:1: a file of a tracking plan is .toml, or .json from Segment",
        "plan.toml:1: 'omit' is not allow or block",
        "plan.toml:2: the name of a plan is a text, not 7",
    ]


def exported(*rules: Any) -> str:
    return json.dumps({"rules": rules}, indent=1)


def of(properties: Json, **message: Any) -> Json:
    schema = {"properties": {"properties": {"properties": properties}}, **message}
    return {"type": "TRACK", "key": "Paid", "jsonSchema": schema}


SUPPORTED = (
    "additionalProperties, const, enum, exclusiveMaximum, exclusiveMinimum, format, items, maxItems,"
    " maxLength, maximum, minItems, minLength, minimum, not, pattern, properties, required, type"
)
FIELDS = (
    "not a field that can be checked; these can:"
    " properties, traits, context, anonymousId, userId, groupId, messageId, event, name, type"
)
# what an export says, and what is said of it
REFUSED: list[tuple[Any, list[str]]] = [
    (of({"x": {"anyOf": [{}]}}), [f"properties.x: 'anyOf' is not supported; known: {SUPPORTED}"]),
    (
        of({"x": {"items": {"properties": {"y": {"$ref": "#/a", "if": {}}}}}}),
        [
            f"properties.x[].y: '$ref' is not supported; known: {SUPPORTED}",
            f"properties.x[].y: 'if' is not supported; known: {SUPPORTED}",
        ],
    ),
    (of({"x": {"items": [{}]}}), ["properties.x: 'items' is [{}], not one schema for every element"]),
    (
        of({"x": {"additionalProperties": {"type": "string"}}}),
        ["properties.x: 'additionalProperties' is {'type': 'string'}, not true or false"],
    ),
    (of({"x": {"format": "ipv4"}}), ["properties.x: 'format' is 'ipv4', not one of date, date-time, email, uri"]),
    (
        of({"x": {"enum": [[1]]}}),
        ["properties.x: 'enum' is [[1]], not a list of texts, numbers, true, false or null"],
    ),
    (of({"x": {"minimum": True}}), ["properties.x: 'minimum' is True, not a number"]),
    (of({"x": {"pattern": r"(a)\1"}}), [r"properties.x: the pattern '(a)\\1' is none: invalid escape sequence: \1"]),
    (of({"x": {"not": {"items": {}}}}), ["properties.x: 'items' inside 'not' is not supported"]),
    (of({"x": 1}), ["properties: 'properties' is {'x': 1}, not a schema for each name"]),
    (of({}, type="array"), ["message: a message is an object"]),
    (of({}, additionalProperties=False), ["message: 'additionalProperties' of a whole message is not supported"]),
    (of({}, required=["sentAt"]), [f"sentAt: {FIELDS}"]),
    (
        {**of({}), "jsonSchema": {"properties": {"context": {"enum": [1]}, "traits": {"type": "string"}}}},
        ["context: 'enum' of a whole object is not supported", "traits: traits is an object"],
    ),
    (
        {**of({}), "jsonSchema": {"properties": {"integrations": {"type": "object"}, "sentAt": {}}}},
        [f"integrations: {FIELDS}"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "said"), REFUSED, ids=[said[0] for _, said in REFUSED])
def test_what_a_schema_says_and_nobody_checks_is_a_mistake(
    tmp_path: Path, rule: Json, said: list[str]
) -> None:
    folder = written(tmp_path, plan_json=exported(rule))
    assert mistakes(folder) == [f"plan.json:5: 'Paid', {one}" for one in said]


def test_a_file_that_is_no_plan_of_segment_is_a_mistake(tmp_path: Path) -> None:
    shape = (
        'not a tracking plan of Segment: neither {"rules": [{"type", "key", "jsonSchema"}, …]}'
        ' nor {"rules": {"events": [{"name", "rules"}, …]}}'
    )
    folder = written(
        tmp_path,
        broken_json='{"rules":\n [}',
        lists_json="[1]",
        odd_json=exported(
            1, {"type": "ALIAS"}, {"type": "TRACK", "jsonSchema": {}}, {"type": "GROUP"}
        ),
        old_json=json.dumps({"rules": {"events": [], "traits": {"x": 1}}}),
        plan_json=json.dumps({"data": {"trackingPlan": {"id": "tp_1"}}}),
        version_json=exported({**of({}), "version": "1"}),
    )
    kinds = "TRACK, IDENTIFY, GROUP, PAGE, SCREEN, COMMON"
    assert mistakes(folder) == [
        "broken.json:2: not JSON: Expecting value",
        f"lists.json:1: {shape}",
        "odd.json:1: rule 1: not an object",
        f"odd.json:5: rule 2: its type is ALIAS; known: {kinds}",
        "odd.json:8: rule 3: its key, the name of the event, is no text",
        "odd.json:12: rule 4: its jsonSchema is no object",
        f"old.json:1: rule 1: its type is traits; known: {kinds}",
        f"plan.json:1: {shape}",
        "version.json:5: rule 1: its version is 1, no whole number",
    ]


def test_an_event_has_one_rule_of_a_version(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        a_toml='event = "Paid"',
        b_toml='event = "Paid"\nversion = 2',
        c_json=exported(of({}), {**of({}), "version": 2}, {**of({}), "version": 3}),
    )
    assert mistakes(folder) == [
        "c.json:5: 'Paid' has a rule already, in a.toml",
        "c.json:16: 'Paid' (version 2) has a rule already, in b.toml",
    ]
