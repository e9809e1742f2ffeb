"""SQL written for Segment's warehouse runs as it is, over the schema named after the source.

https://www.twilio.com/docs/segment/connections/storage/warehouses/schema
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from event_files import put, rows

from sources.events import source
from warehouse import database
from warehouse.events import load

Json = dict[str, Any]
START = datetime(2026, 11, 2, 9, tzinfo=UTC)


def call(kind: str, visitor: str, user: str | None, minutes: float, **fields: Any) -> Json:
    """As in Segment's archive: sent two seconds after it happened, received by a right clock."""
    happened = START + timedelta(minutes=minutes)
    arrived = (happened + timedelta(seconds=2)).isoformat()
    ids = {"anonymousId": visitor, "userId": user}
    stamps = {"originalTimestamp": happened.isoformat(), "sentAt": arrived, "receivedAt": arrived}
    return {"type": kind, **ids, **stamps, **fields}


def page(visitor: str, user: str | None, minutes: float, path: str, **campaign: str) -> Json:
    context = {"page": {"path": path}, "campaign": campaign}
    return call("page", visitor, user, minutes, properties={"path": path}, context=context)


def track(event: str, visitor: str, user: str | None, minutes: float, **told: Any) -> Json:
    return call("track", visitor, user, minutes, event=event, properties=told)


def user(visitor: str, user_id: str, minutes: float, **traits: Any) -> Json:
    return call("identify", visitor, user_id, minutes, traits=traits)


def member(user_id: str, group: str, **traits: Any) -> Json:
    return call("group", "", user_id, 0, groupId=group, traits=traits)


DAY = 24 * 60
# Ada comes by an advertisement, looks, signs up, comes back and buys, twice. Bob comes by himself
# and buys too late. Cyd only looks. Nobody knows a4.
EVENTS = (
    page("a1", None, 0, "/", source="google", medium="cpc", name="autumn"),
    track("Product Viewed", "a1", None, 5, product_id="p1", price=20),
    page("a1", None, 20, "/signup"),
    user("a1", "ada", 25, email="ada@example.com", plan="free"),
    track("Product Viewed", "a1", "ada", 26, product_id="p1", price=20),
    page("a2", "ada", DAY, "/cart", source="newsletter", medium="email"),
    track("Product Added", "a2", "ada", DAY + 1, product_id="p1", quantity=2),
    track(
        *("Order Completed", "a2", "ada", DAY + 3),
        order_id="o1",
        revenue=40.5,
        products=[{"product_id": "p1", "quantity": 2}, {"product_id": "p2", "quantity": 1}],
    ),
    track("Order Completed", "a2", "ada", DAY + 50, order_id="o2", revenue=9, products=[]),
    user("a2", "ada", DAY + 51, plan="pro"),
    user("a3", "bob", 0, email="bob@example.com", plan="free"),
    page("a3", "bob", 1, "/"),
    track("Product Viewed", "a3", "bob", 2, product_id="p2", price=4.5),
    track("Product Added", "a3", "bob", 3, product_id="p2", quantity=1),
    track("Order Completed", "a3", "bob", 8 * DAY, order_id="o3", revenue=4.5, products=[]),
    track("Product Viewed", "a5", "cyd", 2, product_id="p2", price=4.5),
    user("a5", "cyd", 3, plan="free"),
    page("a4", None, 10, "/", source="bing", medium="cpc"),
    page("a4", None, 100, "/pricing"),
    member("ada", "acme", name="Acme", plan="enterprise"),
    member("bob", "acme", employees=50),
    member("cyd", "solo", name="Solo"),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with one source in it, called as Segment calls its schema."""
    folder = tmp_path_factory.mktemp("site")
    put(folder / "a.json", *EVENTS)
    warehouse = folder / "warehouse.duckdb"
    load(warehouse, source(str(folder)).dumps, schema="website")
    return warehouse


FIRST_TOUCH = """
with known as (
    select anonymous_id, max(user_id) as user_id
    from website.identifies
    where user_id is not null
    group by anonymous_id
),
touches as (
    select
        coalesce(p.user_id, k.user_id, p.anonymous_id) as person,
        p.context_campaign_source as utm_source,
        p.context_campaign_medium as utm_medium,
        p.context_campaign_name as utm_campaign,
        p.path as landing_page,
        row_number() over (
            partition by coalesce(p.user_id, k.user_id, p.anonymous_id)
            order by p.timestamp
        ) as touch
    from website.pages p
    left join known k on k.anonymous_id = p.anonymous_id
)
select person, coalesce(utm_source, 'direct') as source, utm_medium, utm_campaign, landing_page
from touches
where touch = 1
order by person;
"""


def test_first_touch_of_each_person(site: Path) -> None:
    assert rows(site, FIRST_TOUCH) == [
        ("a4", "bing", "cpc", None, "/"),
        ("ada", "google", "cpc", "autumn", "/"),
        ("bob", "direct", None, None, "/"),
    ]


FUNNEL = """
select
    count(distinct viewed.user_id) as viewed,
    count(distinct added.user_id) as added,
    count(distinct completed.user_id) as completed,
    round(100.0 * count(distinct completed.user_id) / count(distinct viewed.user_id), 1) as percent
from website.product_viewed as viewed
left join website.product_added as added
    on added.user_id = viewed.user_id
    and added.received_at between viewed.received_at and viewed.received_at + interval '7 days'
left join website.order_completed as completed
    on completed.user_id = added.user_id
    and completed.received_at between added.received_at and viewed.received_at + interval '7 days'
where viewed.received_at >= '2026-11-01' and viewed.user_id is not null
"""


def test_a_funnel_over_event_tables(site: Path) -> None:
    assert rows(site, FUNNEL) == [(3, 2, 1, 33.3)]


REVENUE = """
select
    date_trunc('day', received_at)::date as day,
    count(distinct order_id) as orders,
    sum(revenue) as revenue
from website.order_completed
group by 1
order by 1
"""


def test_revenue_by_day(site: Path) -> None:
    assert rows(site, REVENUE) == [(date(2026, 11, 3), 2, 49.5), (date(2026, 11, 10), 1, 4.5)]


MEMBERS = """
select
    accounts.name,
    accounts.plan,
    accounts.employees,
    count(distinct users.id) as users,
    sum(case when users.plan = 'pro' then 1 else 0 end) as pro_users,
    min(users.email) as first_email
from website.accounts
join website.groups on groups.group_id = accounts.id
join website.users on users.id = groups.user_id
group by accounts.name, accounts.plan, accounts.employees
order by users desc
"""


def test_users_of_each_account(site: Path) -> None:
    assert rows(site, MEMBERS) == [
        ("Acme", "enterprise", 50, 2, 1, "ada@example.com"),
        ("Solo", None, None, 1, 0, None),
    ]


SESSIONS = """
with hits as (
    select anonymous_id, timestamp, 'track' as kind from website.tracks
    union all
    select anonymous_id, timestamp, 'page' as kind from website.pages
),
gaps as (
    select
        *,
        extract(epoch from timestamp)
            - extract(epoch from lag(timestamp) over (
                partition by anonymous_id order by timestamp
            )) as inactive_seconds
    from hits
),
numbered as (
    select
        *,
        sum(case when inactive_seconds is null or inactive_seconds > 30 * 60 then 1 else 0 end)
            over (partition by anonymous_id order by timestamp rows unbounded preceding) as session
    from gaps
)
select
    anonymous_id,
    session,
    count(*) as hits,
    sum(case when kind = 'page' then 1 else 0 end) as pages,
    extract(epoch from max(timestamp) - min(timestamp)) / 60 as minutes
from numbered
where anonymous_id in ('a1', 'a2', 'a4')
group by 1, 2
order by 1, 2
"""


def test_sessions_end_after_half_an_hour_without_a_call(site: Path) -> None:
    assert rows(site, SESSIONS) == [
        ("a1", 1, 4, 2, 26.0),
        ("a2", 1, 3, 1, 3.0),
        ("a2", 2, 1, 0, 0.0),
        ("a4", 1, 1, 1, 0.0),
        ("a4", 2, 1, 1, 0.0),
    ]


EVENTS_OF_A_USER = """
select event, event_text, anonymous_id, sent_at, received_at, original_timestamp, timestamp
from tracks
where user_id = 'bob' and timestamp < '2026-11-03'
order by timestamp
limit 1
"""


def test_without_the_schema_once_the_search_path_names_it(site: Path) -> None:
    with database.connect(site) as db:
        db.run("set search_path = 'website'")
        at = START + timedelta(minutes=2)
        arrived = at + timedelta(seconds=2)
        assert db.run(EVENTS_OF_A_USER) == [
            ("product_viewed", "Product Viewed", "a3", arrived, arrived, at, at)
        ]


# In Segment's warehouses a list is JSON in a text column, and such SQL casts it.
ITEMS = """
select order_id, products::json -> 0 ->> 'product_id' as first_product
from website.order_completed
where products <> '[]'
"""


def test_what_is_nested_is_read_as_json(site: Path) -> None:
    assert rows(site, ITEMS) == [("o1", "p1")]


EVENT_COUNTS = """
select event, count(*) as calls, count(distinct coalesce(user_id, anonymous_id)) as people
from website.tracks
group by event
having count(*) > 1
order by calls desc, event
"""


def test_how_often_each_event_came(site: Path) -> None:
    assert rows(site, EVENT_COUNTS) == [
        ("product_viewed", 4, 4),
        ("order_completed", 3, 2),
        ("product_added", 2, 2),
    ]
