"""All tables of a project together: who reads whom, which columns each has, what is wrong.

Everything here is computed from the SQL; nothing is opened. `build` raises every mistake at once.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from sqlglot import exp
from sqlglot.errors import OptimizeError
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from warehouse import identity, profiles, profiles_sync, sync_header
from warehouse.identity.rules import Rules
from warehouse.mistakes import Mistake, Mistakes
from warehouse.model import DIALECT, MATERIALIZED, Model
from warehouse.sync_header import Destinations

# The road the data takes: a schema reads itself and what stands before it.
ROAD = (
    "staging", "identity", "resolved", "traits", "profiles", "profiles_sync", "audiences", "syncs",
)  # fmt: skip

# What Dagster would stumble over later, and not say where.
SPELLED = {
    "cron": (r"\S+( \S+){4}", "like '0 6 * * *': minute, hour, day, month, weekday"),
    "owner": (r"team:[\w-]+|[^@\s]+@[^@\s]+\.\w\w+", "like team:growth or ada@example.com"),
}


@dataclass(frozen=True)
class Column:
    name: str
    description: str | None


@dataclass(frozen=True)
class Catalog:
    """Models in the order in which they can be made; columns and qualified SELECTs by table."""

    models: list[Model] = field(default_factory=list)
    columns: dict[str, tuple[Column, ...]] = field(default_factory=dict)
    trees: dict[str, exp.Query] = field(default_factory=dict)
    schema: MappingSchema = field(default_factory=lambda: MappingSchema(dialect=DIALECT))

    def of(self, *schemas: str) -> list[Model]:
        return [model for model in self.models if model.schema in schemas]

    def names(self) -> dict[str, list[str]]:
        """The names of the columns of every known table."""
        return {table: [column.name for column in found] for table, found in self.columns.items()}

    def add(self, table: str, columns: Sequence[Column]) -> None:
        self.columns[table] = tuple(columns)
        # Types are not known here, and sqlglot does not ask for them.
        self.schema.add_table(table, {column.name: "unknown" for column in columns}, DIALECT)


def build(
    models: Collection[Model],
    rules: Rules,
    raw_tables: Collection[str],
    destinations: Destinations,
    mistakes: Collection[Mistake] = (),
) -> Catalog:
    """Every model, checked.

    Of the raw tables `schema.*` stands for all of a schema, whose tables only the data knows.

    Raises Mistakes with all that is wrong, those that the caller has already found among them.
    """
    catalog, wrong = _compile(models, rules, raw_tables)
    for model in models:
        wrong += _check_settings(model, catalog)
        wrong += _check_road(model, raw_tables)
        if model.schema == "syncs":
            names = [column.name for column in catalog.columns.get(model.table, ())]
            wrong += sync_header.mistakes(model, names, destinations)
    if mistakes or wrong:
        raise Mistakes(sorted({*mistakes, *wrong}))
    return catalog


def switched_on(
    catalog: Catalog, rules: Rules, raw_tables: Collection[str], sources: Collection[str]
) -> Catalog:
    """What is left when only these sources are on: models all of whose data can come."""
    on = {table for table in raw_tables if table.split(".")[0] in sources}
    if len(on) == len(raw_tables):
        return catalog
    files = [
        model
        for model in catalog.models
        if model.path and (model.schema != "staging" or model.name.split("__")[0] in sources)
    ]
    return _compile(files, rules, on)[0]


def is_raw(table: str, raw_tables: Collection[str]) -> bool:
    return table in raw_tables or f"{table.partition('.')[0]}.*" in raw_tables


def _compile(
    files: Collection[Model], rules: Rules, raw_tables: Collection[str]
) -> tuple[Catalog, list[Mistake]]:
    """Columns of every model, from the raw tables to the syncs, and what is wrong with the rest."""
    catalog, wrong = Catalog(), list[Mistake]()
    promised = _promised(files)

    def take(models: Collection[Model]) -> None:
        for model in _in_order(models, wrong):
            if mistakes := _add(model, catalog, raw_tables, promised):
                wrong.extend(mistakes)
            elif model.table in catalog.columns:
                catalog.models.append(model)

    take([model for model in files if model.schema == "staging"])
    inputs = identity.inputs(catalog.models, catalog.names(), rules, wrong)
    if inputs:
        for table, names in identity.COLUMNS.items():
            catalog.add(table, [Column(name, text) for name, text in names.items()])
        take([identity.resolved(source) for source in inputs])
    take([model for model in files if model.schema == "traits"])
    if inputs:
        take([profiles.model(catalog.of("traits"), catalog.names(), rules, wrong)])
    rest = [model for model in files if model.schema not in ("staging", "traits")]
    if any(model.schema == profiles_sync.SCHEMA for model in rest):
        rest += profiles_sync.models(catalog.of("traits"), catalog.names())
    take(rest)
    return catalog, wrong


def _promised(files: Collection[Model]) -> set[str]:
    """Tables that somebody makes, if nothing is wrong above them."""
    resolved = {f"resolved.{model.name}" for model in files if model.schema == "staging"}
    made = {*identity.COLUMNS, *profiles_sync.TABLES, "profiles.profiles"}
    return {*(model.table for model in files), *resolved, *made}


def _in_order(models: Collection[Model], wrong: list[Mistake]) -> Iterator[Model]:
    by_table = {model.table: model for model in models}
    sorter = TopologicalSorter(
        {
            table: [read for read in model.reads if read in by_table]
            for table, model in by_table.items()
        }
    )
    try:
        yield from (by_table[table] for table in sorter.static_order())
    except CycleError as error:
        ring = error.args[1]
        wrong.append(by_table[ring[0]].mistake(1, f"models read each other: {' -> '.join(ring)}"))


def _add(
    model: Model, catalog: Catalog, raw_tables: Collection[str], promised: set[str]
) -> list[Mistake]:
    """Find the columns of a model, or its mistakes; neither, where one above is in the way."""
    missing = [
        table
        for table in model.tables
        if f"{table.db}.{table.name}" not in catalog.columns
        and not is_raw(f"{table.db}.{table.name}", raw_tables)
    ]
    if missing:
        return [
            model.mistake(_line(table), f"nobody makes the table {table.db}.{table.name}")
            for table in missing
            if f"{table.db}.{table.name}" not in promised
        ]
    if model.columns:
        catalog.add(model.table, [Column(name, None) for name in model.columns])
        return []
    reads_raw = any(is_raw(read, raw_tables) for read in model.reads)
    try:
        tree = qualify(
            model.tree.copy(),
            dialect=DIALECT,
            schema=catalog.schema,
            # The columns of raw tables are the vendor's; only the warehouse knows them.
            validate_qualify_columns=not reads_raw,
            allow_partial_qualification=reads_raw,
        )
    except OptimizeError as error:
        sentence, _, place = str(error).partition(". Line: ")
        return [model.mistake(int(place.split(",")[0]) if place else 1, sentence)]
    if any(isinstance(select, exp.Star) or select.is_star for select in tree.selects):
        return [model.mistake(1, "name the columns: `select *` of a raw table hides what it has")]
    catalog.trees[model.table] = tree
    # sqlglot folds names to lower case; a tool's field is spelled as the file spells it.
    spelled = {select.alias_or_name.lower(): select.alias_or_name for select in model.tree.selects}
    catalog.add(
        model.table,
        [
            Column(spelled.get(select.alias_or_name, select.alias_or_name), _comment(select))
            for select in tree.selects
        ],
    )
    return []


def _comment(select: exp.Expr) -> str | None:
    return " ".join(comment.strip() for comment in select.comments or ()) or None


def _line(table: exp.Table) -> int:
    return int(table.this.meta.get("line", 1))


def _check_settings(model: Model, catalog: Catalog) -> Iterator[Mistake]:
    columns = [column.name for column in catalog.columns.get(model.table, ())]
    for word in ("key", "time"):
        wanted = model.settings.get(word)
        if wanted and columns and wanted not in columns:
            found = ", ".join(columns)
            yield model.mistake(
                model.lines[word], f"{word} '{wanted}' is no column of it; it has: {found}"
            )
    for word, (pattern, meaning) in SPELLED.items():
        stated = model.settings.get(word)
        if stated and not re.fullmatch(pattern, stated):
            yield model.mistake(model.lines[word], f"{word} '{stated}' is not {meaning}")
    kept = model.settings.get("materialized", "table")
    if kept not in MATERIALIZED:
        known = ", ".join(MATERIALIZED)
        line = model.lines["materialized"]
        yield model.mistake(line, f"unknown materialized '{kept}'; known: {known}")
    for word in sorted((model.settings.keys() & sync_header.WORDS) - {"key"}):
        if model.schema != "syncs":
            yield model.mistake(model.lines[word], f"'{word}' is for syncs only")


def _check_road(model: Model, raw_tables: Collection[str]) -> Iterator[Mistake]:
    if model.schema not in ROAD:
        yield model.mistake(1, f"the folder '{model.schema}' is none of {', '.join(ROAD)}")
        return
    for table in model.tables:
        above = ROAD[: ROAD.index(model.schema) + 1]
        raw = is_raw(f"{table.db}.{table.name}", raw_tables)
        if (raw and model.schema != "staging") or (table.db in ROAD and table.db not in above):
            wanted = f"{table.db}.{table.name}"
            yield model.mistake(_line(table), f"{model.schema} may not read {wanted}")
