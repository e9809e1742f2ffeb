-- One row per step of the shortest chain that makes two identifiers one person: a row that bears
-- both `type` `value` and `next_type` `next_value`, or a line of identity.toml that joins them. Empty
-- where they are not one person.
create or replace macro identity.why(one, other) as table
with recursive ends as (
    select
        start.profile_id,
        start.type as start_type,
        start.value as start_value,
        finish.type as finish_type,
        finish.value as finish_value
    from identity.named(one) as start
    join identity.named(other) as finish using (profile_id)
    order by start.first_seen_at, finish.first_seen_at
    limit 1
),
evidence as (
    from identity.evidence_of((select list(profile_id) from ends))
),
-- What a rule kept from tying on a row is not part of the chain.
borne as (
    select tuple, type, value, seen_at, source, row_id
    from evidence
    where is_tied
    union all
    select -stand, type, value, null, 'identity.toml', null
    from identity.joined
    semi join evidence using (type, value)
),
-- From the start outwards, each identifier once, by the oldest row that leads to it.
walked using key (type, value) as (
    select
        start_type as type,
        start_value as value,
        0 as step,
        cast(null as varchar) as from_type,
        cast(null as varchar) as from_value,
        cast(null as bigint) as tuple
    from ends
    union
    select
        next.type,
        next.value,
        walked.step + 1,
        walked.type,
        walked.value,
        next.tuple
    from walked
    join borne as here on here.type = walked.type and here.value = walked.value
    join borne as next on next.tuple = here.tuple
    anti join recurring.walked as known on known.type = next.type and known.value = next.value
    qualify row_number() over (
        partition by next.type, next.value order by next.seen_at, next.tuple, walked.type, walked.value
    ) = 1
),
chain as (
    select walked.* from walked join ends on type = finish_type and value = finish_value
    union all
    select walked.*
    from chain
    join walked on walked.type = chain.from_type and walked.value = chain.from_value
)
select
    chain.step,
    chain.from_type as type,
    chain.from_value as value,
    chain.type as next_type,
    chain.value as next_value,
    rows.seen_at,
    rows.source,
    rows.row_id
from chain
join (select distinct tuple, seen_at, source, row_id from borne) as rows using (tuple)
order by chain.step
