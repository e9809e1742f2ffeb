"""Each object of each tool behind the engine: sent once, kept as it is, taken out when it left."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from conftest import Sandbox
from tool_case import Case
from tool_cases import CASES, opened, thing

from cdp_assets import sending
from cdp_assets.outgoing import aim
from cdp_assets.sending import Workshop
from destinations.rows import Outcome, Row
from warehouse import database
from warehouse.database import Database
from warehouse.sync import Sync

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
EVENTS = [case for case in CASES if "append" in thing(case).modes]
STANDING = [case for case in CASES if case not in EVENTS]
REMOVABLE = [case for case in STANDING if thing(case).remove]


@dataclass
class Behind:
    """A tool with the engine before it; every run is an hour after the one before."""

    case: Case
    sandbox: Sandbox
    folder: Path
    runs: int = 0

    def run(self, *rows: Row, mode: str = "upsert", is_killed: bool = False) -> tuple[int, int]:
        """Bring the tool to these rows: how many it accepted, and how many it refused.

        `is_killed`: the process ends when the tool has the first batch, before that is recorded.
        """
        self.runs += 1
        now = NOON + timedelta(hours=self.runs)
        sync = Sync("sync", "syncs.sync", self.case.key, mode, is_deduplicated=True)
        names = dict.fromkeys(name for row in self.all_rows for name in row)
        every = [{name: row.get(name) for name in names} for row in self.all_rows]
        schema = pa.Table.from_pylist(every).schema
        chosen = [{name: row.get(name) for name in names} for row in rows]
        with self.connect() as db:
            db.write(sync.table, pa.Table.from_pylist(chosen, schema), "replace")
        url = f"{self.sandbox.url}/{self.case.tool}"
        api = opened(self.case, url, mode=mode, run_id=f"r{self.runs}")
        workshop = Workshop(self.connect, self.folder)
        target = aim(thing(self.case), api)
        if is_killed:
            target = replace(target, send=dying(target.send))
        report = sending.run(sync, target, workshop, f"r{self.runs}", lambda: now)
        return report.accepted, report.rejected

    @property
    def all_rows(self) -> list[Row]:
        return [*self.case.good, self.case.changed, self.case.bad]

    def connect(self) -> AbstractContextManager[Database]:
        return database.connect(self.folder / "warehouse.duckdb")

    def standing(self) -> dict[str, Row]:
        records = self.sandbox.records(self.case.tool, self.case.kind)
        return dict(
            self.case.shown(record)
            for record in records
            if not (record.get("IsDeleted") or record.get("archived"))
        )

    def calls(self) -> int:
        counts = self.sandbox.requests()
        return sum(one["count"] for one in counts if one["vendor"] == self.case.tool)


class Killed(BaseException):
    pass


def dying(send: Callable[[list[Row]], Outcome]) -> Callable[[list[Row]], Outcome]:
    def send_and_die(rows: list[Row]) -> Outcome:
        send(rows)
        raise Killed

    return send_and_die


@pytest.fixture
def behind(case: Case, sandbox: Sandbox, tmp_path: Path) -> Behind:
    case.prepare(sandbox)
    return Behind(case, sandbox, tmp_path)


def each(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


@each(STANDING)
def test_a_row_goes_when_it_changes_and_a_refused_one_alone(case: Case, behind: Behind) -> None:
    assert behind.run(*case.good, case.bad) == (2, 1)
    before = behind.calls()
    assert behind.run(*case.good) == (0, 0)
    assert behind.calls() == before
    is_same = case.changed == case.good[1]
    assert behind.run(case.good[0], case.changed) == (0 if is_same else 1, 0)
    assert behind.standing() == case.expected


@each(CASES)
def test_a_run_that_dies_between_sending_and_recording_loses_and_doubles_nothing(
    case: Case, behind: Behind
) -> None:
    mode = "append" if case in EVENTS else "upsert"
    with pytest.raises(Killed):
        behind.run(case.good[0], case.changed, mode=mode, is_killed=True)
    assert len(behind.standing()) == min(2, thing(case).batch_size)
    assert behind.run(case.good[0], case.changed, mode=mode) == (2, 0)
    assert behind.standing() == case.expected
    before = behind.calls()
    assert behind.run(case.good[0], case.changed, mode=mode) == (0, 0)
    assert behind.calls() == before


@each(REMOVABLE)
def test_what_left_the_table_leaves_the_tool_and_nothing_else_does(
    case: Case, behind: Behind
) -> None:
    assert behind.run(*case.good, mode="mirror") == (2, 0)
    assert behind.run(case.good[1], mode="mirror") == (1, 0)
    before = behind.calls()
    assert behind.run(case.good[1], mode="mirror") == (0, 0)
    assert behind.calls() == before
    (kept,) = behind.standing()
    assert kept == case.good[1][case.key]


@each(EVENTS)
def test_an_event_is_appended_once(case: Case, behind: Behind) -> None:
    assert behind.run(*case.good, case.bad, mode="append") == (2, 1)
    before = behind.calls()
    assert behind.run(*case.good, mode="append") == (0, 0)
    assert behind.calls() == before
    assert behind.standing() == case.expected
