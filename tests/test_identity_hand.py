"""What people say by hand of identity: joins, parts, sources that are not trusted; and their mistakes."""

from pathlib import Path
from typing import Any

import pytest
from stitching import NAMES, Row, Stitched

from warehouse.identity.rules import Rules, read, rules
from warehouse.mistakes import Mistakes

SAID = {"reason": "they told us", "by": "Ada"}


@pytest.fixture
def here(tmp_path: Path) -> Stitched:
    return Stitched(tmp_path / "warehouse.duckdb")


def ruled(**stated: Any) -> Rules:
    return rules({"identifiers": {name: {} for name in NAMES}, **stated})


def test_a_join_ties_what_a_limit_would_keep_apart(here: Stitched) -> None:
    rows: list[Row] = [(0, "u", "e", None), (1, "v", "e", None), (2, "v", None, "a")]
    here.stitch(rows)
    before = here.holders()
    assert before["user_id:u"] != before["user_id:v"]
    here.stitch(rows, ruled(join=[{"identifiers": ["user_id:u", "user_id:v"], **SAID}]))
    assert here.holders() == dict.fromkeys(before, before["user_id:u"])
    assert here.ask("from identity.violations") == []


def test_a_part_splits_a_profile_and_its_older_half_keeps_the_id(here: Stitched) -> None:
    rows: list[Row] = [(0, "u", None, "a"), (1, None, "e", "a"), (2, None, "e", "b")]
    here.stitch(rows)
    [before] = set(here.holders().values())
    here.stitch(rows, ruled(part=[{"identifiers": ["user_id:u", "email:e"], **SAID}]))
    assert here.partition() == {
        frozenset({"user_id:u", "anonymous_id:a"}),
        frozenset({"email:e", "anonymous_id:b"}),
    }
    assert here.holders()["user_id:u"] == before
    assert here.ask("select row_id, type, value, reason from identity.violations") == [
        ("r001", "anonymous_id", "a", "Parted by hand")
    ]


def test_taking_the_part_out_again_brings_the_two_ids_together(here: Stitched) -> None:
    rows: list[Row] = [(0, "u", None, "a"), (1, None, "e", "a")]
    here.stitch(rows, ruled(part=[{"identifiers": ["user_id:u", "email:e"], **SAID}]))
    before = here.holders()
    here.stitch(rows)
    assert here.holders() == dict.fromkeys(before, before["user_id:u"])
    assert dict(here.ask("from identity.profile_redirects")) == dict.fromkeys(
        before.values(), before["user_id:u"]
    )


def test_a_source_that_is_barred_from_an_identifier_does_not_tie_by_it(here: Stitched) -> None:
    here.stage({"r0": (0, "u", "e", None)})
    here.stage({"r0": (1, None, "e", "a")}, "crm__people")
    here.again(ruled(sources={"crm": {"barred": ["email"]}}), ["app__rows", "crm__people"])
    assert here.partition() == {
        frozenset({"user_id:u", "email:e"}),
        frozenset({"anonymous_id:a"}),
    }
    assert here.ask("select source, row_id, value, reason from identity.violations") == [
        ("crm__people", "r0", "e", "Source not trusted with it")
    ]


def test_a_kiosk_with_ten_thousand_users_keeps_them_apart(here: Stitched) -> None:
    here.stitch([(n, f"u{n}", None, "kiosk") for n in range(10_000)])
    sizes = here.ask(
        "select identifier_count, count(*) from identity.profiles group by all order by 1"
    )
    assert sizes == [(1, 9_999), (2, 1)]
    assert here.ask("select count(*) from identity.violations") == [(9_999,)]


def test_every_mistake_in_lines_and_sources_is_shown_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "identity.toml"
    path.write_text(
        '[identifiers.user_id]\n[identifiers.email]\nnormalise = "lower"\n'
        '[sources.crm]\nbarred = ["fax"]\n'
        '[[join]]\nidentifiers = ["user_id:u", "fax:1"]\nreason = "why"\nby = "Ada"\n'
        '[[part]]\nidentifiers = ["user_id:u"]\nby = "Ada"\n'
    )
    assert mistakes(path) == [
        (4, "crm: there is no identifier 'fax'"),
        (6, "join: 'fax:1' is no identifier; one is like 'email:ada@example.com'"),
        (10, "part: say 'reason = \"…\"'"),
        (10, 'part: name two identifiers, as ["email:ada@example.com", "user_id:7"]'),
    ]


def test_lines_that_contradict_each_other_are_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "identity.toml"
    said = 'reason = "why"\nby = "Ada"\n'
    path.write_text(
        '[identifiers.user_id]\n[identifiers.email]\nnormalise = "lower"\n'
        f'[[join]]\nidentifiers = ["user_id:u", "email:A@x.com"]\n{said}'
        f'[[join]]\nidentifiers = ["user_id:v", "email:a@x.com"]\n{said}'
        f'[[part]]\nidentifiers = ["user_id:u", "user_id:v"]\n{said}'
    )
    assert mistakes(path) == [(12, "part: 'user_id:u' and 'user_id:v' are joined by another line")]


def mistakes(path: Path) -> list[tuple[int, str]]:
    with pytest.raises(Mistakes) as caught:
        read(path)
    return [(mistake.line, mistake.text) for mistake in caught.value.mistakes]
