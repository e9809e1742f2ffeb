"""Tracking plans against the `jsonschema` library: the same calls are right, the same are wrong."""

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from judging import Json, judged, planned, track

from warehouse import database
from warehouse.events.plan.rules import TYPES, wrong

# JSON pointers, SQL and people give most of these a meaning of their own.
NAMES = ("a", "A", "b c", "a.b", '"', "'", "", "é", "0", "~/", "a/b", "$", "*", "\\", "\0", "%s")
PATTERNS = ("a", "^a", "a$", "^[ab]{1,2}$", "^(a|b1)$", r"^\w+$", r"\\", "^$", "'")
texts = st.text("ab1 '\\é😀\n", max_size=4)
numbers = st.one_of(
    st.integers(-3, 3),
    st.integers(-3, 3).map(float),
    st.sampled_from([0.5, -1.25, 1e3, 1e-7, 2**53, -(2**63), 2**64 - 1, 10**20, 1e300]),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
counts = st.integers(0, 3)
bounds = st.one_of(st.integers(-2, 2), st.sampled_from([0.5, -1.25, 1.0, 1e3, 10**20]))
VALUE: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), min_size=1, unique=True),
    "enum": st.lists(scalars, min_size=1, max_size=4),
    "const": scalars,
    "pattern": st.sampled_from(PATTERNS),
    "minimum": bounds,
    "maximum": bounds,
    "exclusiveMinimum": bounds,
    "exclusiveMaximum": bounds,
    "minLength": counts,
    "maxLength": counts,
    "minItems": counts,
    "maxItems": counts,
}


def some(keywords: dict[str, st.SearchStrategy[Any]], most: int) -> st.SearchStrategy[Json]:
    """Schemas with a few of these keywords: with all of them, nothing would ever be right."""
    return st.lists(st.sampled_from(sorted(keywords)), max_size=most, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries({name: keywords[name] for name in chosen})
    )


def cases(names: list[str]) -> st.SearchStrategy[tuple[Json, list[Json]]]:
    """A schema and objects that both use these few names: so they often have to do with another."""
    name = st.sampled_from(names)

    def of_objects(inner: st.SearchStrategy[Json]) -> dict[str, st.SearchStrategy[Any]]:
        return {
            "properties": st.dictionaries(name, inner | st.booleans(), min_size=1, max_size=3),
            "required": st.lists(name, max_size=1),
            "additionalProperties": st.sampled_from([True, True, False]),
        }

    values = st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(name, inner, max_size=3),
        max_leaves=6,
    )
    schemas = st.recursive(
        some({**VALUE, "not": some(VALUE, 2)}, 2),
        lambda inner: some({"type": VALUE["type"], "items": inner, **of_objects(inner)}, 3),
        max_leaves=6,
    )
    of_elements = st.builds(lambda one: {"items": one}, schemas)
    of_one = st.builds(lambda one: {"properties": {names[0]: one}}, schemas | of_elements)
    objects = st.dictionaries(name, values, min_size=1, max_size=3)
    return st.tuples(
        of_one | some(of_objects(schemas), 2), st.lists(objects, min_size=5, max_size=15)
    )


def test_a_call_is_wrong_where_the_json_schema_library_says_so(tmp_path: Path) -> None:
    some_names = st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True)
    with database.scratch(tmp_path) as db:

        @settings(max_examples=150, deadline=None)
        @given(case=some_names.flatmap(cases))
        def holds(case: tuple[Json, list[Json]]) -> None:
            schema, objects = case
            assert list(wrong({"properties": {"properties": schema}}, lambda _: None)) == []
            found = judged(db, planned(schema), *map(track, objects))
            validator = Draft7Validator(schema)
            theirs = {n for n, one in enumerate(objects) if not validator.is_valid(one)}
            assert {n for n, *_ in found} == theirs

        holds()
