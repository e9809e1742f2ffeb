"""Identity against a slow and obvious twin, on random histories, rules, batches and orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stitching import NAMES, Stitched

from warehouse.identity import replay
from warehouse.identity.rules import Rules, rules
from warehouse.identity.spelled import BARRED, BLOCKED

SOURCES = ("app__rows", "crm__rows")
DAYS = {"ever": 10**9, "daily": 1, "weekly": 7}


class Said(NamedTuple):
    """A row of a source: its id, its hour, and an identifier of each name or None."""

    source: str
    row_id: str
    hour: int
    values: tuple[str | None, ...]


@dataclass(eq=False)
class Person:
    founder: tuple[str, str]
    since: dict[str, int] = field(default_factory=dict)  # identifiers, and the hour they came
    merges: int = 0


@dataclass
class Twin:
    """The rules of the design, one row after the other, with sets and names and no hurry."""

    stated: Mapping[str, Any]
    people: list[Person] = field(default_factory=list)
    home: dict[tuple[str, str], Person] = field(default_factory=dict)
    merges: set[Any] = field(default_factory=set)
    violations: set[Any] = field(default_factory=set)
    became: dict[int, Person] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    written: dict[str, list[str]] = field(default_factory=dict)

    def read(self, rows: Sequence[Said]) -> "Twin":
        for row in sorted(rows, key=lambda row: (row.hour, row.source, row.row_id)):
            if kept := self.usable(row):
                self.resolve(row, kept)
        return self

    def usable(self, row: Said) -> list[str]:
        """What may tie, strongest first, each in the name of all that is joined to it."""
        kept: dict[str, list[str]] = {}
        barred = self.stated.get("sources", {}).get("crm", {}) if row.source[:3] == "crm" else {}
        for name, value in zip(NAMES, row.values, strict=True):
            if value is None:
                continue
            if name in barred.get("barred", ()):
                self.violations.add((row[:2], f"{name}:{value}", BARRED))
            elif value in self.stated["blocked"]["values"]:
                self.violations.add((row[:2], f"{name}:{value}", BLOCKED))
            else:
                self.seen.add(f"{name}:{value}")
                kept.setdefault(self.one(f"{name}:{value}"), []).append(f"{name}:{value}")
        priority = {name: said["priority"] for name, said in self.stated["identifiers"].items()}
        priority |= barred.get("priority", {})
        strength = {
            name: priority[name.partition(":")[0]]
            for name in {*kept, *(name for names in kept.values() for name in names)}
        }
        self.written = kept
        return sorted(
            kept, key=lambda one: (strength[one], min(strength[name] for name in kept[one]))
        )

    def one(self, name: str) -> str:
        """The strongest of those that are joined to an identifier."""
        group, grown = {name}, set[str]()
        while group != grown:
            grown = group
            pairs = [set(line["identifiers"]) for line in self.stated.get("join", ())]
            group = group.union(*(pair for pair in pairs if pair & group))
        return min(group, key=lambda one: (NAMES.index(one.partition(":")[0]), one))

    def resolve(self, row: Said, kept: list[str]) -> None:
        out: list[tuple[str, str]] = []
        while reason := self.broken(self.found(kept), kept, row.hour):
            out.append((kept.pop(), reason))
        found = self.found(kept)
        if not found:
            found = [Person(row[:2])]
            self.people += found
        oldest, *others = found
        for other in others:
            self.people.remove(other)
            self.became[id(other)] = oldest
            self.merges.add((row[:2], oldest.founder))
            oldest.merges += other.merges + 1
            oldest.since |= other.since
        for name in kept:
            oldest.since.setdefault(name, row.hour)
        for name, reason in reversed(out):
            holder = self.found([name])
            if not holder and not self.broken([oldest], [name], row.hour):
                oldest.since[name] = row.hour
            elif holder != [oldest]:
                self.violations |= {(row[:2], each, reason) for each in self.written[name]}
        self.home[row[:2]] = oldest

    def found(self, names: Sequence[str]) -> list[Person]:
        """Oldest first, as they were founded."""
        return [person for person in self.people if person.since.keys() & set(names)]

    def broken(self, found: list[Person], names: Sequence[str], hour: int) -> str | None:
        held = {name: at for person in found for name, at in person.since.items()}
        new = {name: hour for name in names if name not in held}
        if (len(found) == 1 and not new) or (not found and len(names) == 1):
            return None
        union = held | new
        for line in self.stated.get("part", ()):
            if {self.one(name) for name in line["identifiers"]} <= union.keys():
                return replay.PARTED
        if len(found) > 1 and (
            len(found) - 1 + sum(p.merges for p in found) > self.stated["profile"]["max_merges"]
        ):
            return replay.OVER_MERGES
        if len(union) > self.stated["profile"]["max_identifiers"]:
            return replay.OVER_IDENTIFIERS
        for name, said in sorted(
            self.stated["identifiers"].items(), key=lambda item: item[1]["priority"]
        ):
            limit, window = said["limit"].split()
            of_type = [at for one, at in union.items() if one.partition(":")[0] == name]
            recent = [at for at in of_type if at > hour - DAYS[window] * 24]
            if len(recent) > int(limit):
                return replay.OVER_LIMIT if window == "ever" else replay.OVER_TIME_LIMIT
        return None

    def now(self, person: Person) -> tuple[str, str]:
        while id(person) in self.became:
            person = self.became[id(person)]
        return person.founder

    def meaning(self) -> dict[str, set[Any]]:
        holder = {name: person for person in self.people for name in person.since}
        return {
            "identifiers": {
                (name, holder[one].founder)
                for name in self.seen
                if (one := self.one(name)) in holder
            },
            "rows": {(row, self.now(person)) for row, person in self.home.items()},
            "violations": self.violations,
            "merge rows": {row for row, _ in self.merges},
        }


def comparable(here: Stitched) -> dict[str, set[Any]]:
    meaning = here.meaning()
    return {
        "identifiers": {row[:2] for row in meaning["identifiers"]},
        "rows": meaning["rows"],
        "violations": meaning["violations"],
        "merge rows": {row for row, _ in meaning["merges"]},
    }


letters = st.none() | st.sampled_from("abcdef")
some_said = st.lists(
    st.tuples(
        st.sampled_from(SOURCES),
        st.integers(0, 240),
        st.tuples(st.none() | st.sampled_from("uvw"), letters, letters | st.just("null")),
    ),
    max_size=24,
).map(lambda rows: [Said(s, f"r{n:03d}", hour, v) for n, (s, hour, v) in enumerate(rows)])
names = st.sampled_from(
    [f"{name}:{value}" for name in NAMES for value in ("uvw" if name == "user_id" else "abcd")]
)
pairs = st.lists(names, min_size=2, max_size=2, unique=True)


@st.composite
def some_rules(draw: st.DrawFn) -> dict[str, Any]:
    limits = [f"{draw(st.integers(1, 4))} {draw(st.sampled_from(list(DAYS)))}" for _ in NAMES]
    lines = {"reason": "asked them", "by": "Ada"}
    stated: dict[str, Any] = {
        "identifiers": {
            name: {"priority": n, "limit": limit}
            for n, (name, limit) in enumerate(zip(NAMES, limits, strict=True))
        },
        "blocked": {"values": ["null"]},
        "profile": {
            "max_merges": draw(st.integers(1, 4) | st.just(100)),
            "max_identifiers": draw(st.integers(2, 8) | st.just(1000)),
        },
        "join": [{"identifiers": pair, **lines} for pair in draw(st.lists(pairs, max_size=2))],
    }
    if draw(st.booleans()):
        barred = draw(st.sampled_from([[], ["email"], ["anonymous_id"]]))
        stated["sources"] = {"crm": {"barred": barred, "priority": {"email": 9}}}
    joined = Twin(stated)
    stated["part"] = [
        {"identifiers": pair, **lines}
        for pair in draw(st.lists(pairs, max_size=2))
        if joined.one(pair[0]) != joined.one(pair[1])
    ]
    return stated


def run(here: Stitched, rows: Sequence[Said], ruled: Rules, *, full: bool = False) -> None:
    by_source: dict[str, dict[str, Any]] = {source: {} for source in SOURCES}
    for row in rows:
        by_source[row.source][row.row_id] = (row.hour * 60, *row.values)
    for source, said in by_source.items():
        here.stage(said, source)
    here.again(ruled, SOURCES, full=full)


@settings(max_examples=25, deadline=None)
@given(rows=some_said, stated=some_rules())
def test_a_full_build_is_what_resolving_every_row_in_turn_comes_to(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Said], stated: dict[str, Any]
) -> None:
    here = Stitched(tmp_path_factory.mktemp("twin") / "w.duckdb")
    run(here, rows, rules(stated))
    assert comparable(here) == Twin(stated).read(rows).meaning()


@settings(max_examples=15, deadline=None)
@given(
    rows=some_said.flatmap(st.permutations),
    stated=some_rules(),
    cuts=st.lists(st.integers(0, 24), max_size=3),
    lost=st.sets(st.integers(0, 23), max_size=2),
)
def test_batches_in_any_order_end_in_the_state_of_a_full_build(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[Said],
    stated: dict[str, Any],
    cuts: list[int],
    lost: set[int],
) -> None:
    """Some rows that came in one batch are gone in the next."""
    folder = tmp_path_factory.mktemp("batches")
    here, at_once = Stitched(folder / "batches.duckdb"), Stitched(folder / "once.duckdb")
    ruled = rules(stated)
    left = [row for row in rows if int(row.row_id[1:]) not in lost]
    for cut in sorted(cuts):
        run(here, rows[:cut], ruled)
    run(here, left, ruled)
    run(at_once, left, ruled)
    assert comparable(here) == Twin(stated).read(left).meaning()
    assert here.meaning() == at_once.meaning()
    before = here.record()
    run(here, left, ruled, full=True)
    assert here.record() == before


@settings(max_examples=15, deadline=None)
@given(rows=some_said, before=some_rules(), after=some_rules())
def test_other_rules_lead_where_they_would_have_led_from_the_start(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[Said],
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    here = Stitched(tmp_path_factory.mktemp("rules") / "w.duckdb")
    run(here, rows, rules(before))
    ids = {profile for (profile,) in here.ask("select profile_id from identity.profiles")}
    run(here, rows, rules(after))
    assert comparable(here) == Twin(after).read(rows).meaning()
    redirects = dict(here.ask("from identity.profile_redirects"))  # type: ignore[arg-type]
    held = set(here.holders().values())
    assert {redirects[profile] for profile in ids} <= held | {None}


@settings(max_examples=15, deadline=None)
@given(rows=some_said)
def test_without_limits_profiles_are_the_components_that_networkx_finds(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Said]
) -> None:
    here = Stitched(tmp_path_factory.mktemp("networkx") / "w.duckdb")
    free = rules({"identifiers": {name: {"limit": "1000 ever"} for name in NAMES}})
    run(here, rows, free)
    graph = networkx.Graph()
    for row in rows:
        borne = [f"{n}:{v}" for n, v in zip(NAMES, row.values, strict=True) if v is not None]
        graph.add_nodes_from(borne)
        graph.add_edges_from((borne[0], other) for other in borne[1:])
    assert here.partition() == {frozenset(part) for part in networkx.connected_components(graph)}
