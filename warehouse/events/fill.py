"""Fills the typed tables of Segment's warehouse schema from the calls that are new to them.

https://www.twilio.com/docs/segment/connections/storage/warehouses/schema
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from warehouse import database
from warehouse.database import Database
from warehouse.events import columns, incoming, people, registry, survey
from warehouse.events.columns import Change, Field, Misfit, catching_misfits
from warehouse.events.settle import Fresh, exact, settle
from warehouse.events.survey import Part, Span
from warehouse.events.tables import BY_CALL, STORED_ID, context_columns, typed_columns
from warehouse.quoting import quoted, text

ROWS_AT_A_TIME = 300_000
TABLES_AT_A_TIME = 100

PENDING = """
select _table, any_value(filled.type), filled_until, uuid_ts, count(*)
from {schema}.calls join {schema}.filled on _table = table_name
where row_count < call_count and uuid_ts > coalesce(filled_until, timestamptz '-infinity')
group by _table, filled_until, uuid_ts
order by _table, uuid_ts
"""
FILLED = """
update {schema}.filled set
    filled_until = done.until,
    row_count = done.row_count + case when is_anew then 0 else filled.row_count end
from (
    select
        unnest(?::varchar[]) as table_name,
        unnest(?::timestamptz[]) as until,
        unnest(?::bigint[]) as row_count,
        unnest(?::boolean[]) as is_anew
) as done
where done.table_name = filled.table_name
"""


@dataclass(frozen=True)
class Filled:
    """What came of a part: its rows, or all rows where the table was made anew."""

    row_count: int
    is_anew: bool
    changes: list[Change]
    columns: list[str]


def fill(db: Database, warehouse: Path, schema: str) -> None:
    """All typed tables, a bounded number of rows at a time, each time in one transaction.

    Values are held to the types while they are written, since nearly always they fit: to ask
    before costs half as much again. Where one does not, nothing is written, and all are asked.
    """
    is_more = True
    while is_more:
        try:
            is_more = _fill_some(db, warehouse, schema, is_trusting=True)
        except Misfit:
            is_more = _fill_some(db, warehouse, schema, is_trusting=False)


def _fill_some(db: Database, warehouse: Path, schema: str, *, is_trusting: bool) -> bool:
    """Whether there is more."""
    with database.writing(db, warehouse), db.transaction():
        spans, is_more = _pending(db, schema)
        if spans:
            context = context_columns(db, schema)
            parts = survey.parts(db, schema, spans, context)
            filled = [_fill(db, schema, part, context, is_trusting) for part in parts]
            _keep(db, schema, parts, filled)
        if not is_more:
            people.update(db, schema)
    return is_more


def _pending(db: Database, schema: str) -> tuple[list[Span], bool]:
    """What is to be filled in, table after table, until there are rows enough for once.

    And whether there is more.
    """
    spans: dict[str, Span] = {}
    full: set[str] = set()
    room = ROWS_AT_A_TIME
    for table, call, since, loaded_at, count in db.run(PENDING.format(schema=schema)):
        if table in full or room <= 0 or (table in spans and count > room):
            full.add(table)
            continue
        start = since.isoformat() if since else "-infinity"
        spans[table] = Span(table, BY_CALL[call], start, loaded_at.isoformat())
        room -= count
    return list(spans.values()), bool(full)


def _fill(
    db: Database, schema: str, part: Part, context: dict[str, str], is_trusting: bool
) -> Filled:
    # 1. types that hold every value of the new rows
    # 2. columns: where one has another type now, the table is made again from what was sent
    # 3. the rows
    calls = (part.span.rows(schema), part.span.kind.fields)
    table = f"{schema}.{quoted(part.span.table)}"
    fresh = [
        Fresh(path, name, part.sample.types.get(path, [])) for path, name in part.fresh.items()
    ]
    settled = settle(db, calls, part.known.fields, fresh, is_trusting=is_trusting)
    settled = exact(db, table, settled)
    wanted = {
        **typed_columns(part.span.kind),
        **{field.column: field.type for field in settled.fields},
        **{n: kind for n, kind in context.items() if n in part.had or part.in_context[n]},
    }
    is_anew = any(part.had.get(name, kind) != kind for name, kind in wanted.items())
    span = part.span.from_the_beginning() if is_anew else part.span
    if is_anew or part.span.is_first:
        listed = ", ".join(f"{quoted(name)} {kind}" for name, kind in (wanted | STORED_ID).items())
        db.run(f"create or replace table {table} ({listed})")
    else:
        for name in [name for name in wanted if name not in part.had]:
            db.run(f"alter table {table} add column {quoted(name)} {wanted[name]}")
    with catching_misfits():
        row_count = db.value(_insert(schema, span, settled.fields, wanted, is_checked=is_trusting))
    filled = list(dict.fromkeys(field.column for field in settled.fields))
    return Filled(row_count, is_anew, settled.changes, filled)


def _insert(
    schema: str, span: Span, fields: list[Field], wanted: dict[str, str], *, is_checked: bool
) -> str:
    source = span.kind.fields
    taken = columns.extraction(fields, source)
    values = {name: quoted(name) for name in wanted}
    # Official libraries put the name of a page into its properties, too; some only there.
    for name in span.kind.filled_up:
        values[name] = f"coalesce({name}, {source} ->> '$.{name}')"
    values |= columns.typed(fields, taken, is_checked=is_checked)
    # Said in few words: hundreds of tables may be filled, and a statement is read by the letter.
    listed = ", ".join(
        value if value == quoted(name) else f"{value} as {quoted(name)}"
        for name, value in values.items()
    )
    rows = span.rows(schema, taken.taken)
    return f"insert into {schema}.{quoted(span.table)} by name select {listed} from ({rows})"


def _keep(db: Database, schema: str, parts: Sequence[Part], filled: Sequence[Filled]) -> None:
    """How far the tables are, which columns they have got, how full these are."""
    done = [
        (part.span.table, part.span.until, each.row_count, each.is_anew)
        for part, each in zip(parts, filled, strict=True)
    ]
    db.run(FILLED.format(schema=schema), [list(column) for column in zip(*done, strict=True)])
    changes, nameless, fills = [], [], []
    counts = _counts(db, schema, parts, filled)
    for part, each in zip(parts, filled, strict=True):
        table, examples = part.span.table, part.examples()
        changes += [(table, change) for change in each.changes]
        nameless += [(table, path) for path in part.nameless]
        found = {name: count for name, count in part.in_context.items() if count} | counts[table]
        fills += [(table, name, count, examples.get(name, [])) for name, count in found.items()]
    registry.note(db, schema, changes, nameless)
    incoming.add(db, schema, fills)


def _counts(
    db: Database, schema: str, parts: Sequence[Part], filled: Sequence[Filled]
) -> dict[str, dict[str, int]]:
    """How many new values each column has, asked of many tables at once."""
    asked = [
        f"select {text(part.span.table)},"
        f" [{', '.join(f'count({quoted(name)})' for name in each.columns)}]"
        f" from {schema}.{quoted(part.span.table)}"
        f" where uuid_ts > timestamptz '{part.span.since}'"
        for part, each in zip(parts, filled, strict=True)
    ]
    columns = {part.span.table: each.columns for part, each in zip(parts, filled, strict=True)}
    counts = {}
    for at in range(0, len(asked), TABLES_AT_A_TIME):
        for table, found in db.run(" union all ".join(asked[at : at + TABLES_AT_A_TIME])):
            counts[table] = dict(zip(columns[table], found, strict=True))
    return counts
