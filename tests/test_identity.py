"""Identity on staging tables: against an obvious twin, over several runs, and with odd input."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse import identity
from warehouse.database import Database, connect
from warehouse.mistakes import Mistakes
from warehouse.occurrences import Input
from warehouse.rules import Rules, read, rules

NAMES = ("user_id", "email", "anonymous_id")
START = datetime(2026, 1, 1, tzinfo=UTC)
Row = tuple[int, str | None, str | None, str | None]  # minutes after START, then one of each name
DEFAULTS = rules({"identifiers": {name: {} for name in NAMES}})


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with connect(tmp_path / "warehouse.duckdb") as opened:
        yield opened


def stitch(db: Database, rows: Sequence[Row], ruled: Rules = DEFAULTS) -> None:
    """Rows by id r0, r1, … in a staging table, stitched."""
    names = [identifier.name for identifier in ruled.identifiers]
    columns: dict[str, Any] = {
        "row_id": [f"r{number:03d}" for number in range(len(rows))],
        "happened_at": [START + timedelta(minutes=row[0]) for row in rows],
    }
    columns |= {
        name: pa.array([row[1 + NAMES.index(name)] for row in rows], pa.string()) for name in names
    }
    db.write("staging.app__rows", pa.table(columns), "replace")
    build(db, Input("app__rows", "row_id", "happened_at", tuple(names)), ruled)


def build(db: Database, source: Input, ruled: Rules = DEFAULTS) -> None:
    with TemporaryDirectory() as folder:
        identity.build(lambda: nullcontext(db), [source], ruled, Path(folder) / "identity")


def holders(db: Database) -> dict[str, str]:
    return dict(db.run("select type || ':' || value, profile_id from identity.identifiers"))  # type: ignore[arg-type]


def partition(db: Database) -> set[frozenset[str]]:
    groups: dict[str, set[str]] = {}
    for name, profile in holders(db).items():
        groups.setdefault(profile, set()).add(name)
    return {frozenset(group) for group in groups.values()}


Partition = set[frozenset[str]]


def twin(  # noqa: C901 - the whole rule at a glance is what makes it obvious
    rows: Sequence[Row], limits: dict[str, int]
) -> tuple[Partition, dict[str, int]]:
    """The rule of the design, slow and obvious: the partition, and each row's profile number."""
    profiles: list[set[str]] = []
    became: dict[int, int] = {}
    row_of: dict[str, int] = {}

    def fits(names: set[str]) -> bool:
        return all(
            sum(name.startswith(kind + ":") for name in names) <= limit
            for kind, limit in limits.items()
        )

    ordered = sorted(enumerate(rows), key=lambda pair: (pair[1][0], pair[0]))
    for number, row in ordered:
        kept = [f"{kind}:{value}" for kind, value in zip(NAMES, row[1:], strict=True) if value]
        if not kept:
            continue
        out = []
        while True:
            found = [n for n, held in enumerate(profiles) if held & set(kept)]
            union = set(kept).union(*(profiles[n] for n in found))
            if (
                fits(union)
                or (not found and len(kept) == 1)
                or union in (profiles[n] for n in found)
            ):
                break
            out.append(kept.pop())
        if not found:
            profiles.append(set())
            found = [len(profiles) - 1]
        for other in found[1:]:
            profiles[other], became[other] = set(), found[0]
        profiles[found[0]] = union
        for name in reversed(out):
            held = any(name in other for other in profiles)
            if not held and fits(profiles[found[0]] | {name}):
                profiles[found[0]].add(name)
        row_of[f"r{number:03d}"] = found[0]
    while any(profile in became for profile in row_of.values()):
        row_of = {row_id: became.get(profile, profile) for row_id, profile in row_of.items()}
    return {frozenset(held) for held in profiles if held}, row_of


values = st.none() | st.sampled_from("abcdefg")
some_rows = st.lists(
    st.tuples(st.integers(0, 30), st.none() | st.sampled_from("uvw"), values, values), max_size=25
)
some_limits = st.fixed_dictionaries(
    {"user_id": st.integers(1, 2), "email": st.integers(1, 3), "anonymous_id": st.integers(1, 4)}
)


@settings(max_examples=40, deadline=None)
@given(rows=some_rows, limits=some_limits)
def test_the_result_is_that_of_resolving_every_row_in_turn(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], limits: dict[str, int]
) -> None:
    stated = {name: {"limit": f"{limit} ever"} for name, limit in limits.items()}
    ruled = rules(
        {"identifiers": {name: {**stated[name], "priority": n} for n, name in enumerate(NAMES)}}
    )
    with connect(tmp_path_factory.mktemp("twin") / "w.duckdb") as db:
        stitch(db, rows, ruled)
        expected, row_of = twin(rows, limits)
        assert partition(db) == expected
        got = dict(db.run("select row_id, profile_id from identity.rows"))  # type: ignore[arg-type]
        assert got.keys() == row_of.keys()
        pairs = {(got[row_id], row_of[row_id]) for row_id in got}
        assert len(pairs) == len(set(got.values())) == len(set(row_of.values()))


def test_rows_that_share_nothing_stay_apart(db: Database) -> None:
    stitch(db, [(0, "u", None, None), (1, None, None, "a")])
    assert partition(db) == {frozenset({"user_id:u"}), frozenset({"anonymous_id:a"})}


def test_a_merge_is_recorded_with_the_row_that_tied(db: Database) -> None:
    stitch(db, [(0, None, None, "a"), (1, "u", None, None), (2, "u", None, "a")])
    before, after = db.run("select from_profile_id, into_profile_id from identity.merges")[0]
    assert after == holders(db)["anonymous_id:a"] == holders(db)["user_id:u"]
    assert before != after
    assert db.run("select merged_at, source, row_id from identity.merges") == [
        (START + timedelta(minutes=2), "app__rows", "r002")
    ]
    assert db.run("select profile_id, merge_count, identifier_count from identity.profiles") == [
        (after, 1, 2)
    ]


def test_a_second_run_over_the_same_rows_changes_nothing(db: Database) -> None:
    rows: list[Row] = [
        (0, None, None, "a"),
        (1, "u", "e", None),
        (2, "u", None, "a"),
        (3, "v", "e", "b"),
    ]
    stitch(db, rows)
    first = {table: db.run(f"from {table} order by all") for table in identity.COLUMNS}
    stitch(db, rows)
    assert {table: db.run(f"from {table} order by all") for table in identity.COLUMNS} == first


def test_the_id_stays_when_an_older_row_comes_late(db: Database) -> None:
    stitch(db, [(10, "u", None, None)])
    before = holders(db)["user_id:u"]
    stitch(db, [(10, "u", None, None), (5, None, None, "a"), (6, "u", None, "a")])
    assert holders(db) == {"user_id:u": before, "anonymous_id:a": before}


def test_on_a_merge_the_older_of_two_known_profiles_goes_on(db: Database) -> None:
    stitch(db, [(0, "u", None, None), (1, None, "e", None)])
    before = holders(db)
    stitch(db, [(0, "u", None, None), (1, None, "e", None), (2, "u", "e", None)])
    assert holders(db) == dict.fromkeys(before, before["user_id:u"])
    assert db.run("select from_profile_id, into_profile_id from identity.merges") == [
        (before["email:e"], before["user_id:u"])
    ]


def test_on_a_split_the_part_with_the_oldest_identifier_keeps_the_id(db: Database) -> None:
    stitch(db, [(0, "u", None, None), (1, None, "e", None), (2, "u", "e", None)])
    before = holders(db)["user_id:u"]
    stitch(db, [(0, "u", None, None), (1, None, "e", None)])
    after = holders(db)
    assert after["user_id:u"] == before
    assert after["email:e"] != before


def test_the_profile_is_the_same_in_whatever_order_its_rows_were_loaded(db: Database) -> None:
    rows: list[Row] = [(3, "u", None, "a"), (1, None, None, "a"), (2, "u", "e", None)]
    stitch(db, rows)
    first = holders(db)
    stitch(db, rows[::-1])
    assert holders(db) == first


def test_blocked_values_tie_nobody_and_are_on_record(db: Database) -> None:
    ruled = rules(
        {
            "blocked": {"values": ["null"], "patterns": ["^[0-]*$"]},
            "identifiers": {name: {} for name in NAMES},
        }
    )
    stitch(db, [(0, "NULL", None, "a"), (1, "null", None, "b"), (2, "00-0", None, None)], ruled)
    assert partition(db) == {frozenset({"anonymous_id:a"}), frozenset({"anonymous_id:b"})}
    assert db.run("select row_id, type, value, reason from identity.violations order by all") == [
        ("r000", "user_id", "NULL", "ID value blocked"),
        ("r001", "user_id", "null", "ID value blocked"),
        ("r002", "user_id", "00-0", "ID value blocked"),
    ]


def test_phones_and_emails_tie_in_whatever_form_they_were_written(db: Database) -> None:
    stated = {
        "email": {"normalise": "lower"},
        "user_id": {"normalise": "phone"},
        "anonymous_id": {},
    }
    ruled = rules({"identifiers": stated})
    rows: list[Row] = [
        (0, "(650) 253-0000", "Ada@X.com ", "a"),
        (1, "+1 650 253 0000", None, "b"),
        (2, None, "ada@x.com", "c"),
        (3, "+44 20 7946 0958", None, "d"),
        (4, "ext. seven", None, "e"),
    ]
    stitch(db, rows, ruled)
    assert partition(db) == {
        frozenset(
            {
                "user_id:+16502530000",
                "email:ada@x.com",
                "anonymous_id:a",
                "anonymous_id:b",
                "anonymous_id:c",
            }
        ),
        frozenset({"user_id:+442079460958", "anonymous_id:d"}),
        frozenset({"user_id:ext. seven", "anonymous_id:e"}),
    }
    assert db.run("select seen_as from identity.identifiers where type = 'email'") == [
        ("Ada@X.com",)
    ]


def test_a_row_without_a_time_comes_last(db: Database) -> None:
    db.run("create schema staging")
    db.run(
        "create table staging.app__rows as from (values ('r0', null, 'u', 'a'),"
        " ('r1', timestamptz '2026-01-01 00:00:00+00', 'v', 'a')) as t (row_id, happened_at, user_id, anonymous_id)"
    )
    build(db, Input("app__rows", "row_id", "happened_at", ("user_id", "anonymous_id")))
    assert partition(db) == {frozenset({"user_id:v", "anonymous_id:a"}), frozenset({"user_id:u"})}
    assert db.run("select type, first_seen_at from identity.identifiers where value = 'u'") == [
        ("user_id", None)
    ]


def test_a_chain_of_a_thousand_identifiers_is_one_profile(db: Database) -> None:
    unlimited = rules(
        {
            "identifiers": {n: {"limit": "9999 ever"} for n in NAMES},
            "profile": {"max_identifiers": 5000, "max_merges": 5000},
        }
    )
    links = [(n, None, f"e{n // 2}", f"a{(n + 1) // 2}") for n in range(1000)]
    stitch(db, links, unlimited)
    assert len(partition(db)) == 1
    assert len(holders(db)) == 1001


def test_every_mistake_in_the_rules_is_shown_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "identity.toml"
    path.write_text(
        '[blocked]\npatterns = ["(["]\n[identifiers.user_id]\nlimit = "one ever"\n'
        '[identifiers.email]\nnormalize = "lower"\n[identifiers.phone]\nnormalise = "e164"\n'
    )
    with pytest.raises(Mistakes) as caught:
        read(path)
    assert [(m.line, m.text) for m in caught.value.mistakes] == [
        (2, "the pattern '([' is none: unterminated character set at position 1"),
        (
            3,
            "user_id: limit 'one ever' is not like '5 weekly'; daily, weekly, monthly, annually, ever",
        ),
        (
            5,
            "email: unknown setting 'normalize'; known: priority, limit, normalise, region, blocked",
        ),
        (7, "phone: unknown normalise 'e164'; known: none, lower, phone"),
    ]
