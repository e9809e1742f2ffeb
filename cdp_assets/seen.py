"""What Dagster shows of a table once it is made: its rows, its name, its columns."""

import dagster as dg


def table(
    name: str, row_count: int, columns: dict[str, str]
) -> dict[str, int | str | dg.TableSchema]:
    """Metadata of a table `schema.table` whose columns and types the warehouse told."""
    return {
        "dagster/row_count": row_count,
        "dagster/table_name": name,
        "dagster/column_schema": dg.TableSchema.from_name_type_dict(columns),
    }
