"""Salesforce, read from the sandbox into a warehouse, up to its staging models."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from conftest import NOW, Sandbox
from reading import Reading

from cdp_assets.loads import LoadFailed
from sandbox.world import World


def contact(world: World, name: str, minutes: float = 0, **fields: Any) -> str:
    at = NOW + timedelta(minutes=minutes)
    return world.salesforce.save("Contact", {"LastName": name, **fields}, at)


def test_all_pages_are_read_then_only_what_changed(world: World, reading: Reading) -> None:
    world.salesforce.page_size = 100
    ids = [contact(world, f"Contact {number}") for number in range(250)]
    kept = contact(world, "Latest", minutes=60)
    assert reading.load("salesforce", "contacts") == {"contacts": 251}

    contact(world, "Renamed", minutes=90, Id=ids[0])
    contact(world, "New", minutes=91)
    world.salesforce.delete("Contact", ids[1], NOW + timedelta(minutes=92))
    # The last few minutes are read again: a record can be seen later than its stamp says.
    assert reading.load("salesforce", "contacts") == {"contacts": 4}
    rows = {row["salesforce_contact_id"]: row for row in reading.staging("salesforce__contacts")}
    assert len(rows) == 252
    assert (rows[ids[0]]["last_name"], rows[kept]["last_name"]) == ("Renamed", "Latest")
    assert [row["last_name"] for row in rows.values() if row["is_deleted"]] == ["Contact 1"]


def sell_to_acme(world: World) -> tuple[str, str, str, str]:
    """An account, a contact, the lead she was, and a deal: their ids."""
    save = world.salesforce.save
    owner = save("User", {"Name": "Ola", "LastName": "Ola", "Email": "ola@us.example"}, NOW)
    account = save(
        "Account",
        {
            "Name": "Acme",
            "Website": "https://WWW.Acme.example/home?x=1",
            "Industry": "Retail",
            "NumberOfEmployees": 40,
            "AnnualRevenue": 1_500_000.5,
            "OwnerId": owner,
        },
        NOW,
    )
    person = {"FirstName": "Ada", "LastName": "Byron", "Title": "CTO", "Email": "ada@acme.example"}
    phones = {"Phone": "+44 20 1", "MobilePhone": "+44 7700 2"}
    ada = save("Contact", person | phones | {"AccountId": account, "OwnerId": owner}, NOW)
    lead = save(
        "Lead",
        person
        | {"Company": "Acme", "Phone": "+44 20 1", "Status": "Qualified", "LeadSource": "Web"}
        | {"IsConverted": True, "ConvertedContactId": ada, "OwnerId": owner},
        NOW,
    )
    deal = save(
        "Opportunity",
        {
            "Name": "Acme 40 seats",
            "AccountId": account,
            "StageName": "Closed Won",
            "Amount": 1200,
            "CloseDate": "2026-12-01",
            "IsClosed": True,
            "IsWon": True,
            "OwnerId": owner,
        },
        NOW,
    )
    return account, ada, lead, deal


def test_each_object_becomes_its_staging_rows(world: World, reading: Reading) -> None:
    account, ada, lead, deal = sell_to_acme(world)
    assert reading.load("salesforce") == {
        "contacts": 1,
        "leads": 1,
        "accounts": 1,
        "opportunities": 1,
    }
    always = {
        "owner_name": "Ola",
        "owner_email": "ola@us.example",
        "is_deleted": False,
        "created_at": NOW,
        "modified_at": NOW,
    }
    named = {"first_name": "Ada", "last_name": "Byron", "title": "CTO", "email": "ada@acme.example"}
    assert reading.staging("salesforce__contacts") == [
        {"salesforce_contact_id": ada, "phone": "+44 7700 2", "lead_source": None}
        | {"salesforce_account_id": account}
        | named
        | always
    ]
    assert reading.staging("salesforce__leads") == [
        {"salesforce_lead_id": lead, "salesforce_contact_id": ada, "phone": "+44 20 1"}
        | {"company_name": "Acme", "status": "Qualified", "lead_source": "Web"}
        | {"is_converted": True}
        | named
        | always
    ]
    assert reading.staging("salesforce__accounts") == [
        {"salesforce_account_id": account, "account_name": "Acme", "domain": "acme.example"}
        | {"industry": "Retail", "employee_count": 40, "annual_revenue": Decimal("1500000.50")}
        | always
    ]
    assert reading.staging("salesforce__opportunities") == [
        {"opportunity_id": deal, "salesforce_account_id": account, "salesforce_contact_id": None}
        | {"opportunity_name": "Acme 40 seats", "stage": "Closed Won", "amount": Decimal("1200.00")}
        | {"close_on": date(2026, 12, 1), "is_closed": True, "is_won": True}
        | always
    ]


def test_an_empty_org_gives_empty_staging_tables(reading: Reading) -> None:
    none = {"contacts": 0, "leads": 0, "accounts": 0, "opportunities": 0}
    assert reading.load("salesforce") == none
    for stream in none:
        assert reading.staging(f"salesforce__{stream}") == []


def test_an_expired_session_is_renewed_between_two_pages(
    sandbox: Sandbox, reading: Reading
) -> None:
    sandbox.world.salesforce.page_size = 5
    for number in range(25):
        contact(sandbox.world, str(number))
    # Five pages of 0.3 s each with a session of one second.
    tokens = sandbox.gate.vendors["salesforce"].tokens
    assert tokens
    tokens.lifetime_s = 1.0
    sandbox.faults([{"vendor": "salesforce", "latency_ms": 300, "times": -1}])
    assert reading.load("salesforce", "contacts") == {"contacts": 25}
    counts = {(seen["route"], seen["status"]): seen["count"] for seen in sandbox.requests()}
    signed_in = counts["POST /services/oauth2/token", 200]
    refused = sum(count for (_, status), count in counts.items() if status == 401)
    assert (signed_in, refused) == (2, 1)


def test_refused_credentials_are_told_in_salesforces_words(reading: Reading) -> None:
    with pytest.raises(LoadFailed) as failed:
        reading.load("salesforce", "contacts", client_secret="not-the-secret")
    assert "Salesforce answered 400 Bad Request to POST" in str(failed.value)
    assert "not-the-secret" not in str(failed.value)
    assert "invalid_client" in str(failed.value)
