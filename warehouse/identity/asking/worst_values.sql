-- One row per identifier that a limit kept from tying, the most widely shared first. What three
-- people or more share is hardly a person's: a shared device, a test address, a default.
create or replace view identity.worst_values as
with demoted as (
    select
        violations.type,
        violations.value,
        violations.happened_at,
        violations.reason,
        rows.profile_id
    from identity.violations as violations
    left join identity.rows as rows using (source, row_id)
    where violations.reason <> 'ID value blocked'
),
counted as (
    select
        type,
        value,
        count(*) as demoted_count,
        count(distinct profile_id) as other_count,
        string_agg(distinct reason, '; ' order by reason) as reasons,
        min(happened_at) as first_demoted_at,
        max(happened_at) as last_demoted_at
    from demoted
    group by type, value
)
select
    counted.type,
    counted.value,
    counted.other_count + case when held.profile_id is null then 0 else 1 end as profile_count, -- people on whose rows it stands
    counted.demoted_count, -- rows on which it did not tie
    held.profile_id as held_by, -- the one who has it
    counted.reasons,
    counted.first_demoted_at,
    counted.last_demoted_at
from counted
left join identity.identifiers as held using (type, value)
order by profile_count desc, counted.demoted_count desc, counted.type, counted.value
