"""The way back from quarantine: what lies there comes in once more, by the rules of today."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse import database
from warehouse.database import Database
from warehouse.events.files import LINES_IN_A_BATCH, PIECE

if TYPE_CHECKING:
    import pyarrow as pa

LYING = """
select
    file, version, line, place, coalesce(raw, '') as raw,
    not coalesce(
        reason like 'not UTF-8%' and regexp_matches(raw, '\\\\x[0-9a-f][0-9a-f]'), false
    ) as is_text
from {schema}.quarantine
where loaded_at < ? and (code = ? or ? is null) and (file = ? or ? is null)
order by file, version, line, place
limit {most}
"""
LINES = """
select
    row_number() over (order by file, version, line, place) - 1 as n,
    dense_rank() over (order by file, version) - 1 as piece,
    *
from lying
"""
# Of the file nothing is known here that its list has not got.
PIECES = f"""
create or replace temp table event_pieces as
select distinct piece, file, version, {
    ", ".join(
        f"null::{kind} as {name}" for name, kind in PIECE.items() if name not in ("file", "version")
    )
}
from replayed_lines
"""

# What is taken out is off the account of its file; it comes back by the verdict of the load.
TAKE_OUT = (
    """
    create or replace temp table taken_out as
    select quarantine.rowid as number, file, version, is_blocked
    from {schema}.quarantine
    semi join replayed_lines as again
        on quarantine.file = again.file and quarantine.version = again.version
        and quarantine.line = again.line and coalesce(quarantine.raw, '') = again.raw
        and quarantine.place is not distinct from again.place
    """,
    """
    update {schema}.files set
        line_count = files.line_count - gone.line_count,
        quarantined_count = files.quarantined_count - gone.line_count + gone.blocked_count,
        blocked_count = files.blocked_count - gone.blocked_count
    from (
        select
            file, version, count(*) as line_count,
            count(*) filter (where is_blocked) as blocked_count
        from taken_out group by file, version
    ) as gone
    where files.file = gone.file and files.version = gone.version
    """,
    "delete from {schema}.quarantine where rowid in (select number from taken_out)",
)


@dataclass(frozen=True)
class Wanted:
    """What shall be taken out of quarantine: what lies there since before a moment; of any code
    or file, or of one."""

    before: datetime
    code: str | None
    file: str | None


def lying(db: Database, warehouse: Path, schema: str, wanted: Wanted) -> "Iterator[pa.Table]":
    """What is wanted, batch after batch for a Loader."""
    code, file = wanted.code, wanted.file
    select = LYING.format(schema=schema, most=LINES_IN_A_BATCH)
    while True:
        with database.writing(db, warehouse):
            db.run(
                f"create or replace temp table lying as {select}",
                [wanted.before, code, code, file, file],
            )
        if not db.count("lying"):
            return
        db.run(f"create or replace temp table replayed_lines as {LINES}")
        db.run(PIECES)
        yield db.read("select * exclude (file, version) from replayed_lines")


def take_out(db: Database, schema: str) -> None:
    """Within the transaction that loads these lines again."""
    for step in TAKE_OUT:
        db.run(step.format(schema=schema))
