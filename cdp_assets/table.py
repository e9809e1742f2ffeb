"""Rows on the terminal."""

import duckdb
from rich.console import Console
from rich.table import Table


def show(relation: duckdb.DuckDBPyRelation | None, console: Console | None = None) -> None:
    """Print a query's rows; nothing, where it has none to give."""
    if relation is None:
        return
    console = console or Console()
    shown = Table(*relation.columns)
    rows = relation.fetchall()
    for row in rows:
        shown.add_row(*("" if value is None else str(value) for value in row))
    console.print(shown)
    console.print(f"{len(rows)} rows", style="dim")
