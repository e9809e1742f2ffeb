"""What a schema says of one value, as SQL over its JSON type and its text.

A condition is true where the value breaks the rule, and false or null elsewhere: so for a value
that is not there, whose type is null.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from warehouse.events.plan.rules import Json, inner
from warehouse.quoting import text

# https://duckdb.org/docs/stable/data/json/json_functions
INTEGERS = ("UBIGINT", "BIGINT")
NUMBERS = (*INTEGERS, "DOUBLE")
JSON_TYPES = {
    "array": ("ARRAY",),
    "boolean": ("BOOLEAN",),
    "integer": INTEGERS,
    "null": ("NULL",),
    "number": NUMBERS,
    "object": ("OBJECT",),
    "string": ("VARCHAR",),
}
# keyword: (which types it is about, what of the value is compared, when it is wrong, in words)
LIMITS = {
    "minimum": (NUMBERS, "number", "<", "less than {}"),
    "exclusiveMinimum": (NUMBERS, "number", "<=", "not more than {}"),
    "maximum": (NUMBERS, "number", ">", "more than {}"),
    "exclusiveMaximum": (NUMBERS, "number", ">=", "not less than {}"),
    "minLength": (("VARCHAR",), "length", "<", "shorter than {} characters"),
    "maxLength": (("VARCHAR",), "length", ">", "longer than {} characters"),
    "minItems": (("ARRAY",), "size", "<", "fewer than {} elements"),
    "maxItems": (("ARRAY",), "size", ">", "more than {} elements"),
}
DAY = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
TIME = r"T([01]\d|2[0-3]):[0-5]\d(:([0-5]\d|60)([.,]\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)?"
# A date-time is ISO-8601, as Segment has it; a day alone is one too.
FORMATS = {
    "date": f"{DAY}$",
    "date-time": f"{DAY}({TIME})?$",
    "email": r"^[^@\s]+@[^@\s]+$",
    "uri": r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s\\]*$",
}
SHOWN = 200


@dataclass(frozen=True)
class Value:
    """Where the JSON type of a value is found, its text, and its number of elements.

    The text is asked for only by a check that needs it: it costs a parse.
    """

    type: str
    read: Callable[[], str]
    size: str

    @property
    def text(self) -> str:
        return self.read()

    @property
    def number(self) -> str:
        return f"try_cast({self.text} as double)"

    @property
    def length(self) -> str:
        return f"length({self.text})"

    def is_one_of(self, types: tuple[str, ...]) -> str:
        return f"{self.type} in ({', '.join(map(text, types))})"


def json_types(schema: Json) -> tuple[str, ...]:
    """The types it may have; draft-07 takes a whole DOUBLE for an integer too."""
    return tuple(one for name in _types(schema) or JSON_TYPES for one in JSON_TYPES[name])


def _types(schema: Json) -> list[str]:
    stated = schema.get("type", [])
    return [stated] if isinstance(stated, str) else stated


def wrong_type(value: Value, schema: Json) -> list[tuple[str, str]]:
    names = _types(schema)
    if not names:
        return []
    condition = f"not {value.is_one_of(json_types(schema))}"
    if "integer" in names and "number" not in names:
        is_whole = f"{value.number} = trunc({value.number})"
        condition += f" and not ({value.type} = 'DOUBLE' and {is_whole})"
    return [(f"({condition})", f"not {' or '.join(names)}")]


def wrong_value(value: Value, schema: Json) -> Iterator[tuple[str, str]]:
    """(condition, what it means) for everything but the type."""
    if "enum" in schema:
        yield _is_none_of(value, schema["enum"]), f"none of {_shown(*schema['enum'])}"
    if "const" in schema:
        yield _is_none_of(value, [schema["const"]]), f"not {_shown(schema['const'])}"
    for keyword, (types, measure, sign, words) in LIMITS.items():
        if keyword in schema:
            compared = f"{getattr(value, measure)} {sign} {_double(schema[keyword])}"
            yield f"({value.is_one_of(types)} and {compared})", words.format(schema[keyword])
    if "pattern" in schema:
        # Found anywhere in the text, by RE2: so it is at Segment, whose checks are written in Go.
        yield _matches_not(value, schema["pattern"]), f"does not match {_cut(schema['pattern'])}"
    if "format" in schema:
        yield _has_not_form(value, schema["format"]), f"not a valid {schema['format']}"
    if "not" in schema:
        yield _fits(value, inner(schema["not"])), "which the plan rules out"


def _matches_not(value: Value, pattern: str) -> str:
    return f"({value.type} = 'VARCHAR' and not regexp_matches({value.text}, {text(pattern)}))"


def _has_not_form(value: Value, name: str) -> str:
    condition = _matches_not(value, FORMATS[name])
    if not name.startswith("date"):
        return condition
    is_no_day = f"try_cast(left({value.text}, 10) as date) is null"
    return f"({condition} or ({value.type} = 'VARCHAR' and {is_no_day}))"


def _fits(value: Value, schema: Json) -> str:
    wrong = [
        condition for condition, _ in (*wrong_type(value, schema), *wrong_value(value, schema))
    ]
    is_wrong = f"coalesce({' or '.join(wrong)}, false)" if wrong else "false"
    return f"({value.type} is not null and not {is_wrong})"


def _is_none_of(value: Value, allowed: list[Any]) -> str:
    """true is not 1; 1 and 1.0 are one number."""
    numbers = [one for one in allowed if isinstance(one, int | float) and not isinstance(one, bool)]
    texts = {
        ("VARCHAR",): [one for one in allowed if isinstance(one, str)],
        ("BOOLEAN",): [json.dumps(one) for one in allowed if isinstance(one, bool)],
        INTEGERS: [str(int(one)) for one in numbers if one == int(one)],
    }
    equal = [
        f"({value.is_one_of(types)} and {value.text} in ({', '.join(map(text, found))}))"
        for types, found in texts.items()
        if found
    ]
    if numbers:
        doubles = ", ".join(map(_double, numbers))
        equal.append(f"({value.type} = 'DOUBLE' and {value.number} in ({doubles}))")
    if None in allowed:
        equal.append(f"{value.type} = 'NULL'")
    return f"({value.type} is not null and not coalesce({' or '.join(equal)}, false))"


def _double(number: float) -> str:
    return f"'{number!r}'::double"


def _shown(*values: Any) -> str:
    return _cut(", ".join(json.dumps(value, ensure_ascii=False) for value in values))


def _cut(said: str) -> str:
    return said if len(said) <= SHOWN else f"{said[:SHOWN]}…"
