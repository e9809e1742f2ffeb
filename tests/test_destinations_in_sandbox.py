"""Each connector against the sandbox's API of its tool: what it wrote is what the tool holds."""

from dataclasses import dataclass
from typing import Any

import pytest
from answering import Sleeper
from tool_case import Case, Records
from tool_cases import CASES, opened, thing

from cdp_assets import likeness
from destinations.api import Api
from destinations.rows import Merge, Row


def each(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


every_case = each(CASES)


@dataclass(frozen=True)
class Trial:
    case: Case
    sandbox: Any
    api: Api
    sleeper: Sleeper

    def send(self, *rows: Row) -> tuple[set[str], dict[str, str]]:
        outcome = thing(self.case).send_batch(self.api, list(rows))
        return set(outcome.accepted), outcome.rejected

    def held(self) -> Records:
        records = self.sandbox.records(self.case.tool, self.case.kind)
        return dict(self.case.shown(record) for record in records)


@pytest.fixture
def trial(case: Case, sandbox: Any) -> Trial:
    case.prepare(sandbox)
    sleeper = Sleeper()
    api = opened(case, f"{sandbox.url}/{case.tool}", sleep=sleeper.sleep)
    return Trial(case, sandbox, api, sleeper)


def keys(case: Case) -> set[str]:
    return {row[case.key] for row in case.good}


@every_case
def test_rows_are_created_and_updated(case: Case, trial: Trial) -> None:
    assert trial.send(*case.good) == (keys(case), {})
    assert trial.send(case.changed) == ({case.changed[case.key]}, {})
    assert trial.held() == case.expected


@every_case
def test_a_refused_row_among_good_ones_costs_one_row(case: Case, trial: Trial) -> None:
    accepted, rejected = trial.send(case.good[0], case.bad, case.changed)
    assert (accepted, set(rejected)) == (keys(case), {case.bad[case.key]})
    assert all(rejected.values())
    assert trial.held() == case.expected


@every_case
def test_a_busy_answer_is_waited_out(case: Case, trial: Trial) -> None:
    trial.sandbox.faults([{"vendor": case.tool, **case.busy, "times": 1}])
    assert trial.send(case.good[0], case.changed) == (keys(case), {})
    assert trial.sleeper.slept == [case.waits_s]
    assert trial.held() == case.expected


@every_case
def test_a_cut_connection_doubles_nothing(case: Case, trial: Trial) -> None:
    trial.send(case.good[0])
    trial.sandbox.faults([{"vendor": case.tool, "drop_after": True, "path": case.path, "times": 1}])
    assert trial.send(case.good[0], case.changed) == (keys(case), {})
    assert trial.held() == case.expected
    assert len(trial.sandbox.records(case.tool, case.kind)) == 2


@each([case for case in CASES if case.renews])
def test_an_expired_token_is_renewed(case: Case, trial: Trial) -> None:
    trial.send(case.good[0])
    trial.sandbox.faults([{"vendor": case.tool, "expire_tokens": True}])
    assert trial.send(case.changed) == ({case.changed[case.key]}, {})
    assert trial.held() == case.expected


@each([case for case in CASES if thing(case).remove])
def test_deleted_rows_are_gone(case: Case, trial: Trial) -> None:
    record_ids = thing(case).send_batch(trial.api, case.good).accepted
    gone, kept = case.good[0][case.key], case.good[1][case.key]
    rows = [{**case.good[0], "record_id": record_ids[gone]}]
    outcome = thing(case).delete_batch(trial.api, rows)
    assert (set(outcome.accepted), outcome.rejected) == ({gone}, {})
    standing = [
        case.shown(record)[0]
        for record in trial.sandbox.records(case.tool, case.kind)
        if not (record.get("IsDeleted") or record.get("archived"))
    ]
    assert standing == [kept]


def row_of(case: Case, number: int, *fields: str) -> Row:
    return {name: case.good[number][name] for name in (case.key, *fields)}


@each([case for case in CASES if thing(case).is_partial])
def test_a_field_that_a_row_does_not_mention_is_kept(case: Case, trial: Trial) -> None:
    trial.send(*case.good)
    before = trial.held()
    trial.send(row_of(case, 0), row_of(case, 1))
    assert trial.held() == before


@each([case for case in CASES if "update" in thing(case).modes])
def test_an_update_makes_nothing(case: Case, trial: Trial) -> None:
    first, second = (row[case.key] for row in case.good)
    trial.api.mode = "update"
    accepted, rejected = trial.send(case.good[0])
    assert (accepted, set(rejected)) == (set(), {first})
    trial.api.mode = "upsert"
    trial.send(*case.good)
    trial.api.mode = "update"
    assert trial.send(case.changed) == ({second}, {})
    assert trial.held() == case.expected


@each([case for case in CASES if "create" in thing(case).modes])
def test_a_creation_changes_nothing(case: Case, trial: Trial) -> None:
    trial.api.mode = "create"
    assert trial.send(*case.good) == (keys(case), {})
    before = trial.held()
    accepted, rejected = trial.send(case.changed)
    assert (accepted, set(rejected), trial.held()) == (set(), {case.changed[case.key]}, before)


@each([case for case in CASES if thing(case).unite])
def test_two_records_become_one(case: Case, trial: Trial) -> None:
    record_ids = thing(case).send_batch(trial.api, case.good).accepted
    gone, kept = (row[case.key] for row in case.good)
    merge = Merge(gone, record_ids[gone], kept, record_ids[kept])
    assert set(thing(case).merge_batch(trial.api, [merge]).accepted) == {gone}
    standing = [
        record
        for record in trial.sandbox.records(case.tool, case.kind)
        if not record.get("archived")
    ]
    assert [case.shown(record)[0] for record in standing] == [kept]


@each([case for case in CASES if thing(case).read_back])
def test_what_was_written_is_read_back_the_same(case: Case, trial: Trial) -> None:
    trial.send(*case.good)
    read_back = thing(case).read_back
    assert read_back is not None
    keys_asked = [row[case.key] for row in case.good]
    rows = read_back(trial.api, [*keys_asked, "nobody"])
    assert list(rows) == keys_asked
    shown = {
        (name, value, rows[row[case.key]].get(name))
        for row in case.good
        for name, value in row.items()
        if name != "accountIds"
    }
    assert [one for one in shown if not likeness.same(*one[1:])] == []
    assert [one for one in shown if likeness.same("something else", one[2])] == []


@each([case for case in CASES if thing(case).specify])
def test_the_tool_describes_every_field_that_is_sent(case: Case, trial: Trial) -> None:
    specify = thing(case).specify
    assert specify is not None
    fields = specify(trial.api)
    assert [name for row in case.good for name in row if not fields[name].is_writable] == []
