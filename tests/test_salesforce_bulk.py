"""Salesforce by thousands: jobs of the Bulk API against the sandbox, and every row's outcome."""

import csv
import io
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from answering import Sleeper
from conftest import Sandbox
from signing_in import CLIENT, common_client

from destinations import _salesforce_bulk, salesforce
from destinations.api import Api
from destinations.errors import Refused, RetryLater
from destinations.rows import FieldSpec, Outcome, Row
from destinations.salesforce import destination
from sandbox import salesforce_wire

NOON = datetime(2026, 11, 23, 12, 0, 0, 250000, tzinfo=UTC)


@dataclass(frozen=True)
class Org:
    """The sandbox's Salesforce, and the way there of a run."""

    sandbox: Sandbox
    sleeper: Sleeper

    def open(self, name: str = "contacts", mode: str = "upsert", key: str = "Profile_Id__c") -> Api:
        arguments = {
            "base_url": f"{self.sandbox.url}/salesforce",
            "client_id": CLIENT["client_id"],
            "client_secret": CLIENT["client_secret"],
        }
        return destination.open(arguments, key, name=name, mode=mode, sleep=self.sleeper.sleep)

    def held(self, *names: str, sobject: str = "Contact") -> list[tuple[Any, ...]]:
        records = self.sandbox.records("salesforce", sobject)
        return sorted(tuple(one[name] for name in names) for one in records if not one["IsDeleted"])

    def jobs(self) -> list[tuple[str, str]]:
        return [
            (job["operation"], job["state"]) for job in self.sandbox.records("salesforce", "jobs")
        ]


@pytest.fixture
def org(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Org:
    """Where three rows are many."""
    monkeypatch.setattr(salesforce, "BULK_ABOVE", 2)
    return Org(sandbox, Sleeper())


def send(api: Api, rows: list[Row]) -> Outcome:
    made = destination.thing(api.object)
    assert made
    return made.send_batch(api, rows)


def people(count: int, **more: Any) -> list[Row]:
    return [{"Profile_Id__c": f"p{n}", "LastName": f"L{n}", **more} for n in range(1, count + 1)]


def test_many_rows_are_one_job_and_each_has_its_id(org: Org) -> None:
    outcome = send(org.open(), people(4))
    ids = {key: record_id for record_id, key in org.held("Id", "Profile_Id__c")}
    assert outcome == Outcome(ids, {})
    assert org.held("Profile_Id__c", "LastName") == [(f"p{n}", f"L{n}") for n in range(1, 5)]
    assert org.jobs() == [("upsert", "JobComplete")]
    assert org.sleeper.slept == [1.0, 2.0]


def test_a_second_job_updates_and_leaves_alone_what_a_row_does_not_mention(org: Org) -> None:
    send(org.open(), people(3, Plan__c="pro", Lifetime_Value__c=Decimal("1.50")))
    changes: list[Row] = [
        {"Profile_Id__c": "p1", "Plan__c": None},
        {"Profile_Id__c": "p2", "Lifetime_Value__c": Decimal("2.50")},
        {"Profile_Id__c": "p3", "Plan__c": ""},
    ]
    assert send(org.open(), changes).rejected == {}
    assert org.held("Profile_Id__c", "LastName", "Plan__c", "Lifetime_Value__c") == [
        ("p1", "L1", None, 1.5),
        ("p2", "L2", "pro", 2.5),
        ("p3", "L3", None, 1.5),
    ]


def test_refused_rows_of_a_job_cost_their_neighbours_nothing(org: Org) -> None:
    rows = people(5)
    rows[1]["LastName"] = None
    rows[2]["Churn_Risk__c"] = "huge"
    rows[3]["Lifetime_Value__c"] = "much"
    outcome = send(org.open(), rows)
    assert set(outcome.accepted) == {"p1", "p5"}
    assert outcome.rejected == {
        "p2": "REQUIRED_FIELD_MISSING: Required fields are missing: [LastName] (LastName)",
        "p3": "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST: Churn Risk: bad value for restricted "
        "picklist field: huge (Churn_Risk__c)",
        "p4": "INVALID_TYPE_ON_FIELD_IN_RECORD: Lifetime_Value__c: value not of required type: "
        "much (Lifetime_Value__c)",
    }
    assert outcome.marks == {
        "p2": ("REQUIRED_FIELD_MISSING", "row"),
        "p3": ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "row"),
        "p4": ("INVALID_TYPE_ON_FIELD_IN_RECORD", "mapping"),
    }
    assert org.held("Profile_Id__c") == [("p1",), ("p5",)]


def test_a_date_arrives_in_any_object_by_its_api_name(org: Org) -> None:
    send(org.open(), people(1))
    [(contact,)] = org.held("Id")
    for count in (1, 3):
        rows: list[Row] = [
            {
                "Subscription_Id__c": f"s{n}",
                "Renews_On__c": date(2026, 12, 31),
                "Contact__r.Profile_Id__c": "p1",
            }
            for n in range(count)
        ]
        outcome = send(org.open("Subscription__c", key="Subscription_Id__c"), rows)
        assert outcome.rejected == {}
    fields = ("Subscription_Id__c", "Renews_On__c", "Contact__c")
    assert org.held(*fields, sobject="Subscription__c") == [
        (f"s{n}", "2026-12-31", contact) for n in range(3)
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_a_parent_that_is_not_there_refuses_the_row(org: Org, count: int) -> None:
    outcome = send(org.open(), people(count, **{"Account.Account_Id__c": "a1"}))
    reason = "INVALID_FIELD: Foreign key external ID: a1 not found for field Account_Id__c in entity Account"
    assert outcome.rejected == dict.fromkeys([f"p{n}" for n in range(1, count + 1)], reason)


@pytest.mark.parametrize("count", [1, 3])
def test_update_touches_only_what_is_there(org: Org, count: int) -> None:
    send(org.open(), people(count))
    rows: list[Row] = [*people(count, Plan__c="pro"), {"Profile_Id__c": "O'X", "LastName": "New"}]
    outcome = send(org.open(mode="update"), rows)
    assert len(outcome.accepted) == count
    assert outcome.rejected == {"O'X": "no record has this key"}
    assert outcome.marks == {"O'X": ("NOT_FOUND", "row")}
    assert org.held("Profile_Id__c", "Plan__c") == [(f"p{n}", "pro") for n in range(1, count + 1)]


@pytest.mark.parametrize("count", [1, 3])
def test_create_leaves_alone_what_is_there(org: Org, count: int) -> None:
    send(org.open(), people(1))
    rows = [*people(1, Plan__c="pro"), *people(count + 1)[1:]]
    outcome = send(org.open(mode="create"), rows)
    [(was,)] = [(one,) for one, key in org.held("Id", "Profile_Id__c") if key == "p1"]
    assert set(outcome.accepted) == {f"p{n}" for n in range(2, count + 2)}
    assert outcome.rejected == {
        "p1": "DUPLICATE_VALUE: duplicate value found: Profile_Id__c duplicates value on record "
        f"with id: {was}"
    }
    assert org.held("Profile_Id__c", "Plan__c")[0] == ("p1", None)


@pytest.mark.parametrize("count", [2, 3])
def test_records_known_by_their_own_id_can_be_updated(org: Org, count: int) -> None:
    ids = list(send(org.open(), people(count)).accepted.values())
    rows: list[Row] = [{"Id": record_id, "Plan__c": "pro"} for record_id in ids]
    assert send(org.open(mode="update", key="Id"), rows).accepted == {str(one): one for one in ids}
    assert org.held("Plan__c") == [("pro",)] * count


@pytest.mark.parametrize("count", [2, 4])
def test_deleted_rows_are_gone_and_gone_is_gone(org: Org, count: int) -> None:
    api = org.open()
    ids = send(api, people(count)).accepted
    rows: list[Row] = [{"Profile_Id__c": key, "record_id": ids[key]} for key in ids]
    for _ in range(2):
        outcome = destination.objects["contacts"].delete_batch(api, rows)
        assert (set(outcome.accepted), outcome.rejected) == (set(ids), {})
    assert org.held("Id") == []


@pytest.mark.parametrize("path", ["/jobs/ingest", "/batches", "/jobs/ingest/7505e0000000001AAA"])
def test_a_cut_connection_at_any_step_of_a_job_doubles_and_loses_nothing(
    org: Org, path: str
) -> None:
    api = org.open()
    send(api, people(1))
    org.sandbox.faults([{"vendor": "salesforce", "drop_after": True, "path": path}])
    assert set(send(api, people(5)).accepted) == {f"p{n}" for n in range(1, 6)}
    assert org.held("Profile_Id__c", "LastName") == [(f"p{n}", f"L{n}") for n in range(1, 6)]


def test_a_busy_answer_and_an_expired_session_in_a_job_are_waited_out(org: Org) -> None:
    api = org.open()
    send(api, people(1))
    org.sandbox.faults(
        [
            {"vendor": "salesforce", "status": 503, "retry_after": 7, "path": "/batches"},
            {"vendor": "salesforce", "expire_tokens": True},
        ]
    )
    assert set(send(api, people(3)).accepted) == {"p1", "p2", "p3"}
    assert org.sleeper.slept == [7.0, 1.0, 2.0]


def test_a_field_that_is_not_there_stops_the_sync_with_salesforces_words(org: Org) -> None:
    with pytest.raises(Refused) as refused:
        send(org.open(), people(3, Nick__c="x"))
    assert str(refused.value) == (
        "salesforce refused the request with 400: InvalidBatch : Field name not found : Nick__c. "
        "Look at the sync that sent it."
    )


def test_what_a_failed_job_has_done_is_kept_and_the_rest_goes_later(org: Org) -> None:
    org.sandbox.world.salesforce.bulk_stops_after = 2
    with pytest.raises(RetryLater) as later:
        send(org.open(), people(5))
    assert set(later.value.settled.accepted) == {"p1", "p2"}
    assert later.value.after_s == 900
    assert "3 rows unprocessed: InternalServerError : Unable to process" in later.value.words


def test_a_job_that_never_ends_is_aborted(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_salesforce_bulk, "JOB_S", -1.0)
    with pytest.raises(RetryLater, match="is UploadComplete since 0 s"):
        send(org.open(), people(3))
    assert org.jobs() == [("upsert", "Aborted")]


def test_rows_that_fill_a_job_go_on_in_the_next(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_salesforce_bulk, "JOB_BYTES", 20)
    assert len(send(org.open(), people(5)).accepted) == 5
    contents = [job["content"] for job in org.sandbox.records("salesforce", "jobs")]
    rows = [list(csv.reader(io.StringIO(content))) for content in contents]
    assert rows == [
        [["Profile_Id__c", "LastName"], ["p1", "L1"], ["p2", "L2"], ["p3", "L3"]],
        [["Profile_Id__c", "LastName"], ["p4", "L4"], ["p5", "L5"]],
    ]


def test_records_are_read_back_with_their_types(org: Org) -> None:
    api = org.open()
    send(api, people(2, Last_Seen__c=NOON, Is_Customer__c=True, Lifetime_Value__c=Decimal("2.50")))
    found = salesforce.read(api, ["p1", "p2", "p3"])
    names = ("LastName", "Last_Seen__c", "Is_Customer__c", "Lifetime_Value__c", "Plan__c")
    assert {key: tuple(row[name] for name in names) for key, row in found.items()} == {
        "p1": ("L1", NOON, True, 2.5, None),
        "p2": ("L2", NOON, True, 2.5, None),
    }


def test_the_object_describes_its_fields(org: Org) -> None:
    told = salesforce.describe(org.open())
    names = (
        "LastName",
        "Churn_Risk__c",
        "Lifetime_Value__c",
        "Is_Customer__c",
        "CreatedDate",
        "Account",
    )
    assert {name: told[name] for name in names} == {
        "LastName": FieldSpec("string", 80, is_required=True),
        "Churn_Risk__c": FieldSpec("picklist", 255, ("low", "medium", "high")),
        "Lifetime_Value__c": FieldSpec("currency"),
        "Is_Customer__c": FieldSpec("boolean"),
        "CreatedDate": FieldSpec("datetime", is_writable=False),
        "Account": FieldSpec("reference to Account"),
    }


@pytest.mark.parametrize("count", [1, 3])
def test_a_common_client_reads_what_the_sync_wrote(org: Org, count: int) -> None:
    send(org.open(), people(count, Last_Seen__c=NOON, Plan__c="pro"))
    with common_client(org.sandbox) as client:
        one = client.Contact.get_by_custom_id("Profile_Id__c", "p1")
        told = client.query_all(
            "SELECT Profile_Id__c, Last_Seen__c FROM Contact ORDER BY Profile_Id__c"
        )
    assert (one["LastName"], one["Plan__c"]) == ("L1", "pro")
    assert [(row["Profile_Id__c"], row["Last_Seen__c"]) for row in told["records"]] == [
        (f"p{n}", "2026-11-23T12:00:00.250+0000") for n in range(1, count + 1)
    ]


def test_the_days_allowance_is_known_before_a_run(org: Org) -> None:
    left = [salesforce.calls_left(org.open()) for _ in range(2)]
    assert left[0] - left[1] == 1
    assert 0 < left[1] < salesforce_wire.CALLS_A_DAY
