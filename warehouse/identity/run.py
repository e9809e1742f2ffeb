"""Who is who: rows that share identifiers become one profile, by the rules and nothing else.

1. See which staging rows are new since the last run, and turn what they bear into numbers
   (occurrences).
2. Gather the components that they may change (affected); a full rebuild takes all rows for new.
3. Resolve each component to profiles (components, resolution, replay).
4. Give each profile its id: the one it had before, where it was known before (naming).
5. Replace these components in the record, in one transaction (standing, record).

Whatever came in whatever batches, the outcome is that of a full rebuild. The warehouse is open for
reading in 1 and 2 and for writing in 5; the rest is done beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from warehouse import database
from warehouse.database import Database
from warehouse.identity import (
    affected,
    asking,
    hand,
    memory,
    naming,
    occurrences,
    record,
    resolution,
)
from warehouse.identity.occurrences import Input
from warehouse.identity.rules import Rules
from warehouse.mistakes import Mistake

if TYPE_CHECKING:
    from warehouse.model import Model  # brings a parser of SQL, which a run does without

# To change when what stands in stitching.* changes its meaning: the next run is then a full one.
LAYOUT = 4

COLUMNS = {
    "identity.identifiers": {
        "type": "the kind of identifier",
        "value": "normalised",
        "seen_as": "as it was first written",
        "profile_id": "who holds it",
        "first_seen_at": "time of the first row that bears it",
        "last_seen_at": "time of the last row that bears it",
        "source": "staging table of the first row that bears it",
        "row_id": "key of that row",
    },
    "identity.first_profiles": {
        "type": "the kind of identifier",
        "value": "normalised",
        "first_profile_id": "who held it first; that profile went into the one that holds it now",
    },
    "identity.profiles": {
        "profile_id": "stays the same over runs; after a merge the oldest goes on",
        "created_at": "time of the row that founded it",
        "last_seen_at": "time of the last row that bears one of its identifiers",
        "identifier_count": "how many identifiers it holds",
        "merge_count": "how many profiles went into it",
        "source": "staging table of the row that founded it",
        "row_id": "key of that row",
    },
    "identity.merges": {
        "from_profile_id": "the profile that ended",
        "into_profile_id": "the older one that went on",
        "merged_at": "time of the row that tied them",
        "source": "staging table of that row",
        "row_id": "key of that row",
    },
    "identity.violations": {
        "source": "staging table of the row",
        "row_id": "key of the row",
        "happened_at": "time of the row",
        "type": "the kind of identifier that did not tie",
        "value": "its value",
        "reason": "what the rule said",
    },
    "identity.rows": {
        "source": "staging table of the row",
        "row_id": "key of the row",
        "profile_id": "whom it belongs to",
    },
    "identity.profile_redirects": {
        "profile_id": "every id that was ever given",
        "current_profile_id": "who goes by it now; null where none of its identifiers is left",
    },
    "identity.evidence": {
        "tuple": "the number of a distinct tuple of identifiers",
        "type": "the kind of identifier that stands in it",
        "value": "normalised",
        "seen_at": "time of the first row that bears the tuple",
        "source": "staging table of that row",
        "row_id": "key of that row",
    },
    "identity.tuples": {
        "tuple": "the number of a distinct tuple of identifiers",
        "profile_id": "whom rows that bear it belong to; null where that depends on the row",
    },
    "identity.placed": {
        "mark": "the number of a row whose tuple does not say whom it belongs to",
        "profile_id": "whom it belongs to",
    },
    "identity.runs": {
        "run": "their number, from 1",
        "finished_at": "when it was done",
        "is_full": "whether it took all rows for new",
        "new_row_count": "rows that came or changed",
        "gone_row_count": "rows that went or changed",
        "profile_count": "people after it",
        "identifier_count": "identifiers that they hold",
        "merge_count": "merges in all of history",
        "violation_count": "violations in all of history",
        "row_count": "rows that bear an identifier which ties",
        "p99_size": "identifiers of a profile: 99 of 100 have no more",
        "max_size": "identifiers of the largest profile",
    },
}


def inputs(
    staging: "Sequence[Model]",
    columns: Mapping[str, Sequence[str]],
    rules: Rules,
    wrong: list[Mistake],
) -> list[Input]:
    """The staging models with identifiers; those that lack a key or a time are mistakes."""
    found = []
    for model in staging:
        borne = tuple(name for name in columns.get(model.table, ()) if name in rules.names)
        if not borne:
            continue
        if {"key", "time"} <= model.settings.keys():
            found.append(Input(model.name, model.settings["key"], model.settings["time"], borne))
        else:
            carried = ", ".join(borne)
            wrong.append(
                model.mistake(1, f"carries {carried}: it must say '-- key:' and '-- time:'")
            )
    return found


def resolved(source: Input) -> "Model":
    """The staging rows again, each with its profile.

    A row is found by its numbers, as occurrences gives them. It is a view: to write the rows down
    costs as much as six models that read it.
    """
    from warehouse.model import written

    select = f"""
with numbered as (
    select *, {source.tuple} as tuple_number
    from staging.{source.name}
),
marked as (
    select *, {source.mark} as mark_number from numbered
)
select
    coalesce(placed.profile_id, tuples.profile_id) as profile_id, -- whom the row belongs to
    marked.* exclude (tuple_number, mark_number)
from marked
left join identity.tuples as tuples on tuples.tuple = tuple_number
left join identity.placed as placed on placed.mark = mark_number
"""
    description = f"One row per row of staging.{source.name}, with the profile it belongs to."
    return written("resolved", source.name, description, select, None)


def build(
    warehouse: Path, sources: Sequence[Input], rules: Rules, *, full: bool = False
) -> dict[str, int]:
    """Bring identity.* to what staging says; the number of rows of each of its tables.

    Only what has changed since the last run is looked at, unless `full`, or the rules, the sources
    or DuckDB are others than then. Ids are kept in either case.
    """
    # Sources are numbered by their names, since rows of one moment are ordered by those.
    sources = sorted(sources, key=lambda source: source.name)
    with (
        database.one_at_a_time(warehouse.with_name(f"{warehouse.name}.identity.lock")),
        database.beside(warehouse) as db,
    ):
        version = _version(sources, rules)
        full = full or record.version(db) != version
        stitch(db, sources, rules, full=full)
        with database.writing(db, warehouse), db.transaction():
            counts = record.publish(db, version, full=full)
            asking.publish(db)
            return counts


def stitch(db: Database, sources: Sequence[Input], rules: Rules, *, full: bool) -> None:
    """The work itself, in temp tables beside a warehouse that it only reads (`database.beside`).

    Afterwards they hold the outcome: record.TABLES says which. Nothing is written.
    """
    memory.measure(db)
    _number_rules(db, sources, rules)
    if full:
        occurrences.read_all(db, sources, rules)
        affected.everything(db)
    else:
        occurrences.read_new(db, sources, rules)
        affected.find(db)
    homes = resolution.resolve(db, rules)
    naming.name(db, full=full)
    record.prepare(db, homes, full=full)


def _number_rules(db: Database, sources: Sequence[Input], rules: Rules) -> None:
    hand.number_lines(db, rules)
    db.run(
        "create or replace temp table numbered_sources"
        " (source integer, name varchar, types integer[])"
    )
    for number, source in enumerate(sources):
        types = [rules.names.index(name) for name in source.identifiers]
        db.run("insert into numbered_sources values (?, ?, ?)", [number, source.name, types])
    db.run("create or replace temp table kinds (type integer, name varchar)")
    db.connection.executemany("insert into kinds values (?, ?)", list(enumerate(rules.names)))


def _version(sources: Sequence[Input], rules: Rules) -> str:
    stated = (LAYOUT, duckdb.__version__, astuple(rules), [astuple(source) for source in sources])
    return sha256(repr(stated).encode()).hexdigest()
