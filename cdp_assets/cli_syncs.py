"""`cdp plan`, `apply`, `retry` and their like: a sync, looked at and sent by hand."""

import sys
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import click

from cdp_assets.plainly import said_plainly

if TYPE_CHECKING:
    from cdp_assets.outgoing import Outgoing
    from cdp_assets.project import Project
    from warehouse.ledger import Report
    from warehouse.preview import Preview


@click.command()
@click.argument("sync")
@click.option("--out", type=click.Path(path_type=Path), help="Write every row here, for `apply`.")
def plan(sync: str, out: Path | None) -> None:
    """Show what SYNC would send, each row and field old → new. Nothing is sent."""
    from cdp_assets import mapping
    from warehouse import preview

    with _told():
        going = _find(sync)
        specs = going.thing.specify(going.open("plan")) if going.thing.specify else {}
        with going.place.connect() as db:
            seen = preview.look(
                db,
                going.sync,
                datetime.now(UTC),
                out,
                lambda db, rows, columns: (
                    mapping.doubts(db, rows, columns, specs)
                    + (mapping.mistakes(going.sync, columns, specs) if specs else [])
                ),
            )
        _show(going, seen)


@click.command()
@click.argument("file", type=click.Path(exists=True, path_type=Path))
def apply(file: Path) -> None:
    """Send exactly what `cdp plan --out FILE` wrote down, or say what has moved since."""
    import duckdb

    from warehouse import preview
    from warehouse.database import Database

    with _told():
        with duckdb.connect() as connection:
            sync = preview.planned_sync(Database(connection), file)
        _report(_find(sync).run(_run_id(), preview.same_as(file)))


@click.command()
@click.argument("sync")
@click.option("--code", help="Only rows refused with this code of the tool.")
@click.option("--since", type=click.DateTime(), help="Only rows refused since then (UTC).")
def retry(sync: str, code: str | None, since: datetime | None) -> None:
    """Run SYNC, and let its refused rows go with it, whatever their pause."""
    from warehouse import owed

    with _told():
        going = _find(sync)
        with going.place.connect() as db:
            after = since.replace(tzinfo=UTC) if since else None
            count = owed.release(db, going.sync, datetime.now(UTC), code, after)
        click.echo(f"{count} refused rows may go again.")
        _report(going.run(_run_id()))


@click.command()
@click.argument("sync")
@click.option("--where", default="true", help="Only rows of which this SQL condition holds.")
def resend(sync: str, where: str) -> None:
    """Send the rows of SYNC again, changed or not. What is to be deleted is not forgotten."""
    from warehouse import owed

    with _told():
        going = _find(sync)
        with going.place.connect() as db:
            count = owed.send_again(db, going.sync, where)
        click.echo(f"{count} rows go again.")
        _report(going.run(_run_id()))


@click.command()
@click.argument("sync")
@click.option("--sample", default=100, show_default=True, help="So many records, at random.")
def verify(sync: str, sample: int) -> None:
    """Read records of SYNC back from the tool, and compare them with what it accepted."""
    from cdp_assets import verifying

    with _told():
        count, differences = verifying.verify(_find(sync), sample)
    for found in differences:
        place = f"{found.key}: {found.field}" if found.field else found.key
        click.echo(f"{place}: we sent {found.ours!r}, the tool shows {found.theirs!r}")
    click.echo(f"{count} records read back, {len(differences)} differences")
    if differences:
        sys.exit(1)


@click.command()
@click.argument("sync")
@click.argument("fate", type=click.Choice(["taken", "lost"]), required=False)
@click.option("--key", "keys", multiple=True, help="Only this event, or these.")
def decide(sync: str, fate: str | None, keys: tuple[str, ...]) -> None:
    """Say of the events of SYNC that were sent without an answer whether the tool has them."""
    from warehouse import owed

    with _told():
        going = _find(sync)
        with going.place.connect() as db:
            held = [key for key in owed.unknown(db, going.sync) if not keys or key in keys]
            if fate:
                owed.decide(db, going.sync, held, fate == "taken", datetime.now(UTC))
    for key in held:
        click.echo(key)
    click.echo(f"{len(held)} events {f'count as {fate}' if fate else 'are held'}.")


@click.command()
@click.argument("sync")
@click.argument("field", required=False)
@click.option("--key", help="The rows that made this one's value, too.")
def lineage(sync: str, field: str | None, key: str | None) -> None:
    """Say which vendors' columns the fields of SYNC come from, or one FIELD."""
    from cdp_assets import tracing

    with _told():
        found = _project()
        going = _of(found, sync)
        for line in tracing.told(found.catalog, going, field, key):
            click.echo(line)


COMMANDS = (plan, apply, retry, resend, verify, decide, lineage)


def _project() -> "Project":
    """The project, which is the one this code stands in unless click is told another."""
    from cdp_assets import cli, place, project

    return project.find(cli.environ(), click.get_current_context().obj or place.ROOT)


def _find(name: str) -> "Outgoing":
    return _of(_project(), name)


def _of(found: "Project", name: str) -> "Outgoing":
    """A sync of the project, with its tool."""
    from cdp_assets.outgoing import outgoing

    syncs = {model.name: model for model in found.catalog.of("syncs")}
    if name not in syncs:
        raise click.ClickException(f"There is no sync {name}. There are: {', '.join(syncs)}.")
    tool = syncs[name].settings["to"].split(".")[0]
    if tool not in found.destinations:
        raise click.ClickException(f"The destination {tool} is off: set its variables first.")
    return outgoing(syncs[name], found.destinations[tool], found.environ, found.place)


def _told() -> AbstractContextManager[None]:
    """What can go wrong with a sync is a sentence on the command line."""
    from cdp_assets.tracing import NoField, NoRow
    from cdp_assets.verifying import CannotRead
    from destinations.errors import DestinationError
    from warehouse.plan import TooMany
    from warehouse.preview import Moved, NoPlan
    from warehouse.sync import NotMade

    return said_plainly(
        CannotRead, DestinationError, Moved, NoField, NoPlan, NoRow, NotMade, TooMany
    )


def _run_id() -> str:
    return f"cdp-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid4().hex[:6]}"


def _report(report: "Report") -> None:
    outcome = "partial" if report.is_partial else "complete"
    click.echo(
        f"{outcome}: {report.planned} planned = {report.accepted} accepted + "
        f"{report.rejected} rejected + {report.waiting} waiting"
    )
    if report.is_partial:
        sys.exit(1)


def _show(going: "Outgoing", seen: "Preview") -> None:
    from rich.console import Console
    from rich.table import Table

    made, console = seen.plan, Console()
    table = Table("action", going.sync.key, "field", "old", "new")
    for row in seen.first:
        for place, (name, old, new) in enumerate(row.fields or [("", None, None)]):
            head = (row.action, row.key) if not place else ("", "")
            table.add_row(*head, name, old or "", new or "")
    if seen.first:
        console.print(table)
    if made.to_send > len(seen.first):
        console.print(f"… and {made.to_send - len(seen.first)} more rows; --out FILE has them all")
    counts = {
        "create": made.created, "update": made.updated, "refresh": made.refreshed,
        "delete": made.deleted, "unchanged": made.unchanged, "held": made.held,
        "refused in the plan": made.refused,
    }  # fmt: skip
    console.print(", ".join(f"{count} {name}" for name, count in counts.items()))
    console.print(_price(going, seen))
    for doubt in seen.doubts:
        console.print(f"[yellow]{doubt}[/yellow]")


def _price(going: "Outgoing", seen: "Preview") -> str:
    """What it takes of the tool: calls, time at its limit, and what some tools bill by."""
    calls, took = going.calls(seen.plan), timedelta(minutes=going.minutes(seen.plan))
    left = ""
    if going.destination.ask_quota:
        left = f" of {going.destination.ask_quota(going.open('plan'))} left today"
    seconds = max(round(took.total_seconds()), 1 if calls else 0)
    return (
        f"{calls} API calls{left}, about {timedelta(seconds=seconds)} at the tool's limit; "
        f"{seen.plan.to_send} records, {seen.field_count} fields"
    )
