"""From which columns of which tables each column of a model is made."""

from collections.abc import Mapping

from sqlglot import exp
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.scope import build_scope

from warehouse.model import DIALECT


def columns(tree: exp.Query, schema: Mapping[str, object]) -> dict[str, list[tuple[str, str]]]:
    """{column: [(table, column), …]} of a qualified SELECT; constants have no origin."""
    scope = build_scope(tree)
    nodes = lineage(None, tree, dict(schema), dialect=DIALECT, scope=scope, copy=False)
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
