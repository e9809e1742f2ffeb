"""Segment's Profiles Sync tables: the case study of its documentation, and what it leaves open."""

import json
from pathlib import Path
from typing import Any

import pytest
from test_identity_cases import CASES, MODELS, rules_of

import sources.events
from warehouse import catalog, database, events, identity, making, model
from warehouse.catalog import Catalog
from warehouse.identity.rules import Rules, rules

Event = dict[str, Any]
NAMES = ("user_id", "email", "anonymous_id")
DEFAULTS = rules({"identifiers": {name: {} for name in NAMES}})


def made(folder: Path, told: list[Event], ruled: Rules = DEFAULTS) -> Path:
    """A warehouse with these events, stitched, and every table of Profiles Sync."""
    warehouse = folder / "warehouse.duckdb"
    (folder / "dump.jsonl").write_text("\n".join(json.dumps(event) for event in told))
    events.load(warehouse, sources.events.source(str(folder / "dump.jsonl")).dumps)
    found = project(ruled)
    for schema in ("staging", "identity", "resolved", "traits", "profiles_sync"):
        if schema == "identity":
            inputs = identity.inputs(found.of("staging"), found.names(), ruled, [])
            identity.build(warehouse, inputs, ruled)
        for each in found.of(schema):
            making.make(warehouse, each)
    return warehouse


def project(ruled: Rules) -> Catalog:
    """The project's own models, as far as events alone and these rules can make them."""
    wanted = ("staging/events__", "traits/about", "profiles_sync/")
    files = [
        each
        for each in model.find(MODELS)[0]
        if str(each.path).removeprefix(f"{MODELS}/").startswith(wanted)
    ]
    return catalog.build(files, ruled, ["events.*"], {})


def ask(warehouse: Path, select: str) -> list[tuple[Any, ...]]:
    with database.connect(warehouse, read_only=True) as db:
        return db.run(select)


@pytest.fixture(scope="module")
def case() -> Event:
    if not CASES.exists():
        pytest.skip(f"no worked cases at {CASES}")
    [found] = [c for c in json.loads(CASES.read_text()) if c["name"] == "profiles-sync-case-study"]
    return dict(found)


@pytest.fixture(scope="module")
def studied(case: Event, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("study"), case["events"], rules_of(case))


# The documentation prints two things that its own events do not say: event_3 came at 10:47:15, and
# event_2 was on the page try-twilio.
SLIPS = {
    ("external_id_mapping_updates", 2): "2022-06-22 10:47:15",
    ("external_id_mapping", 2): "2022-06-22 10:47:15",
}
EVENT_TABLES = ("pages", "identifies")


@pytest.mark.parametrize(
    "table",
    [
        "id_graph_updates",
        "external_id_mapping_updates",
        "id_graph",
        "external_id_mapping",
        "profile_traits",
        "pages",
        "identifies",
    ],
)
def test_the_case_study_comes_out_row_for_row(case: Event, studied: Path, table: str) -> None:
    printed = case["expected"]["tables"][table]
    columns = [name for name in printed["columns"] if name != "event_source_id"]
    expected = [
        dict(zip(printed["columns"], row, strict=True)) | slip(table, place)
        for place, row in enumerate(printed["rows"])
    ]
    assert [dict(zip(columns, row, strict=True)) for row in rows(studied, table, columns)] == [
        {name: row[name] for name in columns} for row in expected
    ]


def slip(table: str, place: int) -> dict[str, str]:
    if (table, place) == ("identifies", 0):
        return {"context_url": "twilio.com/try-twilio"}
    found = SLIPS.get((table, place))
    return {"timestamp": found} if found else {}


def rows(warehouse: Path, table: str, columns: list[str]) -> list[tuple[Any, ...]]:
    """The table with our profiles called profile_1, profile_2 by age."""
    [first], [second] = ask(
        warehouse,
        "select segment_id from profiles_sync.id_graph_updates"
        " where segment_id = canonical_segment_id order by timestamp",
    )
    names = {first: "profile_1", second: "profile_2"}
    source = f"profiles_sync.{table}"
    if table in EVENT_TABLES:
        source = f"(select *, id as event_id from events.{table})"
        source += " join profiles_sync.event_segments using (event_id)"
    listed = ", ".join(
        f"strftime({name}, '%Y-%m-%d %H:%M:%S')" if name == "timestamp" else name
        for name in columns
    )
    order = "timestamp" if "timestamp" in columns else "merged_to nulls first"
    found = ask(warehouse, f"select {listed} from {source} order by {order}")
    return [tuple(names.get(value, value) for value in row) for row in found]


def test_a_hash_is_the_sha1_of_kind_and_value_with_nothing_between(studied: Path) -> None:
    assert ask(
        studied,
        "select external_id_hash from profiles_sync.external_id_mapping"
        " where external_id_type = 'email'",
    ) == [("bc269125e7a325f844980b80d7084928bbcaf304",)]


def test_a_merge_is_written_for_those_too_that_went_into_the_profile_before(
    tmp_path: Path,
) -> None:
    warehouse = made(
        tmp_path,
        [
            call("oldest", 0, userId="u"),
            call("middle", 1, anonymousId="m"),
            call("young", 2, anonymousId="y"),
            call("first_merge", 3, anonymousId="y", traits={"email": "m@x.com"}),
            call("bridge", 4, anonymousId="m", traits={"email": "m@x.com"}),
            call("last_merge", 5, userId="u", anonymousId="m"),
        ],
    )
    assert ask(
        warehouse,
        """
        with names as (
            select segment_id, triggering_event_id as name
            from profiles_sync.id_graph_updates where segment_id = canonical_segment_id
        )
        select one.name, other.name, triggering_event_id
        from profiles_sync.id_graph_updates as updates
        join names as one on one.segment_id = updates.segment_id
        join names as other on other.segment_id = canonical_segment_id
        order by seq, one.name
        """,
    ) == [
        ("oldest", "oldest", "oldest"),
        ("middle", "middle", "middle"),
        ("young", "young", "young"),
        ("young", "middle", "bridge"),
        ("middle", "oldest", "last_merge"),
        ("young", "oldest", "last_merge"),
    ]
    assert ask(
        warehouse,
        "select count(*), count(distinct canonical_segment_id) from profiles_sync.id_graph",
    ) == [(3, 1)]
    assert ask(
        warehouse,
        "select segment_id, canonical_segment_id from profiles_sync.profile_merges order by all",
    ) == ask(
        warehouse,
        "select segment_id, canonical_segment_id from profiles_sync.id_graph order by all",
    )


def test_every_trait_that_was_told_is_a_column_and_the_newest_value_counts(tmp_path: Path) -> None:
    warehouse = made(
        tmp_path,
        [
            call("a", 0, anonymousId="a", traits={"favorite": "red", "seats": 3}),
            call("b", 1, userId="u", traits={"favorite": "blue", "team.name": "core"}),
            call("c", 2, anonymousId="a", userId="u"),
        ],
    )
    assert ask(
        warehouse,
        "select favorite, seats, team_name, merged_to is null from profiles_sync.profile_traits"
        " order by merged_to nulls first",
    ) == [("blue", 3, "core", True), (None, None, None, False)]
    assert ask(
        warehouse,
        "select triggering_event_id, favorite, seats, team_name"
        " from profiles_sync.profile_traits_updates order by seq",
    ) == [("a", "red", 3, None), ("b", "blue", None, "core"), ("c", None, None, None)]
    assert ask(warehouse, "select name, value from profiles_sync.user_traits order by name") == [
        ("favorite", "blue"),
        ("seats", "3"),
        ("team.name", "core"),
    ]
    assert ask(
        warehouse, "select type, value from profiles_sync.user_identifiers order by all"
    ) == [("anonymous_id", "a"), ("user_id", "u")]


def call(message: str, minute: int, **told: Any) -> Event:
    at = f"2026-01-01T00:{minute:02d}:00Z"
    return {"type": "identify", "messageId": message, "timestamp": at, **told}
