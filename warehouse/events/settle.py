"""Which type a column must have so that it holds every value, asked of every value."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from warehouse.database import Database
from warehouse.events.columns import (
    FITS,
    KIND,
    LARGEST_EXACT,
    Change,
    Extraction,
    Field,
    Path,
    extraction,
    widest,
)
from warehouse.quoting import quoted


@dataclass(frozen=True)
class Settled:
    """The fields with types that hold every value, and what had to change for it."""

    fields: list[Field]
    changes: list[Change]


@dataclass(frozen=True)
class Fresh:
    """A field not known so far, the name of its column, and the types that a few rows have."""

    path: Path
    column: str
    types: list[str]

    def field(self, *types: str) -> Field:
        return Field(self.path, self.column, widest(types))


def settle(
    db: Database,
    calls: tuple[str, str],
    known: Sequence[Field],
    fresh: Sequence[Fresh],
    *,
    is_trusting: bool = False,
) -> Settled:
    """For `calls`, a SELECT and the JSON column in it. What is always null gets no column yet.

    If `is_trusting`, types that are known or guessed are not asked after.
    """
    # 1. do all values fit the types that are known or guessed?
    # 2. where one does not, and where nothing was guessed: the types of all values
    guessed = [each.field(*each.types) for each in fresh if each.types]
    unknown = [each.field("JSON") for each in fresh if not each.types]
    broken = set() if is_trusting else _broken(db, calls, [*known, *guessed])
    broken |= {field.path for field in unknown}
    columns = _unsettled([*known, *guessed, *unknown], broken)
    again = [field for field in [*known, *guessed, *unknown] if field.column in columns]
    types = kinds(db, calls, again)
    types |= {field.path: [field.type] for field in guessed if field.column not in columns}
    fields, changes = _merged(known, [*guessed, *again], types)
    return Settled(fields, changes)


def _unsettled(fields: Sequence[Field], broken: set[Path]) -> set[str]:
    """Columns of broken fields, and those whose fields differ in type.

    A field that is bigint as it should be may have integers that are too large for the double
    which another field of the column needs.
    """
    types: dict[str, set[str]] = {}
    for field in fields:
        types.setdefault(field.column, set()).add(field.type)
    unfit = {field.column for field in fields if field.path in broken}
    return unfit | {column for column, of in types.items() if len(of) > 1}


def exact(db: Database, table: str, settled: Settled) -> Settled:
    """The same, with text where a column is to become double and has integers too large for it."""
    wider = {
        change.field.column
        for change in settled.changes
        if (change.type_before, change.field.type) == ("BIGINT", "DOUBLE")
        and db.value(
            f"select bool_or(not {quoted(change.field.column)}"
            f" between -{LARGEST_EXACT} and {LARGEST_EXACT}) from {table}"
        )
    }

    def mended(field: Field) -> Field:
        return replace(field, type="VARCHAR") if field.column in wider else field

    return replace(
        settled,
        fields=[mended(field) for field in settled.fields],
        changes=[replace(change, field=mended(change.field)) for change in settled.changes],
    )


def _merged(
    known: Sequence[Field], asked: Iterable[Field], kinds: Mapping[Path, list[str]]
) -> tuple[list[Field], list[Change]]:
    """Every column as wide as its fields need it, all of them together."""
    before = {field.column: field.type for field in known}
    found = {column: [kind] for column, kind in before.items()}
    asked = {field.path: field for field in asked if field.path in kinds}.values()
    for field in asked:
        found.setdefault(field.column, []).extend(kinds[field.path])
    types = {column: widest(kinds) for column, kinds in found.items()}
    paths = {field.path for field in known}
    changes = [
        Change(replace(field, type=types[field.column]), before.get(field.column))
        for field in asked
        if field.path not in paths or types[field.column] != before[field.column]
    ]
    fresh = [change.field for change in changes if change.field.path not in paths]
    return [replace(field, type=types[field.column]) for field in [*known, *fresh]], changes


def _broken(db: Database, calls: tuple[str, str], fields: Sequence[Field]) -> set[Path]:
    """Which fields have a value that does not fit; text and JSON hold anything."""
    fields = [field for field in fields if field.type in FITS]
    if not fields:
        return set()
    rows, source = calls
    taken = extraction(fields, source)
    names = [f"v{number}" for number in range(len(fields))]
    values = ", ".join(
        f"cast({taken.values[field.path]} as varchar) as {name}"
        for name, field in zip(names, fields, strict=True)
    )
    asked = ", ".join(
        f"count({name}) filter (where not ({FITS[field.type].format(name)}))"
        for name, field in zip(names, fields, strict=True)
    )
    [found] = db.run(
        f"select {asked} from (select {values} from (select {source}, {taken.taken} from ({rows})))"
    )
    return {field.path for field, count in zip(fields, found, strict=True) if count}


def kinds(
    db: Database, calls: tuple[str, str], fields: Sequence[Field], limit: int | None = None
) -> dict[Path, list[str]]:
    """The types of each field's values; without what is always null."""
    if not fields:
        return {}
    taken = extraction([replace(field, type="JSON") for field in fields], calls[1])
    types: dict[Path, list[str]] = {}
    for number, kind in db.run(
        f"select distinct number, {KIND.format('value')} as kind"
        f" from ({_values(calls, taken, fields, limit)}) order by number, kind <> 'JSON', kind"
    ):
        types.setdefault(fields[number].path, []).append(kind)
    return types


def _values(
    calls: tuple[str, str], taken: Extraction, fields: Sequence[Field], limit: int | None = None
) -> str:
    """The values one below the other, with the numbers of their fields.

    So a long expression over them is planned once, and not once for each field.
    """
    rows, source = calls
    few = f"limit {limit}" if limit else ""
    values = ", ".join(f"cast({taken.values[field.path]} as varchar)" for field in fields)
    return (
        f"select * from (select unnest([{values}]) as value, unnest(range({len(fields)})) as number"
        f" from (select {source}, {taken.taken} from (select {source} from ({rows}) {few})))"
        " where value is not null"
    )
