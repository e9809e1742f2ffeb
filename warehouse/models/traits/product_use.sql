-- One row per person who used the product or the site. "Lately" is the 30 days before the newest
-- event that is loaded, so that the same data gives the same answer on any day.
-- key: profile_id
with newest as (
    select max(occurred_at) as loaded_until_at from resolved.events__events
),
events as (
    select
        profile_id,
        event_type,
        event_name,
        occurred_at,
        cast(date_trunc('day', occurred_at) as date) as happened_on,
        occurred_at > loaded_until_at - interval 30 day as is_late
    from resolved.events__events
    cross join newest
    where profile_id is not null
)
select
    profile_id,
    min(occurred_at) as first_event_at,
    max(occurred_at) as last_event_at,
    count(*) as event_count,
    count(*) filter (where is_late) as event_count_lately,
    count(distinct happened_on) as active_day_count,
    count(distinct happened_on) filter (where is_late) as active_day_count_lately,
    min(occurred_at) filter (where event_name = 'Signed Up') as signed_up_at,
    count(*) filter (where event_name = 'Report Exported') as report_count,
    count(*) filter (where event_name = 'Project Created') as project_count
from events
group by profile_id
