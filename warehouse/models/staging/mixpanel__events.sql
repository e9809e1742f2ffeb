-- One row per event in Mixpanel, however often it came in there.
-- key: mixpanel_event_id
-- time: occurred_at
select
    md5(
        event || chr(31) || cast(epoch_us(time) as varchar) || chr(31) || distinct_id || chr(31)
        || insert_id
    ) as mixpanel_event_id, -- what Mixpanel itself tells two events apart by
    event as event_name,
    time as occurred_at,
    processed_at as received_at,
    case
        when nullif(user_id, '') is not null then user_id
        when distinct_id not like '$device:%' then nullif(distinct_id, '')
    end as user_id, -- a device that nobody has logged in on has none
    properties,
from mixpanel.events
