"""Who held an identifier first, on random histories and rules, against the slow and obvious twin."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stitching import Stitched
from test_identity_twin import Person, Said, Twin, run, some_rules, some_said

from warehouse.identity.rules import rules

BY_FIRST = """
select list(type || ':' || value)
from identity.identifiers
left join identity.first_profiles using (type, value)
group by coalesce(first_profile_id, profile_id)
"""


@settings(max_examples=25, deadline=None)
@given(rows=some_said, stated=some_rules(), cut=st.integers(0, 24))
def test_the_first_profile_of_an_identifier_is_the_one_that_the_row_which_brought_it_belonged_to(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Said], stated: dict[str, Any], cut: int
) -> None:
    here = Stitched(tmp_path_factory.mktemp("first") / "w.duckdb")
    run(here, rows[:cut], rules(stated))
    run(here, rows, rules(stated))
    assert {frozenset(names) for (names,) in here.ask(BY_FIRST)} == by_first(rows, stated)
    ids = "select profile_id from identity.profile_redirects"
    lost = f"select * from identity.first_profiles where first_profile_id not in ({ids})"
    assert here.ask(lost) == []


def by_first(rows: Sequence[Said], stated: dict[str, Any]) -> set[frozenset[str]]:
    twin, first = Twin(stated), dict[str, Person]()
    for row in sorted(rows, key=lambda row: (row.hour, row.source, row.row_id)):
        twin.read([row])
        for person in twin.people:
            for name in person.since:
                first.setdefault(name, person)
    groups: dict[int, set[str]] = {}
    for name in twin.seen:
        if twin.one(name) in first:
            groups.setdefault(id(first[twin.one(name)]), set()).add(name)
    return {frozenset(group) for group in groups.values()}
