"""Syncs as assets: ledger/<sync> brings a tool to what syncs/<sync> says, and keeps its answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

import dagster as dg

from cdp_assets import seen
from cdp_assets.outgoing import outgoing
from cdp_assets.place import Place
from destinations.destination import Destination
from destinations.errors import DestinationError
from warehouse import ledger
from warehouse.ledger import Refusal, Report
from warehouse.model import Model
from warehouse.plan import TooMany
from warehouse.sync import Sync

SHARED = {
    "ledger.outbox": "One row per row and run that had to go out: what became of it, and why.",
    "ledger.runs": "One row per run of a sync: planned = accepted + rejected + waiting.",
}


def shared_tables(sent: Sequence[dg.AssetsDefinition], place: Place) -> list[dg.AssetsDefinition]:
    """The tables that all syncs write to as they run; to materialize them is to look at them."""
    if not sent:
        return []

    @dg.multi_asset(
        name="ledger",
        specs=[
            dg.AssetSpec(
                table.split("."),
                deps=[asset.key for asset in sent],
                description=description,
                group_name="ledger",
                kinds={"duckdb"},
            )
            for table, description in SHARED.items()
        ],
        can_subset=True,
    )
    def look(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        with place.connect() as db:
            told = {name: seen.table(name, db.count(name), db.columns(name)) for name in SHARED}
        for key in context.selected_asset_keys:
            yield dg.MaterializeResult(asset_key=key, metadata=told[".".join(key.path)])

    return [look]


def assets(
    models: list[Model],
    destinations: Mapping[str, Destination],
    environ: Mapping[str, str],
    place: Place,
) -> list[dg.AssetsDefinition]:
    """One per sync whose destination is on."""
    return [
        asset(model, destination, environ, place)
        for model in models
        if (destination := destinations.get(model.settings["to"].split(".")[0]))
    ]


def asset(
    model: Model, destination: Destination, environ: Mapping[str, str], place: Place
) -> dg.AssetsDefinition:
    """The asset ledger/<sync>, with its sums as a check, and its refusals as a warning."""
    key = dg.AssetKey(["ledger", model.name])
    going = outgoing(model, destination, environ, place)
    columns = [select.alias_or_name for select in model.tree.selects]

    @dg.asset(
        key=key,
        deps=[dg.AssetKey(["syncs", model.name])],
        description=f"What {model.settings['to']} has accepted from syncs.{model.name}.",
        group_name="ledger",
        kinds={destination.name},
        check_specs=[
            dg.AssetCheckSpec("sums_add_up", asset=key),
            dg.AssetCheckSpec("all_rows_stand", asset=key),
        ],
    )
    def send(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        attempt = f"{context.run.run_id}-{context.retry_number}"
        try:
            report = going.run(attempt)
        except (DestinationError, TooMany) as stopped:
            raise dg.Failure(str(stopped)) from stopped
        yield from _results(going.sync, report, place, _lineage(going.sync, columns))

    return send


def _lineage(sync: Sync, columns: Sequence[str]) -> dg.TableColumnLineage:
    """Each field in the tool comes from the column of the sync that is named after it."""
    table = dg.AssetKey(sync.table.split("."))
    return dg.TableColumnLineage(
        {name: [dg.TableColumnDep(table, name)] for name in columns if sync.is_sent(name)}
    )


def _results(
    sync: Sync, report: Report, place: Place, lineage: dg.TableColumnLineage
) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
    """What Dagster shows of a run: its sums and its refusals."""
    with place.connect() as db:
        refusals = ledger.refusals(db, sync)
        unbalanced = ledger.unbalanced(db, sync)
        row_count = db.count(sync.ledger)
    yield dg.MaterializeResult(
        metadata={
            "dagster/row_count": row_count,
            "dagster/column_lineage": lineage,
            **_said(report),
        }
    )
    yield dg.AssetCheckResult(
        check_name="sums_add_up",
        passed=not unbalanced,
        metadata={"runs that do not": [run.run_id for run in unbalanced]},
    )
    yield dg.AssetCheckResult(
        check_name="all_rows_stand",
        passed=not (refusals or report.is_partial),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"refused": len(refusals), "waiting": report.waiting, "why": _table(refusals)},
    )


def _said(report: Report) -> dict[str, int | str]:
    """The run in numbers, as metadata."""
    numbers = {name: value for name, value in asdict(report).items() if isinstance(value, int)}
    return {
        "outcome": "partial" if report.is_partial else "complete",
        **numbers,
        "sum": f"{report.planned} planned = {report.accepted} accepted + "
        f"{report.rejected} rejected + {report.waiting} waiting",
    }


def _table(refusals: list[Refusal], most: int = 100) -> dg.TableMetadataValue:
    """The first refusals, as a table in the UI; all of them stand in ledger.outbox."""
    records = [
        dg.TableRecord(
            {
                "key": refused.key or "",
                "reason": refused.reason,
                "code": refused.code or "",
                "kind": refused.kind,
                "tries": refused.tries,
            }
        )
        for refused in refusals[:most]
    ]
    names = ("key", "reason", "code", "kind")
    columns = [*map(dg.TableColumn, names), dg.TableColumn("tries", "int")]
    return dg.MetadataValue.table(records, dg.TableSchema(columns))
