"""A model's table: published when it is right, left alone when it is not."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from warehouse import making, model
from warehouse.database import beside, connect
from warehouse.making import KeyBroken, Made, NotMadeYet
from warehouse.model import Model


@dataclass(frozen=True)
class Warehouse:
    folder: Path

    def make(self, model: Model) -> Made:
        return making.make(self.folder / "warehouse.duckdb", model)

    def spend(self) -> list[tuple[Any, ...]]:
        with connect(self.folder / "warehouse.duckdb") as db:
            return db.run("from traits.spend")


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    with connect(tmp_path / "warehouse.duckdb"):
        return Warehouse(tmp_path)


def written(folder: Path, select: str) -> Model:
    path = folder / "traits" / "spend.sql"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"-- One row per person.\n-- key: profile_id\n{select}\n")
    return model.find(folder)[0][0]


def test_a_model_becomes_its_table(warehouse: Warehouse, tmp_path: Path) -> None:
    made = warehouse.make(written(tmp_path, "select 'p1' as profile_id, 12.5 as paid"))
    assert made == Made(1, {"profile_id": "VARCHAR", "paid": "DECIMAL(3,1)"})
    assert warehouse.spend() == [("p1", 12.5)]


def test_a_view_is_checked_like_a_table_and_shows_what_is_there_when_it_is_read(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    with connect(tmp_path / "warehouse.duckdb") as db:
        db.materialize("staging.people", "select 'p1' as profile_id")
    view = written(tmp_path, "-- materialized: view\nselect profile_id from staging.people")
    assert warehouse.make(view) == Made(1, {"profile_id": "VARCHAR"})
    with connect(tmp_path / "warehouse.duckdb") as db:
        db.materialize("staging.people", "from (values ('p1'), ('p2'), ('p2')) as t (profile_id)")
    assert warehouse.spend() == [("p1",), ("p2",), ("p2",)]
    with pytest.raises(KeyBroken, match=r"p2 \(2 rows\)"):
        warehouse.make(view)


def test_a_model_may_become_a_view_and_a_table_again(warehouse: Warehouse, tmp_path: Path) -> None:
    select = "select 'p1' as profile_id"
    for head in ("", "-- materialized: view\n", "-- materialized: table\n"):
        assert warehouse.make(written(tmp_path, head + select)).row_count == 1
        assert warehouse.spend() == [("p1",)]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("('p1'), ('p1'), ('p2')", "these stand more than once: p1 (2 rows)"),
        ("('p1'), (null)", "1 rows have none"),
    ],
)
def test_a_broken_key_leaves_the_old_table(
    warehouse: Warehouse, tmp_path: Path, values: str, said: str
) -> None:
    warehouse.make(written(tmp_path, "select 'old' as profile_id"))
    broken = written(tmp_path, f"select * from (values {values}) as rows (profile_id)")
    with pytest.raises(KeyBroken) as caught:
        warehouse.make(broken)
    assert str(caught.value) == (
        f"traits.spend: the key profile_id must be unique and never null, but {said}. "
        f"The table was left as it was. Mend {tmp_path}/traits/spend.sql."
    )
    assert warehouse.spend() == [("old",)]


def test_a_table_that_nobody_has_made_yet_is_named(warehouse: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(NotMadeYet) as caught:
        warehouse.make(written(tmp_path, "select profile_id from resolved.stripe__charges"))
    assert str(caught.value) == (
        "traits.spend reads resolved.stripe__charges, which nobody has made yet:"
        " materialize resolved/stripe__charges first, or both together."
    )


def test_the_warehouse_can_be_read_while_a_table_is_drafted(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with connect(path) as db:
        db.materialize("traits.spend", "select 1 as old")
    with beside(path) as db:
        db.run("create table memory.main.draft as select 2 as new")
        command = f"import duckdb; print(duckdb.connect({str(path)!r}, read_only=True).sql('from traits.spend').fetchall())"
        done = subprocess.run(
            [sys.executable, "-c", command], capture_output=True, text=True, check=True
        )
        assert done.stdout == "[(1,)]\n"
