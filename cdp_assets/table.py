"""Rows on the terminal: as a table where they fit, else one field a line."""

import duckdb
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table


def show(
    relation: duckdb.DuckDBPyRelation,
    console: Console,
    title: str | None = None,
    *,
    skip_empty: bool = False,
) -> int:
    """Print a query's rows; how many there were."""
    rows = [["" if value is None else str(value) for value in row] for row in relation.fetchall()]
    if skip_empty and not rows:
        return 0
    table = Table(*relation.columns, title=title, title_justify="left", title_style="bold")
    for row in rows:
        table.add_row(*row)
    unbounded = console.options.update(max_width=10_000)
    if Measurement.get(console, unbounded, table).maximum <= console.width:
        console.print(table)
        return len(rows)
    if title:
        console.print(title, style="bold")
    for row in rows:
        fields = Table.grid(padding=(0, 2))
        for name, value in zip(relation.columns, row, strict=True):
            fields.add_row(f"[dim]{name}[/dim]", value)
        console.print(fields, "")
    return len(rows)
