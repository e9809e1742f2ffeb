-- One row per person whom sales knows: their record's owner, and the deal of their company that
-- was moved last.
-- key: profile_id
with known as (
    select
        profile_id,
        salesforce_account_id,
        owner_name,
        owner_email,
        lead_source,
        modified_at
    from resolved.salesforce__contacts
    where not is_deleted and profile_id is not null
    union all
    select
        profile_id,
        cast(null as varchar) as salesforce_account_id,
        owner_name,
        owner_email,
        lead_source,
        modified_at
    from resolved.salesforce__leads
    where not is_deleted and not is_converted and profile_id is not null
),
people as (
    select
        profile_id,
        arg_max(salesforce_account_id, modified_at)
            filter (where salesforce_account_id is not null) as salesforce_account_id,
        arg_max(owner_name, modified_at) filter (where owner_name is not null) as sales_owner,
        arg_max(owner_email, modified_at)
            filter (where owner_email is not null) as sales_owner_email,
        bool_or(lead_source is distinct from 'Product') as is_entered_by_sales
    from known
    group by profile_id
),
deals as (
    select
        salesforce_account_id,
        opportunity_name,
        stage,
        amount,
        close_on,
        is_won
    from staging.salesforce__opportunities
    where not is_deleted
    qualify row_number() over (
        partition by salesforce_account_id order by modified_at desc, opportunity_id
    ) = 1
)
select
    people.profile_id,
    people.sales_owner,
    people.sales_owner_email,
    people.is_entered_by_sales, -- not a record that this platform put into the CRM
    people.salesforce_account_id,
    deals.opportunity_name as deal_name,
    deals.stage as deal_stage,
    deals.amount as deal_amount,
    deals.close_on as deal_close_on,
    deals.is_won as is_deal_won
from people
left join deals using (salesforce_account_id)
