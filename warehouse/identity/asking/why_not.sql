-- One row per row that speaks for two names being one person, and what a rule said against it: it
-- is a row of the one and bears an identifier that the other holds, or rows of both bear a value
-- that is blocked. Empty where no row speaks for it, or where they are one person.
create or replace macro identity.why_not(one, other) as table
with first_ones as (select distinct profile_id from identity.named(one)),
other_ones as (select distinct profile_id from identity.named(other)),
apart as (
    select first_ones.profile_id as profile_id, other_ones.profile_id as other_profile_id
    from first_ones
    join other_ones on first_ones.profile_id <> other_ones.profile_id
    union all
    select other_ones.profile_id, first_ones.profile_id
    from first_ones
    join other_ones on first_ones.profile_id <> other_ones.profile_id
),
said as (
    select rows.profile_id, violations.*
    from identity.rows as rows
    join identity.violations as violations using (source, row_id)
    where rows.profile_id in (select profile_id from apart)
),
demoted as (
    select said.*, apart.other_profile_id
    from said
    join identity.identifiers as held using (type, value)
    join apart on apart.profile_id = said.profile_id and apart.other_profile_id = held.profile_id
),
blocked as (
    select said.*, apart.other_profile_id
    from said
    join apart using (profile_id)
    semi join said as others
        on others.profile_id = apart.other_profile_id
        and others.type = said.type and others.value = said.value
    anti join identity.identifiers as held on held.type = said.type and held.value = said.value
)
select
    happened_at,
    source,
    row_id,
    profile_id, -- whose row it is
    other_profile_id, -- whose identifier it bears, or with whom it shares a blocked one
    type,
    value,
    reason
from (from demoted union all from blocked)
order by happened_at, source, row_id, type
