"""Everything Dagster sees, put together from what the project has on disk and what is switched on.

Loading it opens no file of data, no connection and no secret.
"""

import os

import dagster as dg

from cdp_assets import events, identity, loads, models, project, syncs
from cdp_assets.project import Project

# Dagster phones home unless told otherwise; nothing of this project does.
os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")

SOURCES_CRON = "0 * * * *"


@dg.definitions
def defs() -> dg.Definitions:
    return assemble(project.find(os.environ))


def assemble(found: Project) -> dg.Definitions:
    """DuckDB takes one writing process, so the steps of a run share this one."""
    loaded = loads.assets(found.sources, found.environ, found.place)
    loaded += events.assets(found.sources, found.environ, found.place)
    sent = syncs.assets(
        found.catalog.of("syncs"), found.destinations, found.environ, found.place
    )
    made = models.assets(found.catalog, found.place)
    stitched = identity.assets(found.inputs, found.rules, found.place)
    sources = dg.AssetSelection.assets(*loaded) if loaded else None
    return dg.Definitions(
        assets=[*loaded, *stitched, *made, *sent],
        schedules=[
            *_sources_schedule(sources, [*stitched, *made]),
            *syncs.schedules(found.catalog.of("syncs"), sent, sources),
        ],
        executor=dg.in_process_executor,
    )


def _sources_schedule(
    sources: dg.AssetSelection | None, models: list[dg.AssetsDefinition]
) -> list[dg.ScheduleDefinition]:
    """Read every source, then make every model anew."""
    if sources is None:
        return []
    return [
        dg.ScheduleDefinition(
            name="sources",
            cron_schedule=SOURCES_CRON,
            target=sources | dg.AssetSelection.assets(*models),
            description="Read every source that is on, then make every model anew.",
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
    ]
