import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from dying import DEATHS, Crash, Door
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from taking import CONTACTS, NOON, Tool, at

from cdp_assets import sending
from cdp_assets.journal import recover
from cdp_assets.sending import Target, Workshop
from destinations.errors import RetryLater
from destinations.rows import Outcome, Row
from warehouse import ledger
from warehouse.database import connect
from warehouse.ledger import Report

EMAILS = st.sampled_from([None, "", "a@x.io", "b@x.io", "c@x.io", "d@x.io", "O'Brien@x.io"])
CITIES = st.sampled_from([None, "", "Köln", "👩‍🚀"])
SPENT = st.sampled_from([None, Decimal("0.10"), Decimal("2.00")])
ROWS = st.lists(st.tuples(EMAILS, CITIES, SPENT), max_size=8)


class Syncing(RuleBasedStateMachine):
    """The engine against a slow and obvious twin: dicts of what should go and what has gone."""

    def __init__(self) -> None:
        super().__init__()
        self.home = tempfile.TemporaryDirectory()
        self.opened = connect(Path(self.home.name) / "warehouse.duckdb")
        self.db = self.opened.__enter__()
        self.tool = Tool()
        self.model: list[Row] = []
        self.now = NOON
        self.runs = 0
        self.door = Door(self.db)
        self.fill([], ("email", "spent"))

    def teardown(self) -> None:
        self.opened.__exit__(None, None, None)
        self.home.cleanup()

    @rule(rows=ROWS, is_wide=st.booleans())
    def the_model_changes(self, rows: list[tuple[Any, ...]], is_wide: bool) -> None:
        wide = [dict(zip(("email", "city", "spent"), row, strict=True)) for row in rows]
        self.fill(wide, ("email", "city", "spent") if is_wide else ("email", "spent"))

    def fill(self, rows: list[Row], names: tuple[str, ...]) -> None:
        self.model = [{name: row[name] for name in names} for row in rows]
        types = {"email": pa.string(), "city": pa.string(), "spent": pa.decimal128(18, 2)}
        schema = pa.schema([(name, types[name]) for name in names])
        self.db.write(CONTACTS.table, pa.Table.from_pylist(self.model, schema), "replace")

    @rule(emails=st.sets(EMAILS))
    def the_tool_refuses(self, emails: set[str | None]) -> None:
        self.tool.refuses = {email: f"{email} is refused" for email in emails if email}

    @rule(minutes=st.sampled_from([1, 15, 60, 1440]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(size=st.integers(1, 3))
    def a_run_goes_through(self, size: int) -> None:
        # What the tool had said to a run that died counts.
        with self.db.transaction():
            recover(self.db, CONTACTS, Path(self.home.name), self.now)
        should, accepted, held = self.should(), self.accepted(), self.held()
        before = len(self.tool.batches)
        report = self.run(size)

        differing = {key for key, row in should.items() if accepted.get(key) != row}
        sent = [key for batch in self.tool.batches[before:] for key in batch]
        assert sorted(sent) == sorted(differing - held)
        assert report.created == len(differing - set(accepted))
        assert report.updated == len(differing & set(accepted))
        assert report.unchanged == len(should) - len(differing)
        assert report.refused_in_plan == len(self.model) - len(should)
        assert report.held == len(differing & held)

    @rule(batch=st.integers(1, 3), taken=st.sets(EMAILS))
    def the_tool_breaks_off(self, batch: int, taken: set[str | None]) -> None:
        busy = RetryLater("hubspot", 60, "busy")

        def send(rows: list[Row]) -> Outcome:
            if len(self.tool.batches) == first + batch - 1:
                busy.settled = self.tool.send([row for row in rows if row["email"] in taken])
                raise busy
            return self.tool.send(rows)

        first = len(self.tool.batches)
        with suppress(RetryLater):
            self.run(2, send)

    @rule(**DEATHS)
    def the_process_dies_at_the_warehouse(
        self, opening: int, moment: str, is_entered_at_once: bool
    ) -> None:
        with suppress(Crash), self.door.dying(opening, moment, is_entered_at_once):
            self.run(2)

    @rule(batch=st.integers(1, 3), is_taken=st.booleans())
    def the_process_dies_at_the_tool(self, batch: int, is_taken: bool) -> None:
        def send(rows: list[Row]) -> Outcome:
            dies = len(self.tool.batches) == first + batch - 1
            if dies and not is_taken:
                raise Crash
            outcome = self.tool.send(rows)
            if dies:
                raise Crash
            return outcome

        first = len(self.tool.batches)
        with suppress(Crash):
            self.run(2, send)

    @rule()
    def all_comes_to_rest(self) -> None:
        self.tool.refuses = {}
        self.now += timedelta(days=1)
        self.run(2)

        should = self.should()
        for key, row in should.items():
            # A field that was never sent because it was always empty is empty there too.
            assert {name: self.tool.records[key].get(name) for name in row} == row
        assert {key: self.accepted()[key] for key in should} == should
        assert [refusal for refusal in ledger.refusals(self.db, CONTACTS) if refusal.tries] == []

    @invariant()
    def the_sums_balance(self) -> None:
        assert ledger.unbalanced(self.db, CONTACTS) == []

    def run(self, size: int, send: Callable[[list[Row]], Outcome] | None = None) -> Report:
        self.runs += 1
        target = Target(send or self.tool.send, size)
        workshop = Workshop(self.door.connect, Path(self.home.name))
        return sending.run(CONTACTS, target, workshop, f"r{self.runs}", at(self.now))

    def should(self) -> dict[str, Row]:
        """What should stand in the tool: the model's rows with a key of their own."""
        times = Counter(row["email"] for row in self.model)
        return {
            row["email"]: row for row in self.model if row["email"] and times[row["email"]] == 1
        }

    def accepted(self) -> dict[str, Row]:
        """What the ledger has, in the fields mapped today; a field it never had counts as NULL."""
        if not self.db.columns(CONTACTS.ledger):
            return {}
        names = list(self.db.columns(CONTACTS.ledger))
        rows = [
            dict(zip(names, row, strict=True)) for row in self.db.run(f"from {CONTACTS.ledger}")
        ]
        mapped = self.db.columns(CONTACTS.table)
        return {row["_key"]: {name: row.get(name) for name in mapped} for row in rows}

    def held(self) -> set[str]:
        """Keys that were refused with the values they have now, and still pause."""
        should = self.should()
        return {
            refusal.key
            for refusal in ledger.refusals(self.db, CONTACTS)
            if refusal.key in should
            and refusal.next_try_at
            and refusal.next_try_at > self.now
            and self.tool.refused[refusal.key] == should[refusal.key]
        }


TestSyncing = Syncing.TestCase
TestSyncing.settings = settings(
    max_examples=8,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
