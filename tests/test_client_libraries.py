"""The vendors' own client libraries read from the sandbox what our connectors wrote."""

from typing import Any

import pytest
from conftest import Sandbox
from hubspot import HubSpot
from tool_case import Case
from tool_cases import CASES, opened, thing

HUBSPOT = [case for case in CASES if case.tool == "hubspot" and case.kind != "list_members"]


@pytest.mark.parametrize("case", HUBSPOT, ids=lambda case: case.name)
def test_hubspots_client_finds_the_records_by_their_key(case: Case, sandbox: Sandbox) -> None:
    made = thing(case).send_batch(opened(case, f"{sandbox.url}/hubspot"), case.good)
    api = getattr(client(sandbox).crm, case.kind).basic_api
    fields = [name for row in case.expected.values() for name in row]
    for key, record_id in made.accepted.items():
        found = api.get_by_id(key, id_property=case.key, properties=[case.key, *fields])
        held = next(one for one in sandbox.records("hubspot", case.kind) if one["id"] == record_id)
        shown = case.shown({"properties": found.properties})
        assert (found.id, shown) == (record_id, case.shown(held))


def test_hubspots_client_finds_who_is_on_a_list(sandbox: Sandbox) -> None:
    case = next(case for case in CASES if case.name == "hubspot.list_members")
    case.prepare(sandbox)
    made = thing(case).send_batch(opened(case, f"{sandbox.url}/hubspot"), case.good)
    page = client(sandbox).crm.lists.memberships_api.get_page(case.good[0]["list_id"])
    assert [one.record_id for one in page.results] == list(made.accepted.values())


def client(sandbox: Sandbox) -> Any:
    made = HubSpot(access_token="pat-sandbox")
    made.config["host"] = f"{sandbox.url}/hubspot"
    return made
