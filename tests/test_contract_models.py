"""What every .sql file of the project promises."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlglot import exp

from warehouse import model
from warehouse.model import Model

FOUND, MISTAKES = model.find(Path(__file__).parents[1] / "warehouse" / "models")

# What means something else, or nothing, on the distributed engine that these files shall run on.
AVOIDED: dict[str, Callable[[exp.Expr], bool]] = {
    "hash()": lambda node: _is_call(node, "HASH"),
    "format()": lambda node: isinstance(node, exp.Format),
    "json_each()": lambda node: _is_call(node, "JSON_EACH"),
    "an ASOF join": lambda node: isinstance(node, exp.Join) and node.method == "ASOF",
    "PIVOT": lambda node: isinstance(node, exp.Pivot),
    "* replace": lambda node: isinstance(node, exp.Star) and bool(node.args.get("replace")),
    "COLUMNS()": lambda node: isinstance(node, exp.Columns),
    "union by name": lambda node: (
        isinstance(node, exp.SetOperation) and bool(node.args.get("by_name"))
    ),
    "a list slice": lambda node: isinstance(node, exp.Slice),
    "a list comprehension": lambda node: isinstance(node, exp.Comprehension),
    "a recursive CTE": lambda node: isinstance(node, exp.With) and bool(node.recursive),
    "a map": lambda node: isinstance(node, exp.Map | exp.ToMap),
}


def _is_call(node: exp.Expr, name: str) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.upper() == name


def avoided(found: Model) -> list[str]:
    return sorted(
        what for what, is_it in AVOIDED.items() if any(is_it(node) for node in found.tree.walk())
    )


def test_every_file_is_a_model() -> None:
    assert MISTAKES == []
    assert len(FOUND) >= 25


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.table)
def test_a_model_keeps_to_what_both_engines_mean_the_same_by(found: Model) -> None:
    assert avoided(found) == []


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.table)
def test_a_model_says_what_names_a_row(found: Model) -> None:
    assert "key" in found.settings


@pytest.mark.parametrize(
    ("select", "what"),
    [
        ("select hash(a) from b.c", ["hash()"]),
        ("select * from b.c asof join b.d on c.t >= d.t", ["an ASOF join"]),
        ("select * replace (1 as a) from b.c", ["* replace"]),
        ("select columns('x.*') from b.c", ["COLUMNS()"]),
        ("select 1 as a union by name select 2 as a", ["union by name"]),
        ("select a[1:2] from b.c", ["a list slice"]),
        ("select [x for x in a] from b.c", ["a list comprehension"]),
        ("with recursive t as (select 1) select * from t", ["a recursive CTE"]),
        ("select map {'a': 1}", ["a map"]),
        ("select * from (pivot b.c on a using sum(d))", ["PIVOT"]),
        ("select format('{}', a) from b.c", ["format()"]),
        ("select e.key from b.c, json_each(a) as e", ["json_each()"]),
    ],
)
def test_what_is_to_be_avoided_is_found(tmp_path: Path, select: str, what: list[str]) -> None:
    path = tmp_path / "traits" / "bad.sql"
    path.parent.mkdir()
    path.write_text(f"-- One row per thing.\n{select}\n")
    models, _ = model.find(tmp_path)
    assert [avoided(found) for found in models] == [what]
