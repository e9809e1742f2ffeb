"""What Dagster is told: the assets, their groups and columns, the schedules."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
from whole import ROOT, in_folder

from cdp_assets import outside, project
from cdp_assets.definitions import assemble

LOAD = """
import sys
from cdp_assets.definitions import defs
graph = defs().resolve_asset_graph()
heavy = [name for name in ("dlt", "pandas", "pyarrow", "numpy") if name in sys.modules]
print(len(list(graph.get_all_asset_keys())), heavy)
"""


def definitions(environ: dict[str, str]) -> dg.Definitions:
    return assemble(project.find(environ))


def test_every_table_is_an_asset_in_the_group_of_its_schema(tmp_path: Path) -> None:
    graph = definitions(in_folder(tmp_path, outside.URL).environ).resolve_asset_graph()
    keys = list(graph.get_all_asset_keys())
    assert {key.path[0] for key in keys} == {
        "audiences", "events", "google_ads", "identity", "ledger", "mixpanel", "profiles",
        "profiles_sync", "resolved", "salesforce", "staging", "stripe", "syncs", "traits",
    }  # fmt: skip
    assert [key for key in keys if graph.get(key).group_name != key.path[0]] == []
    assert [key for key in keys if not graph.get(key).description] == []


def test_each_sync_has_a_schedule_at_its_cron_and_the_sources_have_one(tmp_path: Path) -> None:
    schedules = definitions(in_folder(tmp_path, outside.URL).environ).schedules or []
    assert {each.name: each.cron_schedule for each in schedules} == {  # type: ignore[union-attr]
        "sources": "0 * * * *",
        "hubspot_contacts": "15 * * * *",
        "salesforce_contacts": "20 * * * *",
        "customerio_people": "25 * * * *",
        "salesforce_leads": "35 * * * *",
        "vitally_accounts": "40 * * * *",
        "marketo_leads": "45 * * * *",
        "mixpanel_people": "50 * * * *",
    }


def test_a_sync_runs_all_it_needs_and_reads_no_source(tmp_path: Path) -> None:
    defs = definitions(in_folder(tmp_path, outside.URL).environ)
    job = defs.get_repository_def().get_job("__anonymous_asset_job_hubspot_contacts")
    chosen = {key.to_user_string() for key in job.asset_layer.selected_asset_keys}
    assert {"staging/events__events", "identity/profiles", "profiles/profiles"} < chosen
    assert {"syncs/hubspot_contacts", "ledger/hubspot_contacts", "ledger/outbox"} < chosen
    groups = {name.split("/")[0] for name in chosen}
    assert groups.isdisjoint({"events", "stripe", "salesforce", "google_ads", "mixpanel"})


def test_what_is_not_set_is_off(tmp_path: Path) -> None:
    environ = in_folder(tmp_path, outside.URL).environ
    events_only = {name: value for name, value in environ.items() if "EVENTS" in name}
    graph = definitions(events_only).resolve_asset_graph()
    assert {key.path[0] for key in graph.get_all_asset_keys()} == {
        "events", "staging", "identity", "resolved", "traits", "profiles", "profiles_sync",
    }  # fmt: skip


def test_with_nothing_set_everything_is_shown_and_nothing_heavy_is_imported(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOAD], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split(" ", 1)[1].strip() == "[]"
    assert int(done.stdout.split(" ")[0]) > 55
    assert list(tmp_path.iterdir()) == []
