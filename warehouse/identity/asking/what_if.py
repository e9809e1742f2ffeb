"""What a change of the rules would do: the same rows stitched by other rules, beside the warehouse,
and laid against the profiles as they are. Nothing is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from warehouse import identity
from warehouse.database import Database
from warehouse.identity.occurrences import Input
from warehouse.identity.record_views import HELD
from warehouse.identity.rules import Rules

AFTER = f"""(
    select kinds.name as type, value, profile_id
    from ({HELD.format(nodes="temp.left_nodes", ids="temp.left_ids")})
    join temp.left_kinds as kinds using (type)
)"""

# Where each identifier is now and where it would be; one that is blocked is nowhere.
CHANGES = """
create or replace temp table changes as
with moved as (
    select before.profile_id, after.profile_id as new_profile_id, count(*) as identifier_count
    from {before} as before
    full join {after} as after using (type, value)
    group by all
),
widths as (
    select
        *,
        count(profile_id) over (partition by new_profile_id) as from_count,
        count(new_profile_id) over (partition by profile_id) as into_count,
        bool_or(profile_id is null) over (partition by new_profile_id) as is_gaining,
        bool_or(new_profile_id is null) over (partition by profile_id) as is_losing
    from moved
)
select
    profile_id, -- null: identifiers that nobody holds now
    new_profile_id, -- null: nobody would hold them
    identifier_count,
    new_profile_id is not null and from_count > 1 as is_merge,
    profile_id is not null and into_count > 1 as is_split,
    new_profile_id is not null and is_gaining as is_gain,
    profile_id is not null and is_losing as is_loss
from widths
where
    (new_profile_id is not null and (from_count > 1 or is_gaining))
    or (profile_id is not null and (into_count > 1 or is_losing))
"""
COUNTS = """
select
    count(distinct profile_id) filter (where is_merge),
    count(distinct new_profile_id) filter (where is_merge),
    count(distinct profile_id) filter (where is_split),
    count(distinct new_profile_id) filter (where is_split),
    count(distinct profile_id) filter (where is_loss),
    coalesce(sum(identifier_count) filter (where new_profile_id is null), 0),
    count(distinct new_profile_id) filter (where is_gain),
    coalesce(sum(identifier_count) filter (where profile_id is null), 0)
from changes
"""


@dataclass(frozen=True)
class Counts:
    """Profiles that become others, and what they become."""

    merging: int
    merged: int
    splitting: int
    parts: int
    losing: int
    lost_identifiers: int
    gaining: int
    gained_identifiers: int


def what_if(db: Database, sources: Sequence[Input], rules: Rules) -> Counts:
    """Stitch everything by these rules and compare; `db` is a warehouse opened by `beside`.

    Temp table changes has one row per profile and profile it would become, where anything changes.
    """
    identity.stitch(db, sorted(sources, key=lambda source: source.name), rules, full=True)
    return compare(db, "identity.identifiers", AFTER)


def compare(db: Database, before: str, after: str) -> Counts:
    """Temp table changes out of two tables of (type, value, profile_id)."""
    db.run(CHANGES.format(before=before, after=after))
    return Counts(*db.run(COUNTS)[0])
