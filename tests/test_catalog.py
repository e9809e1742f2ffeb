"""Models out of .sql files: what is read from them, and every mistake with its place."""

from pathlib import Path

from cataloguing import RAW, RULES, SYNC, TRAIT, USERS, build

from warehouse import catalog, lineage
from warehouse.lineage import Step


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
