"""Types of columns: the narrowest that holds all values, wider where need be, and nothing lost."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from event_files import is_balanced, load_events, put, rows, track

from warehouse.making import ReadsWidened, make
from warehouse.model import Model, find

TEXT, TIME = "VARCHAR", "TIMESTAMP WITH TIME ZONE"
AT = '"2026-11-23T13:00:00+01:00"'
AT_UTC = datetime(2026, 11, 23, 12, tzinfo=UTC)


def said(event: str, value: str) -> str:
    """An event whose property `x`, and whose context under the name of the event, is this JSON."""
    return (
        f'{{"type": "track", "userId": "u1", "event": "{event}", "timestamp": {AT},'
        f' "properties": {{"x": {value}}}, "context": {{"{event}": {value}}}}}'
    )


# What is sent, the type of its column, and what is read from there.
VALUES: list[tuple[str, str, Any]] = [
    ("0", "BIGINT", 0),
    ("9007199254740993", "BIGINT", 2**53 + 1),
    ("-9223372036854775808", "BIGINT", -(2**63)),
    ("9223372036854775808", TEXT, "9223372036854775808"),
    ("1" * 40, TEXT, "1" * 40),
    ("12.0", "DOUBLE", 12.0),
    ("-0.0", "DOUBLE", -0.0),
    ("1e2", "DOUBLE", 100.0),
    ("0.30000000000000004", "DOUBLE", 0.30000000000000004),
    ("12345678901234567.8", "DOUBLE", 12345678901234567.8),
    ("5e-324", "DOUBLE", 5e-324),
    ("1e400", TEXT, "1e400"),
    ('"12"', TEXT, "12"),
    ('"true"', TEXT, "true"),
    ('""', TEXT, ""),
    ('"a\\u0000b"', TEXT, "a\0b"),
    ("true", "BOOLEAN", True),
    ("[1, 2.5, 1e400]", "JSON", "[1,2.5,1e400]"),
    (AT, TIME, AT_UTC),
    ('"2026-11-23T12:00:00.000Z"', TIME, AT_UTC),
    ('"2026-11-23T12:00"', TIME, AT_UTC),
    ('"2026-11-23T12:00:00.1234567Z"', TEXT, "2026-11-23T12:00:00.1234567Z"),
    ('"2026-11-23"', TEXT, "2026-11-23"),
    ('"2026-02-30T12:00:00Z"', TEXT, "2026-02-30T12:00:00Z"),
    ('"0000-01-01T00:00:00Z"', TEXT, "0000-01-01T00:00:00Z"),
    ('"9999-12-31T23:59:59-12:00"', TEXT, "9999-12-31T23:59:59-12:00"),
    ('"infinity"', TEXT, "infinity"),
]


def test_a_value_comes_out_as_it_went_in(warehouse: Path, folder: Path) -> None:
    put(folder / "a.json", *(said(f"case_{n}", value) for n, (value, *_) in enumerate(VALUES)))
    load_events(str(folder), warehouse)
    read = [
        (value, *rows(warehouse, f"select typeof(x), x, context_case_{n} from events.case_{n}")[0])
        for n, (value, *_) in enumerate(VALUES)
    ]
    assert read == [(value, kind, found, found) for value, kind, found in VALUES]


# The first value and the one after it; the type of their column, and how both then read as text.
WIDENED = [
    ("1", "12.5", "DOUBLE", "1.0", "12.5"),
    ("12.5", "1", "DOUBLE", "12.5", "1.0"),
    ("9007199254740993", "1", "BIGINT", "9007199254740993", "1"),
    ("9007199254740993", "12.5", TEXT, "9007199254740993", "12.5"),
    ("12.5", "9007199254740993", TEXT, "12.5", "9007199254740993"),
    ("12.5", "1" * 40, TEXT, "12.5", "1" * 40),
    ("1", "1e400", TEXT, "1", "1e400"),
    ("12", '"12"', TEXT, "12", "12"),
    ('"12"', "12", TEXT, "12", "12"),
    ("12.5", '"n/a"', TEXT, "12.5", "n/a"),
    ("true", '"x"', TEXT, "true", "x"),
    ("true", "1", TEXT, "true", "1"),
    ("1", "true", TEXT, "1", "true"),
    ("12.5", "true", TEXT, "12.5", "true"),
    ("true", "12.5", TEXT, "true", "12.5"),
    ('"x"', AT, TEXT, "x", AT.strip('"')),
    (AT, "1", TEXT, AT.strip('"'), "1"),
    (AT, '"soon"', TEXT, AT.strip('"'), "soon"),
    ("null", "1", "BIGINT", None, "1"),
    ("null", AT, TIME, None, "2026-11-23 12:00:00+00"),
    ("null", "[1]", "JSON", None, "[1]"),
    ("[1]", '{"a": 1}', "JSON", "[1]", '{"a":1}'),
    ("[1]", "1", "JSON", "[1]", "1"),
    ('{"a": 1}', '"x"', "JSON", '{"a":1}', '"x"'),
]


def found(warehouse: Path, column: str) -> list[tuple[Any, ...]]:
    """The type and the two values of each case, in the table of its event."""
    tables = [f"case_{number}" for number in range(len(WIDENED))]
    made = [
        rows(
            warehouse,
            f"select typeof({column}), {column}::varchar from events.{name} order by _line, _file",
        )
        for name in tables
    ]
    return [(first[0], first[1], second[1]) for first, second in made]


EXPECTED = [(kind, *values) for _, _, kind, *values in WIDENED]


def test_within_one_load_a_column_is_as_wide_as_all_values_need(
    warehouse: Path, folder: Path
) -> None:
    firsts = [said(f"case_{n}", case[0]) for n, case in enumerate(WIDENED)]
    seconds = [said(f"case_{n}", case[1]) for n, case in enumerate(WIDENED)]
    put(folder / "a.json", *firsts, *seconds)
    load_events(str(folder), warehouse)
    assert found(warehouse, "x") == EXPECTED


def test_a_later_load_widens_columns_and_old_values_read_as_they_were_sent(
    warehouse: Path, folder: Path
) -> None:
    put(folder / "a.json", *(said(f"case_{n}", case[0]) for n, case in enumerate(WIDENED)))
    load_events(str(folder), warehouse)
    put(folder / "b.json", *(said(f"case_{n}", case[1]) for n, case in enumerate(WIDENED)))
    load_events(str(folder), warehouse)
    assert found(warehouse, "x") == EXPECTED
    assert is_balanced(warehouse)


@pytest.mark.parametrize("value", ['"1.5"', "true"])
def test_what_sql_would_cast_to_a_number_is_none(warehouse: Path, folder: Path, value: str) -> None:
    """Alone: a load that has to widen anything asks every value of every column."""
    put(folder / "a.json", said("case", "12.5"))
    load_events(str(folder), warehouse)
    put(folder / "b.json", said("case", value))
    load_events(str(folder), warehouse)
    read = rows(warehouse, 'select x, context_case from events."case" order by _file')
    assert read == [("12.5", "12.5"), (value.strip('"'), value.strip('"'))]


SCALARS = {"1": "1", "12.5": "12.5", "true": "true", '"x"': "x", AT: AT.strip('"')}


def test_a_column_of_plain_values_takes_json_as_text_and_keeps_the_others(
    warehouse: Path, folder: Path
) -> None:
    put(folder / "a.json", *(said(f"case {n}", value) for n, value in enumerate(SCALARS)))
    load_events(str(folder), warehouse)
    put(folder / "b.json", *(said(f"case {n}", '{"a":[1]}') for n in range(len(SCALARS))))
    load_events(str(folder), warehouse)
    for number, old in enumerate(SCALARS.values()):
        read = rows(warehouse, f"select typeof(x), x from events.case_{number} order by _file")
        assert read == [(TEXT, old), (TEXT, '{"a":[1]}')]


def test_the_context_widens_in_all_tables_that_have_it(warehouse: Path, folder: Path) -> None:
    values = {"a": 5, "b": AT.strip('"'), "c": True, "d": 2**53 + 1}
    put(folder / "a.json", track(context={"app": values}))
    load_events(str(folder), warehouse)
    values = {"a": 5.5, "b": "soon", "c": "yes", "d": 0.5}
    put(folder / "b.json", track(context={"app": values}))
    load_events(str(folder), warehouse)
    for table in ("calls", "tracks", "seen"):
        columns = ", ".join(f"context_app_{name}" for name in values)
        assert rows(warehouse, f"select {columns} from events.{table} order by _file") == [
            (5.0, "2026-11-23T12:00:00.000000Z", "true", "9007199254740993"),
            (5.5, "soon", "yes", "0.5"),
        ]


def test_every_change_of_a_column_is_on_record(warehouse: Path, folder: Path) -> None:
    put(folder / "a.json", track(properties={"Total": 1}, context={"app": {"build": 1}}))
    load_events(str(folder), warehouse)
    put(folder / "b.json", track(properties={"Total": 2.5}, context={"app": {"build": "2b"}}))
    load_events(str(folder), warehouse)
    put(folder / "c.json", track(properties={"Total": "n/a", "sku": "A"}))
    started = datetime.now(UTC)
    load_events(str(folder), warehouse)
    changes = rows(
        warehouse,
        "select table_name, array_to_string(field, '/'), column_name, type_before, type, changed_at"
        " from events.column_changes order by rowid",
    )
    assert {row[:5] for row in changes} == {
        ("calls", "app/build", "context_app_build", None, "BIGINT"),
        ("calls", "app/build", "context_app_build", "BIGINT", TEXT),
        ("seen", "Total", "total", None, "BIGINT"),
        ("seen", "Total", "total", "BIGINT", "DOUBLE"),
        ("seen", "Total", "total", "DOUBLE", TEXT),
        ("seen", "sku", "sku", None, TEXT),
    }
    assert [row[2] for row in changes if row[5] > started] == ["sku", "total"]


def model(folder: Path, select: str) -> Model:
    path = folder / "traits" / "spend.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"-- One row per user.\n-- key: user_id\n{select}\n")
    return find(folder)[0][0]


def test_a_model_that_reads_a_column_as_text_works_on_when_it_widens(
    warehouse: Path, folder: Path, tmp_path: Path
) -> None:
    spend = model(
        tmp_path / "models",
        "select user_id, sum(try_cast(total as double)) as total, max(total::varchar) as newest\n"
        "from events.seen group by user_id",
    )
    totals = (1, 2.5, "n/a")
    made = []
    for number, total in enumerate(totals):
        put(folder / f"{number}.json", track(properties={"total": total}))
        load_events(str(folder), warehouse)
        make(warehouse, spend)
        made += rows(warehouse, "from traits.spend")
    assert made == [("u1", 1.0, "1"), ("u1", 3.5, "2.5"), ("u1", 3.5, "n/a")]


def test_a_model_that_sums_what_became_text_says_what_changed_and_what_to_mend(
    warehouse: Path, folder: Path, tmp_path: Path
) -> None:
    spend = model(
        tmp_path / "models", "select user_id, sum(total) as total from events.seen group by user_id"
    )
    put(folder / "a.json", track(properties={"total": 1}))
    load_events(str(folder), warehouse)
    make(warehouse, spend)
    put(folder / "b.json", track(properties={"total": "n/a"}))
    load_events(str(folder), warehouse)
    with pytest.raises(ReadsWidened) as caught:
        make(warehouse, spend)
    [(changed_at,)] = rows(
        warehouse,
        "select strftime(changed_at, '%Y-%m-%d %H:%M') from events.column_changes"
        " where type_before is not null",
    )
    assert str(caught.value) == (
        "traits.spend: Binder Error: No function matches the given name and argument types"
        " 'sum(VARCHAR)'. You might need to add explicit type casts. What it reads has changed:"
        f" events.seen.total was BIGINT and is VARCHAR since {changed_at}. The table was left as"
        f" it was. Mend {tmp_path}/models/traits/spend.sql: try_cast(column as type) takes what"
        " still fits and leaves the rest null."
    )
    assert rows(warehouse, "from traits.spend") == [("u1", 1)]
