"""The event dumps, as assets: events/* by the event loader, with the checks of what came in."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from cdp_assets import seen
from cdp_assets.loads import settings
from cdp_assets.place import Place
from sources import Source, variable
from warehouse import events
from warehouse.database import Database
from warehouse.events.plan import Plan

Told = Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]


def assets(
    sources: Sequence[Source],
    environ: Mapping[str, str],
    place: Place,
    plans: Mapping[str, Plan],
) -> list[dg.AssetsDefinition]:
    """The tables of each place with events, loaded together, by its tracking plan if it has one."""
    return [
        _asset(source, environ, place, plans.get(source.name))
        for source in sources
        if source.like == "events"
    ]


def _asset(
    source: Source, environ: Mapping[str, str], place: Place, plan: Plan | None
) -> dg.AssetsDefinition:
    def check(name: str, stream: str) -> dg.AssetCheckSpec:
        return dg.AssetCheckSpec(name, asset=dg.AssetKey([source.name, stream]))

    @dg.multi_asset(
        name=source.name,
        specs=[
            dg.AssetSpec(
                [source.name, stream],
                description=f"{source.description} Its {stream.replace('_', ' ')}.",
                group_name=source.name,
                kinds={"duckdb"},
            )
            for stream in source.streams
        ],
        check_specs=[
            check("every_line_accounted_for", "files"),
            check("as_planned", "violations"),
            check("nothing_silent", "incoming"),
        ],
        can_subset=True,
    )
    def load(context: dg.AssetExecutionContext) -> Told:
        from sources import events as dumps

        try:
            found = dumps.source(**settings(source, environ))
        except dumps.EventsUnreachable as unreachable:
            mend = f"{unreachable} Mend {variable(source.name, 'url')}."
            raise dg.Failure(mend) from None
        for path in found.unread:
            context.log.warning(f"{path} is not read: its name ends like no event dump")
        try:
            loaded = events.load(place.warehouse, found.dumps, plan, source.name)
        except events.EventsIncomplete as incomplete:
            raise dg.Failure(str(incomplete)) from incomplete
        for file in loaded:
            if file.came != "new":
                context.log.info(f"{file.file} {file.came} since it was read last")
        with place.connect() as db:
            yield from _told(db, source, context)

    return load


def _told(db: Database, source: Source, context: dg.AssetExecutionContext) -> Told:
    for key in context.selected_asset_keys:
        stream = key.path[-1]
        table = f"{source.name}.{stream}"
        metadata: dict[str, Any] = seen.table(table, db.count(table), db.columns(table))
        if stream == "incoming":
            metadata["events"] = _incoming(db, source.name)
        yield dg.MaterializeResult(asset_key=key, metadata=metadata)
    checks = {key.name for key in context.selected_asset_check_keys}
    if "every_line_accounted_for" in checks:
        unbalanced = events.unbalanced(db, source.name)
        yield _check("every_line_accounted_for", source, "files", unbalanced)
    if "as_planned" in checks:
        violated = events.violated(db, source.name)
        yield _check("as_planned", source, "violations", violated, is_warning=True)
    if "nothing_silent" in checks:
        silent = events.silent(db, source.name)
        yield _check("nothing_silent", source, "incoming", silent, is_warning=True)


def _check(
    name: str, source: Source, table: str, wrong: list[str], *, is_warning: bool = False
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=dg.AssetKey([source.name, table]),
        passed=not wrong,
        severity=dg.AssetCheckSeverity.WARN if is_warning else dg.AssetCheckSeverity.ERROR,
        metadata={"found": wrong},
    )


def _incoming(db: Database, schema: str) -> dg.TableMetadataValue:
    """The events with most calls; all of them, and by the hour, are in the tables."""
    names = ("type", "event", "call_count", "last_day_count", "is_new", "violation_count")
    rows = db.run(
        f"select {', '.join(names)}, strftime(first_seen_at, '%Y-%m-%d %H:%M') as first_seen_at,"
        " strftime(last_seen_at, '%Y-%m-%d %H:%M') as last_seen_at"
        f" from {schema}.incoming order by call_count desc, type, event limit 50"
    )
    columns = (*names, "first_seen_at", "last_seen_at")
    return dg.MetadataValue.table(
        [dg.TableRecord(dict(zip(columns, row, strict=True))) for row in rows]
    )
