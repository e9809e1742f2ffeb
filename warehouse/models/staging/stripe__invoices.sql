-- One row per Stripe invoice; the ones deleted as drafts are left out.
-- key: invoice_id
-- time: created_at
with latest as (
    select *, max(listing) over () as latest_listing
    from stripe.invoices
)
select
    id as invoice_id,
    customer as stripe_customer_id,
    coalesce(subscription, parent ->> '$.subscription_details.subscription') as subscription_id,
    status,
    cast(amount_due / coalesce(currencies.minor_units, 100) as decimal(18, 2)) as amount_due,
    cast(amount_paid / coalesce(currencies.minor_units, 100) as decimal(18, 2)) as amount_paid,
    upper(latest.currency) as currency,
    to_timestamp(cast(status_transitions ->> '$.paid_at' as bigint)) as paid_at,
    to_timestamp(created) as created_at,
from latest
left join staging.stripe__currencies as currencies on currencies.currency = latest.currency
where not coalesce(deleted, false) and listing = latest_listing
