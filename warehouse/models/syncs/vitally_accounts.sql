-- One row per company whose people use the product: what customer success should see in Vitally.
-- to: vitally.accounts
-- key: externalId
-- mode: upsert
-- cron: 40 * * * *
-- owner: team:success
select
    accounts.account_id as "externalId",
    accounts.account_name as name,
    accounts.app_plan as plan,
    accounts.employee_count,
    accounts.profile_count as people_count,
    accounts.customer_count,
    accounts.lifetime_value as lifetime_value,
    accounts.last_event_at as last_seen_at
from profiles.accounts as accounts
where accounts.profile_count > 0
