"""Values and names of every kind, planned, answered and planned again."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from planning import CONTACTS, NOON, answer, planned

from warehouse import settle
from warehouse.database import Database, connect
from warehouse.plan import plan
from warehouse.settle import Answer
from warehouse.sync import Sync


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with connect(tmp_path / "warehouse.duckdb") as opened:
        opened.run("create schema syncs")
        yield opened


VALUES = [
    ("'O''Brien'", "O'Brien"),
    ("'Zoë 👩‍🚀 𠮷'", "Zoë 👩‍🚀 𠮷"),
    ("'null'", "null"),
    ("''", ""),
    ("cast(null as integer)", None),
    ("true", True),
    ("cast(0.10 as decimal(18, 2))", Decimal("0.10")),
    ("1.5::double", 1.5),
    ("date '2024-02-29'", date(2024, 2, 29)),
    ("timestamptz '2026-03-29 02:30:00+02'", datetime(2026, 3, 29, 0, 30, tzinfo=UTC)),
    ("timestamp '2026-03-29 02:30:00.123456'", datetime(2026, 3, 29, 2, 30, 0, 123456)),
    ("['b', 'a', null]", ["b", "a", None]),
    ("{'plan': 'pro', 'seats': 3}", {"plan": "pro", "seats": 3}),
    ("sum(2)", 2),
    ("uuid '6f1c1d3e-8f5a-4a3e-9a53-0a4d0c8f7b11'", "6f1c1d3e-8f5a-4a3e-9a53-0a4d0c8f7b11"),
    ("""json '{"a": [1, null]}'""", '{"a": [1, null]}'),
    ("cast('x' as enum('x', 'y'))", "x"),
    ("[sum(3)]", [3]),
    ("timestamp_ns '2026-03-29 02:30:00.123456400'", datetime(2026, 3, 29, 2, 30, 0, 123456)),
]


def test_every_kind_of_value_arrives_and_compares(db: Database, tmp_path: Path) -> None:
    fields = ", ".join(f"{sql} as f{place}" for place, (sql, _) in enumerate(VALUES))
    db.materialize(CONTACTS.table, f"select 'a@x.io' as email, {fields}")

    made = planned(db, tmp_path, "r1")

    (row,) = pq.read_table(made.spool).to_pylist()
    assert [row[f"f{place}"] for place in range(len(VALUES))] == [value for _, value in VALUES]
    answer(db, made, "r1", {"a@x.io": "not yet"})
    assert planned(db, tmp_path, "r2").held == 1
    answer(db, planned(db, tmp_path, "r3", NOON + timedelta(days=1)), "r3")
    assert planned(db, tmp_path, "r4").unchanged == 1


def test_names_that_need_quotes_are_fields_like_others(db: Database, tmp_path: Path) -> None:
    sync = Sync("crm_people", "syncs.crm_people", "E-mail")
    for name in ("x", "y"):
        db.materialize(sync.table, f"""select 'a' as "E-mail", '{name}' as "it's ""so"" " """)
        made = plan(db, sync, name, tmp_path, NOON)
        rows = pq.read_table(made.spool)
        with db.transaction():
            settle.mark_sent(db, sync, name, rows, NOON)
            settle.settle(db, sync, name, Answer(rows, {"a": None}, {}), NOON)

    assert db.run("select key, action, changed from ledger.outbox order by run_id") == [
        ("a", "create", None),
        ("a", "update", ['it\'s "so" ']),
    ]
