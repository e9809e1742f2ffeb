"""The sandbox's Salesforce, written to: records upserted by an external id, row by row."""

from typing import Any

import pytest
import requests
from conftest import Sandbox
from signing_in import signed_in

Json = dict[str, Any]


def upsert(sandbox: Sandbox, records: list[Json], **more: Any) -> requests.Response:
    with signed_in(sandbox) as session:
        path = "services/data/v63.0/composite/sobjects/Contact/Profile_Id__c"
        typed = [{"attributes": {"type": "Contact"}, **record} for record in records]
        body = {"allOrNone": False, "records": typed, **more}
        return session.patch(f"{sandbox.url}/salesforce/{path}", json=body, timeout=10)


def test_an_upsert_creates_then_updates_and_null_clears(sandbox: Sandbox) -> None:
    first = upsert(sandbox, [{"Profile_Id__c": "p1", "LastName": "Byron", "Plan__c": "pro"}])
    again = upsert(sandbox, [{"Profile_Id__c": "p1", "Plan__c": None, "Lifetime_Value__c": 5}])
    made, kept = first.json()[0], again.json()[0]
    assert (made["success"], made["created"], kept["created"]) == (True, True, False)
    assert made["id"] == kept["id"]
    assert again.headers["Sforce-Limit-Info"].startswith("api-usage=")
    (record,) = sandbox.records("salesforce", "Contact")
    assert (record["LastName"], record["Plan__c"], record["Lifetime_Value__c"]) == (
        "Byron",
        None,
        5,
    )


LONG = "x" * 81
TWIN = [("DUPLICATE_VALUE", "Duplicate external id specified: p6", ["Profile_Id__c"])]
LACKING = "Required fields are missing: [LastName]"
TOO_LONG = f"Last Name: data value too large: {LONG} (max length=80)"
NO_OPTION = "Churn Risk: bad value for restricted picklist field: huge"
LOCKED = (
    "Unable to create/update fields: CreatedDate. Please check the security settings of this "
    "field and verify that it is read/write for your profile or permission set."
)
# Every row of one call with the (statusCode, message, fields) it comes back with.
ROWS: list[tuple[Json, list[tuple[str, str, list[str]]]]] = [
    ({"Profile_Id__c": "p1", "LastName": "Byron"}, []),
    ({"Profile_Id__c": "p2"}, [("REQUIRED_FIELD_MISSING", LACKING, ["LastName"])]),
    (
        {"Profile_Id__c": "p3", "LastName": "Stone", "Email": "stone at x"},
        [("INVALID_EMAIL_ADDRESS", "Email: invalid email address: stone at x", ["Email"])],
    ),
    ({"Profile_Id__c": "p4", "LastName": LONG}, [("STRING_TOO_LONG", TOO_LONG, ["LastName"])]),
    (
        {"Profile_Id__c": "p5", "LastName": "Low", "Churn_Risk__c": "huge"},
        [("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", NO_OPTION, ["Churn_Risk__c"])],
    ),
    ({"Profile_Id__c": "p6", "LastName": "Twin"}, TWIN),
    ({"Profile_Id__c": "p6", "LastName": "Twin"}, TWIN),
    (
        {"Profile_Id__c": None, "LastName": "Nobody"},
        [("MISSING_ARGUMENT", "Profile_Id__c not specified", [])],
    ),
    (
        {"Profile_Id__c": "p7", "LastName": "Early", "CreatedDate": "2020-01-01T00:00:00Z"},
        [("INVALID_FIELD_FOR_INSERT_UPDATE", LOCKED, ["CreatedDate"])],
    ),
    (
        {"Profile_Id__c": "p8", "LastName": "Lost", "AccountId": "001000000000000AAA"},
        [("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ["AccountId"])],
    ),
]


def test_every_row_of_an_upsert_has_its_own_outcome_in_the_vendors_words(
    sandbox: Sandbox,
) -> None:
    answer = upsert(sandbox, [row for row, _ in ROWS])
    told = [
        [(error["statusCode"], error["message"], error["fields"]) for error in row["errors"]]
        for row in answer.json()
    ]
    assert (answer.status_code, told) == (200, [errors for _, errors in ROWS])
    assert [row["LastName"] for row in sandbox.records("salesforce", "Contact")] == ["Byron"]


def test_all_or_none_takes_nothing_when_one_row_is_wrong(sandbox: Sandbox) -> None:
    rows = [{"Profile_Id__c": "p1", "LastName": "Byron"}, {"Profile_Id__c": "p2"}]
    answer = upsert(sandbox, rows, allOrNone=True).json()
    assert [row["errors"][0]["statusCode"] for row in answer] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "REQUIRED_FIELD_MISSING",
    ]
    assert sandbox.records("salesforce", "Contact") == []


@pytest.mark.parametrize(
    ("records", "code", "message"),
    [
        (
            [{"Profile_Id__c": "p1", "Nick__c": "x"}],
            "INVALID_FIELD",
            "No such column 'Nick__c' on sobject of type Contact",
        ),
        (
            [{"Profile_Id__c": "p1", "Lifetime_Value__c": "much"}],
            "JSON_PARSER_ERROR",
            "Cannot deserialize instance of currency from VALUE_STRING value much or request may "
            "be missing a field",
        ),
        (
            [{"Profile_Id__c": f"p{number}"} for number in range(201)],
            "EXCEEDED_ID_LIMIT",
            "record limit reached. cannot submit more than 200 records into this api",
        ),
    ],
)
def test_an_upsert_salesforce_cannot_read_is_refused_whole(
    sandbox: Sandbox, records: list[Json], code: str, message: str
) -> None:
    answer = upsert(sandbox, records)
    assert (answer.status_code, answer.json()) == (400, [{"message": message, "errorCode": code}])
    assert sandbox.records("salesforce", "Contact") == []


def test_records_are_read_by_their_external_id_and_deleted_by_their_id(sandbox: Sandbox) -> None:
    made = upsert(sandbox, [{"Profile_Id__c": "p1", "LastName": "Byron"}]).json()[0]["id"]
    data = f"{sandbox.url}/salesforce/services/data/v63.0"
    with signed_in(sandbox) as session:
        by_key = f"{data}/sobjects/Contact/Profile_Id__c/p1"
        assert session.get(by_key, timeout=10).json()["Id"] == made
        gone = session.delete(f"{data}/composite/sobjects?ids={made}", timeout=10).json()
        again = session.delete(f"{data}/composite/sobjects?ids={made}", timeout=10).json()
        assert session.get(by_key, timeout=10).status_code == 404
    assert gone == [{"id": made, "success": True, "errors": []}]
    assert again[0]["errors"][0]["statusCode"] == "ENTITY_IS_DELETED"
