"""The sandbox's HubSpot: contacts in batches, each row with its own outcome, and properties."""

import json
from typing import Any

import pytest
import requests
from conftest import Sandbox

Json = dict[str, Any]
TOKEN = {"Authorization": "Bearer pat-sandbox"}
CONTACTS = "crm/v3/objects/contacts"


def post(sandbox: Sandbox, path: str, body: Json) -> requests.Response:
    return requests.post(f"{sandbox.url}/hubspot/{path}", json=body, headers=TOKEN, timeout=10)


def row(key: str, traced: bool = True, by: str = "profile_id", **properties: Any) -> Json:
    trace = {"objectWriteTraceId": f"trace-{key}"} if traced else {}
    return {"id": key, "idProperty": by, "properties": properties, **trace}


def upsert(sandbox: Sandbox, *rows: Json) -> requests.Response:
    return post(sandbox, f"{CONTACTS}/batch/upsert", {"inputs": list(rows)})


def test_hubspot_wants_a_token(sandbox: Sandbox) -> None:
    answer = requests.get(f"{sandbox.url}/hubspot/{CONTACTS}", timeout=10)
    assert (answer.status_code, answer.json()["category"]) == (401, "INVALID_AUTHENTICATION")


def test_an_upsert_creates_then_updates_and_the_empty_text_clears(sandbox: Sandbox) -> None:
    first = upsert(sandbox, row("p1", email="Ada@Example.com", plan="pro")).json()["results"][0]
    again = upsert(sandbox, row("p1", plan="", lifetime_value=12.5)).json()["results"][0]
    assert (first["new"], again["new"], first["id"]) == (True, False, again["id"])
    assert again["objectWriteTraceId"] == "trace-p1"
    assert again["updatedAt"] > first["updatedAt"]
    (held,) = sandbox.records("hubspot", "contacts")
    properties = held["properties"]
    named = ("profile_id", "email", "plan", "lifetime_value", "hs_object_id")
    assert {name: properties[name] for name in named} == {
        "profile_id": "p1",
        "email": "ada@example.com",
        "plan": "",
        "lifetime_value": "12.5",
        "hs_object_id": held["id"],
    }


WRONG = [
    ({"email": "ada at example"}, "INVALID_EMAIL", "Email address ada at example is invalid"),
    ({"nick": "Ada"}, "PROPERTY_DOESNT_EXIST", 'Property "nick" does not exist'),
    (
        {"lifecycle": "gone"},
        "INVALID_OPTION",
        "gone was not one of the allowed options: [lead, trial, customer, churned]",
    ),
    ({"lifetime_value": "much"}, "INVALID_INTEGER", "much was not a valid number."),
    (
        {"signed_up_on": "1769904000123"},
        "INVALID_DATE",
        "1769904000123 is at 0:0:0.123 UTC, not midnight!",
    ),
    (
        {"createdate": "2026-01-01"},
        "READ_ONLY_VALUE",
        '"createdate" is a read only property; its value cannot be set.',
    ),
]


@pytest.mark.parametrize(("properties", "code", "message"), WRONG)
def test_a_bad_row_is_told_by_its_trace_id_and_the_good_ones_are_taken(
    sandbox: Sandbox, properties: Json, code: str, message: str
) -> None:
    answer = upsert(sandbox, row("p1", plan="pro"), row("p2", **properties), row("p3", plan="free"))
    body = answer.json()
    (name,) = properties
    told = json.dumps([{"isValid": False, "message": message, "error": code, "name": name}])
    assert (answer.status_code, body["numErrors"], body["errors"]) == (
        207,
        1,
        [
            {
                "status": "error",
                "category": "VALIDATION_ERROR",
                "message": f"Property values were not valid: {told}",
                "context": {"objectWriteTraceId": ["trace-p2"]},
                "errors": [],
                "links": {},
            }
        ],
    )
    assert [one["objectWriteTraceId"] for one in body["results"]] == ["trace-p1", "trace-p3"]
    held = sandbox.records("hubspot", "contacts")
    assert [one["properties"]["profile_id"] for one in held] == ["p1", "p3"]


def test_without_trace_ids_one_bad_row_fails_them_all(sandbox: Sandbox) -> None:
    rows = [row("p1", traced=False, plan="pro"), row("p2", traced=False, email="nobody")]
    answer = upsert(sandbox, *rows)
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    assert sandbox.records("hubspot", "contacts") == []


def test_the_same_id_twice_fails_the_request_with_or_without_trace_ids(sandbox: Sandbox) -> None:
    answer = upsert(sandbox, row("p1"), row("p1"))
    assert (answer.status_code, answer.json()["message"]) == (
        400,
        "Duplicate IDs found in batch input: [p1]. IDs must be unique",
    )


def test_an_address_another_contact_has_is_a_conflict(sandbox: Sandbox) -> None:
    holder = upsert(sandbox, row("p1", email="ada@example.com")).json()["results"][0]["id"]
    (error,) = upsert(sandbox, row("p2", email="ADA@example.com")).json()["errors"]
    assert (error["category"], error["message"]) == (
        "CONFLICT",
        f"Contact already exists. Existing ID: {holder}",
    )


def test_a_property_that_is_not_unique_is_no_key(sandbox: Sandbox) -> None:
    answer = upsert(sandbox, row("Ada", by="firstname"))
    assert (answer.status_code, answer.json()["message"]) == (
        400,
        "Unable to perform update/upsert by non-unique 0-1 property firstname",
    )


def test_more_than_a_hundred_rows_are_too_many(sandbox: Sandbox) -> None:
    answer = upsert(sandbox, *(row(f"p{number}") for number in range(101)))
    assert answer.status_code == 400


def test_a_body_whose_inputs_hubspot_does_not_see_is_a_success_that_did_nothing(
    sandbox: Sandbox,
) -> None:
    answer = post(sandbox, f"{CONTACTS}/batch/upsert", {"rows": []})
    assert (answer.status_code, answer.json()["results"]) == (200, [])


def test_batch_read_returns_what_is_there_and_names_what_is_not(sandbox: Sandbox) -> None:
    upsert(sandbox, row("p1", plan="pro"))
    answer = post(
        sandbox,
        f"{CONTACTS}/batch/read",
        {
            "idProperty": "profile_id",
            "properties": ["plan"],
            "propertiesWithHistory": [],
            "inputs": [{"id": "p1"}, {"id": "p9"}],
        },
    )
    body = answer.json()
    assert (answer.status_code, body["results"][0]["properties"]["plan"]) == (207, "pro")
    assert body["errors"][0]["context"] == {"ids": ["p9"]}


def test_an_archived_contact_is_gone_from_lists_and_its_key_is_free(sandbox: Sandbox) -> None:
    made = upsert(sandbox, row("p1", email="ada@example.com")).json()["results"][0]["id"]
    gone = post(sandbox, f"{CONTACTS}/batch/archive", {"inputs": [{"id": made}]})
    assert gone.status_code == 204
    listed = requests.get(f"{sandbox.url}/hubspot/{CONTACTS}", headers=TOKEN, timeout=10).json()
    assert listed == {"results": []}
    assert upsert(sandbox, row("p1", email="ada@example.com")).json()["results"][0]["new"] is True


def test_contacts_paged_to_the_end_are_everything_held(sandbox: Sandbox) -> None:
    upsert(sandbox, *(row(f"p{number}") for number in range(7)))
    found: list[str] = []
    after: Json = {}
    while True:
        asked = {"limit": 3, "properties": "profile_id", **after}
        url = f"{sandbox.url}/hubspot/{CONTACTS}"
        page = requests.get(url, asked, headers=TOKEN, timeout=10).json()
        found += [one["properties"]["profile_id"] for one in page["results"]]
        if "paging" not in page:
            break
        after = {"after": page["paging"]["next"]["after"]}
    assert found == [f"p{number}" for number in range(7)]


def test_search_filters_sorts_and_pages(sandbox: Sandbox) -> None:
    values = (5, 40, 300)
    upsert(sandbox, *(row(f"p{value}", lifetime_value=value) for value in values))
    more = {"propertyName": "lifetime_value", "operator": "GT", "value": "9"}
    body = {"filterGroups": [{"filters": [more]}], "sorts": ["-profile_id"], "limit": 1}
    page = post(sandbox, f"{CONTACTS}/search", {**body, "properties": ["profile_id"]}).json()
    assert (page["total"], page["paging"]) == (2, {"next": {"after": "1"}})
    assert page["results"][0]["properties"]["profile_id"] == "p40"


def test_a_property_is_made_once_and_then_takes_values(sandbox: Sandbox) -> None:
    made = {
        "name": "nick",
        "label": "Nick",
        "type": "string",
        "fieldType": "text",
        "groupName": "contactinformation",
    }
    first = post(sandbox, "crm/v3/properties/contacts", made)
    again = post(sandbox, "crm/v3/properties/contacts", made)
    assert (first.status_code, again.status_code) == (201, 409)
    assert upsert(sandbox, row("p1", nick="Ada")).status_code == 200
    url = f"{sandbox.url}/hubspot/crm/v3/properties/contacts"
    names = {
        one["name"]: one["type"]
        for one in requests.get(url, headers=TOKEN, timeout=10).json()["results"]
    }
    assert (names["nick"], names["last_seen_at"]) == ("string", "datetime")


def test_a_company_is_known_by_a_unique_property_and_not_by_its_domain(sandbox: Sandbox) -> None:
    path = "crm/v3/objects/companies/batch/upsert"
    made = post(sandbox, path, {"inputs": [row("a1", by="account_id", domain="x.com")]}).json()
    assert made["results"][0]["properties"]["domain"] == "x.com"
    by_domain = post(sandbox, path, {"inputs": [row("x.com", by="domain")]})
    assert by_domain.json()["message"] == (
        "Unable to perform update/upsert by non-unique 0-2 property domain"
    )


def test_merged_contacts_become_one_under_a_new_id(sandbox: Sandbox) -> None:
    rows = (row("p1", plan="pro"), row("p2", plan="free", city="Rome"))
    one, two = (made["id"] for made in upsert(sandbox, *rows).json()["results"])
    body = {"primaryObjectId": one, "objectIdToMerge": two}
    merged = post(sandbox, f"{CONTACTS}/merge", body).json()
    assert merged["id"] not in (one, two)
    (held,) = [each for each in sandbox.records("hubspot", "contacts") if not each["archived"]]
    names = ("profile_id", "plan", "city", "hs_merged_object_ids")
    assert [held["properties"][name] for name in names] == ["p1", "pro", "Rome", f"{one};{two}"]
    assert post(sandbox, f"{CONTACTS}/merge", body).status_code == 404


def put(sandbox: Sandbox, path: str, body: Any) -> requests.Response:
    return requests.put(f"{sandbox.url}/hubspot/{path}", json=body, headers=TOKEN, timeout=10)


def test_a_list_takes_contacts_once_and_tells_those_it_does_not_know(sandbox: Sandbox) -> None:
    one = upsert(sandbox, row("p1")).json()["results"][0]["id"]
    made = {"name": "News", "objectTypeId": "0-1", "processingType": "MANUAL"}
    members = f"crm/v3/lists/{post(sandbox, 'crm/v3/lists/', made).json()['list']['listId']}"
    first = put(sandbox, f"{members}/memberships/add", [one, "9"]).json()
    assert (first["recordsIdsAdded"], first["recordIdsMissing"]) == ([one], ["9"])
    assert put(sandbox, f"{members}/memberships/add", [one]).json()["recordsIdsAdded"] == []
    body = {"recordIdsToAdd": [], "recordIdsToRemove": [one, "9"]}
    last = put(sandbox, f"{members}/memberships/add-and-remove", body).json()
    assert last["recordIdsRemoved"] == [one]


def test_a_list_that_fills_itself_takes_nobody(sandbox: Sandbox) -> None:
    made = {"name": "Active", "objectTypeId": "0-1", "processingType": "DYNAMIC"}
    list_id = post(sandbox, "crm/v3/lists/", made).json()["list"]["listId"]
    assert put(sandbox, f"crm/v3/lists/{list_id}/memberships/add", ["1"]).status_code == 400
    assert put(sandbox, "crm/v3/lists/9/memberships/add", ["1"]).status_code == 404
