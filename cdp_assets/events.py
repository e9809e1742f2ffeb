"""The event dumps, as assets: events/* by the event loader, with the balance of its lines."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

import dagster as dg

from cdp_assets.loads import settings
from cdp_assets.place import Place
from sources import Source
from warehouse import database, events
from warehouse.database import Database


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
    )
    def load() -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        import sources.events

        found = sources.events.source(**settings(source, environ))
        loaded = events.load(lambda: database.connect(place.warehouse), found.dumps)
        with database.connect(place.warehouse) as db:
            unbalanced = events.unbalanced(db)
            tables = {stream: db.columns(f"events.{stream}") for stream in source.streams}
            counts = {stream: db.count(f"events.{stream}") for stream in source.streams}
        for stream, columns in tables.items():
            yield dg.MaterializeResult(
                asset_key=["events", stream],
                metadata={
                    "dagster/row_count": counts[stream],
                    "dagster/column_schema": dg.TableSchema.from_name_type_dict(columns),
                },
            )
