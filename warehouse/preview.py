"""A look at a plan: each row and field, old and new, and nothing written down."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from warehouse import plan
from warehouse.database import Database
from warehouse.plan import Draft, Plan
from warehouse.quoting import quoted, text
from warehouse.sync import Sync

FIELDS = 'struct(field varchar, old varchar, "new" varchar)[]'
FILE = f"{{'sync': 'varchar', 'key': 'varchar', 'action': 'varchar', 'fields': '{FIELDS}'}}"


SHOWN = 20
Doubts = Callable[[Database, str, dict[str, str]], list[str]]


class NoPlan(Exception):
    """A file is not one that `cdp plan --out` has written."""

    def __init__(self, path: Path):
        super().__init__(f"{path} holds no plan. `cdp plan SYNC --out FILE` writes one.")


class Moved(Exception):
    """What a plan in a file would send is no longer what there is to send; nothing was sent."""

    def __init__(self, sync: str, count: int, examples: list[str]):
        shown = "\n".join(f"  {example}" for example in examples)
        super().__init__(
            f"{count} rows of sync {sync} are no longer as in the file; nothing was sent. Since "
            f"then:\n{shown}\nPlan again, look at it, and apply that."
        )


@dataclass(frozen=True)
class Row:
    """A planned row: its fields as (field, old, new), as text."""

    key: str
    action: str
    fields: list[tuple[str, str | None, str | None]]


@dataclass(frozen=True)
class Preview:
    """A plan in numbers, its first rows, how many fields would change, and what may be refused."""

    plan: Plan
    first: list[Row]
    field_count: int
    doubts: list[str]


def look(
    db: Database, sync: Sync, now: datetime, out: Path | None = None, doubts: Doubts | None = None
) -> Preview:
    """Plan without a trace; all rows go to the file `out`, one JSON object a line.

    `doubts` says of the SELECT of the rows to send what it thinks will be refused.
    """
    with _forgotten(db):
        draft = plan.draw_up(db, sync, Path(), now)
        rows = details(sync, draft)
        if out:
            db.run(f"copy ({rows}) to {text(str(out))} (format json)")
        first = db.run(f"select key, action, fields from ({rows}) limit {SHOWN}")
        count = db.value(f"select coalesce(sum(len(fields)), 0) from ({rows})")
        wanted = (
            "from plan_ours where wanted_id in (select wanted_id from plan_rows where not is_held)"
        )
        return Preview(
            draft.plan,
            [_row(*each) for each in first],
            int(count),
            doubts(db, wanted, draft.columns) if doubts else [],
        )


def details(sync: Sync, draft: Draft) -> str:
    """The rows of a plan that would go out, with their fields, as a SELECT."""
    fields = ", ".join(
        f"""
        case
            when r.action in ('create', 'delete', 'refresh')
                or list_contains(c.changed, {text(name)})
            then {{
                'field': {text(name)},
                'old': cast(l.{quoted(name)} as varchar),
                'new': cast(w.{quoted(name)} as varchar)
            }}
        end"""
        for name in draft.columns
        if sync.is_sent(name)
    )
    return f"""
        select
            {text(sync.name)} as sync,
            r._key as key,
            r.action,
            list_filter([{fields}], lambda field: field is not null) as fields
        from plan_rows as r
        left join plan_ours as w using (wanted_id)
        left join plan_theirs as l using (ledger_id)
        left join plan_changed as c on r._key = c._key
        where not r.is_held
        order by key
    """


def planned_sync(db: Database, path: Path) -> str:
    """Which sync a file's plan is for."""
    try:
        name = db.value(f"select any_value(sync) from {_file(path)}")
    except Exception as error:
        raise NoPlan(path) from error
    if not name:
        raise NoPlan(path)
    return str(name)


def same_as(path: Path) -> Callable[[Database, Sync, Draft], None]:
    """A check that a plan is the one in the file; raises Moved."""

    def check(db: Database, sync: Sync, draft: Draft) -> None:
        moved = f"""
            with ours as (
                {details(sync, draft)}
            )

            select key, f.action, f.fields, o.action, o.fields
            from {_file(path)} as f
            full join ours as o using (key)
            where f.action is distinct from o.action or f.fields is distinct from o.fields
            order by key
        """
        if count := db.value(f"select count(*) from ({moved})"):
            found = db.run(f"{moved} limit 10")
            raise Moved(sync.name, count, [_difference(*each) for each in found])

    return check


def _difference(
    key: str,
    then: str | None,
    fields_then: list[dict[str, str | None]] | None,
    now: str | None,
    fields_now: list[dict[str, str | None]] | None,
) -> str:
    return f"{key}: {_said(then, fields_then)} in the file, {_said(now, fields_now)} now"


def _said(action: str | None, fields: list[dict[str, str | None]] | None) -> str:
    told = ", ".join(f"{each['field']} {each['old']} → {each['new']}" for each in fields or ())
    return f"{action} ({told})" if action else "nothing to do"


def _row(key: str, action: str, fields: list[dict[str, str | None]]) -> Row:
    return Row(key, action, [(str(each["field"]), each["old"], each["new"]) for each in fields])


def _file(path: Path) -> str:
    return f"read_json({text(str(path))}, format = 'newline_delimited', columns = {FILE})"


@contextmanager
def _forgotten(db: Database) -> Iterator[None]:
    """Whatever happens within is undone."""
    db.run("begin")
    try:
        yield
    finally:
        db.run("rollback")
