"""The event dumps, as assets: events/* by the event loader, with the balance of its lines."""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from cdp_assets import seen
from cdp_assets.loads import settings
from cdp_assets.place import Place
from sources import Source
from warehouse import events


def assets(
    sources: Sequence[Source], environ: Mapping[str, str], place: Place
) -> list[dg.AssetsDefinition]:
    """The tables of events, loaded together; none where no dumps are set."""
    return [_asset(source, environ, place) for source in sources if source.name == "events"]


def _asset(source: Source, environ: Mapping[str, str], place: Place) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="events",
        specs=[
            dg.AssetSpec(
                ["events", stream],
                description=f"{source.description} Its {stream}.",
                group_name="events",
                kinds={"duckdb"},
            )
            for stream in source.streams
        ],
        check_specs=[
            dg.AssetCheckSpec("every_line_accounted_for", asset=dg.AssetKey(["events", "files"]))
        ],
        can_subset=True,
    )
    def load(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        from sources import events as dumps

        found = dumps.source(**settings(source, environ))
        for path in found.unread:
            context.log.warning(f"{path} is not read: its name ends like no event dump")
        try:
            events.load(place.connect, found.dumps)
        except events.EventsIncomplete as incomplete:
            raise dg.Failure(str(incomplete)) from incomplete
        with place.connect() as db:
            unbalanced = events.unbalanced(db)
            columns = {stream: db.columns(f"events.{stream}") for stream in source.streams}
            counts = {stream: db.count(f"events.{stream}") for stream in source.streams}
        for key in context.selected_asset_keys:
            stream = key.path[-1]
            told = seen.table(f"events.{stream}", counts[stream], columns[stream])
            yield dg.MaterializeResult(asset_key=key, metadata=told)
        if context.selected_asset_check_keys:
            yield dg.AssetCheckResult(passed=not unbalanced, metadata={"files": unbalanced})

    return load
