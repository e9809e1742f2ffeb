"""Mixpanel's raw events: every event once, late ones too, at the time at which they happened."""

from datetime import UTC, datetime
from typing import Any

import pytest
from conftest import Sandbox
from reading import Reading

from cdp_assets.loads import LoadFailed
from sandbox.mixpanel_store import MixpanelStore

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def mixpanel(sandbox: Sandbox) -> MixpanelStore:
    return sandbox.world.mixpanel


def track(store: MixpanelStore, insert_id: str, at: datetime = NOON, **more: Any) -> None:
    named = {"time": round(at.timestamp() * 1000), "distinct_id": "u1", "$insert_id": insert_id}
    arrived = datetime(2026, 11, 21, tzinfo=UTC)
    store.track({"event": "Paid", "properties": named | more}, arrived)


def ids(reading: Reading) -> list[str]:
    rows = reading.query("select insert_id from mixpanel.events order by all")
    return [insert_id for (insert_id,) in rows]


def requests_made(sandbox: Sandbox) -> int:
    return sum(one["count"] for one in sandbox.requests() if one["vendor"] == "mixpanel_data")


def test_an_event_is_read_with_its_properties_and_its_time_in_utc(
    reading: Reading, mixpanel: MixpanelStore
) -> None:
    track(mixpanel, "e1", amount=9.9, note="O'Brien 🚀", **{"$user_id": "u1"})
    assert reading.load("mixpanel") == {"events": 1}
    columns = "event, epoch_ms(time), distinct_id, insert_id, user_id, device_id"
    assert reading.query(f"select {columns} from mixpanel.events") == [
        ("Paid", round(NOON.timestamp() * 1000), "u1", "e1", "u1", None)
    ]
    note = "properties ->> '$.note', cast(properties ->> '$.amount' as double)"
    assert reading.query(f"select {note} from mixpanel.events") == [("O'Brien 🚀", 9.9)]


def test_an_event_that_came_in_twice_is_one_event_as_it_came_last(
    reading: Reading, mixpanel: MixpanelStore
) -> None:
    track(mixpanel, "e1", amount=1)
    mixpanel.track(
        {"event": "Paid", "properties": {**mixpanel.events[0]["properties"], "amount": 2}},
        datetime(2026, 11, 21, 1, tzinfo=UTC),
    )
    track(mixpanel, "e2")
    for _ in range(2):
        reading.load("mixpanel")
        amounts = "select insert_id, properties ->> '$.amount' from mixpanel.events order by 1"
        assert reading.query(amounts) == [("e1", "2"), ("e2", None)]


def test_the_last_days_are_read_again_and_no_others(
    reading: Reading, mixpanel: MixpanelStore
) -> None:
    track(mixpanel, "newest")
    track(mixpanel, "old", NOON.replace(month=10, day=2))
    reading.load("mixpanel")
    track(mixpanel, "late", NOON.replace(day=15))
    track(mixpanel, "too late", NOON.replace(day=14))
    assert reading.load("mixpanel") == {"events": 2}
    assert ids(reading) == ["late", "newest", "old"]


def test_a_first_run_asks_for_a_month_at_a_time(
    reading: Reading, mixpanel: MixpanelStore, sandbox: Sandbox
) -> None:
    for month in (8, 9, 10, 11):
        track(mixpanel, f"e{month}", NOON.replace(month=month))
    assert reading.load("mixpanel", start_date="2026-08-01") == {"events": 4}
    first = requests_made(sandbox)
    assert first >= 4
    reading.load("mixpanel", start_date="2026-08-01")
    assert requests_made(sandbox) < first * 2 - 2


def test_a_past_of_many_years_is_read_within_the_requests_of_an_hour(
    reading: Reading, mixpanel: MixpanelStore, sandbox: Sandbox
) -> None:
    track(mixpanel, "e1", NOON.replace(year=2011))
    track(mixpanel, "e2")
    assert reading.load("mixpanel", start_date="2010-01-01") == {"events": 2}
    assert requests_made(sandbox) <= 50


@pytest.mark.parametrize("hour", [0, 7, 12, 23])
def test_a_project_that_counts_in_its_own_time_zone_is_read_in_it(
    reading: Reading, mixpanel: MixpanelStore, hour: int
) -> None:
    mixpanel.time_zone = "US/Pacific"
    at = NOON.replace(hour=hour)
    track(mixpanel, "e1", at)
    reading.load("mixpanel", time_zone="US/Pacific")
    assert reading.query("select epoch_ms(time) from mixpanel.events") == [
        (round(at.timestamp() * 1000),)
    ]


def test_a_project_without_events_has_a_table_without_rows(reading: Reading) -> None:
    assert reading.load("mixpanel") == {"events": 0}
    assert ids(reading) == []


def test_an_export_that_ends_in_words_fails_and_is_read_whole_when_it_does_not(
    reading: Reading, mixpanel: MixpanelStore
) -> None:
    track(mixpanel, "e1")
    mixpanel.export_end = "terminated early\n"
    with pytest.raises(LoadFailed, match=r"Mixpanel answered 200 OK .*: terminated early"):
        reading.load("mixpanel")
    mixpanel.export_end = ""
    assert reading.load("mixpanel") == {"events": 1}


def test_a_wrong_secret_is_told_in_mixpanels_words_and_stays_secret(reading: Reading) -> None:
    with pytest.raises(LoadFailed) as failed:
        reading.load("mixpanel", secret="hush-hush")
    assert "Mixpanel answered 401 Unauthorized" in str(failed.value)
    assert "Invalid credentials" in str(failed.value)
    assert "hush-hush" not in str(failed.value)


def test_staging_names_the_user_and_no_device(reading: Reading, mixpanel: MixpanelStore) -> None:
    track(mixpanel, "e1", distinct_id="u7")
    track(mixpanel, "e2", distinct_id="$device:d1", **{"$user_id": ""})
    track(mixpanel, "e3", distinct_id="$device:d1", **{"$user_id": "u8"})
    track(mixpanel, "e4", distinct_id="")
    reading.load("mixpanel")
    rows = reading.staging("mixpanel__events")
    assert sorted(str(row["user_id"]) for row in rows) == ["None", "None", "u7", "u8"]
    assert len({row["mixpanel_event_id"] for row in rows}) == 4
    assert {row["occurred_at"] for row in rows} == {NOON}
