-- One row per paying customer who has hardly used the product lately, or is about to leave.
-- key: profile_id
select profile_id
from profiles.profiles
join audiences.paying_customers using (profile_id)
where coalesce(active_day_count_lately, 0) < 2 or is_canceling or subscription_status = 'past_due'
