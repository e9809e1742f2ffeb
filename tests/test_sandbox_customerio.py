"""The sandbox's Customer.io: people identified, deleted and given events in batches."""

from typing import Any

import pytest
import requests
from conftest import Sandbox

Json = dict[str, Any]
KEYS = ("sandbox-site", "sandbox-key")


def batch(sandbox: Sandbox, *items: Json, auth: tuple[str, str] = KEYS) -> requests.Response:
    url = f"{sandbox.url}/customerio/api/v2/batch"
    return requests.post(url, json={"batch": list(items)}, auth=auth, timeout=10)


def person(action: str, identifiers: Json, **more: Any) -> Json:
    return {"type": "person", "action": action, "identifiers": identifiers, **more}


def identify(user_id: str, **attributes: Any) -> Json:
    return person("identify", {"id": user_id}, attributes=attributes)


def test_customerio_wants_its_keys(sandbox: Sandbox) -> None:
    answer = batch(sandbox, identify("u1"), auth=("sandbox-site", "guess"))
    assert (answer.status_code, sandbox.records("customerio", "people")) == (401, [])


def test_identify_makes_a_person_then_changes_only_what_it_names(sandbox: Sandbox) -> None:
    first = batch(sandbox, identify("u1", email="ada@example.com", plan="pro", city="Rome"))
    assert (first.status_code, first.json()) == (200, {})
    batch(sandbox, identify("u1", plan="free", city=None))
    (held,) = sandbox.records("customerio", "people")
    named = {name: held[name] for name in ("id", "email", "attributes")}
    assert named == {"id": "u1", "email": "ada@example.com", "attributes": {"plan": "free"}}


def test_a_person_is_found_by_e_mail_and_by_cio_id_too(sandbox: Sandbox) -> None:
    batch(sandbox, identify("u1", email="ada@example.com"))
    cio_id = sandbox.records("customerio", "people")[0]["cio_id"]
    by_email = person("identify", {"email": "ADA@example.com"}, attributes={"a": 1})
    by_cio_id = person("identify", {"cio_id": cio_id}, attributes={"b": 2})
    assert batch(sandbox, by_email, by_cio_id).status_code == 200
    (held,) = sandbox.records("customerio", "people")
    assert (held["id"], held["attributes"]) == ("u1", {"a": 1, "b": 2})


def test_an_address_somebody_else_has_is_left_out_without_an_error(sandbox: Sandbox) -> None:
    batch(sandbox, identify("u1", email="ada@example.com"))
    assert batch(sandbox, identify("u2", email="ada@example.com", a=1)).status_code == 200
    held = sandbox.records("customerio", "people")
    assert [(one["id"], one["email"]) for one in held] == [("u1", "ada@example.com"), ("u2", None)]


WRONG = [
    (
        {"type": "person", "action": "merge", "primary": {"id": "u1"}, "secondary": {}},
        "required",
        "secondary",
        "one of id, email or cio_id must be present",
    ),
    (person("event", {"id": "u1"}, name="a", id="e1"), "invalid", "id", "must be a valid ULID"),
    (
        identify("u2", plan="x" * 1001),
        "invalid",
        "attributes.plan",
        "property value cannot be longer than 1000 bytes",
    ),
    (
        identify("u2", **{"n" * 151: 1}),
        "invalid",
        f"attributes.{'n' * 151}",
        "property name cannot be longer than 150 bytes",
    ),
    (
        person("identify", {}),
        "required",
        "identifiers",
        "one of id, email or cio_id must be present",
    ),
    (
        person("identify", {"id": 5}),
        "invalid",
        "identifiers.id",
        "must be a string value and cannot be empty",
    ),
    (person("event", {"id": "u1"}), "required", "name", "event name must not be blank"),
    (person("wave", {"id": "u1"}), "invalid", "action", "unknown action wave"),
    (
        identify("u2", **{f"a{number}": "x" * 1000 for number in range(33)}),
        "invalid",
        "body",
        "request must be 32kb or smaller",
    ),
]


@pytest.mark.parametrize(("item", "reason", "field", "message"), WRONG)
def test_a_bad_item_is_told_by_its_place_and_the_good_ones_are_taken(
    sandbox: Sandbox, item: Json, reason: str, field: str, message: str
) -> None:
    answer = batch(sandbox, identify("u1"), item, identify("u3"))
    error = {"batch_index": 1, "reason": reason, "field": field, "message": message}
    assert (answer.status_code, answer.json()) == (207, {"errors": [error]})
    assert [one["id"] for one in sandbox.records("customerio", "people")] == ["u1", "u3"]


def test_a_batch_over_500_kilobytes_is_refused_whole(sandbox: Sandbox) -> None:
    items = [
        identify(f"u{number}", **{f"a{place}": "x" * 900 for place in range(30)})
        for number in range(20)
    ]
    answer = batch(sandbox, *items)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "batch")
    assert sandbox.records("customerio", "people") == []


def test_delete_takes_a_person_away_and_deleting_again_is_no_error(sandbox: Sandbox) -> None:
    batch(sandbox, identify("u1", email="ada@example.com"))
    assert batch(sandbox, person("delete", {"id": "u1"})).status_code == 200
    assert batch(sandbox, person("delete", {"id": "u1"})).status_code == 200
    assert sandbox.records("customerio", "people") == []


def test_an_event_makes_its_person_when_nobody_is_there(sandbox: Sandbox) -> None:
    event = person("event", {"id": "u1"}, name="Signed Up", timestamp=1, attributes={"plan": "pro"})
    assert batch(sandbox, event).status_code == 200
    cio_id = sandbox.records("customerio", "people")[0]["cio_id"]
    assert sandbox.records("customerio", "events") == [
        {"cio_id": cio_id, "name": "Signed Up", "data": {"plan": "pro"}, "timestamp": 1}
    ]


def test_one_entity_goes_alone(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/customerio/api/v2/entity"
    good = requests.post(url, json=identify("u1"), auth=KEYS, timeout=10)
    bad = requests.post(url, json=person("identify", {}), auth=KEYS, timeout=10)
    assert (good.status_code, good.json(), bad.status_code) == (200, {}, 400)


ULID = "01BX5ZZKBKACTAV9WEVGEMMVRY"


def test_an_event_that_comes_again_with_its_id_is_passed_over(sandbox: Sandbox) -> None:
    event = person("event", {"id": "u1"}, name="Paid", id=ULID, timestamp=1)
    batch(sandbox, event, event)
    batch(sandbox, event, person("event", {"id": "u1"}, name="Paid", timestamp=1))
    assert len(sandbox.records("customerio", "events")) == 2


def test_merging_keeps_the_primarys_values_and_moves_the_others_events(sandbox: Sandbox) -> None:
    batch(sandbox, identify("u1", plan="pro"), identify("u2", plan="free", city="Rome"))
    batch(sandbox, person("event", {"id": "u2"}, name="Paid"))
    merge = {"type": "person", "action": "merge", "primary": {"id": "u1"}}
    for _ in range(2):
        assert batch(sandbox, {**merge, "secondary": {"id": "u2"}}).status_code == 200
    (held,) = sandbox.records("customerio", "people")
    assert (held["id"], held["attributes"]) == ("u1", {"plan": "pro", "city": "Rome"})
    assert [one["cio_id"] for one in sandbox.records("customerio", "events")] == [held["cio_id"]]
