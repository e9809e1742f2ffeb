"""A sync as the warehouse sees it: its table, its key, its fields and the types they travel in."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from warehouse.database import Database
from warehouse.quoting import quoted

RESERVED = (
    *("_key", "_record_id", "_accepted_at", "_run_id"),
    *("_action", "_changed", "_place", "_into", "_heir_id"),
)

# Types that Parquet or Python cannot hand on unharmed travel, and are kept, as their neighbour.
CARRIED = {
    r"\bHUGEINT\b": "BIGINT",
    r"\bUHUGEINT\b": "UBIGINT",
    r"\bTIMESTAMP_(NS|MS|S)\b": "TIMESTAMP",
    r"\b(UUID|JSON|INTERVAL|BIT|VARIANT|BIGNUM|TIME WITH TIME ZONE)\b": "VARCHAR",
    r"^ENUM\(.*\)$": "VARCHAR",
}


class ReservedField(Exception):
    """A mapped field has a name that the ledger needs for itself."""

    def __init__(self, sync: str, field: str):
        super().__init__(
            f"Sync {sync} maps a field named {field}; the ledger keeps {', '.join(RESERVED)} "
            "for itself. Give the column another name in the sync's SELECT."
        )


class NotMade(Exception):
    """The table of what should stand in the tool is not there yet."""

    def __init__(self, sync: str, table: str):
        super().__init__(
            f"Sync {sync} reads {table}, which nobody has made yet: materialize "
            f"{table.replace('.', '/')} first."
        )


@dataclass(frozen=True)
class Limit:
    """How many rows of a kind one run may send: a number, a share of the ledger, or any."""

    count: int | None = None
    percent: float | None = None

    def of(self, ledger_count: int) -> int | None:
        """In rows; None is any number."""
        if self.percent is None:
            return self.count
        return max(int(ledger_count * self.percent / 100), A_FEW)


# A share of a small table is next to nothing: so many rows may always go.
A_FEW = 10
ANY = Limit()
FIFTH = Limit(percent=20)


@dataclass(frozen=True)
class Sync:
    """A table of what should stand in a tool, how the tool tells its rows apart, and by what rules.

    `mode`: upsert, update (what the tool has), create (what it lacks), mirror (upsert, and delete
    what left the table), append (events, never twice), snapshot (all rows whenever one differs).
    `keep`: fields in which NULL never clears what the tool has. `fill`: fields that are sent only
    where it has nothing. `refresh_days`: after so many days an unchanged row goes again.
    `profile`: the column that says whose row it is; `on_merge`: what becomes of the record of a
    person who goes by another key now, merge or delete. `is_deduplicated`: of an append that comes
    twice the tool keeps one.
    """

    name: str
    table: str
    key: str
    mode: str = "upsert"
    keep: tuple[str, ...] = ()
    fill: tuple[str, ...] = ()
    refresh_days: int | None = None
    max_deletes: Limit = FIFTH
    max_updates: Limit = ANY
    profile: str | None = None
    on_merge: str | None = None
    is_deduplicated: bool = False

    @property
    def ledger(self) -> str:
        return f"ledger.{self.name}"

    def is_sent(self, field: str) -> bool:
        """A profile column whose name begins with `_` is for the ledger alone."""
        return not (field == self.profile and field.startswith("_"))


def mapped_columns(db: Database, sync: Sync) -> dict[str, str]:
    """The sync's fields with the types they are carried and kept in."""
    columns = {name: _carried(type_) for name, type_ in db.columns(sync.table).items()}
    if not columns:
        raise NotMade(sync.name, sync.table)
    for name in columns:
        if name.lower() in RESERVED:
            raise ReservedField(sync.name, name)
    return columns


def carried(columns: dict[str, str], table: str = "") -> str:
    """The select list that gives each field the type it is carried in."""
    prefix = f"{table}." if table else ""
    return ", ".join(f"cast({prefix}{quoted(n)} as {t}) as {quoted(n)}" for n, t in columns.items())


def payload(fields: Iterable[str]) -> str:
    """A row's quoted fields as JSON text: what a refused row is compared with later."""
    pairs = ", ".join(f"{field} := {field}" for field in fields)
    return f"cast(to_json(struct_pack({pairs})) as varchar)"


def _carried(type_: str) -> str:
    for pattern, neighbour in CARRIED.items():
        type_ = re.sub(pattern, neighbour, type_)
    return type_
