"""Who is who: rows that share identifiers become one profile, by the rules and nothing else.

1. Number the distinct tuples of identifiers and the identifiers in them (occurrences).
2. Find the connected components (components).
3. Limits only ever count up, so a component that keeps them all in total kept them at every step:
   it is one profile, whatever the order of its rows. Only components that break a limit are
   replayed row by row, and those in which profiles merged tuple by tuple, to know when (replay).
4. Give each profile its id: the one it had before, where it was known before (ids survive runs).
5. Publish identity.* in one transaction (record).
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from warehouse import components, database, occurrences, record, replay
from warehouse.database import Database
from warehouse.mistakes import Mistake
from warehouse.model import Model, written
from warehouse.occurrences import Input
from warehouse.rules import Rules

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
}


def inputs(
    staging: Sequence[Model],
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


def resolved(source: Input) -> Model:
    """The staging rows again, each with its profile."""
    select = f"""
select
    rows.profile_id, -- whom the row belongs to
    staged.*
from staging.{source.name} as staged
left join identity.rows as rows
    on rows.source = '{source.name}'
    and rows.row_id = cast(staged.{source.key} as varchar)
"""
    description = f"One row per row of staging.{source.name}, with the profile it belongs to."
    return written("resolved", source.name, description, select, source.key)


def build(
    connect: Callable[[], AbstractContextManager[Database]],
    sources: Sequence[Input],
    rules: Rules,
    folder: Path,
) -> dict[str, int]:
    """Make identity.* anew from all staging rows; the number of rows of each table.

    The warehouse is open while rows are read and while tables are written; the work in between is
    done beside it, in the folder.
    """
    with database.one_at_a_time(folder.with_suffix(".lock")):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with connect() as db:
            occurrences.save(db, sources, rules, folder)
            record.save(db, folder)
        with database.scratch(folder) as db:
            occurrences.number(db, rules)
            components.label(db)
            _find_contested(db, rules)
            _replay(db, rules)
            record.resolve(db, rules, folder)
        with connect() as db, db.transaction():
            counts = record.publish(db, folder)
        shutil.rmtree(folder)
    return counts


def _find_contested(db: Database, rules: Rules) -> None:
    """Temp tables members (node with its component) and contested (component, is_over).

    A tuple none of whose identifiers came earlier founds a profile; a component with k founders
    has seen k - 1 merges.
    """
    over = " or ".join(
        f"count(*) filter (where type = {place}) > {identifier.limit}"
        for place, identifier in enumerate(rules.identifiers)
    )
    db.run("create or replace temp table members as select * from nodes join labels using (node)")
    db.run(f"""
        create or replace temp table contested as
        with founders as (
            select component
            from ties
            join members using (node)
            group by tuple, component
            having bool_and(first_tuple = tuple)
        ),
        founded as (
            select component, count(*) as founder_count from founders group by component
        ),
        sized as (
            select component, {over} or count(*) > {rules.max_identifiers} as is_large
            from members
            group by component
        )
        select component, is_large or founder_count > {rules.max_merges} + 1 as is_over
        from sized
        join founded using (component)
        where is_large or founder_count > 1
    """)


def _replay(db: Database, rules: Rules) -> None:
    """Temp table replayed: rows of components over a limit, tuples of those that merely merged.

    Its outcome: temp tables founders, merges, violations, replayed_rows, holders and survivors.
    """
    same = " and ".join(f"o.{name} is not distinct from t.{name}" for name in rules.names)
    db.run(f"""
        create or replace temp table replayed as
        with bearing as (
            select tuple, any_value(component) as component, list(node order by type) as nodes
            from ties
            join labels using (node)
            group by tuple
        ),
        chosen as (
            select * from tuples join bearing using (tuple) join contested using (component)
        ),
        rows as (
            select tuple, nodes, is_over, o.seen_at, o.source, o.row_id
            from chosen as t
            join occurrences as o on {same}
            where is_over
            union all
            select tuple, nodes, is_over, first.seen_at, first.source, first.row_id
            from chosen
            where not is_over
        )
        select row_number() over (order by seen_at, source, row_id) as row, * from rows
    """)
    types = db.run("select node, type from members join contested using (component)")
    outcome = replay.replay(_rows(db), dict(types), rules)
    for table, columns, lists in (
        ("founders", ("profile", "node"), outcome.founders),
        ("merges", ("from_profile", "into_profile", "row"), outcome.merges),
        ("violations", ("row", "node", "reason"), outcome.violations),
        ("replayed_rows", ("row", "profile"), outcome.rows),
        ("holders", ("node", "profile"), outcome.holders),
        ("survivors", ("profile", "survivor"), outcome.survivors),
    ):
        _keep(db, table, columns, lists)


def _rows(db: Database) -> Iterator[replay.Row]:
    select = "select row, tuple, epoch_us(seen_at) as at_us, nodes from replayed order by row"
    for batch in db.read(select).to_batches(max_chunksize=10_000):
        columns = (batch.column(name).to_pylist() for name in ("row", "tuple", "at_us", "nodes"))
        for number, tuple_, at, nodes in zip(*columns, strict=True):
            yield replay.Row(number, tuple_, at, nodes)


def _keep(
    db: Database, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]
) -> None:
    import pyarrow as pa

    texts = {"reason"}
    arrays = {
        name: pa.array([row[place] for row in rows], pa.string() if name in texts else pa.int64())
        for place, name in enumerate(columns)
    }
    with db.lent("kept_rows", pa.table(arrays)):
        db.run(f"create or replace temp table {table} as from kept_rows")
