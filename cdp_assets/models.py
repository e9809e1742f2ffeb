"""One asset per model: its table, made from its SELECT, with columns, lineage and row count."""

from collections.abc import Iterator, Sequence

import dagster as dg

from cdp_assets.place import Place
from sources import Source
from warehouse import lineage, making
from warehouse.catalog import Catalog
from warehouse.model import Model


def assets(catalog: Catalog, sources: Sequence[Source], place: Place) -> list[dg.AssetsDefinition]:
    """`sources` are those that are on. The table of an event is no asset: what it is made of is."""
    events = {source.name: source.streams for source in sources if source.like == "events"}

    def key(table: str) -> dg.AssetKey:
        schema, name = table.split(".")
        is_of_event = schema in events and name not in events[schema]
        return dg.AssetKey([schema, "calls" if is_of_event else name])

    return [
        asset(model, catalog, {key(read) for read in model.reads}, place)
        for model in catalog.models
    ]


def asset(
    model: Model, catalog: Catalog, deps: set[dg.AssetKey], place: Place
) -> dg.AssetsDefinition:
    """The asset <schema>/<table>; where the model has a key, a check that it holds, before."""
    key = dg.AssetKey([model.schema, model.name])
    checked = [dg.AssetCheckSpec("key_holds", asset=key, blocking=True)]

    @dg.asset(
        key=key,
        deps=sorted(deps),
        description=model.description,
        group_name=model.schema,
        kinds={"duckdb", "sql"},
        owners=[model.settings["owner"]] if "owner" in model.settings else None,
        tags=dict.fromkeys(_words(model.settings.get("tags", "")), ""),
        code_version=model.version,
        check_specs=checked if "key" in model.settings else None,
        metadata={"dagster/column_schema": _columns(model, catalog, {})},
    )
    def make() -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        try:
            made = making.make(place.warehouse, model)
        except making.KeyBroken as broken:
            yield dg.AssetCheckResult(passed=False, metadata={"why": str(broken)})
            raise dg.Failure(str(broken)) from broken
        except (making.NotMadeYet, making.ReadsWidened) as stopped:
            raise dg.Failure(str(stopped)) from stopped
        if "key" in model.settings:
            yield dg.AssetCheckResult(passed=True)
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": made.row_count,
                "dagster/table_name": model.table,
                "dagster/column_schema": _columns(model, catalog, made.columns),
                "dagster/column_lineage": _lineage(model, catalog),
            }
        )

    return make


def _columns(model: Model, catalog: Catalog, types: dict[str, str]) -> dg.TableSchema:
    """What the catalog knows of its columns, and after a run those that only the data knew."""
    known = {column.name: column.description for column in catalog.columns[model.table]}
    further = dict.fromkeys(types.keys() - known.keys())
    return dg.TableSchema(
        [
            dg.TableColumn(name, types.get(name, "?"), description)
            for name, description in {**known, **further}.items()
        ]
    )


def _lineage(model: Model, catalog: Catalog) -> dg.TableColumnLineage:
    if model.table not in catalog.trees:
        return dg.TableColumnLineage({})
    origins = lineage.columns(catalog.trees[model.table], catalog.schema)
    return dg.TableColumnLineage(
        {
            column.name: [
                dg.TableColumnDep(dg.AssetKey(table.split(".")), name)
                for table, name in origins.get(column.name.lower(), ())
            ]
            for column in catalog.columns[model.table]
        }
    )


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
