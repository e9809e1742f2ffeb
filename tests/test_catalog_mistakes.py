"""Mistakes in model files: each is told with its place, all of them at once."""

from pathlib import Path
from typing import Any

import pytest
from cataloguing import SYNC, TRAIT, USERS, build, mistakes

from warehouse import sync_header
from warehouse.sync import Limit, Sync


def test_mistakes_of_all_files_are_shown_together_with_their_lines(tmp_path: Path) -> None:
    assert mistakes(
        tmp_path,
        {
            "staging.app__users": USERS.replace("-- key:", "-- keys:"),
            "staging.shop__orders": "select 1 as one from shop.orders",
            "traits.orders": "-- One row per person.\nselect profile_id,\n  nosuch\nfrom traits.other",
            "traits.broken": "-- One row per person.\nselect from where",
            "traits.two": "-- One row per person.\nselect 1 as a; select 2 as b",
            "syncs.one": SYNC.replace("crm.people", "crn.people").replace("upsert", "mirrored"),
            "syncs.two": SYNC.replace("crm.people", "crm.persons").replace(
                "key: E_Mail", "key: Mail"
            ),
            "wrong.folder": "-- One row per thing.\nselect 1 as one",
        },
    ) == [
        "staging/app__users.sql:1: carries user_id, email: it must say '-- key:' and '-- time:'",
        "staging/app__users.sql:2: unknown word 'keys'; known: key, time, to, mode, cron, keep, fill, refresh, profile, max_deletes, max_updates, materialized, owner, tags",
        'staging/shop__orders.sql:1: the first line must say "-- One row per …"',
        "syncs/one.sql:2: unknown destination 'crn'; known: crm",
        "syncs/two.sql:2: crm has no object 'persons'; it has: *__c, people",
        "traits/broken.sql:2: Expected table name, near 'where'",
        "traits/orders.sql:4: nobody makes the table traits.other",
        "traits/two.sql:1: a model is one SELECT, and nothing else",
        "wrong/folder.sql:1: the folder 'wrong' is none of staging, identity, resolved, traits, profiles, profiles_sync, audiences, syncs",
    ]


def test_a_mode_that_the_object_does_not_have_is_a_mistake(tmp_path: Path) -> None:
    files = {"staging.app__users": USERS, "traits.orders": TRAIT}
    files["syncs.crm_people"] = SYNC.replace("upsert", "append")
    files["syncs.crm_mirror"] = SYNC.replace("upsert", "mirror")
    files["syncs.crm_orders"] = SYNC.replace("crm.people", "crm.Order__c")
    files["syncs.crm_visits"] = files["syncs.crm_orders"].replace("upsert", "append")
    assert mistakes(tmp_path, files) == [
        "syncs/crm_orders.sql:4: crm.Order__c has no mode 'upsert'; it has: append",
        "syncs/crm_people.sql:4: crm.people has no mode 'append'; it has: upsert, mirror",
    ]


def test_a_column_that_nobody_has_is_a_mistake(tmp_path: Path) -> None:
    files = {"staging.app__users": USERS, "traits.orders": TRAIT.replace("count(*)", "max(total)")}
    assert mistakes(tmp_path, files) == [
        "traits/orders.sql:3: Column 'total' could not be resolved"
    ]


def test_a_key_that_is_no_column_is_a_mistake(tmp_path: Path) -> None:
    files = {"staging.app__users": USERS, "traits.orders": TRAIT}
    files["syncs.crm_people"] = SYNC.replace("key: E_Mail", "key: Mail")
    assert mistakes(tmp_path, files) == [
        "syncs/crm_people.sql:3: key 'Mail' is no column of it; it has: E_Mail, Orders"
    ]


def test_two_traits_may_not_have_a_column_of_one_name(tmp_path: Path) -> None:
    files = {"staging.app__users": USERS, "traits.orders": TRAIT, "traits.purchases": TRAIT}
    assert mistakes(tmp_path, files) == [
        "traits/purchases.sql:1: order_count is taken: traits.orders has it already"
    ]


def test_what_a_syncs_header_says_of_its_rows_is_read_and_checked(tmp_path: Path) -> None:
    files = {"staging.app__users": USERS, "traits.orders": TRAIT}
    files["syncs.crm_people"] = SYNC.replace(
        "-- mode: upsert",
        "-- mode: mirror\n-- keep: Orders\n-- fill: E_Mail, Orders\n-- refresh: 30 days\n"
        "-- max_deletes: 5%\n-- max_updates: 100\n-- profile: Orders",
    )
    (model_,) = [each for each in build(tmp_path, files).models if each.schema == "syncs"]
    assert sync_header.read(model_) == Sync(
        "crm_people",
        "syncs.crm_people",
        "E_Mail",
        "mirror",
        keep=("Orders",),
        fill=("E_Mail", "Orders"),
        refresh_days=30,
        max_deletes=Limit(percent=5),
        max_updates=Limit(count=100),
        profile="Orders",
    )
    files["syncs.crm_people"] = SYNC.replace(
        "-- mode: upsert",
        "-- mode: upsert\n-- keep: Order\n-- refresh: monthly\n-- max_deletes: few",
    )
    files["traits.orders"] = TRAIT.replace("-- key", "-- refresh: 3 days\n-- key")
    assert mistakes(tmp_path, files) == [
        "syncs/crm_people.sql:5: keep 'Order' is no column of it; it has: E_Mail, Orders",
        "syncs/crm_people.sql:6: refresh 'monthly' is not like '30 days'",
        "syncs/crm_people.sql:7: max_deletes 'few' is not a number, a share like 20%, or any",
        "traits/orders.sql:2: 'refresh' is for syncs only",
    ]


def test_models_that_read_each_other_are_a_mistake(tmp_path: Path) -> None:
    one = "-- One row per person.\nselect profile_id from traits.two\n"
    files = {
        "staging.app__users": USERS,
        "traits.one": one,
        "traits.two": one.replace("two", "one"),
    }
    assert mistakes(tmp_path, files) == [
        "traits/one.sql:1: models read each other: traits.one -> traits.two -> traits.one"
    ]


@pytest.mark.parametrize(
    ("table", "select", "said"),
    [
        (
            "staging.late",
            "select profile_id from traits.orders",
            "staging may not read traits.orders",
        ),
        ("traits.raw", "select id as profile_id from app.users", "traits may not read app.users"),
        (
            "traits.ahead",
            "select profile_id from audiences.all",
            "traits may not read audiences.all",
        ),
    ],
)
def test_a_schema_reads_only_what_stands_before_it(
    tmp_path: Path, table: str, select: str, said: str
) -> None:
    files: dict[str, Any] = {"staging.app__users": USERS, "traits.orders": TRAIT}
    files["audiences.all"] = "-- One row per person.\nselect profile_id from profiles.profiles"
    files[table] = f"-- One row per thing.\n{select}\n"
    path = table.replace(".", "/")
    assert f"{path}.sql:2: {said}" in mistakes(tmp_path, files)


def test_a_model_is_materialized_as_a_table_or_a_view_and_nothing_else(tmp_path: Path) -> None:
    files = {"staging.app__users": USERS}
    files["traits.orders"] = TRAIT.replace("-- key:", "-- materialized: cube\n-- key:")
    assert mistakes(tmp_path, files) == [
        "traits/orders.sql:2: unknown materialized 'cube'; known: table, view"
    ]


def test_a_cron_or_owner_that_dagster_would_refuse_is_a_mistake(tmp_path: Path) -> None:
    files = {"staging.app__users": USERS, "traits.orders": TRAIT}
    files["syncs.crm_people"] = SYNC.replace("cron: 0 * * * *", "cron: hourly\n-- owner: growth")
    assert mistakes(tmp_path, files) == [
        "syncs/crm_people.sql:5: cron 'hourly' is not like '0 6 * * *': minute, hour, day, month, weekday",
        "syncs/crm_people.sql:6: owner 'growth' is not like team:growth or ada@example.com",
    ]
