"""identity.* as views over stitching.*: numbers turned back into text."""

from warehouse.identity.occurrences import MARK, NO_TIME

TIME = f"nullif(make_timestamptz({{}}), {NO_TIME})"


def _id(profile: str, inherited: str = "inherited") -> str:
    return f"coalesce({inherited}.profile_id, lpad(lower(to_hex({profile})), 16, '0'))"


def _inherited(profile: str, alias: str = "inherited") -> str:
    """The few ids that are not their number."""
    return f"""
        left join (from stitching.ids where profile_id is not null) as {alias}
            on {alias}.profile = {profile}
    """


HELD = f"""
    select node, type, value, component, {_id("nodes.profile")} as profile_id, first_tuple, last_us
    from {{nodes}} as nodes
    left join (from {{ids}} where profile_id is not null) as inherited
        on inherited.profile = nodes.profile
    where nodes.profile is not null
"""
VIEWS = {
    "identity.identifiers": f"""
        select
            kinds.name as type,
            value,
            coalesce(written, value) as seen_as,
            {_id("nodes.profile")} as profile_id,
            {TIME.format("tuples.first_us")} as first_seen_at,
            {TIME.format("nodes.last_us")} as last_seen_at,
            sources.name as source,
            first_row_id as row_id
        from stitching.nodes
        join stitching.kinds using (type)
        join stitching.tuples on tuples.tuple = first_tuple
        join stitching.sources using (source)
        {_inherited("nodes.profile")}
        where nodes.profile is not null
    """,
    "identity.first_profiles": f"""
        select kinds.name as type, value, {_id("first_profile")} as first_profile_id
        from (from stitching.nodes where first_profile is not null) as nodes
        join stitching.kinds using (type)
        {_inherited("first_profile")}
    """,
    "stitching.ties": """
        select tuple, node
        from (select tuple, unnest(nodes) as node from stitching.tuples)
        where node is not null
    """,
    # For questions about few profiles: what joins the rest first would take ten times as long.
    "stitching.held": HELD.format(nodes="stitching.nodes", ids="stitching.ids"),
    "identity.profiles": f"""
        select
            {_id("profiles.profile")} as profile_id,
            {TIME.format("profiles.first_us")} as created_at,
            {TIME.format("profiles.last_us")} as last_seen_at,
            identifier_count,
            merge_count,
            sources.name as source,
            first_row_id as row_id
        from stitching.profiles
        join stitching.tuples using (tuple)
        join stitching.sources using (source)
        {_inherited("profiles.profile")}
    """,
    "identity.merges": f"""
        select
            {_id("from_profile", "loser")} as from_profile_id,
            {_id("into_profile", "winner")} as into_profile_id,
            {TIME.format("at_us")} as merged_at,
            sources.name as source,
            row_id
        from stitching.merges
        join stitching.tuples using (tuple)
        join stitching.sources using (source)
        {_inherited("from_profile", "loser")}
        {_inherited("into_profile", "winner")}
    """,
    "identity.violations": f"""
        select
            sources.name as source,
            row_id,
            {TIME.format("at_us")} as happened_at,
            kinds.name as type,
            value,
            reason
        from (
            select source, violations.row_id, at_us, type, value, reason
            from stitching.violations
            join stitching.nodes using (node)
            join stitching.tuples using (tuple)
            union all
            select source, row_id, at_us, type, value, reason
            from stitching.blocked
            join stitching.rows using (tuple)
        )
        join stitching.sources using (source)
        join stitching.kinds using (type)
    """,
    "identity.rows": f"""
        select
            sources.name as source,
            row_id,
            {_id("coalesce(placed.profile, tuples.profile)")} as profile_id
        from (select *, {MARK} as mark from stitching.rows) as rows
        join stitching.tuples using (tuple)
        left join stitching.placed using (mark)
        join stitching.sources on sources.source = rows.source
        {_inherited("coalesce(placed.profile, tuples.profile)")}
        where coalesce(placed.profile, tuples.profile) is not null
    """,
    "identity.profile_redirects": f"""
        select
            {_id("ids.profile", "ids")} as profile_id,
            case
                when profiles.profile is not null then {_id("ids.profile", "ids")}
                when nodes.profile is not null then {_id("nodes.profile")}
            end as current_profile_id
        from stitching.ids
        left join stitching.profiles using (profile)
        left join stitching.nodes on node = founder
        {_inherited("nodes.profile")}
    """,
    "identity.evidence": f"""
        select
            tuple,
            kinds.name as type,
            value,
            {TIME.format("tuples.first_us")} as seen_at,
            sources.name as source,
            first_row_id as row_id
        from stitching.ties
        join stitching.tuples using (tuple)
        join stitching.nodes using (node)
        join stitching.kinds on kinds.type = nodes.type
        join stitching.sources using (source)
    """,
    "identity.tuples": f"""
        select tuple, {_id("tuples.profile")} as profile_id
        from stitching.tuples
        {_inherited("tuples.profile")}
        where tuples.profile is not null
    """,
    "identity.placed": f"""
        select mark, {_id("placed.profile")} as profile_id
        from stitching.placed
        {_inherited("placed.profile")}
    """,
    "identity.runs": "from stitching.runs",
}
