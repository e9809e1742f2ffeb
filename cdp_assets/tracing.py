"""Where a value in a tool comes from: the columns on its way, and for one row their values."""

from collections.abc import Iterator
from typing import Any

from cdp_assets.outgoing import Outgoing
from warehouse import lineage
from warehouse.catalog import Catalog
from warehouse.database import Database
from warehouse.lineage import Step
from warehouse.quoting import quoted
from warehouse.sync import Sync

PEOPLE = "profiles.profiles"
MOST_ROWS = 5


class NoField(Exception):
    """A sync does not send a field of that name."""

    def __init__(self, sync: str, field: str, known: list[str]):
        super().__init__(f"{sync} sends no field {field}; it sends: {', '.join(known)}")


class NoRow(Exception):
    """No row of the sync has that key, or it cannot be tied to a person."""

    def __init__(self, sync: str, key: str):
        super().__init__(f"{sync} has no row {key}, or none that is a person's")


def told(catalog: Catalog, outgoing: Outgoing, field: str | None, key: str | None) -> Iterator[str]:
    """Lines for a field, or for all; with a key, the person's values under each column."""
    sync = outgoing.sync
    fields = [column.name for column in catalog.columns[sync.table] if sync.is_sent(column.name)]
    wanted = [name for name in fields if field is None or name.lower() == field.lower()]
    if not wanted:
        raise NoField(sync.name, str(field), fields)
    tool = f"{outgoing.destination.name}.{outgoing.thing.name}"
    if key is None:
        for name in wanted:
            yield f"{tool} {name}"
            yield from map(_line, lineage.back(catalog, sync.table, name))
        return
    with outgoing.place.connect() as db:
        profile_id = _profile_of(db, catalog, sync, key)
        for name in wanted:
            yield f"{tool} {name}"
            for step in lineage.back(catalog, sync.table, name):
                yield _line(step)
                yield from _values(db, sync, step, key, profile_id)


def _line(step: Step) -> str:
    return f"{'  ' * (step.depth + 1)}{step.table}.{step.column}"


def _profile_of(db: Database, catalog: Catalog, sync: Sync, key: str) -> str:
    """Whose row it is: by the column that says so, or by the profile that holds the key."""
    key_is = f"cast({quoted(sync.key)} as varchar) = ?"
    for column in catalog.columns[sync.table]:
        steps = list(lineage.back(catalog, sync.table, column.name))
        if column.name == sync.profile or _is(steps, "profile_id"):
            found = db.value(
                f"select {quoted(column.name)} from {sync.table} where {key_is}", [key]
            )
            if found:
                return str(found)
    for step in lineage.back(catalog, sync.table, sync.key):
        if step.table == PEOPLE:
            where = f"cast({quoted(step.column)} as varchar) = ?"
            found = db.value(f"select profile_id from {PEOPLE} where {where}", [key])
            if found:
                return str(found)
    raise NoRow(sync.name, key)


def _is(steps: list[Step], column: str) -> bool:
    return len(steps) > 1 and (steps[1].table, steps[1].column) == (PEOPLE, column)


def _values(db: Database, sync: Sync, step: Step, key: str, profile_id: str) -> Iterator[str]:
    """The person's values in a column, where the table knows its people."""
    columns = db.columns(step.table)
    indent = "  " * (step.depth + 2)
    if step.table == sync.table:
        rows = _rows(db, step, f"cast({quoted(sync.key)} as varchar)", key)
    elif "profile_id" in columns:
        rows = _rows(db, step, "profile_id", profile_id)
    else:
        return
    for (value,) in rows[:MOST_ROWS]:
        yield f"{indent}= {value}"
    if len(rows) > MOST_ROWS:
        yield f"{indent}… and more"


def _rows(db: Database, step: Step, column: str, value: str) -> list[tuple[Any, ...]]:
    return db.run(
        f"select {quoted(step.column)} from {step.table} where {column} = ? limit {MOST_ROWS + 1}",
        [value],
    )
