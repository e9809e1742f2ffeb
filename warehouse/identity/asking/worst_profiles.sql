-- One row per person, the hundred largest, with the identifier that ties most of each together.
create or replace view identity.worst_profiles as
with large as (
    select * from identity.profiles
    order by identifier_count desc, merge_count desc, profile_id
    limit 100
),
hubs as (
    select held.profile_id, borne.type, borne.value, count(*) as combination_count
    from identity.evidence_of((select list(profile_id) from large)) as borne
    join identity.identifiers as held using (type, value)
    group by held.profile_id, borne.type, borne.value
    qualify row_number() over (
        partition by held.profile_id order by count(*) desc, borne.type, borne.value
    ) = 1
)
select
    large.profile_id,
    large.identifier_count,
    large.merge_count,
    hubs.type as tied_most_by_type,
    hubs.value as tied_most_by_value,
    hubs.combination_count, -- in how many sets of identifiers it stands
    large.created_at,
    large.last_seen_at
from large
left join hubs using (profile_id)
order by large.identifier_count desc, large.merge_count desc, large.profile_id
