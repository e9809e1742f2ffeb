-- One row per Stripe invoice; the ones deleted as drafts are left out.
-- key: invoice_id
-- time: created_at
with latest as (
    select
        *,
        max(listing) over () as latest_listing,
        -- How many of the amounts Stripe writes make one unit: https://docs.stripe.com/currencies
        case
            when currency in (
                'bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv',
                'xaf', 'xof', 'xpf'
            ) then 1
            when currency in ('bhd', 'jod', 'kwd', 'omr', 'tnd') then 1000
            else 100
        end as minor_units,
    from stripe.invoices
)
select
    id as invoice_id,
    customer as stripe_customer_id,
    coalesce(subscription, parent ->> '$.subscription_details.subscription') as subscription_id,
    status,
    cast(amount_due / minor_units as decimal(18, 2)) as amount_due,
    cast(amount_paid / minor_units as decimal(18, 2)) as amount_paid,
    upper(currency) as currency,
    to_timestamp(cast(status_transitions ->> '$.paid_at' as bigint)) as paid_at,
    to_timestamp(created) as created_at,
from latest
where not coalesce(deleted, false) and listing = latest_listing
