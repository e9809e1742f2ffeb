-- One row per company: by its e-mail domain where we know it, else by the name its source gives it.
-- key: account_id
with told as (
    select
        group_id,
        arg_max(traits ->> '$.name', occurred_at)
            filter (where traits ->> '$.name' is not null) as account_name,
        arg_max(lower(traits ->> '$.domain'), occurred_at)
            filter (where traits ->> '$.domain' is not null) as domain,
        arg_max(traits ->> '$.plan', occurred_at)
            filter (where traits ->> '$.plan' is not null) as app_plan
    from resolved.events__events
    where event_type = 'group' and group_id is not null
    group by group_id
),
product as (
    select
        coalesce(domain, 'group:' || group_id) as account_id,
        min(group_id) as group_id,
        min(account_name) as account_name,
        min(domain) as domain,
        min(app_plan) as app_plan
    from told
    group by coalesce(domain, 'group:' || group_id)
),
crm as (
    select
        coalesce(domain, 'salesforce:' || salesforce_account_id) as account_id,
        salesforce_account_id,
        account_name,
        domain,
        industry,
        employee_count,
        owner_name
    from staging.salesforce__accounts
    where not is_deleted
    qualify row_number() over (
        partition by coalesce(domain, 'salesforce:' || salesforce_account_id)
        order by created_at, salesforce_account_id
    ) = 1
),
companies as (
    select
        account_id,
        product.group_id,
        crm.salesforce_account_id,
        coalesce(crm.account_name, product.account_name) as account_name,
        coalesce(crm.domain, product.domain) as domain,
        crm.industry,
        crm.employee_count,
        crm.owner_name as sales_owner,
        product.app_plan
    from product
    full join crm using (account_id)
),
members as (
    select distinct companies.account_id, events.profile_id
    from companies
    join resolved.events__events as events
        on events.group_id = companies.group_id and events.profile_id is not null
    union
    select distinct companies.account_id, contacts.profile_id
    from companies
    join resolved.salesforce__contacts as contacts
        on contacts.salesforce_account_id = companies.salesforce_account_id
        and contacts.profile_id is not null
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
    select salesforce_account_id, sum(amount) as won_amount
    from staging.salesforce__opportunities
    where is_won and not is_deleted
    group by salesforce_account_id
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
left join won using (salesforce_account_id)
