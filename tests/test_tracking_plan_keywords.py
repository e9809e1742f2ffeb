"""Each keyword of a schema: the values that fit it, and what is said of those that do not."""

from pathlib import Path
from typing import Any

import pytest
from judging import Json, judged, planned, track

from warehouse import database

VALUE, TYPE = "invalid_value", "invalid_type"
# of a schema: values that fit it, and those that do not, with the kind of violation and its words
KEYWORDS: list[tuple[Json, list[Any], list[tuple[Any, str, str]]]] = [
    ({}, [None, 1, "x", [], {}], []),
    ({"type": "string"}, ["", "1"], [(1, TYPE, "is 1, not string"), (None, TYPE, "is null, not string")]),
    (
        {"type": "integer"},
        [1, 1.0, 1e3, -(2**63), 2**64, 10**30],
        [(1.5, TYPE, "is 1.5, not integer"), ("1", TYPE, 'is "1", not integer')],
    ),
    ({"type": "number"}, [1, 1.5], [("1.5", TYPE, 'is "1.5", not number'), (True, TYPE, "is true, not number")]),
    ({"type": "boolean"}, [True, False], [("true", TYPE, 'is "true", not boolean'), (0, TYPE, "is 0, not boolean")]),
    ({"type": "null"}, [None], [("", TYPE, 'is "", not null')]),
    ({"type": "array"}, [[], [1]], [({}, TYPE, "is {}, not array")]),
    ({"type": "object"}, [{}], [([1], TYPE, "is [1], not object")]),
    (
        {"type": ["number", "null"]},
        [1, 1.5, None],
        [("x" * 200, TYPE, f'is "{"x" * 99}…, not number or null')],
    ),
    (
        {"enum": ["free", "it's", 1, True, None]},
        ["free", "it's", 1, 1.0, True, None],
        [
            ("1", VALUE, 'is "1", none of "free", "it\'s", 1, true, null'),
            (0, VALUE, 'is 0, none of "free", "it\'s", 1, true, null'),
            (False, VALUE, 'is false, none of "free", "it\'s", 1, true, null'),
            ([], VALUE, 'is [], none of "free", "it\'s", 1, true, null'),
        ],
    ),
    ({"const": 1.5}, [1.5], [(1, VALUE, "is 1, not 1.5"), ("1.5", VALUE, 'is "1.5", not 1.5')]),
    ({"pattern": "^[a-z]+$"}, ["abc", 5], [("aBc", VALUE, 'is "aBc", does not match ^[a-z]+$')]),
    ({"pattern": "summer|winter"}, ["midsummer"], [("fall", VALUE, 'is "fall", does not match summer|winter')]),
    ({"minimum": 1}, [1, 1.0, 2, "0"], [(0, VALUE, "is 0, less than 1"), (0.5, VALUE, "is 0.5, less than 1")]),
    ({"maximum": 1.5}, [1, 1.5], [(2, VALUE, "is 2, more than 1.5")]),
    ({"exclusiveMinimum": 1}, [1.1], [(1, VALUE, "is 1, not more than 1")]),
    ({"exclusiveMaximum": 1}, [0], [(1.0, VALUE, "is 1.0, not less than 1")]),
    ({"minLength": 2}, ["😀é", [1]], [("😀", VALUE, 'is "😀", shorter than 2 characters')]),
    ({"maxLength": 2}, ["😀é"], [("abc", VALUE, 'is "abc", longer than 2 characters')]),
    ({"minItems": 1}, [[0], "", {}], [([], VALUE, "is [], fewer than 1 elements")]),
    ({"maxItems": 1}, [[0], {"a": 1, "b": 2}], [([1, 2], VALUE, "is [1,2], more than 1 elements")]),
    (
        {"format": "date-time"},
        [
            "2026-11-23T12:00:00Z", "2026-11-23T12:00:00.123+05:30", "2026-11-23T12:00", "2026-11-23",
            7, None,
        ],
        [
            (one, VALUE, f'is "{one}", not a valid date-time')
            for one in ("2026-02-30T12:00:00Z", "2026-11-23T25:00:00Z", "23.11.2026", "1764000000", "")
        ],
    ),
    (
        {"format": "date"},
        ["2024-02-29"],
        [
            ("2026-02-29", VALUE, 'is "2026-02-29", not a valid date'),
            ("2026-11-23T12:00:00Z", VALUE, 'is "2026-11-23T12:00:00Z", not a valid date'),
        ],
    ),
    ({"format": "email"}, ["ann@example.com"], [("ann", VALUE, 'is "ann", not a valid email')]),
    ({"format": "uri"}, ["https://x.example/?a=b", "mailto:a@b"], [("x.example", VALUE, 'is "x.example", not a valid uri')]),
    (
        {"type": "string", "not": {"pattern": "bot|crawl"}},
        ["Mozilla"],
        [("a crawler", VALUE, 'is "a crawler", which the plan rules out'), (1, TYPE, "is 1, not string")],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "right", "wrong"), KEYWORDS, ids=[str(k[0]) for k in KEYWORDS])
def test_a_keyword_says_of_values_what_draft_07_says(
    tmp_path: Path, schema: Json, right: list[Any], wrong: list[tuple[Any, str, str]]
) -> None:
    calls = [track({"x": value}) for value in [*right, *(value for value, _, _ in wrong)]]
    with database.scratch(tmp_path) as db:
        said = judged(db, planned({"properties": {"x": schema}}), track({}), *calls)
    first = 1 + len(right)
    assert said == [
        (n, kind, "x", f"x {words}", "allow", None)
        for n, (_, kind, words) in enumerate(wrong, first)
    ]
