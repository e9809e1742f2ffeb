-- One row per person with a subscription: the one that counts, which is the newest that still runs,
-- or the newest of all where none does.
-- key: profile_id
select
    profile_id,
    plan_name,
    status as subscription_status,
    monthly_amount,
    currency as subscription_currency,
    started_at as subscribed_at,
    canceled_at,
    is_canceling
from resolved.stripe__subscriptions
where profile_id is not null
qualify row_number() over (
    partition by profile_id
    order by
        case when status in ('active', 'trialing', 'past_due') then 0 else 1 end,
        created_at desc,
        subscription_id
) = 1
