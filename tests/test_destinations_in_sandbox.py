"""Each connector against the sandbox's API of its tool: what it wrote is what the tool holds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from answering import Sleeper

import destinations
from destinations.api import Api
from destinations.rows import Row

Records = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """One connector: rows good and bad, and what its tool shows of a row by key."""

    tool: str
    kind: str
    thing: str
    key: str
    arguments: dict[str, str]
    good: list[Row]
    changed: Row
    bad: Row
    shown: Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]
    expected: Records = field(default_factory=dict)


def _hubspot(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    properties = record["properties"]
    names = ("firstname", "lastname", "phone")
    return properties["email"], {name: properties.get(name) or None for name in names}


def _salesforce(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    names = ("LastName", "Lifetime_Value__c", "Last_Seen__c", "Is_Customer__c", "Plan__c")
    return record["Profile_Id__c"], {name: record[name] for name in names}


def _customerio(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    attributes = record["attributes"]
    names = ("first_name", "spend", "last_seen_at", "is_customer", "plan")
    return record["id"], {name: attributes.get(name) for name in names}


SEEN = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
CASES = [
    Case(
        "hubspot",
        "contacts",
        "contacts",
        "email",
        {"access_token": "pat-sandbox"},
        [
            {"email": "ann@example.com", "firstname": "Ann", "lastname": "O'Brien", "phone": None},
            {"email": "bo@example.com", "firstname": "🚀", "lastname": "𠮷", "phone": "+1 555"},
        ],
        {"email": "bo@example.com", "firstname": "Bo", "lastname": None, "phone": "+1 555"},
        {"email": "no address", "firstname": "Cy", "lastname": "X", "phone": None},
        _hubspot,
        {
            "ann@example.com": {"firstname": "Ann", "lastname": "O'Brien", "phone": None},
            "bo@example.com": {"firstname": "Bo", "lastname": None, "phone": "+1 555"},
        },
    ),
    Case(
        "salesforce",
        "Contact",
        "contacts",
        "Profile_Id__c",
        {"client_id": "sandbox-client", "client_secret": "sandbox-secret"},
        [
            {
                "Profile_Id__c": "p1",
                "LastName": "O'Brien",
                "Lifetime_Value__c": Decimal("12.50"),
                "Last_Seen__c": SEEN,
                "Is_Customer__c": True,
                "Plan__c": None,
            },
            {
                "Profile_Id__c": "p2",
                "LastName": "𠮷 🚀",
                "Lifetime_Value__c": None,
                "Last_Seen__c": None,
                "Is_Customer__c": False,
                "Plan__c": "pro",
            },
        ],
        {
            "Profile_Id__c": "p2",
            "LastName": "Bo",
            "Lifetime_Value__c": None,
            "Last_Seen__c": None,
            "Is_Customer__c": False,
            "Plan__c": None,
        },
        {
            "Profile_Id__c": "p3",
            "LastName": None,
            "Lifetime_Value__c": None,
            "Last_Seen__c": None,
            "Is_Customer__c": False,
            "Plan__c": None,
        },
        _salesforce,
        {
            "p1": {
                "LastName": "O'Brien",
                "Lifetime_Value__c": 12.5,
                "Last_Seen__c": "2026-11-21T09:30:00.000+0000",
                "Is_Customer__c": True,
                "Plan__c": None,
            },
            "p2": {
                "LastName": "Bo",
                "Lifetime_Value__c": None,
                "Last_Seen__c": None,
                "Is_Customer__c": False,
                "Plan__c": None,
            },
        },
    ),
    Case(
        "customerio",
        "people",
        "people",
        "id",
        {"site_id": "sandbox-site", "api_key": "sandbox-key"},
        [
            {
                "id": "u1",
                "first_name": "O'Brien",
                "spend": Decimal("12.50"),
                "last_seen_at": SEEN,
                "is_customer": True,
                "plan": None,
            },
            {
                "id": "u2",
                "first_name": "𠮷 🚀",
                "spend": None,
                "last_seen_at": None,
                "is_customer": False,
                "plan": "pro",
            },
        ],
        {
            "id": "u2",
            "first_name": "Bo",
            "spend": None,
            "last_seen_at": None,
            "is_customer": False,
            "plan": None,
        },
        {"id": "u3", "first_name": "x" * 1001},
        _customerio,
        {
            "u1": {
                "first_name": "O'Brien",
                "spend": 12.5,
                "last_seen_at": 1795253400,
                "is_customer": True,
                "plan": None,
            },
            "u2": {
                "first_name": "Bo",
                "spend": None,
                "last_seen_at": None,
                "is_customer": False,
                "plan": None,
            },
        },
    ),
]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.tool)


@dataclass(frozen=True)
class Trial:
    case: Case
    sandbox: Any
    api: Api
    sleeper: Sleeper

    def send(self, *rows: Row) -> tuple[set[str], dict[str, str]]:
        made = destinations.find()[0][self.case.tool].objects[self.case.thing]
        outcome = made.send_batch(self.api, list(rows))
        return set(outcome.accepted), outcome.rejected

    def held(self) -> Records:
        records = self.sandbox.records(self.case.tool, self.case.kind)
        return dict(self.case.shown(record) for record in records)


@pytest.fixture
def trial(case: Case, sandbox: Any) -> Trial:
    sleeper = Sleeper()
    arguments = {**case.arguments, "base_url": f"{sandbox.url}/{case.tool}"}
    destination = destinations.find()[0][case.tool]
    api = destination.open(arguments, case.key, name=case.thing, sleep=sleeper.sleep)
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
    trial.sandbox.faults([{"vendor": case.tool, "status": 429, "retry_after": 3, "times": 1}])
    assert trial.send(case.good[0], case.changed) == (keys(case), {})
    assert trial.sleeper.slept == [3.0]
    assert trial.held() == case.expected


@every_case
def test_a_cut_connection_doubles_nothing(case: Case, trial: Trial) -> None:
    trial.send(case.good[0])
    trial.sandbox.faults([{"vendor": case.tool, "drop_after": True, "times": 1}])
    assert trial.send(case.good[0], case.changed) == (keys(case), {})
    assert trial.held() == case.expected


@pytest.mark.parametrize("case", [CASES[1]], ids=["salesforce"])
def test_an_expired_token_is_renewed(case: Case, trial: Trial) -> None:
    trial.send(case.good[0])
    trial.sandbox.faults([{"vendor": case.tool, "expire_tokens": True}])
    assert trial.send(case.changed) == ({case.changed[case.key]}, {})
    assert trial.held() == case.expected


@every_case
def test_deleted_rows_are_gone(case: Case, trial: Trial) -> None:
    made = destinations.find()[0][case.tool].objects[case.thing]
    record_ids = made.send_batch(trial.api, case.good).accepted
    gone, kept = case.good[0][case.key], case.good[1][case.key]
    outcome = made.delete_batch(trial.api, [{case.key: gone, "record_id": record_ids[gone]}])
    assert (set(outcome.accepted), outcome.rejected) == ({gone}, {})
    standing = [
        case.shown(record)[0]
        for record in trial.sandbox.records(case.tool, case.kind)
        if not (record.get("IsDeleted") or record.get("archived"))
    ]
    assert standing == [kept]
