"""What the tool is asked before a run sends: whether it has the fields, and takes the calls."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from planning import CONTACTS

import destinations
from cdp_assets.outgoing import Outgoing
from cdp_assets.place import Place
from destinations.api import Api
from destinations.destination import Action, Destination
from destinations.errors import MappingUnfit, QuotaTooSmall
from destinations.login import bearer
from destinations.pace import Rate
from destinations.rows import Accepted, FieldSpec, Rejected, Row
from warehouse.plan import Draft, Plan


def going(folder: Path, specs: dict[str, FieldSpec], calls_left: int) -> Outgoing:
    tool = Destination("tool", "https://tool.test", ("token",), bearer("token"), Rate(10, per_s=60))

    @tool.object(key="email", batch_size=100)
    def people(_: Api, __: list[Row]) -> Iterator[Rejected | Accepted]:
        yield from ()

    @people.describe
    def fields(_: Api) -> dict[str, FieldSpec]:
        return specs

    @tool.quota
    def left(_: Api) -> int:
        return calls_left

    environ = {"DESTINATIONS__TOOL__TOKEN": "s3cret"}
    return Outgoing(CONTACTS, tool, people, "people", environ, Place(folder / "w.duckdb", folder))


def draft(created: int, deleted: int = 0) -> Draft:
    made = Plan(Path(), created, 0, 0, 0, 0, deleted)
    return Draft(made, {"email": "VARCHAR", "citty": "VARCHAR"}, CONTACTS.table)


FIELDS = {"email": FieldSpec("string"), "city": FieldSpec("string")}


def test_a_mapping_that_does_not_fit_stops_the_run_with_all_that_is_wrong(tmp_path: Path) -> None:
    outgoing = going(tmp_path, {**FIELDS, "name": FieldSpec("string", is_required=True)}, 1000)
    with pytest.raises(MappingUnfit) as stopped:
        outgoing.prepare(outgoing.open("r1"), draft(1))
    assert str(stopped.value) == (
        "Nothing was sent: hubspot_contacts does not fit tool.people. "
        "Mend warehouse/models/syncs/hubspot_contacts.sql:\n"
        "  citty: the tool has no such field; it has city\n"
        "  name: the tool requires this field, and no column fills it"
    )


def test_a_run_that_needs_more_calls_than_are_left_today_does_not_begin(tmp_path: Path) -> None:
    outgoing = going(tmp_path, {**FIELDS, "citty": FieldSpec("string")}, 3)
    outgoing.prepare(outgoing.open("r1"), draft(200, 100))
    with pytest.raises(QuotaTooSmall) as stopped:
        outgoing.prepare(outgoing.open("r1"), draft(201, 100))
    assert str(stopped.value) == (
        "Nothing was sent: this run needs 4 calls, and tool takes 3 more today. The rows wait; run "
        "again when the tool's day is over, or send fewer at a time."
    )


def test_a_plan_is_priced_in_calls_and_in_minutes_at_the_tools_limit(tmp_path: Path) -> None:
    outgoing = going(tmp_path, FIELDS, 1000)
    made = draft(1950, 50).plan
    assert (outgoing.calls(made), outgoing.minutes(made)) == (21, 2.1)


# What is sent, in which mode, how many rows, as what: the calls it takes at least.
PRICES = [
    ("hubspot.contacts", "upsert", 950, "send", 10),
    ("hubspot.list_members", "upsert", 950, "send", 20),
    ("hubspot.list_members", "upsert", 950, "delete", 10),
    ("marketo.list_members", "upsert", 650, "send", 4 + 4 + 2),
    ("marketo.list_members", "upsert", 650, "delete", 3),
    ("salesforce.contacts", "upsert", 1_001, "send", 6),
    ("salesforce.contacts", "update", 1_001, "send", 12),
    ("salesforce.contacts", "upsert", 2_000, "delete", 10),
    ("salesforce.contacts", "upsert", 101_000, "send", 6 + 6 + 5),
    ("webhook.customers", "upsert", 250, "send", 15 + 15 + 8),
    ("webhook.customers", "append", 0, "send", 0),
    ("vitally.users", "upsert", 7, "send", 7),
]


@pytest.mark.parametrize(("to", "mode", "row_count", "action", "calls"), PRICES)
def test_a_plans_price_counts_the_calls_within_a_batch(
    to: str, mode: str, row_count: int, action: Action, calls: int
) -> None:
    name, _, kind = to.partition(".")
    destination = destinations.find()[0][name]
    arguments = dict.fromkeys(destination.secrets, "set")
    if name == "webhook":
        arguments["rows_per_call"] = "7"
    thing = destination.thing(kind)
    assert thing
    api = destination.open(arguments, "key", mode=mode)
    assert thing.calls(api, row_count, action) == calls
