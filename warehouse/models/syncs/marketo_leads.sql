-- One row per person with an e-mail address who signed up and pays nothing yet: whom marketing
-- writes to from Marketo.
-- to: marketo.leads
-- key: email
-- mode: upsert
-- cron: 45 * * * *
-- owner: team:growth
select
    profiles.email,
    profiles.profile_id as "profileId",
    profiles.first_name as "firstName",
    coalesce(profiles.last_name, profiles.full_name) as "lastName",
    profiles.company_name as company,
    profiles.plan_name as plan,
    false as "isCustomer",
    profiles.last_event_at as "lastSeenAt",
    cast(date_trunc('day', profiles.signed_up_at) as date) as "signedUpOn"
from profiles.profiles
where
    profiles.email is not null
    and profiles.signed_up_at is not null
    and coalesce(profiles.lifetime_value, 0) = 0
