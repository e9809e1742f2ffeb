"""Identity against worked cases: Segment's documented examples, and readings of its rules."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import sources.events
from warehouse import database, events, identity, model
from warehouse.identity.rules import Rules, by_priority, rules
from warehouse.model import Model

CASES = Path(__file__).parents[2] / "shared" / "identity_cases.json"
MODELS = Path(__file__).parents[1] / "warehouse" / "models"
STAGED = "staging.events__events"
Case = dict[str, Any]


@dataclass(frozen=True)
class Loaded:
    """A case whose events went by the real road as far as staging: dump, loader, model."""

    case: Case
    staging: Model
    rows: pa.Table

    @property
    def messages(self) -> list[str]:
        """In the order in which they came; one that came twice, once."""
        return list(dict.fromkeys(event["messageId"] for event in self.case["events"]))

    @property
    def expected(self) -> dict[str, Any]:
        said = self.case["expected"]
        return {
            "profiles": [sorted(map(our_name, names)) for names in said["profiles"]],
            "event_profile": said["event_profile"],
            "not_promoted": {
                row: sorted(names) for row, names in said.get("not_promoted", {}).items()
            },
            "violations": {row: sorted(why) for row, why in said.get("violations", {}).items()},
        }

    def stitched(self, warehouse: Path, runs: Iterable[int]) -> Path:
        """A run after each of these numbers of messages has come."""
        ruled = rules_of(self.case)
        inputs = identity.inputs([self.staging], {STAGED: self.rows.column_names}, ruled, [])
        for count in runs:
            came = pc.is_in(self.rows["event_id"], pa.array(self.messages[:count]))
            with database.connect(warehouse) as db:
                db.write(STAGED, self.rows.filter(came), "replace")
            identity.build(warehouse, inputs, ruled)
        return warehouse


def cases(*, about_priority: bool = False) -> list[Any]:
    if not CASES.exists():
        return [pytest.param({}, marks=pytest.mark.skip(reason=f"no worked cases at {CASES}"))]
    return [
        pytest.param(case, id=case["name"])
        for case in json.loads(CASES.read_text())
        if ("priority" in case["expected"]) == about_priority
    ]


@pytest.fixture(scope="module", params=cases())
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return loaded(request.param, tmp_path_factory.mktemp("case") / "warehouse.duckdb")


def test_events_become_the_profiles_that_the_case_says(case: Loaded, tmp_path: Path) -> None:
    assert record(case.stitched(tmp_path / "at_once.duckdb", [len(case.messages)])) == case.expected


def test_events_that_come_one_by_one_become_the_same(case: Loaded, tmp_path: Path) -> None:
    each = range(1, len(case.messages) + 1)
    assert record(case.stitched(tmp_path / "one_by_one.duckdb", each)) == case.expected


@pytest.mark.parametrize("case", cases(about_priority=True))
def test_identifiers_without_a_priority_rank_as_the_case_says(case: Case) -> None:
    stated = case["expected"]["priority"]
    assert by_priority({name: {} for name in case["identifier_types"]}) == sorted(
        stated, key=stated.__getitem__
    )


def loaded(case: Case, warehouse: Path) -> Loaded:
    """A dump of its events, loaded and staged."""
    dump = warehouse.with_name("dump.jsonl")
    dump.write_text("\n".join(json.dumps(event) for event in case["events"]))
    events.load(warehouse, sources.events.source(str(dump)).dumps)
    model_of_events = next(m for m in model.find(MODELS)[0] if m.table == STAGED)
    with database.connect(warehouse) as db:
        db.materialize(STAGED, model_of_events.select)
        return Loaded(case, model_of_events, db.read(f"from {STAGED}"))


def record(warehouse: Path) -> dict[str, Any]:
    """identity.* in the words of the cases: profiles oldest first, events by message id."""
    with database.connect(warehouse, read_only=True) as db:
        held = db.run(
            "select profile_id, list(type || ':' || seen_as order by type || ':' || seen_as)"
            " from identity.profiles join identity.identifiers using (profile_id)"
            " group by all order by min(created_at), min(profiles.row_id)"
        )
        rows = dict(db.run("select row_id, profile_id from identity.rows"))
        broken = db.run("select row_id, type || ':' || value, reason from identity.violations")
        messages = [row[0] for row in db.run(f"select event_id from {STAGED}")]
    ids = [profile for profile, _ in held]
    return {
        "profiles": [names for _, names in held],
        "event_profile": {m: ids.index(rows[m]) if m in rows else None for m in messages},
        "not_promoted": {row: sorted(v for r, v, _ in broken if r == row) for row, _, _ in broken},
        "violations": {row: sorted(w for r, _, w in broken if r == row) for row, _, _ in broken},
    }


def rules_of(case: Case) -> Rules:
    options = case.get("options", {})
    identifiers = {
        name.replace(".", "_"): {
            "priority": rule["priority"],
            "limit": f"{rule['limit']} {rule['window'].lower()}",
            "normalise": "lower" if options.get("case_insensitive") else "none",
            "blocked": {
                "values": [block["exact"] for block in rule["blocked"] if "exact" in block],
                "patterns": [block["regex"] for block in rule["blocked"] if "regex" in block],
            },
        }
        for name, rule in case["rules"].items()
    }
    profile = {"max_merges": options["merge_limit"]} if "merge_limit" in options else {}
    return rules({"identifiers": identifiers, "profile": profile})


def our_name(identifier: str) -> str:
    """ios.id:X1 is ios_id:X1 with us, since a column cannot have a dot in its name."""
    kind, _, value = identifier.partition(":")
    return f"{kind.replace('.', '_')}:{value}"
