"""Identity row by row: what a component of rows becomes when limits and merges must be decided.

The rule, for each row in time order:
1. Find the profiles that hold any of its identifiers.
2. Their union with the row's identifiers keeps every limit: they become one, the oldest (or a new
   one, where nobody was found), and it holds all the identifiers from now on.
3. It breaks a limit: leave out the row's weakest identifier and go to 1 with the rest.
4. What was left out, is held by nobody and breaks no limit, joins after all; anything else that was
   left out is a violation.

This is Segment's merge protection (its documentation's "Identity Resolution Settings"), but for
step 4: there, an innocent identifier that was left out before the guilty one is lost.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from warehouse.rules import Rules

OVER_LIMIT = "Identifier value limit exceeded"
OVER_TIME_LIMIT = "Identifier value time limit exceeded"
OVER_MERGES = "Profile merge limit exceeded"
OVER_IDENTIFIERS = "Identifier mapping limit exceeded"
BLOCKED = "ID value blocked"

DAY = 24 * 60 * 60 * 1_000_000  # microseconds


class Row(NamedTuple):
    """Numbers for one row: its place in time order, the tuple of identifiers it bears (a profile
    goes by the tuple that founded it), its time in microseconds, its identifiers, strongest first.
    """

    number: int
    tuple: int
    at: int
    nodes: Sequence[int]


@dataclass
class Outcome:
    """Lists of numbers, ready to become tables."""

    founders: list[tuple[int, int]] = field(default_factory=list)  # profile, founding identifier
    merges: list[tuple[int, int, int]] = field(default_factory=list)  # from, into, row
    violations: list[tuple[int, int, str]] = field(default_factory=list)  # row, identifier, reason
    rows: list[tuple[int, int]] = field(default_factory=list)  # row, profile at that time
    holders: list[tuple[int, int]] = field(default_factory=list)  # identifier, profile at the end
    survivors: list[tuple[int, int]] = field(default_factory=list)  # merged profile, what it became


@dataclass(eq=False)
class _Profile:
    number: int
    born: int
    held: dict[int, int] = field(default_factory=dict)
    counts: Counter[int] = field(default_factory=Counter)
    merges: int = 0


def replay(rows: Iterable[Row], type_of: dict[int, int], rules: Rules) -> Outcome:
    """Resolve rows in the order given. `type_of`: an identifier's place in rules.identifiers."""
    state = _State(type_of, rules)
    for row in rows:
        state.outcome.rows.append((row.number, state.resolve(row)))
    state.outcome.holders = [(node, held.number) for node, held in state.holder.items()]
    state.outcome.survivors = _survivors(state.outcome.merges)
    return state.outcome


def _survivors(merges: Sequence[tuple[int, int, int]]) -> list[tuple[int, int]]:
    """What became of each profile that merged; a later merge knows more, so from the last back."""
    became: dict[int, int] = {}
    for loser, winner, _ in reversed(merges):
        became[loser] = became.get(winner, winner)
    return list(became.items())


class _State:
    def __init__(self, type_of: dict[int, int], rules: Rules):
        self.type_of = type_of
        self.rules = rules
        self.holder: dict[int, _Profile] = {}
        self.outcome = Outcome()

    def resolve(self, row: Row) -> int:
        """The number of the profile that the row belongs to."""
        holders = {self.holder.get(node) for node in row.nodes}
        if len(holders) == 1 and (holder := holders.pop()):
            return holder.number  # most rows only say again what is known
        kept = list(row.nodes)
        left_out: list[tuple[int, str]] = []
        while broken := self._broken(found := self._found(kept), kept, row.at):
            left_out.append((kept.pop(), broken))
        profile = self._merge(found, row) if found else self._found_new(row, kept[0])
        for node in kept:
            self._attach(profile, node, row.at)
        for node, reason in reversed(left_out):
            self._second_look(profile, node, reason, row)
        return profile.number

    def _found(self, nodes: Sequence[int]) -> list[_Profile]:
        """The profiles that hold any of these, oldest first."""
        found = {held.number: held for node in nodes if (held := self.holder.get(node))}
        return sorted(found.values(), key=lambda profile: profile.born)

    def _broken(self, found: list[_Profile], nodes: Sequence[int], at: int) -> str | None:
        """What the rules say against the union of these profiles and identifiers, if anything."""
        new = [node for node in nodes if node not in self.holder]
        if len(found) < 2 and not new:
            return None
        if len(nodes) == 1 and not found:
            return None
        merges = len(found) - 1
        if merges > 0 and merges + sum(p.merges for p in found) > self.rules.max_merges:
            return OVER_MERGES
        if sum(len(p.held) for p in found) + len(new) > self.rules.max_identifiers:
            return OVER_IDENTIFIERS
        return self._limit_broken(found, new, at)

    def _limit_broken(self, found: list[_Profile], new: list[int], at: int) -> str | None:
        added = Counter(self.type_of[node] for node in new)
        for place, identifier in enumerate(self.rules.identifiers):
            count = added[place] + sum(profile.counts[place] for profile in found)
            if count <= identifier.limit:
                continue
            if identifier.window_days is None:
                return OVER_LIMIT
            since = at - identifier.window_days * DAY
            recent = added[place] + sum(
                self.type_of[node] == place and joined > since
                for profile in found
                for node, joined in profile.held.items()
            )
            if recent > identifier.limit:
                return OVER_TIME_LIMIT
        return None

    def _found_new(self, row: Row, node: int) -> _Profile:
        self.outcome.founders.append((row.tuple, node))
        return _Profile(row.tuple, row.number)

    def _merge(self, found: list[_Profile], row: Row) -> _Profile:
        oldest, *others = found
        for other in others:
            self.outcome.merges.append((other.number, oldest.number, row.number))
            oldest.merges += other.merges + 1
            oldest.held.update(other.held)
            oldest.counts.update(other.counts)
            for node in other.held:
                self.holder[node] = oldest
        return oldest

    def _attach(self, profile: _Profile, node: int, at: int) -> None:
        if node not in self.holder:
            self.holder[node] = profile
            profile.held[node] = at
            profile.counts[self.type_of[node]] += 1

    def _second_look(self, profile: _Profile, node: int, reason: str, row: Row) -> None:
        if node not in self.holder and not self._broken([profile], [node], row.at):
            self._attach(profile, node, row.at)
        elif self.holder.get(node) is not profile:
            self.outcome.violations.append((row.number, node, reason))
