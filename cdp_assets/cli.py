"""`cdp`: the small command line, for what `dagster` has no word for."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cdp_assets import cli_syncs
from cdp_assets.plainly import said_plainly

if TYPE_CHECKING:
    from warehouse.database import Database


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
    from rich.console import Console

    from cdp_assets import table

    with reading() as db:
        if relation := db.connection.sql(select):
            click.echo(f"{table.show(relation, Console())} rows")


@cli.command()
@click.argument("name")
def who(name: str) -> None:
    """All that is on record of a person: cdp who ada@example.com (any identifier or profile id)."""
    from rich.console import Console

    from cdp_assets import questions

    with reading() as db:
        questions.who(db, name, Console())


@cli.command()
@click.argument("one")
@click.argument("other")
def why(one: str, other: str) -> None:
    """Why two identifiers are one person, row by row, or what keeps them apart."""
    from rich.console import Console

    from cdp_assets import questions

    with reading() as db:
        questions.why(db, one, other, Console())


@cli.command()
def worst() -> None:
    """The largest profiles, what was most often kept from tying, and lines that block it."""
    from rich.console import Console

    from cdp_assets import place, questions

    with reading() as db:
        questions.worst(db, place.rules(place.ROOT), Console())


@cli.command("what-if")
@click.argument(
    "rules_file",
    required=False,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
def what_if(rules_file: Path | None) -> None:
    """Which profiles other rules would merge and split: cdp what-if other.toml. Nothing is written.

    Without a file it is the project's own identity.toml, as it stands now.
    """
    from rich.console import Console

    from cdp_assets import project, questions
    from warehouse import database
    from warehouse.identity.asking.what_if import what_if as compared

    with said_plainly():
        found = project.find(environ())
        sources, ruled = project.by_other_rules(found, rules_file)
        with database.beside(found.place.warehouse) as db:
            questions.what_if(db, compared(db, sources, ruled), Console())


@cli.command()
@click.option("--at-least", default=0.9, show_default=True, help="The least score, from 0 to 1.")
def matches(at_least: float) -> None:
    """Pairs of profiles that are probably one person, with lines to accept them by hand."""
    from rich.console import Console

    from cdp_assets import place, questions
    from warehouse.identity import matching, rules

    where, path = place.of(place.ROOT, environ()), place.rules(place.ROOT)
    with said_plainly(matching.SplinkMissing, matching.NoFacts):
        found = matching.propose(where.warehouse, rules.read(path), at_least)
    questions.matches(found, path, Console())


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


@cli.command()
@click.option("--full", is_flag=True, help="Read all rows again, not only new ones; ids are kept.")
def identity(full: bool) -> None:
    """Stitch what staging holds: who is who, by warehouse/identity.toml as it is now."""
    from cdp_assets import project
    from warehouse import identity as stitching

    with said_plainly():
        found = project.find(environ())
        counts = stitching.build(found.place.warehouse, found.inputs, found.rules, full=full)
    for table, count in counts.items():
        click.echo(f"{table}: {count:,} rows")


@contextmanager
def reading() -> Iterator["Database"]:
    """The warehouse, to ask it something."""
    from cdp_assets import place
    from warehouse import database

    with said_plainly():
        where = place.of(place.ROOT, environ())
        with database.connect(where.warehouse, read_only=True) as db:
            yield db


for command in cli_syncs.COMMANDS:
    cli.add_command(command)


def environ() -> dict[str, str]:
    """The environment with .env over it, which is the order that Dagster has."""
    from dotenv import dotenv_values

    stated = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    return {**os.environ, **stated}


if __name__ == "__main__":
    sys.exit(cli())
