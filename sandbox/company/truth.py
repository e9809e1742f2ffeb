"""The truth: which identifier is whose, and which of a person's rows can tie them together.

A tie counts only where the platform's rules allow it: a value that several people share stays with
the first who was tied to it, and nobody has more than five values of a type.
"""

import csv
from pathlib import Path
from typing import Any

from sandbox.company.state import Company, Identifier

LIMIT = 5
NAMES = frozenset({"user_id", "email"})  # what says who it is, not only which device
BLOCKED = frozenset({"null", "anonymous", "-1", "0", "00000000-0000-0000-0000-000000000000", ""})


def note_event(company: Company, at: float, person: str, ids: list[Identifier]) -> None:
    """An event line was written; the same identifiers together count once, from the first time."""
    key = "|".join([person, *(f"{kind}:{value}" for kind, value in ids)])
    held = company.ties.get(key)
    if ids and (held is None or at < held[0]):
        company.ties[key] = [at, person, [list(one) for one in ids]]
    if {kind for kind, _ in ids} >= NAMES and not company.people[person].identified:
        company.people[person].identified = int(at)


def note_record(
    company: Company, record: str, at: float, person: str, ids: list[Identifier]
) -> None:
    """A vendor's record as it stands now; its first identifier is its own."""
    company.records[record] = [at, person, [list(one) for one in ids if one[1]]]


def note_gone(company: Company, record: str) -> None:
    """A deleted record proves nothing any more; its identifiers stay the person's, one by one."""
    at, person, ids = company.records.pop(record)
    for one in ids:
        company.records[f"{record} {one[0]}"] = [at, person, [one]]


def write(company: Company, folder: Path) -> None:
    """folder/truth.csv: one line per identifier and person."""
    with (folder / "truth.csv").open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(("identifier_type", "value", "person", "evidence"))
        lines.writerows(_table(company))


def _table(company: Company) -> list[tuple[str, str, str, str]]:
    rows = sorted([*company.ties.values(), *company.records.values()], key=_order)
    holders = _holders(rows)
    parent: dict[tuple[str, Identifier], tuple[str, Identifier]] = {}
    values: dict[tuple[str, str], set[str]] = {}
    for _, person, raw in rows:
        ids: list[Identifier] = [(kind, value) for kind, value in raw]
        for one in ids:
            parent.setdefault((person, one), (person, one))
        mine = [one for one in ids if holders.get(one, person) == person]
        if len(mine) > 1:
            mine = [one for one in mine if _fits(values, person, one)]
        for one in mine[1:]:
            parent[_root(parent, (person, one))] = _root(parent, (person, mine[0]))
    return _named(parent)


def _order(row: list[Any]) -> tuple[float, str]:
    return row[0], row[1]


def _holders(rows: list[list[Any]]) -> dict[Identifier, str]:
    """Who has a value: the first person it was tied to by a row that names the person."""
    holders: dict[Identifier, str] = {}
    for _, person, ids in rows:
        if len(ids) > 1 and any(kind in NAMES for kind, _ in ids):
            for kind, value in ids:
                holders.setdefault((kind, value), person)
    return holders


def _fits(values: dict[tuple[str, str], set[str]], person: str, one: Identifier) -> bool:
    held = values.setdefault((person, one[0]), set())
    if one[1] in held or len(held) < LIMIT:
        held.add(one[1])
        return True
    return False


def _root(
    parent: dict[tuple[str, Identifier], tuple[str, Identifier]], node: tuple[str, Identifier]
) -> tuple[str, Identifier]:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


def _named(
    parent: dict[tuple[str, Identifier], tuple[str, Identifier]],
) -> list[tuple[str, str, str, str]]:
    """Groups get the person's key and a number, in the order of their identifiers."""
    numbers: dict[tuple[str, Identifier], str] = {}
    counts: dict[str, int] = {}
    table = []
    for person, (kind, value) in sorted(parent):
        root = _root(parent, (person, (kind, value)))
        if root not in numbers:
            counts[person] = counts.get(person, 0) + 1
            numbers[root] = f"{person}.{counts[person]}"
        table.append((kind, value, person, numbers[root]))
    return sorted(table)
