"""What becomes of a record when its person goes by another key, or turns out to be another's."""

from dataclasses import replace
from typing import Any

from taking import CONTACTS, NOON, Tool, at, fill, in_ledger, sums

from cdp_assets import sending
from cdp_assets.sending import Target, Workshop
from destinations.rows import Merge, Outcome
from warehouse.ledger import Report
from warehouse.sync import Sync

SYNC = replace(CONTACTS, profile="_profile_id", on_merge="merge")
ANN_BO = "from (values ('ann', 'p1', 1), ('bo', 'p2', 1)) as v (email, _profile_id, visits)"


class Merging(Tool):
    """A tool that can merge, and gives what comes of it a new id."""

    def __init__(self) -> None:
        super().__init__()
        self.merges: list[Merge] = []

    def merge(self, merges: list[Merge]) -> Outcome:
        outcome = Outcome()
        for one in merges:
            if reason := self.refuses.get(one.key):
                outcome.rejected[one.key] = reason
                continue
            self.merges.append(one)
            del self.records[one.key]
            outcome.accepted[one.key] = f"{one.into_record_id} with {one.record_id}"
        return outcome


class Runs:
    def __init__(self, workshop: Workshop, sync: Sync = SYNC) -> None:
        self.workshop, self.sync, self.tool, self.count = workshop, sync, Merging(), 0

    def run(self, select: str, **redirects: str) -> Report:
        self.count += 1
        fill(self.workshop, select)
        if redirects:
            rows = ", ".join(f"('{old}', '{new}')" for old, new in redirects.items())
            with self.workshop.connect() as db:
                db.materialize(
                    "identity.profile_redirects",
                    f"from (values {rows}) as v (profile_id, current_profile_id)",
                )
        tool = self.tool
        target = Target(tool.send, 2, delete=tool.delete, merge=tool.merge)
        return sending.run(self.sync, target, self.workshop, f"r{self.count}", at(NOON))


def held(runs: Runs) -> dict[str, Any]:
    return {key: row["visits"] for key, row in runs.tool.records.items()}


def test_people_who_turned_out_to_be_one_are_merged_in_the_tool(workshop: Workshop) -> None:
    runs = Runs(workshop)
    runs.run(ANN_BO)
    merged = "select 'ann' as email, 'p1' as _profile_id, 2 as visits"

    report = runs.run(merged, p1="p1", p2="p1")

    assert runs.tool.merges == [Merge("bo", "id of bo", "ann", "id of ann")]
    assert held(runs) == {"ann": 2}
    assert (sums(report), report.updated, report.deleted) == ((2, 2, 0, 0), 1, 1)
    assert in_ledger(workshop, "email, visits, _record_id") == [
        ("ann", 2, "id of ann with id of bo")
    ]
    assert sums(runs.run(merged)) == (0, 0, 0, 0)


def test_a_person_who_goes_by_another_key_keeps_one_record(workshop: Workshop) -> None:
    runs = Runs(workshop)
    runs.run(ANN_BO)

    report = runs.run(ANN_BO.replace("'ann'", "'ann.new'"))

    assert runs.tool.merges == [Merge("ann", "id of ann", "ann.new", "id of ann.new")]
    assert (sums(report), held(runs)) == ((2, 2, 0, 0), {"bo": 1, "ann.new": 1})
    assert runs.tool.rows[-1] == {"email": "ann.new", "visits": 1}


def test_a_merge_waits_for_the_record_that_it_goes_into(workshop: Workshop) -> None:
    runs = Runs(workshop)
    runs.run(ANN_BO)
    runs.tool.refuses = {"ann.new": "no"}

    report = runs.run(ANN_BO.replace("'ann'", "'ann.new'"))

    assert (sums(report), runs.tool.merges) == ((2, 0, 2, 0), [])
    assert held(runs) == {"ann": 1, "bo": 1}


def test_where_the_tool_cannot_merge_the_other_record_is_deleted(workshop: Workshop) -> None:
    runs = Runs(workshop, replace(SYNC, on_merge="delete"))
    runs.run(ANN_BO)
    runs.run("select 'ann' as email, 'p1' as _profile_id, 1 as visits", p2="p1")
    assert (held(runs), runs.tool.merges) == ({"ann": 1}, [])


def test_one_who_left_is_left_alone(workshop: Workshop) -> None:
    runs = Runs(workshop)
    runs.run(ANN_BO)
    report = runs.run("select 'ann' as email, 'p1' as _profile_id, 1 as visits")
    assert (sums(report), sorted(held(runs))) == ((0, 0, 0, 0), ["ann", "bo"])
