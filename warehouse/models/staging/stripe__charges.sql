-- One row per Stripe charge, the failed ones too.
-- key: charge_id
-- time: created_at
with charges as (
    select
        *,
        -- How many of the amounts Stripe writes make one unit: https://docs.stripe.com/currencies
        case
            when currency in (
                'bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv',
                'xaf', 'xof', 'xpf'
            ) then 1
            when currency in ('bhd', 'jod', 'kwd', 'omr', 'tnd') then 1000
            else 100
        end as minor_units,
    from stripe.charges
)
select
    id as charge_id,
    customer as stripe_customer_id,
    invoice as invoice_id, -- null from API versions after 2025-03-31, which left it out
    status,
    cast(amount / minor_units as decimal(18, 2)) as amount,
    cast(amount_refunded / minor_units as decimal(18, 2)) as amount_refunded,
    upper(currency) as currency,
    coalesce(paid, false) as is_paid,
    coalesce(billing_details ->> '$.email', receipt_email) as billing_email, -- who was billed: not always the customer
    to_timestamp(created) as created_at,
from charges
