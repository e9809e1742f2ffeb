"""A sync's mapping against what the tool says of its object, and records read back from it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from planning import CONTACTS

from cdp_assets import likeness, mapping
from destinations.rows import FieldSpec
from warehouse.database import connect

SPECS = {
    "Email": FieldSpec("string", length=80, is_required=True),
    "LastName": FieldSpec("string", length=10, is_required=True),
    "Tier__c": FieldSpec("picklist", choices=("gold", "silver")),
    "Spent__c": FieldSpec("currency"),
    "Active__c": FieldSpec("boolean"),
    "SeenAt__c": FieldSpec("datetime"),
    "CreatedDate": FieldSpec("datetime", is_writable=False),
}
FINE = {
    "email": "VARCHAR",
    "LastName": "VARCHAR",
    "Tier__c": "VARCHAR",
    "Spent__c": "DECIMAL(18,2)",
    "Active__c": "BOOLEAN",
    "SeenAt__c": "TIMESTAMP WITH TIME ZONE",
}


def test_a_mapping_that_fits_is_fine_however_its_names_are_cased() -> None:
    assert mapping.mistakes(CONTACTS, FINE, SPECS) == []
    assert mapping.mistakes(CONTACTS, dict.fromkeys(FINE, "VARCHAR"), SPECS) == []


def test_all_that_does_not_fit_is_said_at_once() -> None:
    columns = {
        "email": "VARCHAR",
        "Teir__c": "VARCHAR",
        "CreatedDate": "TIMESTAMP",
        "Spent__c": "DATE",
        "Active__c": "DECIMAL(18,2)",
        "SeenAt__c": "BOOLEAN",
        "_profile_id": "VARCHAR",
    }
    assert mapping.mistakes(replace(CONTACTS, profile="_profile_id"), columns, SPECS) == [
        "Teir__c: the tool has no such field; it has Tier__c",
        "LastName: the tool requires this field, and no column fills it",
        "Spent__c: date does not fit the tool's currency",
        "Active__c: decimal(18,2) does not fit the tool's boolean",
        "SeenAt__c: boolean does not fit the tool's datetime",
        "CreatedDate: the tool does not let this field be written",
    ]


def test_a_field_of_a_parent_is_known_by_the_way_to_it() -> None:
    specs = SPECS | {"Account": FieldSpec("reference to Account")}
    assert mapping.mistakes(CONTACTS, FINE | {"Account.Account_Id__c": "VARCHAR"}, specs) == []
    assert mapping.mistakes(CONTACTS, FINE | {"Acount.Account_Id__c": "VARCHAR"}, specs) == [
        "Acount.Account_Id__c: the tool has no such field"
    ]


def test_records_that_are_only_updated_need_no_required_field() -> None:
    assert mapping.mistakes(replace(CONTACTS, mode="update"), {"email": "VARCHAR"}, SPECS) == []


def test_values_that_the_tool_will_refuse_are_counted(tmp_path: Path) -> None:
    rows = (
        "from (values ('a', 'much too long', 'gold'), ('b', 'fine', 'bronze'), ('c', null, ''))"
        " as v (email, LastName, Tier__c)"
    )
    with connect(tmp_path / "warehouse.duckdb") as db:
        assert mapping.doubts(db, rows, dict.fromkeys(FINE, "VARCHAR") | FINE, SPECS) == [
            "LastName: 1 values are longer than the tool's 10 characters",
            "Tier__c: 1 values are none of the tool's choices",
        ]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (None, ""),
        ("", None),
        ("Ann@x.com", "ann@x.com"),
        (True, "true"),
        (False, 0),
        (5, "5"),
        (Decimal("0.10"), 0.1),
        (Decimal("1E+3"), "1000"),
        (date(2024, 2, 29), "2024-02-29"),
        (date(2024, 2, 29), "1709164800000"),
        (datetime(2026, 3, 29, 0, 30, tzinfo=UTC), "2026-03-29T00:30:00.000+0000"),
        (datetime(2026, 3, 29, 0, 30, 0, 123456, tzinfo=UTC), "2026-03-29T00:30:00.123Z"),
        (datetime(2026, 3, 29, 0, 30, tzinfo=UTC), 1774744200),
        (["b", "a"], "a;b"),
        ("null", "null"),
        ("𠮷 🚀", "𠮷 🚀"),
    ],
)
def test_tools_show_the_same_value_in_their_own_ways(ours: Any, theirs: Any) -> None:
    assert likeness.same(ours, theirs)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("null", None),
        (0, None),
        (False, None),
        (True, "false"),
        (5, "6"),
        (5, "five"),
        (date(2024, 2, 29), "2024-03-01"),
        (date(2024, 2, 29), "soon"),
        (["a"], "a;b"),
        ("O'Brien", "OBrien"),
    ],
)
def test_other_values_are_told_apart(ours: Any, theirs: Any) -> None:
    assert not likeness.same(ours, theirs)
