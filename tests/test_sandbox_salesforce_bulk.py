"""The sandbox's Bulk API 2.0: a job's states, its limits, and a common client at work with it."""

from typing import Any

import pytest
import requests
from conftest import Sandbox
from signing_in import common_client, signed_in

Json = dict[str, Any]
UPSERT = {
    "object": "Contact",
    "operation": "upsert",
    "externalIdFieldName": "Profile_Id__c",
    "contentType": "CSV",
    "lineEnding": "LF",
}
ROWS = b'Profile_Id__c,LastName,Plan__c\np1,Byron,pro\np2,#N/A,\np3,"Stone, ""Jr""\n",#N/A\n'


class Job:
    """A job made by hand, step by step."""

    def __init__(self, sandbox: Sandbox, told: Json) -> None:
        self.session = signed_in(sandbox)
        self.url = f"{sandbox.url}/salesforce/services/data/v63.0/jobs/ingest"
        self.made = self.session.post(self.url, json=told, timeout=10)
        if self.made.ok:
            self.url = f"{self.url}/{self.made.json()['id']}"

    def upload(self, content: bytes = ROWS) -> int:
        headers = {"Content-Type": "text/csv"}
        answer = self.session.put(f"{self.url}/batches", content, headers=headers, timeout=10)
        return answer.status_code

    def change(self, state: str) -> requests.Response:
        return self.session.patch(self.url, json={"state": state}, timeout=10)

    def look(self) -> Json:
        told: Json = self.session.get(self.url, timeout=10).json()
        return told

    def results(self, kind: str) -> str:
        return self.session.get(f"{self.url}/{kind}/", timeout=10).text


def test_a_job_goes_from_open_to_complete_and_tells_every_row(sandbox: Sandbox) -> None:
    job = Job(sandbox, UPSERT)
    made = job.made.json()
    assert (made["state"], made["contentUrl"]) == (
        "Open",
        f"services/data/v63.0/jobs/ingest/{made['id']}/batches",
    )
    assert job.upload() == 201
    assert job.change("UploadComplete").json()["state"] == "UploadComplete"
    states = [job.look() for _ in range(3)]
    assert [one["state"] for one in states] == ["UploadComplete", "InProgress", "JobComplete"]
    assert (states[2]["numberRecordsProcessed"], states[2]["numberRecordsFailed"]) == (3, 1)
    ids = {one["Profile_Id__c"]: one["Id"] for one in sandbox.records("salesforce", "Contact")}
    assert job.results("successfulResults") == (
        '"sf__Id","sf__Created","Profile_Id__c","LastName","Plan__c"\n'
        f'"{ids["p1"]}","true","p1","Byron","pro"\n'
        f'"{ids["p3"]}","true","p3","Stone, ""Jr""\n","#N/A"\n'
    )
    assert job.results("failedResults") == (
        '"sf__Id","sf__Error","Profile_Id__c","LastName","Plan__c"\n'
        '"","REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --",'
        '"p2","#N/A",""\n'
    )
    assert job.results("unprocessedrecords") == '"Profile_Id__c","LastName","Plan__c"\n'


def test_a_second_upload_makes_the_job_unfit(sandbox: Sandbox) -> None:
    job = Job(sandbox, UPSERT)
    assert [job.upload(), job.upload()] == [201, 201]
    answer = job.change("UploadComplete")
    [told] = answer.json()
    assert (answer.status_code, told["errorCode"]) == (400, "INVALIDJOB")
    assert told["message"].startswith(f"Found multipe contents for job: <{job.made.json()['id']}>")


def test_a_job_that_is_closed_cannot_be_closed_again_but_aborted(sandbox: Sandbox) -> None:
    job = Job(sandbox, UPSERT)
    job.upload()
    assert job.change("UploadComplete").status_code == 200
    again = job.change("UploadComplete")
    assert (again.status_code, again.json()) == (
        400,
        [
            {
                "message": "Closing already UploadComplete Job not allowed",
                "errorCode": "INVALIDJOBSTATE",
            }
        ],
    )
    assert job.upload() == 400
    assert job.change("Aborted").json()["state"] == "Aborted"
    assert sandbox.records("salesforce", "Contact") == []


def test_an_unknown_column_fails_the_whole_job(sandbox: Sandbox) -> None:
    job = Job(sandbox, UPSERT)
    job.upload(b"Profile_Id__c,LastName,Nick__c\np1,Byron,x\n")
    job.change("UploadComplete")
    told = [job.look() for _ in range(3)][-1]
    assert (told["state"], told["errorMessage"]) == (
        "Failed",
        "InvalidBatch : Field name not found : Nick__c",
    )
    assert job.results("unprocessedrecords").count("\n") == 2


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"object": "Nobody"}, 400, "INVALIDJOB"),
        ({"operation": "merge"}, 400, "INVALIDJOB"),
        ({"externalIdFieldName": "LastName"}, 404, "NOT_FOUND"),
    ],
)
def test_a_job_that_cannot_be_is_refused(
    sandbox: Sandbox, more: Json, status: int, code: str
) -> None:
    made = Job(sandbox, UPSERT | more).made
    assert (made.status_code, made.json()[0]["errorCode"]) == (status, code)


def test_a_common_client_upserts_and_deletes_in_bulk(sandbox: Sandbox) -> None:
    records = [{"Profile_Id__c": f"p{n}", "LastName": f"L{n}"} for n in range(5)]
    records.append({"Profile_Id__c": "p5", "LastName": "x" * 81})
    with common_client(sandbox) as client:
        [told] = client.bulk2.Contact.upsert(
            records=records, external_id_field="Profile_Id__c", wait=0
        )
        failed = client.bulk2.Contact.get_failed_records(told["job_id"])
        held = sandbox.records("salesforce", "Contact")
        assert [(one["Profile_Id__c"], one["LastName"]) for one in held] == [
            (f"p{n}", f"L{n}") for n in range(5)
        ]
        gone = [{"Id": one["Id"]} for one in held]
        [deleted] = client.bulk2.Contact.delete(records=gone, wait=0)
    assert (told["numberRecordsProcessed"], told["numberRecordsFailed"]) == (6, 1)
    assert '"STRING_TOO_LONG:Last Name: data value too large: ' in failed
    assert deleted["numberRecordsFailed"] == 0
    assert all(one["IsDeleted"] for one in sandbox.records("salesforce", "Contact"))
