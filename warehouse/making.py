"""Make a model's table: written and checked beside the warehouse, then published."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
from sqlglot import exp

from warehouse import database
from warehouse.database import Database
from warehouse.model import Model

DRAFT = "draft"


@dataclass(frozen=True)
class Made:
    """What stands in the table now."""

    row_count: int
    columns: dict[str, str]


class KeyBroken(Exception):
    """The SELECT gave rows without a key, or several with one key; the old table still stands."""

    def __init__(self, model: Model, missing: int, repeated: list[tuple[object, int]]):
        key = model.settings["key"]
        examples = ", ".join(f"{value} ({count} rows)" for value, count in repeated)
        found = [f"{missing} rows have none"] if missing else []
        found += [f"these stand more than once: {examples}"] if repeated else []
        super().__init__(
            f"{model.table}: the key {key} must be unique and never null, but {'; '.join(found)}. "
            f"The table was left as it was. Mend {model.path or 'the models it is made of'}."
        )


class NotMadeYet(Exception):
    """A model reads tables that no run has made so far."""

    def __init__(self, model: Model, missing: list[str]):
        wanted = " and ".join(table.replace(".", "/") for table in missing)
        super().__init__(
            f"{model.table} reads {', '.join(missing)}, which nobody has made yet:"
            f" materialize {wanted} first, or both together."
        )


@dataclass(frozen=True)
class Widened:
    """A column that can hold more than it once could, as the event loader put it on record."""

    column: str
    type_before: str
    type: str
    changed_at: datetime


class ReadsWidened(Exception):
    """The SELECT fails, and a column it names has become wider; the old table still stands."""

    def __init__(self, model: Model, error: duckdb.Error, widened: list[Widened]):
        said = str(error).partition("\n")[0]
        changes = "; ".join(
            f"{one.column} was {one.type_before} and is {one.type} since"
            f" {one.changed_at:%Y-%m-%d %H:%M}"
            for one in widened
        )
        super().__init__(
            f"{model.table}: {said} What it reads has changed: {changes}. The table was left as it"
            f" was. Mend {model.path or 'the models it is made of'}: try_cast(column as type) takes"
            " what still fits and leaves the rest null."
        )


def make(warehouse: Path, model: Model) -> Made:
    """Replace the model's table by what its SELECT gives now.

    The SELECT runs beside the warehouse, which can be read meanwhile; only the table that it made
    is then taken over; a view is checked in the same way. Raises NotMadeYet, and ReadsWidened and
    KeyBroken, which leave the old table as it was.
    """
    with database.beside(warehouse) as db:
        if missing := [table for table in model.reads if not db.columns(table)]:
            raise NotMadeYet(model, missing)
        draft = f"temp view {DRAFT}" if model.is_view else f"table memory.main.{DRAFT}"
        try:
            db.run(f"create {draft} as {model.select}")
        except duckdb.Error as error:
            if widened := _widened(db, model):
                raise ReadsWidened(model, error, widened) from error
            raise
        if "key" in model.settings:
            _check_key(db, model)
        with database.writing(db, warehouse):
            if model.is_view:
                return _make_view(db, model)
            row_count = db.materialize(model.table, f"from memory.main.{DRAFT}")
            return Made(row_count, db.columns(model.table))


def _make_view(db: Database, model: Model) -> Made:
    """A resolved row is a staging row with one more column, and those are counted in no time."""
    db.make_view(model.table, model.select)
    counted = f"staging.{model.name}" if model.schema == "resolved" else model.table
    return Made(db.count(counted), db.columns(model.table))


def _widened(db: Database, model: Model) -> list[Widened]:
    """The last change of each column that the model names, where it had another type before."""
    named = [column.name.lower() for column in model.tree.find_all(exp.Column)]
    found = []
    for table in model.reads:
        schema, _, name = table.partition(".")
        if db.columns(f"{schema}.column_changes"):
            # What is a view over the calls has their columns.
            found += db.run(
                "select concat_ws('.', ?, column_name), arg_max(type_before, rowid),"
                " arg_max(type, rowid), max(changed_at)"
                f" from {schema}.column_changes"
                " where table_name in (?, 'calls') and type_before <> type"
                " and list_contains(?, column_name) group by column_name order by column_name",
                [table, name, named],
            )
    return [Widened(*row) for row in found]


def _check_key(db: Database, model: Model) -> None:
    key, drafted = model.settings["key"], DRAFT if model.is_view else f"memory.main.{DRAFT}"
    missing = db.value(f"select count(*) from {drafted} where {key} is null")
    repeated = db.run(
        f"select {key}, count(*) from {drafted} where {key} is not null"
        f" group by {key} having count(*) > 1 order by 2 desc, 1 limit 5"
    )
    if missing or repeated:
        raise KeyBroken(model, missing, [(value, count) for value, count in repeated])
