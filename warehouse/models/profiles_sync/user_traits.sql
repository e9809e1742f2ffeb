-- One row per person and trait that was told of them: the value that was told last.
-- https://www.twilio.com/docs/segment/unify/profiles-sync/tables
-- key: id
with told as (
    select
        profile_id,
        event_id,
        occurred_at,
        received_at,
        traits,
        unnest(json_keys(traits)) as name
    from resolved.events__events
    where event_type = 'identify' and profile_id is not null
),
valued as (
    select
        * exclude (traits),
        -- A JSON pointer, so that a name may have a dot in it.
        json_extract_string(
            traits, '/' || replace(replace(name, '~', '~0'), '/', '~1')
        ) as value
    from told
)
select
    md5(profile_id || ':' || name) as id,
    profile_id as canonical_segment_id,
    name,
    value,
    coalesce(epoch_us(occurred_at), 0) as seq,
    received_at,
    received_at as uuid_ts,
    occurred_at as timestamp
from valued
where value is not null
qualify row_number() over (
    partition by profile_id, name order by occurred_at desc, event_id desc
) = 1
