-- One row per campaign: what it cost, whom it brought first, what those have paid since.
-- key: campaign_name
with cost as (
    select
        campaign_name,
        max(currency) as currency,
        sum(cost) as cost,
        sum(clicks) as click_count
    from staging.google_ads__campaign_days
    group by campaign_name
),
brought as (
    select
        profiles.first_campaign as campaign_name,
        count(*) as profile_count,
        count(*) filter (where profiles.signed_up_at is not null) as sign_up_count,
        count(*) filter (where profiles.lifetime_value > 0) as customer_count,
        sum(profiles.lifetime_value)
            filter (where profiles.lifetime_value_currency = cost.currency) as lifetime_value
    from profiles.profiles as profiles
    left join cost on cost.campaign_name = profiles.first_campaign
    where profiles.first_campaign is not null
    group by profiles.first_campaign
)
select
    campaign_name,
    cost.currency,
    cost.cost,
    cost.click_count,
    coalesce(brought.profile_count, 0) as profile_count,
    coalesce(brought.sign_up_count, 0) as sign_up_count,
    coalesce(brought.customer_count, 0) as customer_count,
    brought.lifetime_value, -- of those who paid in the currency of the cost
    cast(cost.cost / nullif(brought.sign_up_count, 0) as decimal(18, 2)) as cost_per_sign_up,
    cast(cost.cost / nullif(brought.customer_count, 0) as decimal(18, 2)) as cost_per_customer -- cost of acquisition
from cost
full join brought using (campaign_name)
