"""`cdp`: the small command line, for what `dagster` has no word for."""

import os
import sys

import click

from cdp_assets import cli_syncs


@click.group()
def cli() -> None:
    """An open customer data platform on your own warehouse."""


@cli.command()
@click.option("--people", default=2000, show_default=True, help="The size of the demo company.")
def demo(people: int) -> None:
    """Run the whole platform once, then again, then a day later, on a company made up for it."""
    from cdp_assets.demo import run

    run(people)


@cli.command()
def ui() -> None:
    """Open the Dagster UI, on your own keys in .env, or on the demo company without them."""
    from cdp_assets.ui import run

    run()


@cli.command()
@click.argument("select")
def sql(select: str) -> None:
    """Ask the warehouse: cdp sql 'select * from profiles.profiles limit 5'. It only reads."""
    import duckdb
    from rich.console import Console

    from cdp_assets import place, table
    from warehouse import database

    try:
        where = place.of(place.ROOT, environ())
        with database.connect(where.warehouse, read_only=True) as db:
            if relation := db.connection.sql(select):
                click.echo(f"{table.show(relation, Console())} rows")
    except (duckdb.Error, database.WarehouseBusy, database.WarehouseMissing) as error:
        raise click.ClickException(str(error)) from None


@cli.command()
@click.option("--code", help="Only what lies there for this reason: schema_violation, say.")
@click.option("--file", help="Only the lines of this file.")
@click.option("--source", default="events", show_default=True, help="Whose quarantine it is.")
def replay(code: str | None, file: str | None, source: str) -> None:
    """Load once more what lies in quarantine, by the tracking plan as it is now."""
    from cdp_assets import place
    from warehouse import events
    from warehouse.events import plan

    where = place.of(place.ROOT, environ())
    planned = plan.read(place.plans(place.ROOT, source))
    done = events.replay(where.warehouse, planned, code, file, source)
    click.echo(
        f"{done.taken_count} lines taken out of quarantine: {done.stored_count} stored,"
        f" {done.duplicate_count} duplicate, {done.refused_count} refused again"
    )


for command in cli_syncs.COMMANDS:
    cli.add_command(command)


def environ() -> dict[str, str]:
    """The environment with .env over it, which is the order that Dagster has."""
    from dotenv import dotenv_values

    stated = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    return {**os.environ, **stated}


if __name__ == "__main__":
    sys.exit(cli())
