"""Every mode for two hundred steps of changes, refusals, breaks and deaths: what stands at rest."""

import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from dying import DEATHS, Crash, Door
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from taking import CONTACTS, NOON, at

from cdp_assets import sending
from cdp_assets.sending import Target, Workshop
from destinations.errors import RetryLater, Unanswered
from destinations.rows import Outcome, Row
from warehouse import ledger, owed
from warehouse.database import connect
from warehouse.sync import Limit

KEYS = ["a", "b", "c", "d", "O'Brien"]
EMAILS = st.sampled_from([None, "", *KEYS])
ROWS = st.lists(
    st.tuples(EMAILS, st.sampled_from([None, "", "Köln"]), st.integers(0, 2)), max_size=7
)
PARTIAL = ("upsert", "mirror", "update")
BREAKS = st.sampled_from(["busy", "no answer", "unanswered", "crash"])


class World:
    """A tool: records by key, a log of events, files that are whole once they are finished."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.records: dict[str, Row] = {}
        self.log: list[str] = []
        self.parts: dict[str, Row] = {}
        self.file: dict[str, Row] = {}
        self.refuses: set[str] = set()
        self.breaks: tuple[str, bool] | None = None

    def send(self, rows: list[Row]) -> Outcome:
        return self._answer(rows, self._take)

    def delete(self, rows: list[Row]) -> Outcome:
        return self._answer(rows, lambda row: self.records.pop(row["email"], None))

    def _answer(self, rows: list[Row], take: Any) -> Outcome:
        broken, self.breaks = self.breaks, None
        if broken and not broken[1]:
            self._break(broken[0])
        outcome = Outcome()
        for row in rows:
            key = row["email"]
            if key in self.refuses or self._is_out_of_mode(key):
                outcome.rejected[key] = f"{key} is refused"
            else:
                take(row)
                outcome.accepted[key] = f"id of {key}"
        if broken:
            self._break(broken[0])
        return outcome

    def _is_out_of_mode(self, key: str) -> bool:
        """To create is refused what is there, to update what is not."""
        return self.mode == ("create" if key in self.records else "update")

    def _take(self, row: Row) -> None:
        key = row["email"]
        if self.mode == "append":
            self.log.append(key)
        elif self.mode == "snapshot":
            self.parts[key] = row
        else:
            # What an upsert does not name stays as it is.
            self.records[key] = {**self.records.get(key, {}), **row}

    def _break(self, how: str) -> None:
        if how == "crash":
            raise Crash
        if self.mode == "append":
            raise Unanswered("tool", "cut") if how != "busy" else ConnectionError("cut")
        raise RetryLater("tool", 60, how, is_unsure=True)

    def finish(self) -> None:
        if self.mode == "snapshot":
            self.file, self.parts = self.parts, {}


class Modes(RuleBasedStateMachine):
    """A sync of any mode, and what the tool should hold when all has come to rest."""

    @initialize(
        mode=st.sampled_from(["upsert", "mirror", "update", "create", "append", "snapshot"]),
        is_partial=st.booleans(),
    )
    def begin(self, mode: str, is_partial: bool) -> None:
        self.home = tempfile.TemporaryDirectory()
        self.opened = connect(Path(self.home.name) / "warehouse.duckdb")
        self.db = self.opened.__enter__()
        self.sync = replace(CONTACTS, mode=mode, max_deletes=Limit())
        self.world, self.is_partial = World(mode), is_partial and mode in PARTIAL
        self.now, self.runs = NOON, 0
        self.door = Door(self.db)
        self.model: list[Row] = []
        self.entered: set[str] = set()
        self.the_model_changes([])

    def teardown(self) -> None:
        if hasattr(self, "opened"):
            self.opened.__exit__(None, None, None)
            self.home.cleanup()

    @rule(rows=ROWS)
    def the_model_changes(self, rows: list[tuple[Any, ...]]) -> None:
        self.model = [dict(zip(("email", "city", "spent"), row, strict=True)) for row in rows]
        types = [("email", pa.string()), ("city", pa.string()), ("spent", pa.int64())]
        table = pa.Table.from_pylist(self.model, pa.schema(types))
        self.db.write(CONTACTS.table, table, "replace")

    @rule(keys=st.sets(st.sampled_from(KEYS)))
    def the_tool_refuses(self, keys: set[str]) -> None:
        self.world.refuses = keys

    @rule(keys=st.sets(st.sampled_from(KEYS), max_size=2))
    def somebody_enters_records(self, keys: set[str]) -> None:
        """Only these are ever there to update."""
        if self.sync.mode == "update":
            for key in keys - self.entered:
                self.world.records[key] = {"email": key}
            self.entered |= keys

    @rule(minutes=st.sampled_from([1, 15, 1440]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def a_run_goes_through(self) -> None:
        self.run()

    @rule(how=BREAKS, is_taken=st.booleans())
    def a_call_breaks(self, how: str, is_taken: bool) -> None:
        self.world.breaks = (how, is_taken)
        self.run()
        self.world.breaks = None

    @rule(**DEATHS)
    def the_process_dies_at_the_warehouse(
        self, opening: int, moment: str, is_entered_at_once: bool
    ) -> None:
        with self.door.dying(opening, moment, is_entered_at_once):
            self.run()

    @rule()
    def all_comes_to_rest(self) -> None:
        self.world.refuses = set()
        for _ in range(2):
            self.now += timedelta(days=1)
            self.run()
            self.somebody_looks_into_the_tool()
        should = self.should()
        if self.sync.mode == "append":
            assert set(should) <= set(self.world.log)
        elif self.sync.mode == "snapshot":
            assert self.world.file == should
        elif self.sync.mode == "create":
            assert set(should) <= set(self.world.records)
        else:
            if self.sync.mode == "update":
                assert set(self.world.records) == self.entered
                should = {key: row for key, row in should.items() if key in self.entered}
            for key, row in should.items():
                assert {name: self.world.records[key].get(name) for name in row} == row
        if self.sync.mode == "mirror":
            # Rows that share a key say nothing certain about it: it is left alone.
            shared = {row["email"] for row in self.model} - set(should)
            assert set(self.world.records) - shared == set(should)

    def somebody_looks_into_the_tool(self) -> None:
        unknown = owed.unknown(self.db, self.sync)
        there = [key for key in unknown if key in self.world.log]
        owed.decide(self.db, self.sync, there, True, self.now)
        owed.decide(
            self.db, self.sync, [key for key in unknown if key not in there], False, self.now
        )
        self.run()

    @invariant()
    def nothing_is_appended_twice(self) -> None:
        if hasattr(self, "world"):
            assert [key for key, times in Counter(self.world.log).items() if times > 1] == []

    @invariant()
    def the_sums_balance(self) -> None:
        if hasattr(self, "db"):
            assert ledger.unbalanced(self.db, CONTACTS) == []

    def run(self) -> None:
        self.runs += 1
        finish = self.world.finish if self.sync.mode == "snapshot" else None
        target = Target(
            self.world.send, 2, self.world.delete, finish=finish, is_partial=self.is_partial
        )
        workshop = Workshop(self.door.connect, Path(self.home.name))
        self.world.parts = {}
        with suppress(Crash, ConnectionError, RetryLater, Unanswered):
            sending.run(self.sync, target, workshop, f"r{self.runs}", at(self.now))

    def should(self) -> dict[str, Row]:
        """What should stand in the tool: the model's rows with a key of their own."""
        times = Counter(row["email"] for row in self.model)
        return {
            row["email"]: row for row in self.model if row["email"] and times[row["email"]] == 1
        }


TestModes = Modes.TestCase
TestModes.settings = settings(
    max_examples=2,
    stateful_step_count=200,
    # Two hundred steps are too many to shrink.
    phases=[Phase.generate],
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
