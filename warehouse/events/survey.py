"""What stands in the calls that typed tables are to be filled with, asked of all tables at once.

There may be hundreds of tables, and a statement takes its time however few rows it is for.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from warehouse.database import Database
from warehouse.events import names, registry
from warehouse.events.columns import KIND, Path
from warehouse.events.registry import Known
from warehouse.events.tables import Kind, typed_columns
from warehouse.quoting import quoted, text

# What is beyond stays in `calls.properties` and `calls.traits`.
MOST_COLUMNS = 1000

FILLING = """
create or replace temp table filling as
select
    unnest(?::varchar[]) as table_name,
    unnest(?::timestamptz[]) as since,
    unnest(?::timestamptz[]) as until
"""
# The fields of a call are its properties or its traits.
PENDING = """
select calls.*, calls.rowid as number, coalesce(properties, traits) as fields
from {schema}.calls as calls
join filling on calls._table = filling.table_name
    and calls.uuid_ts > filling.since and calls.uuid_ts <= filling.until
where calls.uuid_ts > (select min(since) from filling)
"""
# To tell lists apart by a hash takes half the time.
KEYS = """
select _table, list_distinct(flatten(list(keys)))
from (
    select _table, any_value(keys) as keys
    from (select _table, json_keys(fields) as keys from ({pending}))
    group by _table, hash(keys)
)
group by _table
"""
COLUMNS = """
select table_name, column_name, data_type from duckdb_columns()
where schema_name = ? and database_name = current_database()
    and table_name in (select unnest(?::varchar[]))
order by table_name, column_index
"""
SAMPLE = """
create or replace temp table sampled as
select _table, fields, {columns} from ({pending}) where number in (
    select number from ({pending}) where _table in ({tables})
    qualify row_number() over (partition by _table order by number) <= 50
)
"""
WANTED = """
create or replace temp table wanted as
select unnest(?::varchar[]) as table_name, unnest(?::varchar[]) as key
"""
TYPES = f"""
with pairs as (
    select sampled._table, pair.key, cast(pair.value as varchar) as value
    from sampled, json_each(sampled.fields) as pair
    semi join wanted on sampled._table = wanted.table_name and pair.key = wanted.key
),
typed as (
    select _table, key, {KIND.format("value")} as kind, value ->> '$' as value
    from pairs where value <> 'null'
)
select _table, key, kind, list_slice(list_sort(list(distinct left(value, 80))), 1, 3)
from typed
group by _table, key, kind order by _table, key, kind <> 'JSON', kind
"""
VALUES = """
select _table, name, list_slice(list_sort(list(distinct left(value, 80))), 1, 3)
from (select _table, unnest({names}) as name, unnest([{values}]) as value from sampled)
where value is not null
group by all
"""


@dataclass(frozen=True)
class Span:
    """Calls for one table: those loaded after `since`, up to `until`."""

    table: str
    kind: Kind
    since: str
    until: str

    @property
    def is_first(self) -> bool:
        """Whether the table has no rows yet."""
        return self.since == "-infinity"

    def rows(self, schema: str, *more: str) -> str:
        """A SELECT of all their columns, and more."""
        return (
            f"select {', '.join(('*', *more))} from {schema}.calls"
            f" where _table = {text(self.table)}"
            f" and uuid_ts > timestamptz '{self.since}' and uuid_ts <= timestamptz '{self.until}'"
        )

    def from_the_beginning(self) -> "Span":
        return replace(self, since="-infinity")


@dataclass(frozen=True)
class Sample:
    """What fifty calls have: types by field; values to show, by field or context column."""

    types: dict[Path, list[str]]
    values: dict[str, list[str]]


@dataclass(frozen=True)
class Part:
    """A span, what is known of its table, and what is new in it."""

    span: Span
    known: Known
    had: Mapping[str, str]  # the columns that the table has, if it has rows
    in_context: Mapping[str, int]  # how often each column of the context has a value
    fresh: dict[Path, str]  # fields without a column, and a name for it
    nameless: list[Path]
    sample: Sample

    def examples(self) -> dict[str, list[str]]:
        """Values to show, by column, where the columns are new."""
        return self.sample.values | {
            column: self.sample.values.get(path[0], []) for path, column in self.fresh.items()
        }


def parts(
    db: Database, schema: str, spans: Sequence[Span], context: Mapping[str, str]
) -> list[Part]:
    rows = [(span.table, span.since, span.until) for span in spans]
    db.run(FILLING, [list(column) for column in zip(*rows, strict=True)])
    pending = PENDING.format(schema=schema)
    had = _columns(db, schema, spans)
    known = registry.known(db, schema)
    keys: dict[str, set[Path]] = {}
    for table, seen in db.run(KEYS.format(pending=pending)):
        keys[table] = {(key,) for key in seen}
    in_context = _in_context(db, pending, context)
    found = []
    for span in spans:
        table, of_table = span.table, known.get(span.table, Known())
        fresh, nameless = _named(span.kind, keys.get(table, set()), of_table)
        part = Part(span, of_table, had[table], in_context[table], fresh, nameless, Sample({}, {}))
        found.append(part)
    samples = _samples(db, pending, [part for part in found if _is_new(part)], context)
    return [replace(part, sample=samples.get(part.span.table, part.sample)) for part in found]


def _columns(db: Database, schema: str, spans: Sequence[Span]) -> dict[str, dict[str, str]]:
    """Those of the tables with rows; one without rows is made once more."""
    had: dict[str, dict[str, str]] = {span.table: {} for span in spans}
    with_rows = [span.table for span in spans if not span.is_first]
    if with_rows:
        for table, name, kind in db.run(COLUMNS, [schema, with_rows]):
            had[table][name] = kind
    return had


def _named(kind: Kind, keys: set[Path], known: Known) -> tuple[dict[Path, str], list[Path]]:
    """Names for columns of fields that have none; and the fields whose names leave none."""
    taken = typed_columns(kind)
    fresh, nameless = dict[Path, str](), list[Path]()
    for path in sorted(keys - known.paths() - {(name,) for name in kind.filled_up}):
        column = names.column(path[0], taken)
        if not column or "\0" in path[0]:
            nameless.append(path)
        elif len(known.fields) + len(fresh) < MOST_COLUMNS:
            fresh[path] = column
    return fresh, nameless


def _is_new(part: Part) -> bool:
    """Whether it has anything that there is no column for."""
    in_context = (name for name, count in part.in_context.items() if count)
    return bool(part.fresh) or any(name not in part.had for name in in_context)


def _in_context(db: Database, pending: str, columns: Collection[str]) -> dict[str, dict[str, int]]:
    counts = ", ".join(f"count({quoted(name)})" for name in columns)
    rows = db.run(f"select _table, {counts} from ({pending}) group by _table")
    return {table: dict(zip(columns, found, strict=True)) for table, *found in rows}


def _samples(
    db: Database, pending: str, parts: Sequence[Part], columns: Collection[str]
) -> dict[str, Sample]:
    if not parts:
        return {}
    tables = [part.span.table for part in parts]
    listed, named = ", ".join(map(quoted, columns)), ", ".join(map(text, tables))
    db.run(SAMPLE.format(columns=listed, pending=pending, tables=named))
    wanted = [(part.span.table, path[0]) for part in parts for path in part.fresh]
    db.run(WANTED, [[table for table, _ in wanted], [key for _, key in wanted]])
    found = {table: Sample({}, {}) for table in tables}
    for table, key, kind, examples in db.run(TYPES):
        found[table].types.setdefault((key,), []).append(kind)
        found[table].values.setdefault(key, []).extend(examples)
    values = ", ".join(f"cast({quoted(name)} as varchar)" for name in columns)
    names_of = ", ".join(map(text, columns))
    for table, name, examples in db.run(VALUES.format(names=f"[{names_of}]", values=values)):
        found[table].values[name] = examples
    return found
