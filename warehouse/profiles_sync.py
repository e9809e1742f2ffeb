"""Segment's Profiles Sync tables that no file can spell out: how deep they go or how wide they are
is known to the data alone. The others are files in models/profiles_sync.

https://www.twilio.com/docs/segment/unify/profiles-sync/tables
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from warehouse.model import Model, written

SCHEMA = "profiles_sync"
TABLES = tuple(
    f"{SCHEMA}.{name}" for name in ("id_graph_updates", "profile_traits_updates", "profile_traits")
)
UPDATES = (
    "segment_id", "seq", "uuid_ts", "timestamp", "received_at", "triggering_event_id",
    "triggering_event_name", "triggering_event_type", "triggering_event_source_id",
    "triggering_event_source_name", "triggering_event_source_slug",
)  # fmt: skip
# What a call is wrapped in, and what it is joined with: no traits.
ENVELOPE = (
    "id", "anonymous_id", "user_id", "sent_at", "original_timestamp", "event_id",
    *UPDATES,
)  # fmt: skip

# `union` and not `union all`: it ends even if the record should say that two went into each other.
ID_GRAPH_UPDATES = """
with recursive hops as (
    select from_profile_id, into_profile_id, merged_at, source, row_id
    from identity.merges
    union
    select
        hops.from_profile_id,
        further.into_profile_id,
        further.merged_at,
        further.source,
        further.row_id
    from hops
    join identity.merges as further on further.from_profile_id = hops.into_profile_id
),
born as (
    select
        coalesce(first_profile_id, profile_id) as profile_id,
        min({'at': first_seen_at, 'source': source, 'row_id': row_id}) as first
    from identity.identifiers
    left join identity.first_profiles using (type, value)
    group by coalesce(first_profile_id, profile_id)
),
happened as (
    select
        profile_id as segment_id,
        profile_id as canonical_segment_id,
        first.at as happened_at,
        first.source,
        first.row_id
    from born
    union all
    select from_profile_id, into_profile_id, merged_at, source, row_id from hops
)
select
    happened.segment_id,
    happened.canonical_segment_id,
    coalesce(events.event_type, happened.source) as triggering_event_type,
    happened.row_id as triggering_event_id,
    happened.happened_at as timestamp,
    coalesce(epoch_us(happened.happened_at), 0) as seq,
    coalesce(events.received_at, happened.happened_at) as received_at,
    coalesce(events.received_at, happened.happened_at) as uuid_ts
from happened
left join staging.events__events as events
    on happened.source = 'events__events' and events.event_id = happened.row_id
"""
# The columns of traits are those that events.identifies has: DuckDB finds them when it is made.
PROFILE_TRAITS_UPDATES = f"""
select
    segments.segment_id,
    coalesce(epoch_us(identifies.timestamp), 0) as seq,
    identifies.id as triggering_event_id,
    cast(null as varchar) as triggering_event_name,
    'identify' as triggering_event_type,
    'events' as triggering_event_source_id,
    'events' as triggering_event_source_name,
    'events' as triggering_event_source_slug,
    columns(lambda c: list_contains(['uuid_ts', 'timestamp', 'received_at'], c) or not (
        list_contains({list(ENVELOPE)}, c) or starts_with(c, 'context_') or starts_with(c, '_')
    ))
from events.identifies
join profiles_sync.event_segments as segments on segments.event_id = identifies.id
where segments.segment_id is not null
"""
PROFILE_TRAITS = """
with told as (
    select
        graph.canonical_segment_id,
        arg_max(columns(lambda c: c = 'segment_id' or not list_contains({apart}, c)), updates.seq)
    from profiles_sync.profile_traits_updates as updates
    join profiles_sync.id_graph as graph using (segment_id)
    group by graph.canonical_segment_id
)
select
    graph.segment_id as canonical_segment_id,
    told.* exclude (canonical_segment_id, segment_id),{computed}
    case when graph.segment_id <> graph.canonical_segment_id then graph.canonical_segment_id end
        as merged_to -- null where the profile still stands
from profiles_sync.id_graph as graph
left join told on told.canonical_segment_id = graph.segment_id
{joins}
"""


def models(traits: Sequence[Model], columns_of: Mapping[str, Sequence[str]]) -> list[Model]:
    """id_graph_updates, profile_traits_updates and profile_traits, which has the traits that were
    told of a profile and those that are computed; a computed one goes before one of its name.
    """
    return [
        _id_graph_updates(),
        _profile_traits_updates(),
        _profile_traits(traits, columns_of),
    ]


def _id_graph_updates() -> Model:
    description = "One row per profile that came to be, and one for each it became part of."
    return written(SCHEMA, "id_graph_updates", description, ID_GRAPH_UPDATES, None)


def _profile_traits_updates() -> Model:
    description = "One row per identify call, with a column for each trait that any of them told."
    key = "triggering_event_id"
    made = written(SCHEMA, "profile_traits_updates", description, PROFILE_TRAITS_UPDATES, key)
    return replace(made, columns=UPDATES)


def _profile_traits(traits: Sequence[Model], columns_of: Mapping[str, Sequence[str]]) -> Model:
    computed = [
        f"{trait.name}.{name}"
        for trait in traits
        for name in columns_of[trait.table]
        if name != "profile_id"
    ]
    names = [name.partition(".")[2] for name in computed]
    select = PROFILE_TRAITS.format(
        apart=["canonical_segment_id", "etl_ts", *UPDATES, *names],
        computed="".join(f"\n    {name}," for name in computed),
        joins="\n".join(
            f"left join {trait.table} as {trait.name} on {trait.name}.profile_id = graph.segment_id"
            for trait in traits
        ),
    )
    description = "One row per profile that ever was, with what is known of it by now."
    made = written(SCHEMA, "profile_traits", description, select, "canonical_segment_id")
    return replace(made, columns=("canonical_segment_id", *names, "merged_to"))
