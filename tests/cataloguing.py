"""A folder of models, read as the catalog reads it, and the mistakes it finds."""

from pathlib import Path

import pytest

from warehouse import catalog, model
from warehouse.catalog import Catalog
from warehouse.identity.rules import rules
from warehouse.mistakes import Mistakes

RULES = rules({"identifiers": {"user_id": {}, "email": {"normalise": "lower"}}})
RAW = ("app.users", "app.orders", "shop.orders")
TOOLS = {"crm": {"people": ("upsert", "mirror"), "*__c": ("append",)}}
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
