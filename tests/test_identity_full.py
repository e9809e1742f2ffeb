"""A full rebuild: asked for on the command line, or of a record that an older version has left."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from stitching import Stitched
from test_identity_cases import loaded

from bench import identity_data
from bench.identity_runs import SOURCE, ruled
from cdp_assets.cli import cli
from warehouse import database, identity
from warehouse.database import connect

pytestmark = pytest.mark.usefixtures("without_dotenv")

OLD_TABLES = """
    create schema identity;
    create table identity.identifiers as
    from (values ('user_id', 'u', '0-u'), ('email', 'e', '0-e'), ('email', 'gone', '0-gone'))
        as t (type, value, profile_id);
    create table identity.profiles as
    from (values
        ('0-u', timestamptz '2026-01-01 00:02:00+00'),
        ('0-e', timestamptz '2026-01-01 00:01:00+00'),
        ('0-gone', null)
    ) as t (profile_id, created_at);
"""


def test_the_text_ids_of_version_0_1_are_kept_through_merges_and_rebuilds(tmp_path: Path) -> None:
    here = Stitched(tmp_path / "warehouse.duckdb")
    with connect(here.path) as db:
        db.run(OLD_TABLES)
    rows = [(1, None, "e", None), (2, "u", None, None), (3, None, None, "a")]
    here.stitch(rows)
    new = here.holders()["anonymous_id:a"]
    assert here.holders() == {"user_id:u": "0-u", "email:e": "0-e", "anonymous_id:a": new}
    assert redirects(here) == {"0-u": "0-u", "0-e": "0-e", "0-gone": None, new: new}
    here.stitch([*rows, (4, "u", "e", None)])
    assert redirects(here) == {"0-u": "0-e", "0-e": "0-e", "0-gone": None, new: new}
    first = here.record()
    here.stitch([*rows, (4, "u", "e", None)], full=True)
    assert here.record() == first


def test_the_command_line_stitches_what_is_new_and_with_full_all_and_keeps_ids(
    tmp_path: Path,
) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    loaded({"events": [identify("m1", "ada"), identify("m2", "bob")]}, warehouse)
    said = cdp(warehouse, "identity")
    assert "identity.profiles: 2 rows" in said
    ids = Stitched(warehouse).holders()
    assert cdp(warehouse, "identity") == said.replace("runs: 1 rows", "runs: 2 rows")
    assert cdp(warehouse, "identity", "--full") == said.replace("runs: 1 rows", "runs: 3 rows")
    assert Stitched(warehouse).holders() == ids
    assert Stitched(warehouse).ask(
        "select run, is_full, new_row_count from identity.runs order by run"
    ) == [(1, True, 2), (2, False, 0), (3, True, 2)]


def test_the_outcome_is_the_same_on_one_core_as_on_many(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    identity_data.write(path, 700_000)  # tuples enough for more than one thread
    one, many = (outcome(path, threads) for threads in (1, 4))
    assert one == many
    assert one["tuples"][0] > 122_880


def outcome(path: Path, threads: int) -> dict[str, tuple[Any, ...]]:
    """The number of rows that a full build would leave in each table, and a digest of them."""
    with database.beside(path) as db:
        db.run(f"set threads = {threads}")
        identity.stitch(db, [SOURCE], ruled(), full=True)
        return {
            table: db.run(f"select count(*), sum(hash(left_{table})) from left_{table}")[0]
            for table in ("nodes", "tuples", "profiles", "merges", "violations", "placed", "ids")
        }


def identify(message: str, user: str) -> dict[str, Any]:
    return {
        "type": "identify",
        "messageId": message,
        "userId": user,
        "timestamp": "2026-01-01T00:00:00Z",
        "traits": {"email": f"{user}@example.com"},
    }


def redirects(here: Stitched) -> dict[str, str | None]:
    return dict(here.ask("from identity.profile_redirects"))


def cdp(warehouse: Path, *words: str) -> str:
    told = {"WAREHOUSE__PATH": str(warehouse), "SOURCES__EVENTS__URL": str(warehouse.parent)}
    done = CliRunner().invoke(cli, words, env=told)
    assert done.exit_code == 0, f"{done.output}{done.exception!r}"
    return done.output
