"""Salesforce in the tests: the rows that are sent to each of its objects."""

from decimal import Decimal
from typing import Any

from tool_case import SEEN, Case


def _salesforce(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    names = ("LastName", "Lifetime_Value__c", "Last_Seen__c", "Is_Customer__c", "Plan__c")
    return record["Profile_Id__c"], {name: record[name] for name in names}


CASES = [
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
        renews=True,
        expected={
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
]
