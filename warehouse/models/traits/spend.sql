-- One row per person who paid, in the currency in which they paid most.
-- key: profile_id
with paid as (
    select
        profile_id,
        currency,
        sum(amount) as paid_amount,
        sum(amount_refunded) as refunded_amount,
        count(*) as payment_count,
        min(created_at) as first_paid_at,
        max(created_at) as last_paid_at
    from resolved.stripe__charges
    where is_paid and profile_id is not null
    group by profile_id, currency
)
select
    profile_id,
    paid_amount - refunded_amount as lifetime_value, -- paid and not given back
    currency as lifetime_value_currency,
    refunded_amount,
    payment_count,
    first_paid_at,
    last_paid_at
from paid
qualify row_number() over (partition by profile_id order by paid_amount desc, currency) = 1
