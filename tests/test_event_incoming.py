"""What is coming in: volumes, first and last seen, new events, full columns, and what stopped."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from event_files import load_events, put, rows, track

from warehouse import database
from warehouse.events import silent

START = datetime(2026, 11, 1, tzinfo=UTC)


def at(hours: float, **fields: Any) -> dict[str, Any]:
    stamp = (START + timedelta(hours=hours)).isoformat()
    return track(timestamp=stamp, receivedAt=stamp, **fields)


def what_is_silent(warehouse: Path) -> list[str]:
    with database.connect(warehouse) as db:
        return silent(db)


def test_volumes_are_counted_by_the_hour_over_all_loads(warehouse: Path, folder: Path) -> None:
    put(folder / "a.jsonl", at(0), at(0.5), at(1.2), {**at(1.5), "type": "page", "name": "Home"})
    load_events(str(folder), warehouse)
    put(folder / "b.jsonl", at(0.7), at(30), at(0.7, messageId="m"), at(0.7, messageId="m"))
    load_events(str(folder), warehouse)
    assert rows(
        warehouse,
        "select type, event, date_diff('hour', timestamptz '2026-11-01', hour_at), call_count,"
        " strftime(last_seen_at, '%H:%M') from events.activity order by all",
    ) == [
        ("page", "Home", 1, 1, "01:30"),
        ("track", "Seen", 0, 4, "00:42"),
        ("track", "Seen", 1, 1, "01:12"),
        ("track", "Seen", 30, 1, "06:00"),
    ]


def test_an_event_is_new_when_it_was_first_seen_in_the_last_day(
    warehouse: Path, folder: Path
) -> None:
    put(folder / "a.jsonl", at(0), at(47), at(48), at(40, event="Young"))
    load_events(str(folder), warehouse)
    assert rows(
        warehouse,
        "select event, call_count, last_day_count, is_new, violation_count from events.incoming"
        " order by event",
    ) == [("Seen", 3, 2, False, 0), ("Young", 1, 1, True, 0)]


def test_a_column_has_its_fill_rate_and_examples(warehouse: Path, folder: Path) -> None:
    put(
        folder / "a.jsonl",
        at(0, properties={"plan": "pro", "seats": 3}, context={"locale": "en"}),
        at(1, properties={"plan": "free"}, context={"locale": "de"}),
    )
    load_events(str(folder), warehouse)
    put(folder / "b.jsonl", at(2), at(3, properties={"seats": "many"}))
    load_events(str(folder), warehouse)
    assert rows(
        warehouse,
        "select column_name, filled_count, row_count, fill_rate, samples"
        " from events.incoming_columns where table_name = 'seen' order by column_name",
    ) == [
        ("context_locale", 2, 4, 0.5, ["de", "en"]),
        ("plan", 2, 4, 0.5, ["free", "pro"]),
        ("seats", 2, 4, 0.5, ["3"]),
    ]


def test_an_event_that_stopped_is_named_and_a_rare_or_fresh_one_is_not(
    warehouse: Path, folder: Path
) -> None:
    hourly = [at(hour) for hour in range(96)]
    stopped = [at(hour, event="Stopped") for hour in range(48)]
    nightly = [at(24 * day, event="Nightly") for day in range(3)]
    weekends = [at(hour, event="Paused") for hour in [*range(8), *range(60, 68)]]
    put(folder / "a.jsonl", *hourly, *stopped, *nightly, *weekends)
    load_events(str(folder), warehouse)
    assert what_is_silent(warehouse) == [
        "track 'Stopped' last came at 2026-11-02 23:00, others until 2026-11-04 23:00"
    ]
    put(folder / "b.jsonl", at(95, event="Stopped"))
    load_events(str(folder), warehouse)
    assert what_is_silent(warehouse) == []
