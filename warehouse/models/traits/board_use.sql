-- One row per person who worked on a board. "Lately" is the 30 days before the newest such event
-- that is loaded.
-- key: profile_id
with newest as (
    select max(occurred_at) as loaded_until_at from resolved.mixpanel__events
),
boards as (
    select
        profile_id,
        occurred_at,
        try_cast(properties ->> '$.minutes' as integer) as minutes,
        occurred_at > loaded_until_at - interval 30 day as is_late
    from resolved.mixpanel__events
    cross join newest
    where event_name = 'Board Worked On' and profile_id is not null
)
select
    profile_id,
    count(*) as board_visit_count,
    coalesce(sum(minutes) filter (where is_late), 0) as board_minutes_lately,
    max(occurred_at) as last_board_at
from boards
group by profile_id
