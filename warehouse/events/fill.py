"""Fills the typed tables of Segment's warehouse schema from the calls that are new to them.

https://www.twilio.com/docs/segment/connections/storage/warehouses/schema
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from warehouse import database
from warehouse.database import Database
from warehouse.events import columns, incoming, people, registry, survey
from warehouse.events.columns import Change, Field
from warehouse.events.settle import Fresh, exact, settle
from warehouse.events.survey import Part, Span
from warehouse.events.tables import BY_CALL, context_columns, typed_columns
from warehouse.quoting import quoted

ROWS_AT_A_TIME = 300_000

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
    counts: Counter[str]


def fill(db: Database, warehouse: Path, schema: str) -> None:
    """All typed tables, a bounded number of rows at a time, each time in one transaction."""
    is_more = True
    while is_more:
        with database.writing(db, warehouse), db.transaction():
            spans, is_more = _pending(db, schema)
            if spans:
                context = context_columns(db, schema)
                parts = survey.parts(db, schema, spans, context)
                _keep(db, schema, parts, [_fill(db, schema, part, context) for part in parts])
            if not is_more:
                people.update(db, schema)


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


def _fill(db: Database, schema: str, part: Part, context: dict[str, str]) -> Filled:
    # 1. types that hold every value of the new rows
    # 2. columns: where one has another type now, the table is made again from what was sent
    # 3. the rows
    calls = (part.span.rows(schema), part.span.kind.fields)
    table = f"{schema}.{quoted(part.span.table)}"
    fresh = [
        Fresh(path, name, part.sample.types.get(path, [])) for path, name in part.fresh.items()
    ]
    settled = settle(db, calls, part.known.fields, fresh)
    settled = exact(db, table, settled)
    wanted = {
        **typed_columns(part.span.kind),
        **{field.column: field.type for field in settled.fields},
        **{n: kind for n, kind in context.items() if n in part.had or part.in_context[n]},
    }
    is_anew = any(part.had.get(name, kind) != kind for name, kind in wanted.items())
    span = part.span.from_the_beginning() if is_anew else part.span
    if is_anew or not part.had:
        listed = ", ".join(f"{quoted(name)} {kind}" for name, kind in wanted.items())
        db.run(f"create or replace table {table} ({listed})")
    else:
        for name in [name for name in wanted if name not in part.had]:
            db.run(f"alter table {table} add column {quoted(name)} {wanted[name]}")
    [(row_count,)] = db.run(_insert(schema, span, settled.fields, wanted))
    counts = Counter({name: count for name, count in part.in_context.items() if count})
    for field in settled.fields:
        counts[field.column] += settled.counts.get(field.path, 0)
    return Filled(row_count, is_anew, settled.changes, counts)


def _insert(schema: str, span: Span, fields: list[Field], wanted: dict[str, str]) -> str:
    source = span.kind.fields
    taken = columns.extraction(fields, source)
    values = {name: quoted(name) for name in wanted}
    # Official libraries put the name of a page into its properties, too; some only there.
    for name in span.kind.filled_up:
        values[name] = f"coalesce({name}, {source} ->> '$.{name}')"
    values |= columns.typed(fields, taken)
    return (
        f"insert into {schema}.{quoted(span.table)} by name"
        f" select {', '.join(f'{value} as {quoted(name)}' for name, value in values.items())}"
        f" from (select *, {taken.taken} from ({span.rows(schema)}))"
    )


def _keep(db: Database, schema: str, parts: Sequence[Part], filled: Sequence[Filled]) -> None:
    """How far the tables are, which columns they have got, how full these are."""
    done = [
        (part.span.table, part.span.until, each.row_count, each.is_anew)
        for part, each in zip(parts, filled, strict=True)
    ]
    db.run(FILLED.format(schema=schema), [list(column) for column in zip(*done, strict=True)])
    changes, nameless, fills = [], [], []
    for part, each in zip(parts, filled, strict=True):
        table, examples = part.span.table, part.examples()
        changes += [(table, change) for change in each.changes]
        nameless += [(table, path) for path in part.nameless]
        fills += [(table, n, count, examples.get(n, [])) for n, count in each.counts.items()]
    registry.note(db, schema, changes, nameless)
    incoming.add(db, schema, fills)
