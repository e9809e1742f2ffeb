-- One row per user: what Mixpanel should know of them beside their events.
-- to: mixpanel.people
-- key: distinct_id
-- mode: upsert
-- cron: 50 * * * *
-- owner: team:product
select
    profiles.user_id as distinct_id,
    profiles.email as "$email",
    profiles.full_name as "$name",
    profiles.company_name as company,
    profiles.plan_name as plan,
    profiles.subscription_status,
    profiles.lifetime_value,
    profiles.first_campaign
from profiles.profiles
where profiles.user_id is not null
