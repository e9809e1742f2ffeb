"""Rows in a tool's words: by field from a table as one by one, whatever the values are."""

import math
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taking import CONTACTS, NOON, Tool, at, fill, sums

import destinations
from cdp_assets import sending
from cdp_assets.sending import Target, Workshop
from destinations.rows import Row, in_json
from destinations.wording import as_it_is, from_table, unspeakable, worded
from warehouse import ledger
from warehouse.database import connect

WRITERS = {
    f"{tool}.{name}": thing.write
    for tool, destination in destinations.find()[0].items()
    for name, thing in destination.objects.items()
}
VALUES: dict[str, Any] = {
    "whole": st.none() | st.integers(-(2**63), 2**63 - 1),
    "part": st.none() | st.floats(allow_nan=True),
    "text": st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    "is_so": st.none() | st.booleans(),
    "born_on": st.none() | st.dates(date(1900, 1, 1)),
    "words": st.none() | st.lists(st.sampled_from(["", "a;b", "ü"])),
}
TYPES = {
    "key": pa.string(),
    "whole": pa.int64(),
    "part": pa.float64(),
    "text": pa.string(),
    "is_so": pa.bool_(),
    "born_on": pa.date32(),
    "words": pa.list_(pa.string()),
}


@pytest.mark.parametrize("tool", ["hubspot.contacts", "webhook.*", "marketo.leads"])
@settings(deadline=None)
@given(made=st.lists(st.fixed_dictionaries(VALUES), max_size=6))
def test_a_table_is_worded_as_its_rows_are(tool: str, made: list[Row]) -> None:
    rows = [{"key": str(place), **row} for place, row in enumerate(made)]
    by_key = {row["key"]: row for row in rows}
    whole, mute = from_table(pa.Table.from_pylist(rows, pa.schema(TYPES)), "key", WRITERS[tool])

    told = [row for row in whole if row["key"] not in mute]
    assert told == [
        row for key, row in worded(by_key, "key", WRITERS[tool]).items() if key not in mute
    ]
    assert mute == unspeakable(by_key)


@pytest.mark.parametrize("tool", WRITERS)
def test_a_tool_takes_whole_numbers_one_way_and_text_as_it_is(tool: str) -> None:
    write, numbers = WRITERS[tool], [0, 1, -7, 2**53 + 1]
    written = [write(number) for number in numbers]
    assert written in (numbers, [str(number) for number in numbers])
    assert write("O'Brien 👩‍🚀") == "O'Brien 👩‍🚀"


def test_a_key_goes_as_it_is_and_every_other_value_as_the_tool_writes_it() -> None:
    table = pa.table({"day": [date(2026, 11, 23)], "since": [date(2024, 2, 29)], "n": [Decimal(1)]})
    assert from_table(table, "day", in_json) == (
        [{"day": date(2026, 11, 23), "since": "2024-02-29", "n": 1.0}],
        {},
    )
    assert from_table(table, "day", as_it_is) == (table.to_pylist(), {})


def test_a_number_that_cannot_be_said_costs_its_row_and_is_told(tmp_path: Path) -> None:
    workshop = Workshop(lambda: connect(tmp_path / "warehouse.duckdb"), tmp_path / "spool")
    values = "('a', 1.5::double), ('b', 'nan'::double), ('c', 2), ('d', 'inf'::double)"
    fill(workshop, f"from (values {values}) as v (email, visits)")
    tool = Tool()

    report = sending.run(CONTACTS, Target(tool.send, 2), workshop, "r1", at(NOON))

    assert (sums(report), tool.batches) == ((4, 2, 2, 0), [["a"], ["c"]])
    with workshop.connect() as db:
        assert [(one.key, one.reason) for one in ledger.refusals(db, CONTACTS)] == [
            ("b", "visits is nan, which is no number that can be sent"),
            ("d", "visits is inf, which is no number that can be sent"),
        ]
    assert math.isfinite(tool.records["a"]["visits"])
