"""The demo company's event dumps: every hard case and every broken line really occurs."""

from collections import Counter, defaultdict

import pytest
from company_stitcher import (
    Outside,
    e164,
    new,
    occurred_at,
    of_event,
    seconds,
    users_by_device,
    well_formed,
    why_refused,
)


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Outside:
    return new(tmp_path_factory.mktemp("company"), 150)


def test_events_grow_with_people_and_come_in_one_file_a_day(outside: Outside) -> None:
    days = Counter(day for day, _ in outside.lines())
    assert len(days) == 90
    assert (min(days), max(days)) == ("2026-08-24", "2026-11-21")
    assert 25 < len(outside.lines()) / 150 < 38
    suffixes = Counter(path.suffix for path in (outside.folder / "events").iterdir())
    assert suffixes == {".gz": 60, ".jsonl": 30}


def test_a_few_lines_in_a_thousand_are_broken_each_kind_at_least_once(outside: Outside) -> None:
    reasons = Counter(why_refused(line) for _, line in outside.lines())
    good = reasons.pop("")
    kinds = {"truncated", "not UTF-8", "a list", "no id", "no event name", "not JSON"}
    assert kinds <= set(reasons) <= kinds | {"a str"}
    assert 0.001 < reasons.total() / good < 0.005


def test_some_events_come_twice_in_the_same_file_and_in_later_ones(outside: Outside) -> None:
    days = defaultdict(list)
    for day, line in outside.lines():
        event = well_formed(line)
        if event and "messageId" in event:
            days[event["messageId"]].append(day)
    twice = [seen for seen in days.values() if len(seen) > 1]
    assert {len(set(seen)) for seen in twice} == {1, 2}
    assert 0.004 < len(twice) / len(days) < 0.016


def test_some_events_arrive_days_late_and_some_have_no_message_id(outside: Outside) -> None:
    late = unnumbered = 0
    for day, line in outside.lines():
        event = well_formed(line)
        if event:
            late += occurred_at(event) < seconds(day) - 86_400
            unnumbered += "messageId" not in event
    assert late > 10
    assert 1 <= unnumbered < 40


def test_every_library_writes_in_its_own_way(outside: Outside) -> None:
    events = outside.events()
    assert {event["context"]["library"]["name"] for event in events} == {
        "analytics.js",
        "@segment/analytics-node",
        "analytics-node",
        "analytics-python",
        "analytics-swift",
        "analytics-kotlin",
    }
    assert {event["type"] for event in events} == {
        "identify",
        "track",
        "page",
        "screen",
        "group",
        "alias",
    }
    assert {event["event"] for event in events if event["type"] == "track"} == {
        "Signed Up",
        "Logged In",
        "Logged Out",
        "Project Created",
        "Invite Sent",
        "Report Exported",
        "Plan Viewed",
        "Checkout Started",
        "Feature Used",
        "Newsletter Joined",
    }
    stamps = [event.get("timestamp", "") for event in events]
    assert any(stamp.endswith("+00:00") for stamp in stamps)
    assert any(stamp and stamp[-1] not in "Z0" and "+" not in stamp for stamp in stamps)
    assert any("timestamp" not in event and "originalTimestamp" in event for event in events)
    assert any(event.get("userId", "") is None for event in events)


def test_first_touches_name_the_campaigns_that_google_ads_reports(outside: Outside) -> None:
    touched = {
        event["context"]["campaign"]["name"]
        for event in outside.events()
        if "campaign" in event["context"]
    }
    store = outside.world.google_ads
    assert touched == {campaign["name"] for campaign in store.campaigns.values()}
    assert len(store.days) == 5 * 90


def test_devices_are_shared_and_one_person_has_more_than_the_limit(outside: Outside) -> None:
    users = users_by_device(outside)
    assert Counter(len(seen) for seen in users.values() if len(seen) > 1) == {2: 3, 3: 1}
    devices = Counter(user for seen in users.values() if len(seen) == 1 for user in seen)
    assert devices.most_common(1)[0][1] == 7
    assert sum(count > 5 for count in devices.values()) == 1


def test_anonymous_visits_come_before_sign_up_and_some_are_never_tied(outside: Outside) -> None:
    known = users_by_device(outside)
    anonymous = {
        dict(of_event(event))["anonymous_id"]
        for event in outside.events()
        if "anonymous_id" in dict(of_event(event)) and "user_id" not in dict(of_event(event))
    }
    assert len(anonymous & set(known)) > 20
    assert len(anonymous - set(known)) > 20
    people = {(line["value"], line["person"]) for line in outside.truth()}
    named = {person for value, person in people if value.startswith("usr_")}
    cleared = [
        value for value, person in people if value in anonymous - set(known) and person in named
    ]
    assert len(cleared) >= 2


def test_a_test_account_writes_ids_that_mean_nobody(outside: Outside) -> None:
    users = Counter(event.get("userId") for event in outside.events())
    zero = "00000000-0000-0000-0000-000000000000"
    assert all(users[value] for value in ("null", "anonymous", "0", "-1", zero))
    on_devices = {
        event["anonymousId"]
        for event in outside.events()
        if event.get("userId") == "null" and event.get("anonymousId")
    }
    assert len(on_devices) > 2
    assert not {"null", "anonymous", "0", "-1", zero} & {line["value"] for line in outside.truth()}


def test_every_phone_is_valid_and_some_cannot_be_read_without_a_country(outside: Outside) -> None:
    spoken = {
        event["traits"]["phone"]
        for event in outside.events()
        if event["type"] == "identify" and event["traits"].get("phone")
    }
    numbers = [line["value"] for line in outside.truth() if line["identifier_type"] == "phone"]
    assert all(e164(number) == number for number in numbers)
    assert {number[:2] for number in numbers} == {"+1", "+4"}
    assert any(text.startswith("(") for text in spoken)
    assert any("(0)" in text for text in spoken)


def test_destinations_will_find_something_to_refuse(outside: Outside) -> None:
    traits = [event["traits"] for event in outside.events() if event["type"] == "identify"]
    emails = {(one.get("email") or "").strip().lower() for one in traits}
    assert any(email.endswith("@localhost") for email in emails)
    assert any(email.endswith("@") for email in emails)
    assert any("@@" in email for email in emails)
    assert max(len(one.get("name", "")) for one in traits) > 100
