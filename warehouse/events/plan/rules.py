"""A rule of a tracking plan: a JSON Schema that every call of one kind, or one event, must fit.

Of draft-07 it may say what is listed here. What else a schema says is a mistake: a check that is
never made is worse than none. https://json-schema.org/draft-07/json-schema-validation
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any

Json = dict[str, Any]
Wrong = tuple[str, str, str]  # where in the message, the keyword, what is wrong with it

CALLS = ("track", "identify", "group", "page", "screen")
ACTIONS = ("allow", "omit", "block")
# What a message has beside its three objects, and the column of `calls_in` that holds it.
OBJECTS = ("properties", "traits", "context")
FIELDS = {
    "anonymousId": "anonymous_id",
    "userId": "user_id",
    "groupId": "group_id",
    "messageId": "id",
    "event": "event_text",
    "name": "name",
    "type": "type",
}

TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
FORMATS = ("date", "date-time", "email", "uri")
ANNOTATIONS = {
    "$comment", "$id", "$schema", "default", "description", "eventMetadata", "examples", "id",
    "labels", "title",
}  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """What every call of a kind must fit; `call` is None where it is every call at all."""

    call: str | None
    name: str | None  # of the event, page or screen; None for all of them
    version: int
    schema: Json
    on_violation: str
    on_unplanned: str

    def __str__(self) -> str:
        said = f"'{self.name}'" if self.name is not None else self.call or "common"
        return said if self.version == 1 else f"{said} (version {self.version})"


def inner(schema: Json | bool) -> Json:
    """Schemas are objects; true is the one that allows everything, false allows nothing."""
    if isinstance(schema, bool):
        return {} if schema else {"not": {}}
    return schema


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | bool) or _is_number(value)


def _are_types(value: Any) -> bool:
    listed = value if isinstance(value, list) else [value]
    return bool(listed) and all(isinstance(one, str) and one in TYPES for one in listed)


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _are_scalars(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_scalar, value))


def _is_schema(value: Any) -> bool:
    return isinstance(value, dict | bool)


def _are_schemas(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_schema, value.values()))


Shape = tuple[Callable[[Any], bool], str]
NUMBER: Shape = (_is_number, "a number")
COUNT: Shape = (_is_count, "a count")
VALUE: dict[str, Shape] = {
    "type": (_are_types, f"one or more of {', '.join(TYPES)}"),
    "enum": (_are_scalars, "a list of texts, numbers, true, false or null"),
    "const": (_is_scalar, "a text, a number, true, false or null"),
    "pattern": (lambda value: isinstance(value, str), "a regular expression"),
    "format": (lambda value: value in FORMATS, f"one of {', '.join(FORMATS)}"),
    "minimum": NUMBER,
    "maximum": NUMBER,
    "exclusiveMinimum": NUMBER,
    "exclusiveMaximum": NUMBER,
    "minLength": COUNT,
    "maxLength": COUNT,
    "minItems": COUNT,
    "maxItems": COUNT,
}
SHAPES: dict[str, Shape] = VALUE | {
    "required": (_are_names, "a list of names"),
    "properties": (_are_schemas, "a schema for each name"),
    "additionalProperties": (lambda value: isinstance(value, bool) or value == {}, "true or false"),
    "items": (_is_schema, "one schema for every element"),
    "not": (_is_schema, "a schema"),
}

OF_OBJECTS = ("type", "required", "properties", "additionalProperties")

PatternError = Callable[[str], str | None]


def wrong(schema: Json, pattern_error: PatternError) -> Iterator[Wrong]:
    """What of a message's schema cannot be read."""
    known: Json = {key: schema[key] for key in OF_OBJECTS[:3] if key in schema}
    for keyword in schema.keys() - known.keys() - ANNOTATIONS:
        yield "", keyword, f"'{keyword}' of a whole message is not supported"
    shapes = list(_wrong_shapes(known, "", SHAPES))
    yield from shapes
    if shapes:
        return
    if "object" not in _types(schema, "object"):
        yield "", "type", "a message is an object"
    for field in schema.get("required", ()):
        if field not in (*OBJECTS, *FIELDS):
            yield field, "required", _unknown_field()
    for field, below in schema.get("properties", {}).items():
        if field in (*OBJECTS, *FIELDS):
            yield from _wrong_field(field, inner(below), pattern_error)
        elif inner(below).keys() - ANNOTATIONS:
            yield field, field, _unknown_field()


def _unknown_field() -> str:
    return f"not a field that can be checked; these can: {', '.join((*OBJECTS, *FIELDS))}"


def _wrong_field(field: str, schema: Json, pattern_error: PatternError) -> Iterator[Wrong]:
    yield from _wrong_value(schema, field, pattern_error)
    if field in OBJECTS:
        for keyword in schema.keys() & SHAPES.keys() - {*OF_OBJECTS}:
            yield field, keyword, f"'{keyword}' of a whole object is not supported"
        if "object" not in _types(schema, "object"):
            yield field, "type", f"{field} is an object"


def _wrong_value(schema: Json, place: str, pattern_error: PatternError) -> Iterator[Wrong]:
    for keyword in schema.keys() - SHAPES.keys() - ANNOTATIONS:
        known = ", ".join(sorted(SHAPES))
        yield place, keyword, f"'{keyword}' is not supported; known: {known}"
    bad = list(_wrong_shapes(schema, place, SHAPES))
    yield from bad
    fine = {key: schema[key] for key in schema.keys() & SHAPES.keys() - {key for _, key, _ in bad}}
    error = pattern_error(fine["pattern"]) if "pattern" in fine else None
    if error:
        yield place, "pattern", f"the pattern {fine['pattern']!r} is none: {error}"
    if "not" in fine:
        yield from _wrong_not(inner(fine["not"]), place, pattern_error)
    for name, below in fine.get("properties", {}).items():
        yield from _wrong_value(inner(below), f"{place}.{name}", pattern_error)
    if "items" in fine:
        yield from _wrong_value(inner(fine["items"]), f"{place}[]", pattern_error)


def _wrong_not(schema: Json, place: str, pattern_error: PatternError) -> Iterator[Wrong]:
    """`not` says something about one value: https://segment.com/docs/protocols/tracking-plan/create"""
    for keyword in schema.keys() & SHAPES.keys() - VALUE.keys():
        yield place, "not", f"'{keyword}' inside 'not' is not supported"
    allowed = {
        key: value for key, value in schema.items() if key not in SHAPES.keys() - VALUE.keys()
    }
    yield from _wrong_value(allowed, place, pattern_error)


def _wrong_shapes(schema: Json, place: str, shapes: dict[str, Shape]) -> Iterator[Wrong]:
    for keyword in schema.keys() & shapes.keys():
        is_fine, words = shapes[keyword]
        if not is_fine(schema[keyword]):
            yield place, keyword, f"'{keyword}' is {schema[keyword]!r}, not {words}"


def _types(schema: Json, default: str) -> list[str]:
    stated = schema.get("type", default)
    return stated if isinstance(stated, list) else [stated]
