-- One row per identifier of the person who is called so: since when, until when, who says it.
create or replace macro identity.who(name) as table
with meant as (
    select list(distinct profile_id) as profile_ids from identity.named(name)
),
held as (
    select
        held.profile_id,
        kinds.name as type,
        held.value,
        held.first_tuple,
        nullif(make_timestamptz(held.last_us), timestamptz '9999-12-31 00:00:00+00') as last_seen_at
    from stitching.held as held
    join stitching.kinds as kinds using (type)
    where held.profile_id in (select unnest(profile_ids) from meant)
),
borne as (
    from identity.evidence_of((select profile_ids from meant))
),
told as (
    select type, value, string_agg(distinct source, ', ' order by source) as sources
    from borne
    group by type, value
)
select
    held.profile_id,
    held.type,
    held.value,
    first.seen_at as first_seen_at,
    held.last_seen_at,
    first.source, -- of the first row that bears it
    first.row_id, -- that row
    told.sources -- all tables that brought it in some new company
from held
join borne as first
    on first.tuple = held.first_tuple and first.type = held.type and first.value = held.value
join told on told.type = held.type and told.value = held.value
order by held.profile_id, first_seen_at, held.type, held.value
