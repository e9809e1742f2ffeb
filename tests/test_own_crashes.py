"""Killed between sending and recording: each tool of one's own still ends up as the model says."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest import Sandbox
from signing_in import CLIENT
from taking import at

import destinations
from cdp_assets import sending
from cdp_assets.outgoing import aim
from cdp_assets.sending import Workshop
from destinations import salesforce
from destinations.api import Api
from destinations.destination import Object
from destinations.rows import Outcome, Row
from sandbox.webhook import SECRET
from warehouse import ledger, owed
from warehouse.ledger import Report
from warehouse.sync import ANY, Sync

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
Records = dict[str, str | None]


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Place:
    """A tool with a sync to it: what it holds is seen by `held`, as name by key."""

    to: str
    arguments: dict[str, str]
    held: Callable[[], Records]
    workshop: Workshop
    key: str = "user_id"
    name: str = "name"
    runs: int = 0
    batches: int = 0
    killed_after: set[int] = field(default_factory=set)
    tool_ids: Callable[[], set[str | None]] = lambda: {None}

    def run(self, mode: str, wanted: Records) -> Report:
        """Bring the tool to what is wanted, two rows a batch, as if each batch were the last."""
        self.runs += 1
        thing, api = self.opened(mode, f"r{self.runs}")
        sync = Sync(
            "own",
            "syncs.own",
            self.key,
            mode,
            is_deduplicated=thing.is_deduplicated,
            max_deletes=ANY,
        )
        with self.workshop.connect() as db:
            rows = ", ".join(f"('{key}', '{name}')" for key, name in wanted.items())
            db.materialize(sync.table, f'from (values {rows}) as v ("{self.key}", "{self.name}")')
        target = aim(thing, api)
        target = replace(target, send=self._counted(target.send), batch_size=2)
        return sending.run(sync, target, self.workshop, api.run_id, at(NOON))

    def _counted(self, send: Callable[[list[Row]], Outcome]) -> Callable[[list[Row]], Outcome]:
        def sent(rows: list[Row]) -> Outcome:
            outcome = send(rows)
            self.batches += 1
            if self.batches in self.killed_after:
                raise Killed
            return outcome

        return sent

    def decide(self) -> None:
        """Whoever looks into the tool sees that it has what was sent last."""
        with self.workshop.connect() as db:
            sync = Sync("own", "syncs.own", self.key, "append")
            owed.decide(db, sync, owed.unknown(db, sync), True, NOON)

    def opened(self, mode: str, run_id: str) -> tuple[Object, Api]:
        tool, _, name = self.to.partition(".")
        destination = destinations.find()[0][tool]
        thing = destination.thing(name)
        assert thing
        told = {"mode": mode, "run_id": run_id, "name": name}
        return thing, destination.open(self.arguments, self.key, **told, sleep=lambda _: None)

    def write(self, row: Row) -> None:
        """Somebody else writes to the tool."""
        thing, api = self.opened("create", "theirs")
        assert thing.send_batch(api, [row]).rejected == {}

    def record_ids(self) -> set[str | None]:
        with self.workshop.connect() as db:
            return {one for (one,) in db.run("select _record_id from ledger.own")}

    def is_balanced(self) -> bool:
        with self.workshop.connect() as db:
            return ledger.unbalanced(db, Sync("own", "syncs.own", self.key)) == []


@pytest.fixture
def webhook(sandbox: Sandbox, workshop: Workshop) -> Place:
    arguments = {"url": f"{sandbox.url}/webhook/in", "secret": SECRET}

    def held() -> Records:
        rows = sandbox.records("webhook", "people")
        assert len(rows) == len({row["user_id"] for row in rows})
        return {row["user_id"]: row["name"] for row in rows}

    return Place("webhook.people", arguments, held, workshop)


@pytest.fixture
def jobs(org: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Two rows are many."""
    monkeypatch.setattr(salesforce, "BULK_ABOVE", 1)
    return org


@pytest.fixture
def org(sandbox: Sandbox, workshop: Workshop) -> Place:
    client = {name: CLIENT[name] for name in ("client_id", "client_secret")}

    def held() -> Records:
        rows = [one for one in sandbox.records("salesforce", "Contact") if not one["IsDeleted"]]
        return {row["Profile_Id__c"]: row["LastName"] for row in rows}

    def ids() -> set[str | None]:
        return {one["Id"] for one in sandbox.records("salesforce", "Contact")}

    arguments = {"base_url": f"{sandbox.url}/salesforce", **client}
    return Place(
        "salesforce.contacts", arguments, held, workshop, "Profile_Id__c", "LastName", tool_ids=ids
    )


@pytest.fixture
def database(postgres_url: str, workshop: Workshop) -> Place:
    with psycopg.connect(postgres_url) as db:
        db.execute("drop table if exists own")
        db.execute("create table own (user_id text primary key, name text)")

    def held() -> Records:
        with psycopg.connect(postgres_url) as db:
            return dict(db.execute("select user_id, name from own").fetchall())

    return Place("postgres.own", {"url": postgres_url}, held, workshop)


@pytest.fixture
def folder(tmp_path: Path, workshop: Workshop) -> Place:
    """Read as its manifests say: what they do not name does not count."""
    exports = tmp_path / "exports"

    def lines(path: str) -> list[Any]:
        return [json.loads(line) for line in (exports / path).read_text().splitlines()]

    def held() -> Records:
        found: Records = {}
        told = [json.loads(path.read_text()) for path in exports.glob("people/*/manifest.json")]
        for manifest in sorted(told, key=lambda one: str(one["run_id"])):
            if manifest["mode"] == "snapshot":
                if not manifest["is_complete"]:
                    continue
                found = {}
            for file in manifest["files"]:
                for row in lines(file["path"]):
                    if file["action"] == "delete":
                        del found[row["user_id"]]
                    else:
                        assert manifest["mode"] != "append" or row["user_id"] not in found
                        found[row["user_id"]] = row["name"]
        return found

    return Place("files.people.ndjson", {"url": str(exports)}, held, workshop)


@pytest.fixture
def hubspot(sandbox: Sandbox, workshop: Workshop) -> Place:
    """It turns addresses to small letters."""
    arguments = {"access_token": "pat-sandbox", "base_url": f"{sandbox.url}/hubspot"}

    def held() -> Records:
        rows = [one["properties"] for one in sandbox.records("hubspot", "contacts")]
        assert len(rows) == len({row["email"] for row in rows})
        return {row["email"]: row["firstname"] for row in rows}

    def ids() -> set[str | None]:
        return {one["id"] for one in sandbox.records("hubspot", "contacts")}

    return Place("hubspot.contacts", arguments, held, workshop, "email", "firstname", tool_ids=ids)


FIRST: Records = {f"u{number}": f"N{number}" for number in range(1, 8)}
CHANGED: Records = {**FIRST, "u3": "O''Brien", "u8": "N8"}
DONE: Records = {key: "O'Brien" if key == "u3" else name for key, name in CHANGED.items()}
PLACES = ["webhook", "org", "jobs", "database", "folder"]


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    made: Place = request.getfixturevalue(request.param)
    return made


@pytest.mark.parametrize("killed_after", [{2}, {1, 2, 5}], ids=str)
@pytest.mark.parametrize("place", PLACES, indirect=True)
def test_a_mirror_holds_what_the_model_says_whenever_it_was_killed(
    place: Place, killed_after: set[int]
) -> None:
    place.killed_after = killed_after
    for wanted, shown in ((FIRST, FIRST), (CHANGED, DONE), ({"u1": "N1"}, {"u1": "N1"})):
        until_done(place, "mirror", wanted)
        assert place.held() == shown
        report = place.run("mirror", wanted)
        assert (report.planned, report.accepted) == (0, 0)
    assert place.is_balanced()


@pytest.mark.parametrize("killed_after", [{3}, {1, 2}], ids=str)
@pytest.mark.parametrize("place", ["webhook", "database", "folder"], indirect=True)
def test_an_append_is_there_once_whenever_it_was_killed(
    place: Place, killed_after: set[int]
) -> None:
    place.killed_after = killed_after
    for wanted in (FIRST, FIRST | {"u8": "N8", "u9": "N9"}):
        until_done(place, "append", wanted)
        if place.to == "files.people.ndjson":
            place.decide()
        assert place.held() == wanted
        assert place.run("append", wanted).planned == 0
    assert place.is_balanced()


@pytest.mark.parametrize("killed_after", [{1}, {4}], ids=str)
def test_a_snapshot_has_all_rows_whenever_it_was_killed(
    folder: Place, killed_after: set[int]
) -> None:
    folder.killed_after = killed_after
    for wanted, shown in ((FIRST, FIRST), (CHANGED, DONE)):
        until_done(folder, "snapshot", wanted)
        assert folder.held() == shown
    assert folder.is_balanced()


CREATED: Records = {f"{key}@example.com": name for key, name in FIRST.items()}
ELDER = "u3@example.com"


@pytest.mark.parametrize("place", ["hubspot", "org", "jobs", "database"], indirect=True)
def test_what_was_created_before_a_death_is_known_for_ours_by_the_next_run(place: Place) -> None:
    place.killed_after = {2}
    with pytest.raises(Killed):
        place.run("create", CREATED)
    report = place.run("create", CREATED)
    assert (report.planned, report.accepted, report.rejected) == (5, 5, 0)
    assert place.held() == CREATED
    assert place.record_ids() == place.tool_ids()
    assert place.run("create", CREATED).planned == 0


@pytest.mark.parametrize("place", ["hubspot", "org"], indirect=True)
def test_what_was_created_and_its_answer_lost_is_known_for_ours_by_the_same_run(
    place: Place, sandbox: Sandbox
) -> None:
    path = "batch/create" if place.to == "hubspot.contacts" else "composite/sobjects"
    vendor = place.to.partition(".")[0]
    sandbox.faults([{"vendor": vendor, "drop_after": True, "path": path}])
    report = place.run("create", CREATED)
    assert (report.planned, report.accepted, report.rejected) == (7, 7, 0)
    assert (place.held(), place.record_ids()) == (CREATED, place.tool_ids())


@pytest.mark.parametrize("place", ["hubspot", "org", "database"], indirect=True)
def test_what_somebody_else_had_created_is_not_taken_for_ours_after_a_death(place: Place) -> None:
    place.write({place.key: ELDER, place.name: "Elder"})
    place.killed_after = {2}
    with pytest.raises(Killed):
        place.run("create", CREATED)
    report = place.run("create", CREATED)
    assert (report.planned, report.accepted, report.rejected) == (5, 4, 1)
    assert place.held() == {**CREATED, ELDER: "Elder"}


def until_done(place: Place, mode: str, wanted: Records) -> None:
    for _ in range(4):
        try:
            place.run(mode, wanted)
        except Killed:
            continue
        return
    raise AssertionError("it was killed more often than asked")
