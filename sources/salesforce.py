"""Salesforce: contacts, leads, accounts and opportunities.

REST query with SOQL, signed in by the OAuth client credentials flow.
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_queryall.htm

A stream is read by SystemModstamp, which unlike LastModifiedDate moves with every change, through
queryAll, which also shows what lies in the recycle bin (IsDeleted). `base_url` is the company's
own: https://<my domain>.my.salesforce.com.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import dlt
from dlt.sources import DltResource

from sources._web import Api, Token

STREAMS = ("contacts", "leads", "accounts", "opportunities")

VERSION = "v63.0"
# A record is stamped before its transaction ends, and seen only after: read that far back again.
OVERLAP = timedelta(minutes=5)

SOBJECTS = {
    "contacts": "Contact",
    "leads": "Lead",
    "accounts": "Account",
    "opportunities": "Opportunity",
}
PERSON = "FirstName:text LastName:text Title:text Email:text Phone:text LeadSource:text"
FIELDS = {
    "contacts": f"{PERSON} MobilePhone:text AccountId:text MasterRecordId:text",
    "leads": f"""
        {PERSON} MobilePhone:text Company:text Status:text IsConverted:bool ConvertedContactId:text
        ConvertedAccountId:text ConvertedOpportunityId:text MasterRecordId:text
    """,
    "accounts": """
        Name:text Website:text Industry:text Type:text NumberOfEmployees:bigint
        AnnualRevenue:double MasterRecordId:text
    """,
    "opportunities": """
        Name:text AccountId:text ContactId:text StageName:text Amount:double Probability:double
        CloseDate:text IsClosed:bool IsWon:bool LeadSource:text Type:text
    """,
}
EVERY = "Id:text IsDeleted:bool CreatedDate:text SystemModstamp:text OwnerId:text"
OWNER = "Owner.Name, Owner.Email"


@dlt.source(name="salesforce", max_table_nesting=0)
def source(
    client_id: str = dlt.secrets.value,
    client_secret: str = dlt.secrets.value,
    base_url: str = dlt.config.value,
) -> Iterator[DltResource]:
    secrets = (client_secret,)
    door = Api("Salesforce", base_url, secrets=secrets)
    credentials = {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": client_secret,
    }

    def sign_in() -> str:
        return str(door.post("services/oauth2/token", data=credentials)["access_token"])

    api = Api("Salesforce", base_url, auth=Token(sign_in), secrets=secrets)
    for stream in STREAMS:
        types = dict(field.split(":") for field in f"{EVERY} {FIELDS[stream]}".split())
        columns: Any = {name: {"data_type": kind} for name, kind in types.items()}
        yield dlt.resource(
            _read(api, stream, list(types)),
            name=stream,
            primary_key="Id",
            write_disposition="merge",
            columns=columns | {"Owner": {"data_type": "json"}},
        )


def _read(api: Api, stream: str, fields: list[str]) -> Iterator[Any]:
    yield dlt.mark.materialize_table_schema()
    state = dlt.current.resource_state()
    soql = f"select {', '.join(fields)}, {OWNER} from {SOBJECTS[stream]}"
    if "modified" in state:
        soql += f" where SystemModstamp >= {_before(state['modified'])}"
    page = api.get(f"services/data/{VERSION}/queryAll", {"q": f"{soql} order by SystemModstamp"})
    while True:
        records = [_row(record) for record in page["records"]]
        if records:
            state["modified"] = records[-1]["SystemModstamp"]
            yield records
        if page["done"]:
            return
        page = api.get(page["nextRecordsUrl"])


def _row(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "attributes"}


def _before(stamp: str) -> str:
    """A SOQL time a little before a stamp, which looks like 2026-11-23T10:00:00.000+0000."""
    since = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%f%z") - OVERLAP
    return since.strftime("%Y-%m-%dT%H:%M:%SZ")
