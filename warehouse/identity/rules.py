"""The rules of identity: which identifiers there are, how strong, how many, which values never tie.

They stand in one file that a person can read, identity.toml; the defaults are Segment's:
user_id one per profile, five of everything else; user_id first, then email, then by name.
`read` takes the file, with every mistake that is in it (rules_file).
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from warehouse.mistakes import Mistakes

WINDOWS = {"daily": 1, "weekly": 7, "monthly": 30, "annually": 365, "ever": None}
NORMALISE = ("none", "lower", "phone")


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

    def normal(self, value: str) -> str:
        """As a row with this value is stored."""
        if self.normalise == "lower":
            return value.strip().lower()
        return (self.normalise == "phone" and e164(value, self.region)) or value.strip()


class Named(NamedTuple):
    """One identifier, as `email:ada@example.com` names it."""

    type: str
    value: str


@dataclass(frozen=True)
class Line:
    """Two identifiers that somebody has joined or parted by hand, and why."""

    one: Named
    other: Named
    reason: str
    by: str


@dataclass(frozen=True)
class Trust:
    """What a source (a staging table, or all that begin with `<source>__`) may not tie by, and the
    strengths that are others on its rows.
    """

    source: str
    barred: tuple[str, ...]
    priority: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Rules:
    """Identifiers, strongest first; the size at which a profile grows no further; exceptions."""

    identifiers: tuple[Identifier, ...]
    priority: tuple[tuple[str, float], ...]
    max_merges: int
    max_identifiers: int
    trust: tuple[Trust, ...] = ()
    joins: tuple[Line, ...] = ()
    parts: tuple[Line, ...] = ()

    @property
    def names(self) -> list[str]:
        return [identifier.name for identifier in self.identifiers]

    def is_barred(self, table: str, name: str) -> bool:
        return any(name in trust.barred for trust in self._of(table))

    def by_strength(self, table: str) -> list[str]:
        """Identifiers on rows of a staging table, strongest first."""
        stated = dict(self.priority)
        for trust in self._of(table):
            stated |= trust.priority
        return sorted(self.names, key=lambda name: _strength(name, stated))

    def joined(self) -> list[frozenset[Named]]:
        """Identifiers that are one by hand, through however many lines."""
        return groups(self.joins)

    def _of(self, table: str) -> Iterator[Trust]:
        """What is said of the table; what is said of its source comes first."""
        source = table.partition("__")[0]
        yield from (trust for trust in self.trust if trust.source == source)
        yield from (trust for trust in self.trust if trust.source == table != source)


def groups(joins: Collection[Line]) -> list[frozenset[Named]]:
    found: list[frozenset[Named]] = []
    for line in joins:
        pair = frozenset({line.one, line.other})
        met = [group for group in found if group & pair]
        found = [group for group in found if not group & pair] + [pair.union(*met)]
    return found


def e164(text: str, region: str) -> str | None:
    """A phone number in its international form; None where libphonenumber knows it for none."""
    import phonenumbers

    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def read(path: Path) -> Rules:
    """Raises Mistakes with everything that is wrong in the file."""
    from warehouse.identity import rules_file

    stated, wrong = rules_file.parse(path)
    if wrong:
        raise Mistakes(wrong)
    return rules(stated)


def rules(stated: dict[str, Any]) -> Rules:
    """Rules out of what a file states, which must be without mistakes."""
    names = stated["identifiers"]
    blocked = stated.get("blocked", {})
    profile = stated.get("profile", {})
    identifiers = {name: _identifier(name, names[name], blocked) for name in by_priority(names)}
    return Rules(
        tuple(identifiers.values()),
        tuple(_priority(names).items()),
        profile.get("max_merges", 100),
        profile.get("max_identifiers", 1000),
        tuple(_trust(name, said) for name, said in stated.get("sources", {}).items()),
        tuple(line(said, identifiers) for said in stated.get("join", ())),
        tuple(line(said, identifiers) for said in stated.get("part", ())),
    )


def by_priority(names: dict[str, dict[str, Any]]) -> list[str]:
    """Strongest first: those with a priority, then user_id and email, then the rest by name."""
    stated = _priority(names)
    return sorted(names, key=lambda name: _strength(name, stated))


def line(said: dict[str, Any], identifiers: dict[str, Identifier]) -> Line:
    """`identifiers = ["email:ada@example.com", "user_id:7"]`, a reason, and by whom."""
    one, other = (_named(text, identifiers) for text in said["identifiers"])
    return Line(one, other, said["reason"], said["by"])


def _named(text: str, identifiers: dict[str, Identifier]) -> Named:
    kind, _, value = text.partition(":")
    return Named(kind, identifiers[kind].normal(value))


def _priority(names: dict[str, dict[str, Any]]) -> dict[str, float]:
    return {name: said["priority"] for name, said in names.items() if "priority" in said}


def _strength(name: str, stated: dict[str, float]) -> tuple[float, tuple[int, str]]:
    unnumbered = {"user_id": (1, ""), "email": (2, "")}
    return stated.get(name, float("inf")), unnumbered.get(name, (3, name))


def _trust(name: str, said: dict[str, Any]) -> Trust:
    return Trust(name, tuple(said.get("barred", ())), tuple(said.get("priority", {}).items()))


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
