"""The sandbox's Mixpanel: profiles and events taken in, and the raw events given out."""

import json
from typing import Any

import pytest
import requests
from conftest import Sandbox

Json = dict[str, Any]
ACCOUNT = ("sandbox-account", "sandbox-secret")
NOON = 1795262400  # 2026-11-21 12:00 UTC


def post(sandbox: Sandbox, path: str, *records: Any, by: str = "sandbox-token") -> Any:
    url = f"{sandbox.url}/mixpanel/{path}"
    return requests.post(url, json=list(records), auth=(by, ""), timeout=10)


def event(insert_id: str, at: Any = NOON, name: str = "Paid", **more: Any) -> Json:
    named = {"time": at, "distinct_id": "u1", "$insert_id": insert_id, **more}
    return {"event": name, "properties": named}


def update(who: str, **operation: Any) -> Json:
    named = {f"${name}": value for name, value in operation.items()}
    return {"$token": "sandbox-token", "$distinct_id": who, **named}


def export(sandbox: Sandbox, first: str, last: str, **more: str) -> requests.Response:
    asked = {"project_id": "2195193", "from_date": first, "to_date": last, **more}
    url = f"{sandbox.url}/mixpanel_data/api/2.0/export"
    return requests.get(url, asked, auth=ACCOUNT, timeout=10)


def lines(answer: requests.Response) -> list[Json]:
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_profile_is_made_changed_and_deleted(sandbox: Sandbox) -> None:
    first = post(sandbox, "engage?strict=1", update("u1", set={"plan": "pro", "city": "Rome"}))
    assert first.json() == {"code": 200, "num_records_imported": 1, "status": "OK"}
    post(sandbox, "engage", update("u1", unset=["city"]), update("u1", set={"plan": "free"}))
    (held,) = sandbox.records("mixpanel", "people")
    assert held["$properties"] == {"plan": "free"}
    post(sandbox, "engage", update("u1", delete=""))
    assert sandbox.records("mixpanel", "people") == []


WRONG = [
    (event("a b"), "properties.$insert_id"),
    (event("e2", None), "properties.time"),
    (event("e2", NOON + 10 * 86_400), "properties.time"),
    (event("e2", name=""), "event"),
    (event("e2", distinct_id="anonymous"), "properties.distinct_id"),
]


@pytest.mark.parametrize(("bad", "field"), WRONG)
def test_an_event_that_does_not_pass_is_named_and_the_others_are_taken(
    sandbox: Sandbox, bad: Json, field: str
) -> None:
    answer = post(sandbox, "import?strict=1", event("e1"), bad, event("e3"))
    (failed,) = answer.json()["failed_records"]
    assert (answer.status_code, answer.json()["num_records_imported"]) == (400, 2)
    assert (failed["index"], failed["field"]) == (1, field)
    held = sandbox.records("mixpanel", "events")
    assert [one["properties"]["$insert_id"] for one in held] == ["e1", "e3"]


def test_a_wrong_token_imports_nothing(sandbox: Sandbox) -> None:
    assert post(sandbox, "import?strict=1", event("e1"), by="guess").status_code == 401


def test_reports_count_an_event_once_and_the_export_shows_it_twice(sandbox: Sandbox) -> None:
    post(sandbox, "import?strict=1", event("e1"))
    post(sandbox, "import?strict=1", event("e1"))
    assert len(sandbox.records("mixpanel", "events")) == 1
    shown = lines(export(sandbox, "2026-11-21", "2026-11-21"))
    assert [one["properties"]["$insert_id"] for one in shown] == ["e1", "e1"]
    assert lines(export(sandbox, "2026-11-22", "2026-11-22")) == []


def test_a_project_from_before_2023_shows_times_and_days_as_its_clock_shows_them(
    sandbox: Sandbox,
) -> None:
    sandbox.world.mixpanel.time_zone = "US/Pacific"
    post(sandbox, "import?strict=1", event("e1", 1795233600))  # 04:00 UTC: 20:00 the day before
    (shown,) = lines(export(sandbox, "2026-11-20", "2026-11-20"))
    assert shown["properties"]["time"] == 1795233600 - 8 * 3600
    (shown,) = lines(export(sandbox, "2026-11-20", "2026-11-20", time_in_ms="true"))
    assert shown["properties"]["time"] == (1795233600 - 8 * 3600) * 1000


def test_the_export_wants_a_service_account_and_days_in_order(sandbox: Sandbox) -> None:
    assert export(sandbox, "2026-11-21", "2026-11-21", project_id="1").status_code == 401
    assert export(sandbox, "2026-11-21", "2026-11-20").status_code == 400


def test_the_export_may_be_asked_sixty_times_in_an_hour(sandbox: Sandbox) -> None:
    answers = [export(sandbox, "2026-11-21", "2026-11-21").status_code for _ in range(62)]
    assert (answers.count(200), answers[-1]) == (60, 429)
