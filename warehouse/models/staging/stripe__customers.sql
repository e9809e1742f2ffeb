-- One row per Stripe customer, the deleted ones too.
-- key: stripe_customer_id
-- time: created_at
with latest as (
    select *, max(listing) over () as latest_listing
    from stripe.customers
)
select
    id as stripe_customer_id,
    email,
    phone,
    metadata ->> '$.user_id' as user_id, -- what our own application wrote into the metadata
    name as full_name,
    upper(currency) as currency,
    coalesce(deleted, false) or listing < latest_listing as is_deleted, -- deleted, or gone from the list
    to_timestamp(coalesce(created, deleted_at)) as created_at,
from latest
