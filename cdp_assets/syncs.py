"""Syncs as assets: ledger/<sync> brings a tool to what syncs/<sync> says, and keeps its answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import dagster as dg

from cdp_assets import seen, sending
from cdp_assets.place import Place
from destinations.destination import Destination
from destinations.errors import DestinationError, variable
from warehouse import ledger
from warehouse.ledger import Refusal, Report
from warehouse.model import Model
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
    sync = Sync(model.name, model.table, model.settings["key"])
    name = model.settings["to"].partition(".")[2]
    thing = destination.thing(name)
    assert thing, f"the catalog let {model.settings['to']} pass"

    @dg.asset(
        key=key,
        deps=[dg.AssetKey(["syncs", model.name])],
        description=f"What {model.settings['to']} has accepted from syncs.{model.name}.",
        group_name="ledger",
        kinds={destination.name},
        check_specs=[
            dg.AssetCheckSpec("sums_add_up", asset=key),
            dg.AssetCheckSpec("nothing_refused", asset=key),
        ],
    )
    def send(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        attempt = f"{context.run.run_id}-{context.retry_number}"
        try:
            api = destination.open(_arguments(destination, environ), sync.key, name=name)
            target = sending.Target(lambda rows: thing.send_batch(api, rows), thing.batch_size)
            workshop = sending.Workshop(place.connect, place.state / "plans")
            report = sending.run(sync, target, workshop, attempt, lambda: datetime.now(UTC))
        except DestinationError as stopped:
            raise dg.Failure(str(stopped)) from stopped
        yield from _results(sync, report, place)

    return send


def _results(
    sync: Sync, report: Report, place: Place
) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
    """What Dagster shows of a run: its sums and its refusals."""
    with place.connect() as db:
        refusals = ledger.refusals(db, sync)
        unbalanced = ledger.unbalanced(db, sync)
        row_count = db.count(sync.ledger)
    yield dg.MaterializeResult(metadata={"dagster/row_count": row_count, **_said(report)})
    yield dg.AssetCheckResult(
        check_name="sums_add_up",
        passed=not unbalanced,
        metadata={"runs that do not": [run.run_id for run in unbalanced]},
    )
    yield dg.AssetCheckResult(
        check_name="nothing_refused",
        passed=not refusals,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"refused": len(refusals), "why": _table(refusals)},
    )


def _arguments(destination: Destination, environ: Mapping[str, str]) -> dict[str, str]:
    """All that is set in its name: what it does not know, it says."""
    prefix = variable(destination.name, "")
    return {
        name.removeprefix(prefix).lower(): value
        for name, value in environ.items()
        if name.startswith(prefix)
    }


def _said(report: Report) -> dict[str, int | str]:
    """The run in numbers, as metadata."""
    numbers = {name: value for name, value in asdict(report).items() if isinstance(value, int)}
    return {
        **numbers,
        "sum": f"{report.planned} planned = {report.accepted} accepted + "
        f"{report.rejected} rejected + {report.waiting} waiting",
    }


def _table(refusals: list[Refusal], most: int = 100) -> dg.TableMetadataValue:
    """The first refusals, as a table in the UI; all of them stand in ledger.outbox."""
    records = [
        dg.TableRecord({"key": refused.key or "", "reason": refused.reason, "tries": refused.tries})
        for refused in refusals[:most]
    ]
    columns = [dg.TableColumn("key"), dg.TableColumn("reason"), dg.TableColumn("tries", "int")]
    return dg.MetadataValue.table(records, dg.TableSchema(columns))
