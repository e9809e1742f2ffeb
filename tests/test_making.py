"""A model's table: published when it is right, left alone when it is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from warehouse import making, model
from warehouse.database import Database, connect
from warehouse.making import KeyBroken, Made, NotMadeYet
from warehouse.model import Model


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with connect(tmp_path / "warehouse.duckdb") as opened:
        yield opened


def written(folder: Path, select: str) -> Model:
    path = folder / "traits" / "spend.sql"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"-- One row per person.\n-- key: profile_id\n{select}\n")
    return model.find(folder)[0][0]


def test_a_model_becomes_its_table(db: Database, tmp_path: Path) -> None:
    made = making.make(db, written(tmp_path, "select 'p1' as profile_id, 12.5 as paid"))
    assert made == Made(1, {"profile_id": "VARCHAR", "paid": "DECIMAL(3,1)"})
    assert db.run("from traits.spend") == [("p1", 12.5)]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("('p1'), ('p1'), ('p2')", "these stand more than once: p1 (2 rows)"),
        ("('p1'), (null)", "1 rows have none"),
    ],
)
def test_a_broken_key_leaves_the_old_table(
    db: Database, tmp_path: Path, values: str, said: str
) -> None:
    making.make(db, written(tmp_path, "select 'old' as profile_id"))
    broken = written(tmp_path, f"select * from (values {values}) as rows (profile_id)")
    with pytest.raises(KeyBroken) as caught:
        making.make(db, broken)
    assert str(caught.value) == (
        f"traits.spend: the key profile_id must be unique and never null, but {said}. "
        f"The table was left as it was. Mend {tmp_path}/traits/spend.sql."
    )
    assert db.run("from traits.spend") == [("old",)]


def test_a_table_that_nobody_has_made_yet_is_named(db: Database, tmp_path: Path) -> None:
    with pytest.raises(NotMadeYet) as caught:
        making.make(db, written(tmp_path, "select profile_id from resolved.stripe__charges"))
    assert str(caught.value) == (
        "traits.spend reads resolved.stripe__charges, which nobody has made yet:"
        " materialize resolved/stripe__charges first, or both together."
    )
