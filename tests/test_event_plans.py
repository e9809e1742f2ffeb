"""What a tracking plan does to a load: properties are omitted, events blocked and brought back."""

import os
from pathlib import Path
from typing import Any

from event_files import put, rows, track

from sources.events import source
from warehouse import database
from warehouse.events import Replayed, load, replay, unbalanced, violated
from warehouse.events.plan import Plan, read

PROPERTIES = """
[properties.total]
type = "number"
required = true
[properties.coupon]
type = "string"
"""


def plan(folder: Path, settings: str, **files: str) -> Plan:
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    (folder / "order.toml").write_text(f'event = "Order"\n{settings}\n{PROPERTIES}')
    for name, content in files.items():
        (folder / f"{name}.toml").write_text(content)
    found = read(folder)
    assert found
    return found


def order(number: int, **properties: Any) -> dict[str, Any]:
    return track(messageId=f"m{number}", event="Order", properties=properties)


def balance(warehouse: Path) -> list[str]:
    with database.connect(warehouse) as db:
        return unbalanced(db)


def counts(warehouse: Path) -> list[tuple[Any, ...]]:
    return rows(
        warehouse,
        "select line_count, stored_count, duplicate_count, quarantined_count, blocked_count"
        " from events.files order by file",
    )


ORDERS = 'select id, total, coupon from events."order" order by id'


def test_a_property_that_breaks_the_plan_is_omitted_and_stays_with_its_call(
    warehouse: Path, folder: Path, tmp_path: Path
) -> None:
    put(folder / "a.jsonl", order(1, total=5, coupon=7), order(2, coupon="X"), order(2, coupon="X"))
    load(warehouse, source(str(folder)).dumps, plan(tmp_path / "plan", 'on_violation = "omit"'))
    assert rows(warehouse, ORDERS) == [("m1", 5, None), ("m2", None, "X")]
    assert rows(warehouse, "select id, properties, _extra from events.calls order by id") == [
        ("m1", '{"total":5}', '{"omitted":{"coupon":7}}'),
        ("m2", '{"coupon":"X"}', None),
    ]
    # A duplicate breaks no plan: it is not there.
    with database.connect(warehouse) as db:
        assert violated(db) == [
            "track 'Order', coupon: invalid_type in 1 calls, such as m1: coupon is 7, not string",
            "track 'Order', total: required in 1 calls, such as m2: total is required",
        ]
    assert balance(warehouse) == []


def test_an_event_that_is_blocked_lies_in_quarantine_until_the_plan_is_relaxed(
    warehouse: Path, folder: Path, tmp_path: Path
) -> None:
    put(
        folder / "a.jsonl",
        order(1, total="n", coupon=7),
        order(2, total=6, coupon="X", more=1),
        track(messageId="m3", event="Unknown"),
    )
    strict = plan(tmp_path / "plan", 'on_violation = "block"', plan='on_unplanned_event = "block"')
    [loaded] = load(warehouse, source(str(folder)).dumps, strict)
    assert (loaded.stored_count, loaded.blocked_count) == (1, 2)
    assert rows(warehouse, ORDERS) == [("m2", 6, "X")]
    quarantine = "select line, code, reason, is_blocked from events.quarantine order by line"
    unplanned = (3, "unplanned", "Unknown is not in the plan", True)
    assert rows(warehouse, quarantine) == [
        (1, "schema_violation", 'coupon is 7, not string; total is "n", not number', True),
        unplanned,
    ]
    assert (counts(warehouse), balance(warehouse)) == ([(3, 1, 0, 0, 2)], [])

    relaxed = plan(tmp_path / "plan", 'on_violation = "allow"')
    assert replay(warehouse, strict) == Replayed(2, 0, 0, 2)
    assert replay(warehouse, relaxed, code="schema_violation") == Replayed(1, 1, 0, 0)
    assert rows(warehouse, quarantine) == [unplanned]
    assert replay(warehouse, relaxed) == Replayed(1, 1, 0, 0)
    assert (counts(warehouse), balance(warehouse)) == ([(3, 3, 0, 0, 0)], [])
    assert rows(warehouse, ORDERS) == [("m1", "n", "7"), ("m2", "6", "X")]
    assert rows(warehouse, "select id, _line from events.tracks order by id") == [
        ("m1", 1),
        ("m2", 2),
        ("m3", 3),
    ]


def test_an_event_that_is_blocked_and_sent_again_lies_in_quarantine_once(
    warehouse: Path, folder: Path, tmp_path: Path
) -> None:
    strict = plan(tmp_path / "plan", 'on_violation = "block"')
    for version in (1, 2):
        os.utime(put(folder / "a.jsonl", order(1), order(version + 1, total=1)), (1, version))
        load(warehouse, source(str(folder)).dumps, strict)
    assert rows(warehouse, "select line, code from events.quarantine") == [(1, "schema_violation")]
    assert rows(warehouse, "select id from events.calls order by id") == [("m2",), ("m3",)]
    assert balance(warehouse) == []
