"""The sandbox's Salesforce: signing in, SOQL and describe."""

from datetime import timedelta
from typing import Any

import pytest
import requests
from conftest import Sandbox
from signing_in import CLIENT, signed_in

Json = dict[str, Any]


def soql(sandbox: Sandbox, query: str, how: str = "query") -> requests.Response:
    with signed_in(sandbox) as session:
        url = f"{sandbox.url}/salesforce/services/data/v63.0/{how}"
        return session.get(url, params={"q": query}, timeout=10)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"client_id": "nobody"}, "invalid_client_id"),
        ({"client_secret": "guess"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_salesforce_gives_no_token_for_wrong_credentials(
    sandbox: Sandbox, wrong: Json, error: str
) -> None:
    url = f"{sandbox.url}/salesforce/services/oauth2/token"
    answer = requests.post(url, {**CLIENT, **wrong}, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_salesforce_session_ends_and_a_new_token_goes_on(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/salesforce/services/data/v63.0/query"
    with signed_in(sandbox) as session:
        assert session.get(url, params={"q": "select Id from User"}, timeout=10).status_code == 200
        sandbox.faults([{"vendor": "salesforce", "expire_tokens": True}])
        ended = session.get(url, params={"q": "select Id from User"}, timeout=10)
    assert (ended.status_code, ended.json()) == (
        401,
        [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}],
    )
    assert soql(sandbox, "select Id from User").status_code == 200


def test_soql_answers_fields_of_the_record_and_of_what_it_refers_to(sandbox: Sandbox) -> None:
    store, now = sandbox.world.salesforce, sandbox.world.now
    owner = store.save("User", {"Name": "Olive Owner", "Email": "olive@example.com"}, now)
    acme = store.save("Account", {"Name": "Acme", "OwnerId": owner}, now)
    ada = store.save("Contact", {"LastName": "Byron", "AccountId": acme, "OwnerId": owner}, now)
    bob = store.save("Contact", {"LastName": "Stone", "FirstName": "Bob"}, now)

    page = soql(
        sandbox,
        "SELECT Id, Name, Owner.Name, Account.Name, Account.Owner.Email FROM Contact ORDER BY Name",
    ).json()

    user_at, account_at, contact_at = (
        {"type": kind, "url": f"/services/data/v63.0/sobjects/{kind}/"}
        for kind in ("User", "Account", "Contact")
    )

    def at(base: Json, record_id: str) -> Json:
        return {"attributes": {**base, "url": base["url"] + record_id}}

    assert page == {
        "totalSize": 2,
        "done": True,
        "records": [
            {
                **at(contact_at, bob),
                "Id": bob,
                "Name": "Bob Stone",
                "Owner": {**at(user_at, store.api_user), "Name": "Integration User"},
                "Account": None,
            },
            {
                **at(contact_at, ada),
                "Id": ada,
                "Name": "Byron",
                "Owner": {**at(user_at, owner), "Name": "Olive Owner"},
                "Account": {
                    **at(account_at, acme),
                    "Name": "Acme",
                    "Owner": {**at(user_at, owner), "Email": "olive@example.com"},
                },
            },
        ],
    }


def test_soql_paged_to_the_end_is_everything_that_fits(sandbox: Sandbox) -> None:
    store, now = sandbox.world.salesforce, sandbox.world.now
    store.page_size = 2
    ids = [
        store.save(
            "Lead", {"LastName": f"L{number}", "Company": "C"}, now + timedelta(hours=number)
        )
        for number in range(6)
    ]
    since = (now + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    query = f"SELECT Id FROM Lead WHERE SystemModstamp >= {since} ORDER BY SystemModstamp"
    found: list[str] = []
    with signed_in(sandbox) as session:
        url = f"{sandbox.url}/salesforce/services/data/v63.0/query"
        page = session.get(url, params={"q": query}, timeout=10).json()
        while True:
            found += [row["Id"] for row in page["records"]]
            if page["done"]:
                break
            page = session.get(
                f"{sandbox.url}/salesforce{page['nextRecordsUrl']}", timeout=10
            ).json()
    assert (found, page["totalSize"]) == (ids[1:], 5)


def test_only_query_all_shows_deleted_records(sandbox: Sandbox) -> None:
    store, now = sandbox.world.salesforce, sandbox.world.now
    kept = store.save("Contact", {"LastName": "Kept"}, now)
    gone = store.save("Contact", {"LastName": "Gone"}, now)
    store.delete("Contact", gone, now + timedelta(minutes=1))
    query = "SELECT Id, IsDeleted FROM Contact WHERE LastName != null ORDER BY LastName DESC"

    def seen(how: str) -> list[tuple[str, bool]]:
        rows = soql(sandbox, query, how).json()["records"]
        return [(row["Id"], row["IsDeleted"]) for row in rows]

    assert seen("query") == [(kept, False)]
    assert seen("queryAll") == [(kept, False), (gone, True)]


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("LastName = 'o\\'hara'", ["O'Hara"]),
        ("LastName IN ('Byron', 'Stone') AND Lifetime_Value__c > 10.5", ["Stone"]),
        ("Lifetime_Value__c = null", ["O'Hara"]),
        ("HasOptedOutOfEmail = true", ["Byron"]),
        ("Account.Name = 'Acme'", ["Stone"]),
        ("LastName NOT IN ('Byron') LIMIT 1", ["O'Hara"]),
    ],
)
def test_soql_conditions(sandbox: Sandbox, where: str, names: list[str]) -> None:
    store, now = sandbox.world.salesforce, sandbox.world.now
    acme = store.save("Account", {"Name": "Acme"}, now)
    store.save("Contact", {"LastName": "O'Hara"}, now)
    byron: Json = {"LastName": "Byron", "Lifetime_Value__c": 10.5, "HasOptedOutOfEmail": True}
    store.save("Contact", byron, now)
    store.save("Contact", {"LastName": "Stone", "Lifetime_Value__c": 99, "AccountId": acme}, now)
    rows = soql(sandbox, f"SELECT LastName FROM Contact WHERE {where}").json()["records"]
    assert [row["LastName"] for row in rows] == names


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        (
            "SELECT Id, Nick FROM Contact",
            "INVALID_FIELD",
            "\nSELECT Id, Nick FROM Contact\n           ^\nERROR at Row:1:Column:12\n"
            "No such column 'Nick' on entity 'Contact'. If you are attempting to use a custom "
            "field, be sure to append the '__c' after the custom field name. Please reference "
            "your WSDL or the describe call for the appropriate names.",
        ),
        ("SELECT Id Name FROM Contact", "MALFORMED_QUERY", "unexpected token: Name"),
        (
            "SELECT Id FROM Contact WHERE SystemModstamp > '2026-01-01T00:00:00Z'",
            "INVALID_FIELD",
            "value of filter criterion for field 'SystemModstamp' must be of type datetime "
            "and should not be enclosed in quotes",
        ),
    ],
)
def test_soql_that_cannot_run_is_refused_as_salesforce_words_it(
    sandbox: Sandbox, query: str, code: str, message: str
) -> None:
    answer = soql(sandbox, query)
    assert (answer.status_code, answer.json()) == (400, [{"message": message, "errorCode": code}])


def test_describe_names_every_field_with_its_type(sandbox: Sandbox) -> None:
    with signed_in(sandbox) as session:
        url = f"{sandbox.url}/salesforce/services/data/v63.0/sobjects/Contact/describe"
        fields = {field["name"]: field for field in session.get(url, timeout=10).json()["fields"]}
    assert fields["Profile_Id__c"]["externalId"] is True
    assert fields["Lifetime_Value__c"]["type"] == "currency"
    assert fields["OwnerId"]["referenceTo"] == ["User"]
    assert fields["CreatedDate"]["updateable"] is False
