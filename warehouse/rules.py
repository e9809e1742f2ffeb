"""The rules of identity: which identifiers there are, how strong, how many, which values never tie.

They stand in one file that a person can read, identity.toml; the defaults are Segment's:
user_id one per profile, five of everything else; user_id first, then email, then by name.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.mistakes import Mistake, Mistakes

WINDOWS = {"daily": 1, "weekly": 7, "monthly": 30, "annually": 365, "ever": None}
NORMALISE = ("none", "lower", "phone")
SETTINGS = ("priority", "limit", "normalise", "region", "blocked")


@dataclass(frozen=True)
class Identifier:
    """A kind of name for a person, and how far it may tie."""

    name: str
    limit: int
    window_days: int | None
    normalise: str
    region: str
    blocked_values: tuple[str, ...]
    blocked_patterns: tuple[str, ...]


@dataclass(frozen=True)
class Rules:
    """Identifiers, strongest first, and the size at which a profile grows no further."""

    identifiers: tuple[Identifier, ...]
    max_merges: int
    max_identifiers: int

    @property
    def names(self) -> list[str]:
        return [identifier.name for identifier in self.identifiers]


def read(path: Path) -> Rules:
    """Raises Mistakes with everything that is wrong in the file."""
    text = path.read_text()
    try:
        stated = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        raise Mistakes([Mistake(path, int(found[1]) if found else 1, str(error))]) from error
    wrong = [Mistake(path, _line(text, place), words) for place, words in _wrong(stated)]
    if wrong:
        raise Mistakes(wrong)
    return rules(stated)


def rules(stated: dict[str, Any]) -> Rules:
    """Rules out of what a file states, which must be without mistakes."""
    names = stated["identifiers"]
    blocked = stated.get("blocked", {})
    profile = stated.get("profile", {})
    return Rules(
        tuple(_identifier(name, names[name], blocked) for name in by_priority(names)),
        profile.get("max_merges", 100),
        profile.get("max_identifiers", 1000),
    )


def by_priority(names: dict[str, dict[str, Any]]) -> list[str]:
    """Strongest first: those with a priority, then user_id and email, then the rest by name."""
    unnumbered = {"user_id": (1, ""), "email": (2, "")}

    def strength(name: str) -> tuple[float, tuple[int, str]]:
        return names[name].get("priority", float("inf")), unnumbered.get(name, (3, name))

    return sorted(names, key=strength)


def _identifier(name: str, stated: dict[str, Any], everywhere: dict[str, Any]) -> Identifier:
    count, window = stated.get("limit", "1 ever" if name == "user_id" else "5 ever").split()
    own = stated.get("blocked", {})
    return Identifier(
        name,
        int(count),
        WINDOWS[window],
        stated.get("normalise", "none"),
        stated.get("region", "US"),
        tuple(value.lower() for value in [*everywhere.get("values", ()), *own.get("values", ())]),
        (*everywhere.get("patterns", ()), *own.get("patterns", ())),
    )


def _wrong(stated: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(a word of the line to mend, what is wrong with it)"""
    for word in stated.keys() - {"blocked", "profile", "identifiers"}:
        yield word, f"unknown table '{word}'; known: blocked, profile, identifiers"
    for word in stated.get("profile", {}).keys() - {"max_merges", "max_identifiers"}:
        yield word, f"unknown setting '{word}'; known: max_merges, max_identifiers"
    yield from _wrong_blocks(stated.get("blocked", {}))
    if not stated.get("identifiers"):
        yield "identifiers", "no identifiers: name at least one, as [identifiers.user_id]"
    for name, setting in stated.get("identifiers", {}).items():
        place = f"[identifiers.{name}]"
        for word in setting.keys() - set(SETTINGS):
            yield place, f"{name}: unknown setting '{word}'; known: {', '.join(SETTINGS)}"
        limit = str(setting.get("limit", "5 ever"))
        if not re.fullmatch(rf"[1-9]\d* ({'|'.join(WINDOWS)})", limit):
            yield place, f"{name}: limit '{limit}' is not like '5 weekly'; {', '.join(WINDOWS)}"
        if setting.get("normalise", "none") not in NORMALISE:
            known = ", ".join(NORMALISE)
            yield place, f"{name}: unknown normalise '{setting['normalise']}'; known: {known}"
        yield from _wrong_blocks(setting.get("blocked", {}))


def _wrong_blocks(blocked: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for word in blocked.keys() - {"values", "patterns"}:
        yield word, f"unknown setting '{word}'; known: values, patterns"
    for pattern in blocked.get("patterns", ()):
        try:
            re.compile(pattern)
        except re.error as error:
            yield pattern, f"the pattern '{pattern}' is none: {error}"


def _line(text: str, place: str) -> int:
    return next((n for n, line in enumerate(text.splitlines(), 1) if place in line), 1)
