"""HubSpot's lists, and what else it can do with records: merge them, and say what they have."""

from answering import Answer, Answering, in_turn
from hubspot_answers import complete, opened

from destinations.hubspot import contacts, list_members
from destinations.rows import FieldSpec, Merge, Outcome, Row


def test_several_records_are_merged_into_one_under_the_id_it_has_by_then() -> None:
    transport = Answering(in_turn(Answer(200, {"id": "201"}), Answer(200, {"id": "202"})))
    merges = [
        Merge("a@x.com", "1", "c@x.com", "3"),
        Merge("b@x.com", "2", "c@x.com", "3"),
        Merge("d@x.com", None, "c@x.com", "3"),
    ]
    assert contacts.merge_batch(opened(transport), merges) == Outcome(
        {"a@x.com": "201", "b@x.com": "202"},
        {"d@x.com": "HubSpot merges by its own ids, which are not known"},
    )
    assert [asked.body for asked in transport.asked] == [
        {"primaryObjectId": "3", "objectIdToMerge": "1"},
        {"primaryObjectId": "201", "objectIdToMerge": "2"},
    ]


def test_a_property_is_described_with_its_choices_and_whether_it_can_be_written() -> None:
    described = [
        {"name": "stage", "type": "enumeration", "options": [{"value": "new"}, {"value": "old"}]},
        {"name": "made", "type": "datetime", "modificationMetadata": {"readOnlyValue": True}},
    ]
    assert contacts.specify is not None
    assert contacts.specify(opened(Answering(in_turn(Answer(200, {"results": described}))))) == {
        "stage": FieldSpec("enumeration", choices=("new", "old")),
        "made": FieldSpec("datetime", is_writable=False),
    }


def test_contacts_are_put_on_each_list_in_one_call_and_the_missing_are_told() -> None:
    records = [{"id": id_, "properties": {"email": f"{id_}@x.com"}} for id_ in "abc"]
    added = {"recordsIdsAdded": ["a"], "recordIdsRemoved": [], "recordIdsMissing": ["c"]}
    transport = Answering(in_turn(complete(*records), Answer(200, added), Answer(200, {})))
    rows: list[Row] = [
        {"email": "A@x.com", "list_id": 7},
        {"email": "b@x.com", "list_id": 8},
        {"email": "c@x.com", "list_id": 7},
        {"email": "d@x.com", "list_id": 7},
    ]
    assert list_members.send_batch(opened(transport), rows) == Outcome(
        {"A@x.com": "a", "b@x.com": "b"},
        {
            "d@x.com": "HubSpot has no contact with this email",
            "c@x.com": "HubSpot has no such contact",
        },
        {"d@x.com": ("OBJECT_NOT_FOUND", "row"), "c@x.com": ("OBJECT_NOT_FOUND", "row")},
    )
    assert [(asked.method, asked.url.split(".com")[1], asked.body) for asked in transport.asked][
        1:
    ] == [
        ("PUT", "/crm/v3/lists/7/memberships/add", ["a", "c"]),
        ("PUT", "/crm/v3/lists/8/memberships/add", ["b"]),
    ]


def test_a_row_that_names_no_list_is_refused() -> None:
    found = complete({"id": "1", "properties": {"email": "a@x.com"}})
    rows: list[Row] = [{"email": "a@x.com", "list_id": None}]
    assert list_members.send_batch(opened(Answering(in_turn(found))), rows) == Outcome(
        {}, {"a@x.com": "it has no list_id"}
    )
