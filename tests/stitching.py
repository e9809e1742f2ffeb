"""A staging table of a few rows, stitched, and what became of it in comparable words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from warehouse import identity
from warehouse.database import connect
from warehouse.identity.occurrences import Input
from warehouse.identity.rules import Rules, rules

NAMES = ("user_id", "email", "anonymous_id")
START = datetime(2026, 1, 1, tzinfo=UTC)
Row = tuple[int, str | None, str | None, str | None]  # minutes after START, then one of each name
DEFAULTS = rules({"identifiers": {name: {} for name in NAMES}})
Partition = set[frozenset[str]]


@dataclass(frozen=True)
class Stitched:
    """A warehouse of one staging table or several, app__rows and others."""

    path: Path

    def stitch(self, rows: Sequence[Row], ruled: Rules = DEFAULTS, *, full: bool = False) -> None:
        """Rows by id r000, r001, …"""
        self.run({f"r{n:03d}": row for n, row in enumerate(rows)}, ruled, full=full)

    def run(
        self,
        rows: Mapping[str, Row],
        ruled: Rules = DEFAULTS,
        *,
        source: str = "app__rows",
        full: bool = False,
    ) -> None:
        self.stage(rows, source)
        self.again(ruled, [source], full=full)

    def stage(self, rows: Mapping[str, Row], source: str = "app__rows") -> None:
        columns: dict[str, Any] = {
            "row_id": list(rows),
            "happened_at": [START + timedelta(minutes=row[0]) for row in rows.values()],
        }
        columns["row_id"] = pa.array(columns["row_id"], pa.string())
        columns["happened_at"] = pa.array(columns["happened_at"], pa.timestamp("us", "UTC"))
        for place, name in enumerate(NAMES, 1):
            columns[name] = pa.array([row[place] for row in rows.values()], pa.string())
        with connect(self.path) as db:
            db.write(f"staging.{source}", pa.table(columns), "replace")

    def again(
        self,
        ruled: Rules = DEFAULTS,
        sources: Sequence[str] = ("app__rows",),
        *,
        full: bool = False,
    ) -> None:
        inputs = [
            Input(name, "row_id", "happened_at", tuple(n for n in NAMES if n in ruled.names))
            for name in sources
        ]
        identity.build(self.path, inputs, ruled, full=full)

    def ask(self, select: str) -> list[tuple[Any, ...]]:
        with connect(self.path, read_only=True) as db:
            return db.run(select)

    def holders(self) -> dict[str, str]:
        return dict(self.ask("select type || ':' || value, profile_id from identity.identifiers"))

    def partition(self) -> Partition:
        return grouped(self.holders())

    def record(self) -> dict[str, list[tuple[Any, ...]]]:
        """All of identity.*, but for the runs, which differ."""
        tables = identity.COLUMNS.keys() - {"identity.runs"}
        return {table: self.ask(f"from {table} order by all") for table in sorted(tables)}

    def meaning(self) -> dict[str, set[Any]]:
        """What must not depend on how the rows came: all but the ids. A profile goes by the row
        that founded it.
        """
        founded = {
            profile: (source, row_id)
            for profile, source, row_id in self.ask(
                "select profile_id, source, row_id from identity.profiles"
            )
        }
        now = dict(self.ask("from identity.profile_redirects"))
        return {
            "identifiers": {
                (f"{row[0]}:{row[1]}", founded[row[3]], *row[4:])
                for row in self.ask("from identity.identifiers")
            },
            "profiles": set(self.ask("select * exclude (profile_id) from identity.profiles")),
            "rows": {(row[:2], founded[row[2]]) for row in self.ask("from identity.rows")},
            "merges": {(row[3:], founded[now[row[1]]]) for row in self.ask("from identity.merges")},
            "violations": {
                (row[:2], f"{row[3]}:{row[4]}", row[5])
                for row in self.ask("from identity.violations")
            },
        }


def grouped(holders: Mapping[str, Any]) -> Partition:
    groups: dict[Any, set[str]] = {}
    for name, profile in holders.items():
        groups.setdefault(profile, set()).add(name)
    return {frozenset(group) for group in groups.values()}
