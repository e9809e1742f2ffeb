"""From which columns of which tables each column of a model is made."""

from sqlglot import exp
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.scope import build_scope
from sqlglot.schema import Schema

from warehouse.model import DIALECT


def columns(tree: exp.Query, schema: Schema) -> dict[str, list[tuple[str, str]]]:
    """{column: [(table, column), …]} of a qualified SELECT; constants have no origin."""
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
    return {
        name.lower(): sorted({origin for node in root.walk() if (origin := _origin(node))})
        for name, root in nodes.items()
    }


def _origin(node: Node) -> tuple[str, str] | None:
    """A leaf is a real table's column; a CTE's has no schema."""
    if node.downstream or not isinstance(node.source, exp.Table) or not node.source.db:
        return None
    column = node.name.split(".")[-1].strip('"')
    return f"{node.source.db}.{node.source.name}", column
