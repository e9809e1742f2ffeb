-- One row per person who uses the product a lot and pays nothing.
-- key: profile_id
select profile_id
from profiles.profiles
where
    active_day_count_lately >= 5
    and signed_up_at is not null
    and coalesce(subscription_status, 'none') not in ('active', 'past_due')
