"""Everything Dagster sees, put together from what the project has on disk and what is switched on.

Loading it opens no file of data, no connection and no secret.
"""

import os

import dagster as dg

from cdp_assets import events, identity, loads, models, project, syncs
from cdp_assets.project import Project
from warehouse.model import Model

# Dagster phones home unless told otherwise; nothing of this project does.
os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")

SOURCES_CRON = "0 * * * *"


@dg.definitions
def defs() -> dg.Definitions:
    return assemble(project.find(os.environ))


def assemble(found: Project) -> dg.Definitions:
    """DuckDB takes one writing process, so the steps of a run share this one."""
    loaded = loads.assets(found.sources, found.environ, found.place)
    loaded += events.assets(found.sources, found.environ, found.place, found.plans)
    made = identity.assets(found.inputs, found.rules, found.place)
    made += models.assets(found.catalog, found.sources, found.place)
    synced = found.catalog.of("syncs")
    sent = syncs.assets(synced, found.destinations, found.environ, found.place)
    shared = syncs.shared_tables(sent, found.place)
    return dg.Definitions(
        assets=[*loaded, *made, *sent, *shared],
        schedules=schedules(loaded, made, sent, shared, synced),
        executor=dg.in_process_executor,
    )


def schedules(
    loaded: list[dg.AssetsDefinition],
    made: list[dg.AssetsDefinition],
    sent: list[dg.AssetsDefinition],
    shared: list[dg.AssetsDefinition],
    synced: list[Model],
) -> list[dg.ScheduleDefinition]:
    """One reads every source and makes every model. One per sync makes what it needs and sends.

    A sync's run reads no source, so that a vendor that is down keeps nothing else from going out.
    """
    if not loaded:
        return []
    sources, ledgers = dg.AssetSelection.assets(*loaded), dg.AssetSelection.assets(*shared)
    found = [_schedule("sources", SOURCES_CRON, sources | dg.AssetSelection.assets(*made))]
    crons = {f"ledger/{model.name}": model.settings["cron"] for model in synced}
    for asset in sent:
        needed = dg.AssetSelection.assets(asset.key).upstream() - sources
        cron = crons[asset.key.to_user_string()]
        found.append(_schedule(asset.key.path[-1], cron, needed | ledgers))
    return found


def _schedule(name: str, cron: str, target: dg.AssetSelection) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name=name,
        cron_schedule=cron,
        target=target,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
