-- One row per Stripe charge, the failed ones too.
-- key: charge_id
-- time: created_at
select
    id as charge_id,
    customer as stripe_customer_id,
    invoice as invoice_id, -- null from API versions after 2025-03-31, which left it out
    status,
    cast(amount / coalesce(currencies.minor_units, 100) as decimal(18, 2)) as amount,
    cast(amount_refunded / coalesce(currencies.minor_units, 100) as decimal(18, 2)) as amount_refunded,
    upper(charges.currency) as currency,
    coalesce(paid, false) as is_paid,
    coalesce(billing_details ->> '$.email', receipt_email) as billing_email, -- who was billed: not always the customer
    to_timestamp(created) as created_at,
from stripe.charges as charges
left join staging.stripe__currencies as currencies on currencies.currency = charges.currency
