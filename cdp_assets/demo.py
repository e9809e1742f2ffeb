"""The demo: a made-up company on the sandbox, the whole platform over it, three times."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import click
import dagster as dg
from rich.console import Console

from cdp_assets import demo_report, outside, project
from cdp_assets.definitions import assemble
from cdp_assets.place import Place
from warehouse import database
from warehouse.database import Database

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
NEXT = """
[bold]What to type next[/bold]
  make ui     the same in the Dagster UI, on schedules
  .venv/bin/cdp sql "select * from profiles.profiles limit 5"
  .venv/bin/cdp sql "select * from ledger.outbox where state = 'rejected'"
  .venv/bin/dagster asset materialize -m cdp_assets.definitions --select '*'
The demo lives in data/demo and its keys in .env: put your own there, and the
platform is yours.
"""


def run(people: int) -> None:
    """Found the company, run three times, and say what happened."""
    console = Console()
    outside.refuse_taken_port()
    shutil.rmtree(outside.FOLDER, ignore_errors=True)
    outside.make_dagster_home(outside.FOLDER / "dagster")
    outside.write_env(console)
    os.environ.update(outside.environment())
    console.print(f"Making up a company of {people} people; its tools answer on {outside.URL}.")
    with outside.sandbox(people), dg.DagsterInstance.ephemeral() as instance:
        found = project.find(os.environ)
        job = assemble(found).resolve_implicit_global_asset_job_def()
        outside.wait()
        _materialize("First run", job, instance, console)
        _report(found.place, console, demo_report.first_run)
        _materialize("Second run: nothing has changed", job, instance, console)
        _report(found.place, console, demo_report.later_run)
        outside.a_day_passes()
        last = _materialize("A day later: new events, changed records", job, instance, console)
        _report(found.place, console, demo_report.later_run)
    _remember(last)
    _report(found.place, console, demo_report.summary)
    console.print(NEXT)


def _materialize(
    title: str, job: dg.JobDefinition, instance: dg.DagsterInstance, console: Console
) -> dg.ExecuteInProcessResult:
    """Every asset, in this process. Stops the demo where one fails, with its words."""
    console.rule(f"[bold]{title}")
    started = time.monotonic()
    with console.status("reading, stitching, sending …"):
        result = job.execute_in_process(instance=instance, run_config=QUIET, raise_on_error=False)
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            console.print(f"[red]{event.step_key}[/red] {error and (error.cause or error).message}")
    if not result.success:
        raise click.ClickException("The demo failed; its words stand above.")
    console.print(f"{time.monotonic() - started:.1f} s for everything\n", style="dim")
    return result


def _remember(result: dg.ExecuteInProcessResult) -> None:
    """Let the UI know what was made. Runs on a kept instance would take twice the time."""
    with dg.DagsterInstance.get() as instance:
        for event in result.get_asset_materialization_events():
            instance.report_runless_asset_event(event.materialization)
        for evaluation in result.get_asset_check_evaluations():
            instance.report_runless_asset_event(evaluation)


def _report(
    place: Place, console: Console, tell: Callable[[Database, Path, Console], None]
) -> None:
    with database.connect(place.warehouse, read_only=True) as db:
        tell(db, outside.FOLDER / "outside" / "truth.csv", console)
