-- One row per event of any kind: who did what, when, and by which names the event knows them
-- key: event_id
-- time: occurred_at
--
-- Identifiers come from where Segment's identity resolution takes them:
-- https://www.twilio.com/docs/segment/unify/identity-resolution/externalids
-- Segment's pages differ on properties.email. It is not read here: a property speaks of the event,
-- and the address in an invitation is somebody else's. Traits and context.traits speak of the person.
-- The traits of a group call speak of the company, so they name nobody either.
with named as (
    select
        *,
        lower(context_device_type) as platform,
        case
            when cast(context_device_ad_tracking_enabled as varchar) = 'true'
                then nullif(context_device_advertising_id, '')
        end as advertising_id,
        nullif(context_device_id, '') as device_id,
        nullif(context_device_token, '') as push_token,
        list_filter(
            try_cast(
                context_external_ids -> '$' as struct(
                    id varchar, type varchar, collection varchar, encoding varchar
                )[]
            ),
            lambda x: x.collection = 'users' and x.encoding = 'none'
        ) as external_ids,
        -- Each JSON value is taken apart once; a path at a time would parse it again and again.
        try_cast(
            case when type = 'identify' then traits end -> '$' as struct(
                email varchar, phone varchar, phone_number varchar, "phoneNumber" varchar
            )
        ) as person,
        try_cast(
            case when type = 'page' then properties end -> '$' as struct(
                url varchar, path varchar, referrer varchar
            )
        ) as page,
    from events.calls
),
-- In order of trust; the first that looks like one is taken, an object or list is none.
spoken as (
    select
        *,
        [
            person.email,
            context_traits_email,
            list_filter(external_ids, lambda x: x.type = 'email')[1].id,
        ] as emails,
        [
            person.phone, person.phone_number, person."phoneNumber",
            context_traits_phone, context_traits_phone_number,
            properties ->> '$.phone',
            list_filter(external_ids, lambda x: x.type = 'phone')[1].id,
        ] as phones,
    from named
)
select
    id as event_id, -- messageId, or made from the line where the event had none
    type as event_type, -- identify, track, page, screen, group or alias
    coalesce(event_text, name) as event_name, -- what was tracked; the name of the page or screen
    timestamp as occurred_at, -- corrected for a wrong client clock
    coalesce(received_at, uuid_ts) as received_at, -- by the collecting server, else by us
    user_id,
    anonymous_id,
    list_filter(emails, lambda x: regexp_matches(x, '^[^{\[].*@'))[1] as email,
    list_filter(phones, lambda x: regexp_matches(x, '^[^{\[]*[0-9]'))[1] as phone,
    nullif(context_integrations_google_analytics_client_id, '') as ga_client_id,
    case when platform = 'ios' then device_id end as ios_id,
    case when platform = 'ios' then advertising_id end as ios_idfa, -- if tracking is allowed
    case when platform = 'ios' then push_token end as ios_push_token,
    case when platform = 'android' then device_id end as android_id,
    case when platform = 'android' then advertising_id end as android_idfa, -- if tracking is allowed
    case when platform = 'android' then push_token end as android_push_token,
    coalesce(group_id, nullif(context_group_id, '')) as group_id, -- the company it was for
    previous_id, -- of an alias call: the name used before; it ties nobody together
    properties,
    traits, -- of the person in an identify call, of the company in a group call
    nullif(coalesce(context_page_url, page.url), '') as page_url,
    nullif(coalesce(context_page_path, page.path), '') as page_path,
    nullif(coalesce(context_page_referrer, page.referrer), '') as page_referrer,
    nullif(context_campaign_name, '') as campaign_name,
    nullif(context_campaign_source, '') as campaign_source,
    nullif(context_campaign_medium, '') as campaign_medium,
    platform as device_type,
    context_library_name as library_name,
    context_locale as locale,
    context_timezone as timezone,
from spoken
