"""`cdp`: the small command line, for what `dagster` has no word for."""

import os
import sys

import click


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


def environ() -> dict[str, str]:
    """The environment with .env over it, which is the order that Dagster has."""
    from dotenv import dotenv_values

    stated = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    return {**os.environ, **stated}


if __name__ == "__main__":
    sys.exit(cli())
