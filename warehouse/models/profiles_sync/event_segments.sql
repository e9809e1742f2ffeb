-- One row per event, with the profile it belonged to when it came, before anything it merged: what
-- Segment puts into the column segment_id of its event tables. Join it to events.pages and others.
-- key: event_id
-- materialized: view
with merged as (
    select profile_id from identity.profiles where merge_count > 0
),
named as (
    select event_id, occurred_at, profile_id, 'anonymous_id' as type, trim(anonymous_id) as value
    from resolved.events__events
    semi join merged using (profile_id)
    where anonymous_id is not null
    union all
    select event_id, occurred_at, profile_id, 'user_id' as type, trim(user_id) as value
    from resolved.events__events
    semi join merged using (profile_id)
    where user_id is not null
),
born as (
    select
        named.event_id,
        named.occurred_at,
        coalesce(firsts.first_profile_id, held.profile_id) as first_profile_id
    from named
    join identity.identifiers as held using (type, value, profile_id)
    left join identity.first_profiles as firsts using (type, value)
    qualify row_number() over (partition by named.event_id order by named.type) = 1
),
at_the_time as (
    select born.event_id, updates.canonical_segment_id
    from born
    join profiles_sync.id_graph_updates as updates
        on updates.segment_id = born.first_profile_id
        and (updates.timestamp < born.occurred_at or updates.segment_id = updates.canonical_segment_id)
    qualify row_number() over (
        partition by born.event_id
        order by
            case when updates.segment_id = updates.canonical_segment_id then 0 else 1 end desc,
            updates.seq desc,
            updates.canonical_segment_id
    ) = 1
)
select
    events.event_id,
    coalesce(at_the_time.canonical_segment_id, events.profile_id) as segment_id
from resolved.events__events as events
left join at_the_time using (event_id)
