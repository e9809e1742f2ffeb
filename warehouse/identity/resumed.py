"""Components that broke a limit before, where replay can go on from where it stood.

Rows that are later than all that a component had change nothing of what became of those: whom each
belongs to, which broke a rule, which profiles merged. So only the new rows are replayed, over the
profiles as the last run left them.

A limit within a window is the exception: it asks since when a profile has held an identifier, which
nobody has written down. Two profiles of one moment are another: which of them goes on after a merge
is not for the order of their ids to say. Both are replayed from the start.
"""

from warehouse.database import Database
from warehouse.identity.replay import Known
from warehouse.identity.rules import Rules

# By the place that a component goes by now, and the numbers of those it was. Each broke a limit, no
# row of it has gone, and what is new came later than all the rest.
RESUMED = """
    with parts as (
        select homes.profile as home, old.component, old.profile, old.last_us as old_us,
            new.first.at_us as new_us, vanished.tuple is not null as is_gone
        from (from homes where is_over) as homes
        join tuples using (place)
        left join old_tuples as old using (tuple)
        left join new_tuples as new using (tuple)
        left join vanished using (tuple)
    ),
    lessened as (select component from old_tuples semi join vanished using (tuple)),
    going_on as (
        select home
        from parts
        group by home
        having count(component) > 0 and count(profile) = 0 and max(old_us) < min(new_us)
    ),
    meeting as (
        select home
        from (select distinct home, component from parts)
        join stitching.profiles using (component)
        group by home
        having count(*) > count(distinct first_us)
    )
    select distinct component, home
    from parts
    semi join going_on using (home)
    anti join meeting using (home)
    where component is not null
        and home not in (
            select home from parts where component in (from lessened)
        )
"""
PROFILES = """
    select place, profiles.profile as number, merge_count,
        coalesce(joined.stand, ids.founder) as founder
    from stitching.profiles
    semi join resumed using (component)
    join tuples using (tuple)
    join stitching.ids using (profile)
    left join joined on joined.node = ids.founder
"""
HELD = """
    select distinct coalesce(joined.stand, node) as stand, resumed_profiles.place
    from old_nodes
    join resumed_profiles on number = old_nodes.profile
    left join joined using (node)
"""
TUPLES = """
    select tuple
    from tuples
    join homes using (place)
    where homes.profile in (select home from resumed)
"""
FIRSTS = """
    select coalesce(joined.stand, node) as stand,
        any_value(coalesce(first_profile, profile)) as first_number
    from old_nodes
    semi join resumed using (component)
    left join joined using (node)
    where profile is not null
    group by coalesce(joined.stand, node)
"""
NOTHING = {
    "resumed": "component bigint, home integer",
    "resumed_profiles": "place integer, number bigint, merge_count bigint, founder bigint",
    "resumed_held": "stand bigint, place integer",
    "resumed_tuples": "tuple bigint",
    "resumed_firsts": "stand bigint, first_number bigint",
}


def find(db: Database, rules: Rules) -> None:
    """Temp tables resumed (component, home): which those are, by their numbers in the last run and
    by place; resumed_tuples: theirs; resumed_profiles (place, number, merge_count, founder) and
    resumed_held (stand, place): where replay goes on from; resumed_firsts (stand, first_number):
    who held an identifier first.
    """
    for table, columns in NOTHING.items():
        db.run(f"create or replace temp table {table} ({columns})")
    if not db.count("touched") or any(rule.window_days for rule in rules.identifiers):
        return
    for table, select in {
        "resumed": RESUMED,
        "resumed_tuples": TUPLES,
        "resumed_profiles": PROFILES,
        "resumed_held": HELD,
        "resumed_firsts": FIRSTS,
    }.items():
        db.temp(table, select)


def known(db: Database) -> Known:
    return Known(
        db.run("select place, founder, merge_count from resumed_profiles"),
        db.run("from resumed_held"),
    )
