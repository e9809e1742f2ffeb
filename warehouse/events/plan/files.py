"""The tracking plan of an event source: every file of warehouse/tracking_plans/<source>/ together.

A file is a small TOML for one event or one kind of call (toml.py), or a whole plan as Segment
exports it (segment.py). plan.toml says what holds for all of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import duckdb

from warehouse import database
from warehouse.database import Database
from warehouse.events.plan import segment, toml
from warehouse.events.plan.rules import PatternError, Rule
from warehouse.events.plan.toml import Settings
from warehouse.mistakes import Mistake, Mistakes

SETTINGS = "plan.toml"
Found = tuple[Path, int, Rule]


@dataclass(frozen=True)
class Plan:
    """What the calls of a source must fit."""

    name: str
    rules: tuple[Rule, ...]
    on_unplanned_event: str = "allow"

    @cached_property
    def versions(self) -> dict[tuple[str | None, str | None], list[int]]:
        """Of each event or kind of call, the versions of its rule, the oldest first."""
        found: dict[tuple[str | None, str | None], list[int]] = {}
        for rule in sorted(self.rules, key=lambda rule: rule.version):
            found.setdefault((rule.call, rule.name), []).append(rule.version)
        return found


def read(folder: Path) -> Plan | None:
    """None where there is no plan. Raises Mistakes with everything that is wrong in its files."""
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    paths = [path for path in paths if not path.name.startswith(".") and path.suffix != ".md"]
    if not paths:
        return None
    usual, mistakes = toml.settings(folder / SETTINGS)
    found: list[Found] = []
    with database.scratch(folder) as db:
        for path in paths:
            if path.name != SETTINGS:
                more, wrong = _read(path, usual, partial(_pattern_error, db))
                found += more
                mistakes += wrong
    mistakes += _repeated(found)
    if mistakes:
        raise Mistakes(sorted(mistakes))
    return Plan(usual.name, tuple(rule for _, _, rule in found), usual.on_unplanned_event)


def _read(
    path: Path, usual: Settings, pattern_error: PatternError
) -> tuple[list[Found], list[Mistake]]:
    if path.suffix == ".toml":
        rule, mistakes = toml.rule(path, usual, pattern_error)
        return [(path, 1, rule)] if rule else [], mistakes
    if path.suffix == ".json":
        rules, mistakes = segment.rules(path, usual, pattern_error)
        return [(path, line, rule) for rule, line in rules], mistakes
    return [], [Mistake(path, 1, "a file of a tracking plan is .toml, or .json from Segment")]


def _repeated(found: list[Found]) -> Iterator[Mistake]:
    first: dict[tuple[str | None, str | None, int], Path] = {}
    for path, line, rule in found:
        key = rule.call, rule.name, rule.version
        if key in first:
            yield Mistake(path, line, f"{rule} has a rule already, in {first[key].name}")
        first.setdefault(key, path)


def _pattern_error(db: Database, pattern: str) -> str | None:
    """What DuckDB's RE2 has against it: it knows no look-ahead, look-behind or back-reference."""
    try:
        db.run("select regexp_matches('', ?)", [pattern])
    except duckdb.Error as error:
        return str(error).splitlines()[0].partition(": ")[2]
    return None
