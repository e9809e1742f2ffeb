-- One row per person who signed up: what messages in Customer.io may speak of.
-- to: customerio.people
-- key: id
-- mode: upsert
-- cron: 25 * * * *
-- owner: team:growth
select
    profiles.user_id as id,
    profiles.email,
    profiles.first_name,
    profiles.plan_name as plan,
    profiles.subscription_status,
    profiles.signed_up_at as created_at,
    profiles.last_event_at as last_seen_at,
    profiles.project_count,
    ready_to_buy.profile_id is not null as is_ready_to_buy,
    at_risk.profile_id is not null as is_at_risk
from profiles.profiles
left join audiences.ready_to_buy using (profile_id)
left join audiences.at_risk using (profile_id)
where profiles.user_id is not null
