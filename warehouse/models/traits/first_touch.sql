-- One row per person whose first visit we saw: where they came from.
-- key: profile_id
with visits as (
    select
        profile_id,
        event_id,
        occurred_at,
        campaign_name,
        campaign_source,
        campaign_medium,
        page_referrer,
        page_path
    from resolved.events__events
    where profile_id is not null and event_type in ('page', 'screen')
    qualify row_number() over (partition by profile_id order by occurred_at, event_id) = 1
)
select
    profile_id,
    occurred_at as first_visit_at,
    campaign_name as first_campaign,
    campaign_source as first_source,
    campaign_medium as first_medium,
    nullif(page_referrer, '') as first_referrer,
    page_path as first_page
from visits
