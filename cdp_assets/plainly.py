"""Errors on the command line: what whoever runs it can mend is one sentence, and no traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def said_plainly(*known: type[Exception]) -> Iterator[None]:
    """Within the block the `known` errors, and those that any command may meet, end it so."""
    import duckdb

    from warehouse.database import WarehouseMissing
    from warehouse.lock import WarehouseBusy
    from warehouse.mistakes import Mistakes

    told: tuple[type[Exception], ...] = (duckdb.Error, Mistakes, WarehouseBusy, WarehouseMissing)
    try:
        yield
    except told + known as error:
        raise click.ClickException(str(error)) from None
