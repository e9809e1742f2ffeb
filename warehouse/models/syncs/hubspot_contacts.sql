-- One row per person with an e-mail address: what marketing should see in HubSpot.
-- to: hubspot.contacts
-- key: email
-- mode: upsert
-- cron: 15 * * * *
-- owner: team:growth
select
    profiles.email,
    profiles.profile_id,
    profiles.first_name as firstname,
    profiles.last_name as lastname,
    profiles.phone,
    profiles.company_name as company,
    profiles.plan_name as plan,
    profiles.lifetime_value,
    profiles.lifetime_value_currency,
    profiles.last_event_at as last_seen_at,
    profiles.first_campaign,
    case
        when paying_customers.profile_id is not null then 'customer'
        when profiles.subscription_status = 'trialing' then 'trial'
        when profiles.subscription_status is not null then 'churned'
        else 'lead'
    end as lifecycle
from profiles.profiles
left join audiences.paying_customers using (profile_id)
where profiles.email is not null
