"""Models out of .sql files: what is read from them, and every mistake with its place."""

from pathlib import Path
from typing import Any

import pytest

from warehouse import catalog, lineage, model, sync_header
from warehouse.catalog import Catalog
from warehouse.lineage import Step
from warehouse.mistakes import Mistakes
from warehouse.rules import rules
from warehouse.sync import Limit, Sync

RULES = rules({"identifiers": {"user_id": {}, "email": {"normalise": "lower"}}})
RAW = ("app.users", "app.orders", "shop.orders")
TOOLS = {"crm": {"people": ("upsert", "mirror")}}
USERS = """-- One row per user of the app.
-- key: user_id
-- time: created_at
select
    id as user_id, -- the app's own
    email,
    cast(created as timestamptz) as created_at
from app.users
"""
TRAIT = """-- One row per person who ordered.
-- key: profile_id
select profile_id, count(*) as order_count from resolved.app__users group by profile_id
"""
SYNC = """-- One row per person.
-- to: crm.people
-- key: E_Mail
-- mode: upsert
-- cron: 0 * * * *
select email as E_Mail, order_count as Orders from profiles.profiles
"""


def build(folder: Path, files: dict[str, str]) -> Catalog:
    for name, text in files.items():
        path = folder / f"{name.replace('.', '/')}.sql"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    models, mistakes = model.find(folder)
    return catalog.build(models, RULES, RAW, TOOLS, mistakes)


def mistakes(folder: Path, files: dict[str, str]) -> list[str]:
    with pytest.raises(Mistakes) as caught:
        build(folder, files)
    return [str(each).removeprefix(f"{folder}/") for each in caught.value.mistakes]


def test_tables_come_in_the_order_in_which_they_can_be_made(tmp_path: Path) -> None:
    found = build(
        tmp_path, {"syncs.crm_people": SYNC, "staging.app__users": USERS, "traits.orders": TRAIT}
    )
    assert [each.table for each in found.models] == [
        "staging.app__users",
        "resolved.app__users",
        "traits.orders",
        "profiles.profiles",
        "syncs.crm_people",
    ]


def test_a_column_is_described_by_the_comment_behind_it(tmp_path: Path) -> None:
    found = build(tmp_path, {"staging.app__users": USERS})
    assert [(c.name, c.description) for c in found.columns["staging.app__users"]] == [
        ("user_id", "the app's own"),
        ("email", None),
        ("created_at", None),
    ]


def test_a_field_is_spelled_as_the_file_spells_it(tmp_path: Path) -> None:
    found = build(
        tmp_path, {"syncs.crm_people": SYNC, "staging.app__users": USERS, "traits.orders": TRAIT}
    )
    assert [c.name for c in found.columns["syncs.crm_people"]] == ["E_Mail", "Orders"]


def test_the_wide_row_has_every_identifier_and_every_trait(tmp_path: Path) -> None:
    found = build(tmp_path, {"staging.app__users": USERS, "traits.orders": TRAIT})
    assert [c.name for c in found.columns["profiles.profiles"]] == [
        "profile_id", "created_at", "last_seen_at", "user_id", "email", "order_count",
    ]  # fmt: skip


def test_a_column_is_followed_to_the_tables_it_is_made_of(tmp_path: Path) -> None:
    found = build(tmp_path, {"staging.app__users": USERS, "traits.orders": TRAIT})
    assert lineage.columns(found.trees["profiles.profiles"], found.schema) == {
        "profile_id": [
            ("identity.identifiers", "profile_id"),
            ("identity.profiles", "profile_id"),
            ("traits.orders", "profile_id"),
        ],
        "created_at": [("identity.profiles", "created_at")],
        "last_seen_at": [("identity.profiles", "last_seen_at")],
        "user_id": [
            ("identity.identifiers", "first_seen_at"),
            ("identity.identifiers", "type"),
            ("identity.identifiers", "value"),
        ],
        "email": [
            ("identity.identifiers", "first_seen_at"),
            ("identity.identifiers", "type"),
            ("identity.identifiers", "value"),
        ],
        "order_count": [("traits.orders", "order_count")],
    }


def test_a_model_is_on_when_all_its_data_can_come(tmp_path: Path) -> None:
    orders = "-- One row per order.\n-- key: order_id\nselect id as order_id from shop.orders\n"
    shop = "-- One row per person.\nselect profile_id, 1 as shop_count from traits.orders\n"
    shop += "cross join staging.shop__orders\n"
    found = build(
        tmp_path,
        {
            "staging.app__users": USERS,
            "staging.shop__orders": orders,
            "traits.orders": TRAIT,
            "traits.shopping": shop,
            "audiences.shoppers": "-- One row per shopper.\nselect profile_id from profiles.profiles where shop_count > 0\n",
            "syncs.crm_people": SYNC,
        },
    )
    on = catalog.switched_on(found, RULES, RAW, ["app"])
    assert [each.table for each in on.models] == [
        "staging.app__users",
        "resolved.app__users",
        "traits.orders",
        "profiles.profiles",
        "syncs.crm_people",
    ]


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
        "staging/app__users.sql:2: unknown word 'keys'; known: key, time, to, mode, cron, keep, fill, refresh, profile, max_deletes, max_updates, owner, tags",
        'staging/shop__orders.sql:1: the first line must say "-- One row per …"',
        "syncs/one.sql:2: unknown destination 'crn'; known: crm",
        "syncs/two.sql:2: crm has no object 'persons'; it has: people",
        "traits/broken.sql:2: Expected table name, near 'where'",
        "traits/orders.sql:4: nobody makes the table traits.other",
        "traits/two.sql:1: a model is one SELECT, and nothing else",
        "wrong/folder.sql:1: the folder 'wrong' is none of staging, identity, resolved, traits, profiles, audiences, syncs",
    ]


def test_a_mode_that_the_object_does_not_have_is_a_mistake(tmp_path: Path) -> None:
    files = {"staging.app__users": USERS, "traits.orders": TRAIT}
    files["syncs.crm_people"] = SYNC.replace("upsert", "append")
    files["syncs.crm_mirror"] = SYNC.replace("upsert", "mirror")
    assert mistakes(tmp_path, files) == [
        "syncs/crm_people.sql:4: crm.people has no mode 'append'; it has: upsert, mirror"
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


def test_a_column_is_traced_to_the_vendor_whose_table_stands_beside_one_of_ours(
    tmp_path: Path,
) -> None:
    currencies = "-- One row per currency.\nselect code, units from app.orders\n"
    orders = (
        "-- One row per order.\n"
        "with every as (select * from shop.orders)\n"
        "select number as order_number, total / currencies.units as amount\n"
        "from every left join staging.app__currencies as currencies using (code)\n"
    )
    beside = (
        "-- One row per order.\n"
        "select total / units as amount from shop.orders\n"
        "left join staging.app__currencies as currencies on code = currency\n"
    )
    found = build(
        tmp_path,
        {
            "staging.app__currencies": currencies,
            "staging.shop__orders": orders,
            "staging.shop__beside": beside,
        },
    )
    assert lineage.columns(found.trees["staging.shop__orders"], found.schema) == {
        "order_number": [("shop.orders", "number")],
        "amount": [("shop.orders", "total"), ("staging.app__currencies", "units")],
    }
    assert list(lineage.back(found, "staging.shop__beside", "amount")) == [
        Step(0, "staging.shop__beside", "amount"),
        Step(1, "shop.orders", "total"),
        Step(1, "staging.app__currencies", "units"),
        Step(2, "app.orders", "units"),
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


def test_a_cron_or_owner_that_dagster_would_refuse_is_a_mistake(tmp_path: Path) -> None:
    files = {"staging.app__users": USERS, "traits.orders": TRAIT}
    files["syncs.crm_people"] = SYNC.replace("cron: 0 * * * *", "cron: hourly\n-- owner: growth")
    assert mistakes(tmp_path, files) == [
        "syncs/crm_people.sql:5: cron 'hourly' is not like '0 6 * * *': minute, hour, day, month, weekday",
        "syncs/crm_people.sql:6: owner 'growth' is not like team:growth or ada@example.com",
    ]
