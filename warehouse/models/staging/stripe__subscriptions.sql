-- One row per Stripe subscription, with what it brings in a month before discounts and tax.
-- key: subscription_id
-- time: created_at
with items as (
    select id, unnest(cast(items -> '$.data' as json[])) as item
    from stripe.subscriptions
),
-- Prices succeeded plans; older objects carry the plan only, of the item or of the subscription.
prices as (
    select
        id,
        coalesce(
            item ->> '$.price.nickname',
            item ->> '$.price.lookup_key',
            item ->> '$.plan.nickname',
            item ->> '$.price.product',
            item ->> '$.plan.product'
        ) as plan_name,
        cast(
            coalesce(
                item ->> '$.price.unit_amount_decimal',
                item ->> '$.price.unit_amount',
                item ->> '$.plan.amount_decimal',
                item ->> '$.plan.amount'
            ) as decimal(24, 6)
        ) as unit_amount,
        cast(coalesce(item ->> '$.quantity', '1') as decimal(18, 0)) as quantity,
        coalesce(
            item ->> '$.price.recurring.usage_type', item ->> '$.plan.usage_type', 'licensed'
        ) as usage_type,
        coalesce(item ->> '$.price.recurring.interval', item ->> '$.plan.interval') as every,
        cast(
            coalesce(
                item ->> '$.price.recurring.interval_count', item ->> '$.plan.interval_count', '1'
            ) as integer
        ) as every_count,
        cast(item ->> '$.current_period_end' as bigint) as current_period_end,
    from items
),
totals as (
    select
        id,
        min(plan_name) as plan_name,
        sum(
            unit_amount * quantity * case every
                when 'day' then 365.0 / 12
                when 'week' then 365.0 / 84
                when 'year' then 1.0 / 12
                else 1
            end / every_count
        ) filter (where usage_type = 'licensed') as monthly_amount,
        max(current_period_end) as current_period_end,
    from prices
    group by id
)
select
    subscriptions.id as subscription_id,
    customer as stripe_customer_id,
    status,
    coalesce(totals.plan_name, plan ->> '$.nickname', plan ->> '$.product') as plan_name,
    cast(
        totals.monthly_amount / coalesce(currencies.minor_units, 100) as decimal(18, 2)
    ) as monthly_amount, -- a month, licensed items only, before discounts
    upper(subscriptions.currency) as currency,
    to_timestamp(start_date) as started_at,
    to_timestamp(
        coalesce(totals.current_period_end, subscriptions.current_period_end)
    ) as current_period_end_at,
    to_timestamp(canceled_at) as canceled_at,
    coalesce(cancel_at_period_end, false) as is_canceling, -- ends with the period that is paid
    to_timestamp(created) as created_at,
from stripe.subscriptions as subscriptions
left join totals using (id)
left join staging.stripe__currencies as currencies on currencies.currency = subscriptions.currency
