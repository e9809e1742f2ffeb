-- One row per identifier of the person who is called so: since when, until when, who says it.
create or replace macro identity.who(name) as table
with meant as (
    select list(distinct profile_id) as profile_ids from identity.named(name)
),
held as (
    select * from identity.identifiers
    where profile_id in (select unnest(profile_ids) from meant)
),
borne as (
    select type, value, string_agg(distinct source, ', ' order by source) as sources
    from identity.evidence_of((select profile_ids from meant))
    group by type, value
)
select
    held.profile_id,
    held.type,
    held.value,
    held.first_seen_at,
    held.last_seen_at,
    held.source, -- of the first row that bears it
    held.row_id, -- that row
    borne.sources -- all tables that brought it in some new company
from held
left join borne using (type, value)
order by held.profile_id, held.first_seen_at, held.type, held.value
