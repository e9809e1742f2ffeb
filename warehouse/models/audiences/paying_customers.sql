-- One row per person whose subscription runs and is paid for.
-- key: profile_id
select profile_id
from profiles.profiles
where subscription_status in ('active', 'past_due') and lifetime_value > 0
