"""Identity against worked cases: Segment's documented examples, and readings of its rules."""

import json
from pathlib import Path
from typing import Any

import pytest

import sources.events
from warehouse import database, events, identity, model
from warehouse.database import Database
from warehouse.rules import Rules, by_priority, rules

CASES = Path(__file__).parents[2] / "shared" / "identity_cases.json"
MODELS = Path(__file__).parents[1] / "warehouse" / "models"
Case = dict[str, Any]


def cases(*, about_priority: bool = False) -> list[Any]:
    if not CASES.exists():
        return [pytest.param({}, marks=pytest.mark.skip(reason=f"no worked cases at {CASES}"))]
    return [
        pytest.param(case, id=case["name"])
        for case in json.loads(CASES.read_text())
        if ("priority" in case["expected"]) == about_priority
    ]


@pytest.mark.parametrize("case", cases())
def test_events_become_the_profiles_that_the_case_says(case: Case, tmp_path: Path) -> None:
    expected = case["expected"]
    assert stitched(case, tmp_path) == {
        "profiles": [sorted(map(our_name, names)) for names in expected["profiles"]],
        "event_profile": expected["event_profile"],
        "not_promoted": {
            row: sorted(names) for row, names in expected.get("not_promoted", {}).items()
        },
        "violations": {row: sorted(why) for row, why in expected.get("violations", {}).items()},
    }


@pytest.mark.parametrize("case", cases(about_priority=True))
def test_identifiers_without_a_priority_rank_as_the_case_says(case: Case) -> None:
    stated = case["expected"]["priority"]
    assert by_priority({name: {} for name in case["identifier_types"]}) == sorted(
        stated, key=stated.__getitem__
    )


def stitched(case: Case, folder: Path) -> dict[str, Any]:
    """The case by the real road: a dump of its events, loaded, staged, stitched."""
    (folder / "dump.jsonl").write_text("\n".join(json.dumps(event) for event in case["events"]))
    dumps = sources.events.source(str(folder / "dump.jsonl")).dumps
    events.load(folder / "warehouse.duckdb", dumps)
    staged = next(m for m in model.find(MODELS)[0] if m.table == "staging.events__events")
    ruled = rules_of(case)
    with database.connect(folder / "warehouse.duckdb") as db:
        db.materialize(staged.table, staged.select)
        columns = {staged.table: list(db.columns(staged.table))}
    inputs = identity.inputs([staged], columns, ruled, [])
    identity.build(folder / "warehouse.duckdb", inputs, ruled)
    with database.connect(folder / "warehouse.duckdb", read_only=True) as db:
        return record(db)


def record(db: Database) -> dict[str, Any]:
    """identity.* in the words of the cases: profiles oldest first, events by message id."""
    ids = [
        row[0]
        for row in db.run("select profile_id from identity.profiles order by created_at, row_id")
    ]
    rows = dict(db.run("select row_id, profile_id from identity.rows"))  # type: ignore[arg-type]
    broken = db.run("select row_id, type || ':' || value, reason from identity.violations")
    messages = [row[0] for row in db.run("select event_id from staging.events__events")]
    return {
        "profiles": [
            sorted(
                name
                for (name,) in db.run(
                    "select type || ':' || seen_as from identity.identifiers where profile_id = ?",
                    [profile],
                )
            )
            for profile in ids
        ],
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
