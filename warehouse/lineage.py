"""From which columns of which tables each column of a model is made."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.scope import Scope, build_scope, traverse_scope
from sqlglot.schema import Schema

from warehouse.model import DIALECT

if TYPE_CHECKING:
    from warehouse.catalog import Catalog


def columns(tree: exp.Query, schema: Schema) -> dict[str, list[tuple[str, str]]]:
    """{column: [(table, column), …]} of a qualified SELECT; constants have no origin."""
    tree = _attributed(tree, schema)
    nodes = lineage(
        None,
        tree,
        schema,
        dialect=DIALECT,
        scope=build_scope(tree),
        # Copies of the SELECT with fewer columns, for showing: most of the time it takes.
        trim_selects=False,
        copy=False,
    )
    assert isinstance(nodes, dict)
    return {name.lower(): sorted(set(_origins(root, name))) for name, root in nodes.items()}


def _attributed(tree: exp.Query, schema: Schema) -> exp.Query:
    """A column without a table is the vendor's, where just one table of its FROM is a vendor's.

    Only the warehouse knows which columns those have; all others are named by now.
    """
    tree = tree.copy()
    for scope in traverse_scope(tree):
        vendors = [name for name, source in scope.sources.items() if _is_vendors(source, schema)]
        if len(vendors) == 1:
            for column in scope.columns:
                if not column.table:
                    column.set("table", exp.to_identifier(vendors[0], quoted=True))
    return tree


def _is_vendors(source: exp.Expression | Scope, schema: Schema) -> bool:
    """A vendor's table, or all of one's columns."""
    if isinstance(source, Scope):
        return bool(source.expression.is_star)
    return isinstance(source, exp.Table) and not schema.column_names(source)


def _origins(node: Node, asked: str) -> Iterator[tuple[str, str]]:
    """The leaves below a node; `asked` is the column that was wanted of it.

    A leaf is a real table's column; a CTE's has no schema. Of `select *` it is the column asked.
    """
    column = node.name.split(".")[-1].strip('"')
    for below in node.downstream:
        yield from _origins(below, asked if column == "*" else column)
    if not node.downstream and isinstance(node.source, exp.Table) and node.source.db:
        yield f"{node.source.db}.{node.source.name}", asked if column == "*" else column


@dataclass(frozen=True)
class Step:
    """A column on the way back to where a value comes from; `depth` is 0 where it starts."""

    depth: int
    table: str
    column: str


def back(catalog: "Catalog", table: str, column: str, depth: int = 0) -> Iterator[Step]:
    """The column, and all that it is made of, back to the columns of the vendors."""
    yield Step(depth, table, column)
    if table in catalog.trees:
        origins = columns(catalog.trees[table], catalog.schema)
        for origin in origins.get(column.lower(), ()):
            yield from back(catalog, *origin, depth + 1)
