"""A sync as the warehouse sees it: its table, its key, its fields and the types they travel in."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from warehouse.database import Database

RESERVED = ("_key", "_record_id", "_accepted_at", "_run_id")

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


@dataclass(frozen=True)
class Sync:
    """A table of what should stand in a tool, and how the tool tells its rows apart."""

    name: str
    table: str
    key: str

    @property
    def ledger(self) -> str:
        return f"ledger.{self.name}"


def mapped_columns(db: Database, sync: Sync) -> dict[str, str]:
    """The sync's fields with the types they are carried and kept in."""
    columns = {name: _carried(type_) for name, type_ in db.columns(sync.table).items()}
    for name in columns:
        if name.lower() in RESERVED:
            raise ReservedField(sync.name, name)
    return columns


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def carried(columns: dict[str, str]) -> str:
    """The select list that gives each field the type it is carried in."""
    return ", ".join(f"cast({quoted(n)} as {t}) as {quoted(n)}" for n, t in columns.items())


def payload(fields: Iterable[str]) -> str:
    """A row's quoted fields as JSON text: what a refused row is compared with later."""
    pairs = ", ".join(f"{field} := {field}" for field in fields)
    return f"cast(to_json(struct_pack({pairs})) as varchar)"


def _carried(type_: str) -> str:
    for pattern, neighbour in CARRIED.items():
        type_ = re.sub(pattern, neighbour, type_)
    return type_
