"""Which profile_id a profile has: the one its identifiers were known by, or a new one.

Within a run a profile goes by the place of its founder; over runs by a number, which in hexadecimal
is its id (unless the id is older than numbers: then stitching.ids has it). stitching.ids has every
number that was ever given, with the identifier by which to find who has it now. New numbers are
those of founding identifiers.
"""

from warehouse.database import Database
from warehouse.identity.occurrences import NO_TIME
from warehouse.identity.spelled import number

# Of the run before: before (node, stand, profile, first_us), with the time at which the profile was
# born, and ids (profile, profile_id, founder). A full rebuild numbers the identifiers again, for
# the engine or the lines made by hand may be others than then.
BEFORE = """
    select old.node, coalesce(joined.stand, old.node) as stand, profile, born.first_us
    from old_nodes as old
    join stitching.profiles as born using (profile)
    left join joined using (node)
"""
IDS = """
    select profile, profile_id, coalesce(joined.stand, founder) as founder
    from stitching.ids
    left join joined on joined.node = founder
"""
RENUMBERED = f"""
    select new.node, coalesce(joined.stand, new.node) as stand, profile, born.first_us, old_node
    from (
        select {number("kinds.name, value")} as node, profile, node as old_node
        from stitching.nodes
        join stitching.kinds using (type)
    ) as new
    join stitching.profiles as born using (profile)
    left join joined using (node)
"""
RENUMBERED_IDS = """
    select ids.profile, profile_id, coalesce(before.stand, founder) as founder
    from stitching.ids
    left join before on old_node = founder
"""
# Until version 0.1 the record was in tables, and in text alone.
IN_TEXT = f"""
    select new.node, coalesce(joined.stand, new.node) as stand, profile, first_us, profile_id
    from (
        select {number("type, value")} as node, {number("profile_id")} as profile,
            epoch_us(coalesce(created_at, {NO_TIME})) as first_us, profile_id
        from identity.identifiers
        join identity.profiles using (profile_id)
    ) as new
    left join joined using (node)
"""
IDS_IN_TEXT = "select profile, profile_id, min(stand) as founder from before group by all"
NOTHING = """
    select 0::bigint as node, 0::bigint as stand, 0::bigint as profile, 0::bigint as first_us
    where false
"""
NO_IDS = "select 0::bigint as profile, '' as profile_id, 0::bigint as founder where false"
CLAIMS = """
    select holders.profile, before.profile as known, before.first_us,
        min(first_place) as oldest, arg_min(holders.stand, first_place) as founder
    from seen
    join holders on holders.stand = seen.stand
    join before using (node)
    group by all
"""
# Of the ids that its identifiers had, a profile keeps the oldest; of the parts of a profile that
# was split, the one with the oldest identifier keeps the id.
KEPT = """
    with parts as (
        select * from claims
        qualify row_number() over (partition by known order by oldest, profile) = 1
    )
    select profile, known from parts
    qualify row_number() over (partition by profile order by first_us, known) = 1
"""
# A profile that has now gone into another is named in identity.merges by the id it had, if any.
REMEMBERED = """
    with candidates as (
        select founders.profile, ids.profile as known, 1 as choice
        from founders
        join ids on ids.founder = founders.stand
        union
        select founders.profile, before.profile, 2
        from founders
        join before using (stand)
    ),
    free as (
        select * from candidates
        anti join kept using (profile)
        anti join kept as taken using (known)
        qualify row_number() over (partition by known order by choice, profile) = 1
    )
    select profile, known from free
    qualify row_number() over (partition by profile order by choice, known) = 1
"""
NAMED = f"""
    with known as (select * from kept union all select * from remembered)
    select
        profile,
        stand,
        case
            when known.known is not null then known.known
            when taken.profile is null then founders.stand
            else {number("founders.stand, founders.profile, current_timestamp")}
        end as number
    from founders
    left join known using (profile)
    left join ids as taken on taken.profile = founders.stand
"""
# An id that nobody goes by any more is found by the oldest identifier of those who went by it.
# Identifiers that are joined are found by any of them.
GIVEN = """
    with given as (
        select number as profile, profile_id, stand
        from named
        left join ids on ids.profile = number
        union all
        select known, any_value(profile_id), arg_min(claims.founder, oldest)
        from claims
        join ids on ids.profile = known
        anti join named on number = known
        group by known
    )
    select profile, profile_id, coalesce(seen.node, given.stand) as founder
    from given
    left join (
        select stand, min(node) as node from seen semi join joined using (node) group by stand
    ) as seen using (stand)
"""


def name(db: Database, *, full: bool) -> None:
    """Temp tables named (profile, stand, number) and given, the rows of stitching.ids to renew."""
    _remember(db, full=full)
    for table, select in (
        ("claims", CLAIMS),
        ("kept", KEPT),
        ("remembered", REMEMBERED),
        ("named", NAMED),
        ("given", GIVEN),
    ):
        db.temp(table, select)
    if full:  # of ids that nobody goes by and whose identifiers are gone, the record is kept
        db.run("insert into given from ids anti join given using (profile)")


def _remember(db: Database, *, full: bool) -> None:
    before, ids = NOTHING, NO_IDS
    if not full:
        before, ids = BEFORE, IDS
    elif db.columns("stitching.nodes"):
        before, ids = RENUMBERED, RENUMBERED_IDS
    elif db.columns("identity.identifiers"):
        before, ids = IN_TEXT, IDS_IN_TEXT
    db.temp("before", before)
    db.temp("ids", ids)
