"""Identity row by row: what a component of rows becomes when limits must be decided.

The rule, for each row in time order:
1. Find the profiles that hold any of its identifiers.
2. Their union with the row's identifiers keeps every limit: they become one, the oldest (or a new
   one, where nobody was found), and it holds all the identifiers from now on.
3. It breaks a limit: leave out the row's weakest identifier and go to 1 with the rest.
4. What was left out, is held by nobody and breaks no limit, joins after all; anything else that was
   left out is a violation.

This is Segment's merge protection (its documentation's "Identity Resolution Settings"), but for
step 4: there, an innocent identifier that was left out before the guilty one is lost.

Lines made by hand come before all of it. Identifiers that a `[[join]]` names are one identifier
that is written in several ways: whoever has one of them has all, it is as strong as its strongest,
and it counts once, so that no limit can part it. A `[[part]]` is a limit of its own: a union with
both of its identifiers is broken, as in 3, so that on a row that would tie them the weaker one is
left out. (Joined identifiers that a line parts contradict each other: that is a mistake in the
file.) Here, an identifier is what lines have joined: the rest of identity calls it a stand.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from warehouse.identity.rules import Rules

if TYPE_CHECKING:
    from warehouse.identity.components import Numbers

OVER_LIMIT = "Identifier value limit exceeded"
OVER_TIME_LIMIT = "Identifier value time limit exceeded"
OVER_MERGES = "Profile merge limit exceeded"
OVER_IDENTIFIERS = "Identifier mapping limit exceeded"
PARTED = "Parted by hand"
REASONS = (OVER_LIMIT, OVER_TIME_LIMIT, OVER_MERGES, OVER_IDENTIFIERS, PARTED)

DAY = 24 * 60 * 60 * 1_000_000  # microseconds


class Row(NamedTuple):
    """Numbers for one row: its place in time order, the tuple of identifiers it bears (a profile
    goes by the tuple that founded it), its time in microseconds.
    """

    number: int
    tuple: int
    at: int


@dataclass
class Outcome:
    """Lists of numbers, ready to become tables."""

    founders: list[tuple[int, int]] = field(default_factory=list)  # profile, founding identifier
    merges: list[tuple[int, int, int]] = field(default_factory=list)  # from, into, row
    violations: list[tuple[int, int, str]] = field(default_factory=list)  # row, identifier, reason
    rows: list[tuple[int, int]] = field(default_factory=list)  # row, profile at that time
    attached: list[tuple[int, int]] = field(default_factory=list)  # identifier, its first profile
    holders: list[tuple[int, int]] = field(default_factory=list)  # identifier, profile at the end


class Stands(NamedTuple):
    """What there is to know of identifiers."""

    of_tuples: Mapping[int, Sequence[int]]  # strongest first
    types: Mapping[int, int]  # places in rules.identifiers
    parted: Mapping[int, frozenset[int]]  # those that an identifier may not be together with


class Known(NamedTuple):
    """Profiles as they stand before the first row."""

    profiles: Sequence[tuple[int, int, int]]  # profile, founding identifier, merges so far
    held: Sequence[tuple[int, int]]  # identifier, profile


NOBODY = Known((), ())


@dataclass(eq=False, slots=True)
class _Profile:
    number: int
    held: dict[int, int]  # since when
    counts: list[int]  # by type
    merges: int = 0


def replay(
    rows: Iterable[tuple[int, int, int]], stands: Stands, rules: Rules, known: Known = NOBODY
) -> Outcome:
    """Resolve rows, as in `Row`, in the order given; `known` profiles count as founders."""
    state = _State(stands, rules)
    state.take_up(known)
    # Most rows say again what is known: identifiers that one profile holds stay together.
    settled: dict[int, int] = {}
    homes = state.outcome.rows
    for number, tuple_, at in rows:
        home = settled.get(tuple_)
        if home is None:
            nodes = stands.of_tuples[tuple_]
            home = state.resolve(Row(number, tuple_, at), nodes)
            if state.is_together(nodes):
                settled[tuple_] = home
        homes.append((number, home))
    state.outcome.holders = [(node, held.number) for node, held in state.holder.items()]
    return state.outcome


class _State:
    def __init__(self, stands: Stands, rules: Rules):
        self.type_of = stands.types
        self.rules = rules
        self.parted = stands.parted
        self.holder: dict[int, _Profile] = {}
        self.outcome = Outcome()

    def take_up(self, known: Known) -> None:
        """Since when they hold what they hold is not known, and only a window asks for it."""
        profiles = {}
        for number, founder, merges in known.profiles:
            self.outcome.founders.append((number, founder))
            profiles[number] = _Profile(number, {}, [0] * len(self.rules.identifiers), merges)
        for node, number in known.held:
            profile = self.holder[node] = profiles[number]
            profile.held[node] = 0
            profile.counts[self.type_of[node]] += 1

    def is_together(self, nodes: Sequence[int]) -> bool:
        first = self.holder.get(nodes[0])
        return first is not None and all(self.holder.get(node) is first for node in nodes)

    def resolve(self, row: Row, nodes: Sequence[int]) -> int:
        """The number of the profile that the row belongs to."""
        kept = list(nodes)
        left_out: list[tuple[int, str]] = []
        while broken := self._broken(found := self._found(kept), kept, row.at):
            left_out.append((kept.pop(), broken))
        profile = self._merge(found, row) if found else self._found_new(row, min(kept))
        for node in kept:
            self._attach(profile, node, row.at)
        for node, reason in reversed(left_out):
            self._second_look(profile, node, reason, row)
        return profile.number

    def _found(self, nodes: Sequence[int]) -> list[_Profile]:
        """The profiles that hold any of these, oldest first."""
        found = {held.number: held for node in nodes if (held := self.holder.get(node))}
        return [found[number] for number in sorted(found)]

    def _broken(self, found: list[_Profile], nodes: Sequence[int], at: int) -> str | None:
        """What the rules say against the union of these profiles and identifiers, if anything."""
        new = [node for node in nodes if node not in self.holder]
        if len(found) < 2 and not new:
            return None
        if len(nodes) == 1 and not found:
            return None
        if self.parted and self._is_parted(found, nodes):
            return PARTED
        merges = len(found) - 1
        if merges > 0 and merges + sum(p.merges for p in found) > self.rules.max_merges:
            return OVER_MERGES
        if sum(len(p.held) for p in found) + len(new) > self.rules.max_identifiers:
            return OVER_IDENTIFIERS
        return self._limit_broken(found, new, at)

    def _is_parted(self, found: list[_Profile], nodes: Sequence[int]) -> bool:
        apart = {other for node in nodes for other in self.parted.get(node, ())}
        for profile in found:
            apart |= {o for node in profile.held.keys() & self.parted for o in self.parted[node]}
        return not apart.isdisjoint(nodes) or any(
            not apart.isdisjoint(profile.held) for profile in found
        )

    def _limit_broken(self, found: list[_Profile], new: list[int], at: int) -> str | None:
        added = [self.type_of[node] for node in new]
        for place, identifier in enumerate(self.rules.identifiers):
            count = added.count(place)
            for profile in found:
                count += profile.counts[place]
            if count <= identifier.limit:
                continue
            if identifier.window_days is None:
                return OVER_LIMIT
            since = at - identifier.window_days * DAY
            recent = added.count(place) + sum(
                self.type_of[node] == place and joined > since
                for profile in found
                for node, joined in profile.held.items()
            )
            if recent > identifier.limit:
                return OVER_TIME_LIMIT
        return None

    def _found_new(self, row: Row, node: int) -> _Profile:
        self.outcome.founders.append((row.tuple, node))
        return _Profile(row.tuple, {}, [0] * len(self.rules.identifiers))

    def _merge(self, found: list[_Profile], row: Row) -> _Profile:
        oldest, *others = found
        for other in others:
            self.outcome.merges.append((other.number, oldest.number, row.number))
            oldest.merges += other.merges + 1
            oldest.held.update(other.held)
            oldest.counts = [a + b for a, b in zip(oldest.counts, other.counts, strict=True)]
            for node in other.held:
                self.holder[node] = oldest
        return oldest

    def _attach(self, profile: _Profile, node: int, at: int) -> None:
        if node not in self.holder:
            self.holder[node] = profile
            self.outcome.attached.append((node, profile.number))
            profile.held[node] = at
            profile.counts[self.type_of[node]] += 1

    def _second_look(self, profile: _Profile, node: int, reason: str, row: Row) -> None:
        if node not in self.holder and not self._broken([profile], [node], row.at):
            self._attach(profile, node, row.at)
        elif self.holder.get(node) is not profile:
            self.outcome.violations.append((row.number, node, reason))


def merge_all(ties: Iterable[tuple[int, Iterable[int]]]) -> list[tuple[int, int, int]]:
    """Where no limit is broken: (tuple in time order, founders of the profiles it ties) in, merges
    (from, into, tuple) out. A founder goes by the tuple that founded it, the oldest is the least.
    """
    into: dict[int, int] = {}
    merges = []
    for tuple_, founders in ties:
        found = set()
        for founder in founders:
            profile = founder
            while profile in into:
                profile = into[profile]
            found.add(profile)
        oldest = min(found)
        for other in sorted(found - {oldest}):
            into[other] = oldest
            merges.append((other, oldest, tuple_))
    return merges


def columns(rows: Sequence[tuple[int, ...]], names: Sequence[str]) -> dict[str, "Numbers"]:
    """Rows of numbers as arrays."""
    import numpy as np

    table = np.array(rows, dtype=np.int64).reshape(-1, len(names))
    return {name: table[:, place].copy() for place, name in enumerate(names)}
