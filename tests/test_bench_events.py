import gzip
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bench.event_dumps import Counts, write
from bench.events import Run, WrongAnswer, check

ROOT = Path(__file__).parents[1]
EVENTS = 2000
NUMBERS = {"quantity", "age", "employees"}
OUR_NAMES = {"identify": "identifies", "page": "pages", "group": "groups"}


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Counts]:
    folder = tmp_path_factory.mktemp("dumps") / "mixed"
    return folder, write(folder, EVENTS, malformed=0.01)


def load(who: str, folder: Path, warehouse: Path) -> dict[str, int]:
    command = [sys.executable, "-m", "bench.event_runs", who, str(folder), str(warehouse)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    said: dict[str, int] = json.loads(done.stdout.splitlines()[-1])["said"]
    return said


def lines(folder: Path) -> list[bytes]:
    return [
        line
        for path in sorted(folder.iterdir())
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]


def count(folder: Path) -> Counts:
    seen: set[str] = set()
    duplicate = malformed = 0
    for line in lines(folder):
        try:
            event = json.loads(line)
        except ValueError:
            malformed += 1
            continue
        duplicate += event["messageId"] in seen
        seen.add(event["messageId"])
    return Counts(len(lines(folder)), len(seen), duplicate, malformed)


def numbers_of(warehouse: Path) -> dict[str, tuple[int, Any]]:
    """Of each table its number of rows, and the sum of its number if it has one."""
    found = {}
    with duckdb.connect(str(warehouse), read_only=True) as db:
        tables = "select table_name, list(column_name) from duckdb_columns() where schema_name = 'events' group by all"
        for table, columns in db.execute(tables).fetchall():
            number = next(iter(NUMBERS & set(columns)), "null::bigint")
            row = db.execute(f"select count(*), sum({number}) from events.{table}").fetchall()[0]
            found[table] = row
    return found


def numbers_of_dlt(warehouse: Path) -> dict[str, tuple[int, Any]]:
    """The same of dlt's tables, each message once, for dlt keeps duplicates."""
    found = {}
    with duckdb.connect(str(warehouse), read_only=True) as db:
        tables = "select table_name, list(column_name) from duckdb_columns() where schema_name = 'events' and not regexp_matches(table_name, '^_|__') group by all"
        for table, columns in db.execute(tables).fetchall():
            names = {f"{field}__{name}" for field in ("properties", "traits") for name in NUMBERS}
            number = next(iter(names & set(columns)), "null::bigint")
            once = f"select any_value({number}) as number from events.{table} group by message_id"
            found[table] = db.execute(f"select count(*), sum(number) from ({once})").fetchall()[0]
    return found


def test_the_generator_counts_what_it_writes(dumps: tuple[Path, Counts]) -> None:
    folder, counts = dumps
    assert count(folder) == counts
    assert counts.lines == EVENTS
    assert min(counts.duplicate, counts.malformed) > 0


def test_the_dumps_follow_from_the_seed(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        write(tmp_path / name, 200, seed=seed)
    assert lines(tmp_path / "one") == lines(tmp_path / "again")
    assert not set(lines(tmp_path / "one")) & set(lines(tmp_path / "other"))


def test_the_dumps_have_the_kinds_of_calls_in_their_shares(tmp_path: Path) -> None:
    write(tmp_path / "dumps", 20_000, malformed=0)
    events = [json.loads(line) for line in lines(tmp_path / "dumps")]
    kinds = Counter(event["type"] for event in events)
    shares = {kind: number / len(events) for kind, number in kinds.items()}
    assert shares == pytest.approx(
        {"track": 0.6, "page": 0.3, "identify": 0.07, "group": 0.03}, abs=0.01
    )
    tracks = [event for event in events if event["type"] == "track"]
    assert len({event["event"] for event in tracks}) == 30
    assert {len(event["properties"]) for event in tracks} == set(range(5, 16))


def test_the_orjson_loop_stores_the_rows_that_we_store(
    dumps: tuple[Path, Counts], tmp_path: Path
) -> None:
    folder, counts = dumps
    said = load("loop", folder, tmp_path / "loop.duckdb")
    assert said == vars(counts)
    assert load("ours", folder, tmp_path / "ours.duckdb") == {**said, "opened": 4}
    loop, ours = numbers_of(tmp_path / "loop.duckdb"), numbers_of(tmp_path / "ours.duckdb")
    assert loop["calls"] == (counts.stored, None)
    assert {table: ours.get(table) for table in loop} == loop


def test_dlt_stores_the_events_that_we_store(tmp_path: Path) -> None:
    write(tmp_path / "dumps", EVENTS, malformed=0)
    load("ours", tmp_path / "dumps", tmp_path / "ours.duckdb")
    load("dlt", tmp_path / "dumps", tmp_path / "dlt.duckdb")
    ours = numbers_of(tmp_path / "ours.duckdb")
    dlt = numbers_of_dlt(tmp_path / "dlt.duckdb")
    assert len(dlt) == 33
    assert {table: ours[OUR_NAMES.get(table, table)] for table in dlt} == dlt


def test_the_floor_reads_every_line(dumps: tuple[Path, Counts], tmp_path: Path) -> None:
    folder, counts = dumps
    said = load("floor", folder, tmp_path / "unused.duckdb")
    assert said == {"lines": EVENTS, "malformed": counts.malformed}


def test_a_wrong_answer_ends_the_bench() -> None:
    said = {"lines": 10, "stored": 9, "duplicate": 0, "malformed": 0}
    with pytest.raises(WrongAnswer, match=r"loop says .*'stored': 9.* of 10 events, but the dumps"):
        check(Run("loop", 10, 1.0, 1.0, 100, said), {**said, "stored": 10})
