-- One row per company: by its e-mail domain where we know it, else by the name its source gives it.
-- key: account_id
with crm as (
    select
        sources.account_id,
        accounts.salesforce_account_id,
        accounts.account_name,
        accounts.industry,
        accounts.employee_count,
        accounts.owner_name
    from profiles.account_sources as sources
    join staging.salesforce__accounts as accounts
        on sources.kind = 'salesforce' and accounts.salesforce_account_id = sources.source_id
    qualify row_number() over (
        partition by sources.account_id
        order by accounts.created_at, accounts.salesforce_account_id
    ) = 1
),
told as (
    select
        account_id,
        min(source_id) filter (where kind = 'group') as group_id,
        min(account_name) filter (where kind = 'group') as account_name,
        min(domain) as domain,
        min(app_plan) as app_plan
    from profiles.account_sources
    group by account_id
),
companies as (
    select
        account_id,
        told.group_id,
        crm.salesforce_account_id,
        coalesce(crm.account_name, told.account_name) as account_name,
        told.domain,
        crm.industry,
        crm.employee_count,
        crm.owner_name as sales_owner,
        told.app_plan
    from told
    left join crm using (account_id)
),
members as (
    select distinct account_id, profile_id from profiles.account_members
),
people as (
    select
        members.account_id,
        count(*) as profile_count,
        count(*) filter (where profiles.lifetime_value > 0) as customer_count,
        max(profiles.last_event_at) as last_event_at
    from members
    join profiles.profiles as profiles using (profile_id)
    group by members.account_id
),
paid as (
    select
        members.account_id,
        profiles.lifetime_value_currency,
        sum(profiles.lifetime_value) as lifetime_value
    from members
    join profiles.profiles as profiles using (profile_id)
    where profiles.lifetime_value is not null
    group by members.account_id, profiles.lifetime_value_currency
    qualify row_number() over (
        partition by members.account_id
        order by sum(profiles.lifetime_value) desc, profiles.lifetime_value_currency
    ) = 1
),
won as (
    select sources.account_id, sum(deals.amount) as won_amount
    from profiles.account_sources as sources
    join staging.salesforce__opportunities as deals
        on sources.kind = 'salesforce' and deals.salesforce_account_id = sources.source_id
    where deals.is_won and not deals.is_deleted
    group by sources.account_id
)
select
    companies.*,
    coalesce(people.profile_count, 0) as profile_count,
    coalesce(people.customer_count, 0) as customer_count,
    paid.lifetime_value, -- in the currency in which its people paid most
    paid.lifetime_value_currency,
    won.won_amount,
    people.last_event_at
from companies
left join people using (account_id)
left join paid using (account_id)
left join won using (account_id)
