-- One row per event of any kind: who did what, when, and by which names the event knows them
-- key: event_id
-- time: occurred_at
--
-- Identifiers come from where Segment's identity resolution takes them:
-- https://www.twilio.com/docs/segment/unify/identity-resolution/externalids
-- Segment's pages differ on properties.email. It is not read here: a property speaks of the event,
-- and the address in an invitation is somebody else's. Traits and context.traits speak of the person.
-- The traits of a group call speak of the company, so they name nobody either.
with calls as (
    select
        id, 'track' as event_type, event_text as event_name, timestamp, received_at, loaded_at,
        user_id, anonymous_id, null as group_id, null as previous_id,
        properties, null as traits, null as page, null as person, context,
    from events.tracks
    union all
    select
        id, 'page', name, timestamp, received_at, loaded_at,
        user_id, anonymous_id, null, null,
        properties, null, properties, null, context,
    from events.pages
    union all
    select
        id, 'screen', name, timestamp, received_at, loaded_at,
        user_id, anonymous_id, null, null,
        properties, null, null, null, context,
    from events.screens
    union all
    select
        id, 'identify', null, timestamp, received_at, loaded_at,
        user_id, anonymous_id, null, null,
        null, traits, null, traits, context,
    from events.identifies
    union all
    select
        id, 'group', null, timestamp, received_at, loaded_at,
        user_id, anonymous_id, group_id, null,
        null, traits, null, null, context,
    from events.groups
    union all
    select
        id, 'alias', null, timestamp, received_at, loaded_at,
        user_id, anonymous_id, null, previous_id,
        null, null, null, null, context,
    from events.aliases
),
-- Each JSON value is taken apart once; a path at a time would parse it again and again.
parsed as (
    select
        *,
        try_cast(
            context -> '$' as struct(
                device struct(
                    id varchar, type varchar, "advertisingId" varchar,
                    "adTrackingEnabled" varchar, token varchar
                ),
                traits struct(
                    email varchar, phone varchar, phone_number varchar, "phoneNumber" varchar
                ),
                "externalIds" struct(
                    id varchar, type varchar, collection varchar, encoding varchar
                )[],
                integrations struct("Google Analytics" struct("clientId" varchar)),
                page struct(url varchar, path varchar, referrer varchar),
                campaign struct(name varchar, source varchar, medium varchar),
                library struct(name varchar),
                locale varchar,
                timezone varchar,
                "groupId" varchar
            )
        ) as c,
        try_cast(
            person -> '$' as struct(
                email varchar, phone varchar, phone_number varchar, "phoneNumber" varchar
            )
        ) as p,
        try_cast(page -> '$' as struct(url varchar, path varchar, referrer varchar)) as v,
    from calls
),
named as (
    select
        *,
        lower(c.device.type) as platform,
        case
            when c.device."adTrackingEnabled" = 'true' then nullif(c.device."advertisingId", '')
        end as advertising_id,
        nullif(c.device.id, '') as device_id,
        nullif(c.device.token, '') as push_token,
        list_filter(
            c."externalIds", lambda x: x.collection = 'users' and x.encoding = 'none'
        ) as external_ids,
    from parsed
),
-- In order of trust; the first that looks like one is taken, an object or list is none.
spoken as (
    select
        *,
        [
            p.email,
            c.traits.email,
            list_filter(external_ids, lambda x: x.type = 'email')[1].id,
        ] as emails,
        [
            p.phone, p.phone_number, p."phoneNumber",
            c.traits.phone, c.traits.phone_number, c.traits."phoneNumber",
            properties ->> '$.phone',
            list_filter(external_ids, lambda x: x.type = 'phone')[1].id,
        ] as phones,
    from named
)
select
    id as event_id, -- messageId, or made from the line where the event had none
    event_type, -- identify, track, page, screen, group or alias
    event_name, -- what was tracked; the name of the page or screen
    timestamp as occurred_at, -- corrected for a wrong client clock
    coalesce(received_at, loaded_at) as received_at, -- by the collecting server, else by us
    user_id,
    anonymous_id,
    list_filter(emails, lambda x: regexp_matches(x, '^[^{\[].*@'))[1] as email,
    list_filter(phones, lambda x: regexp_matches(x, '^[^{\[]*[0-9]'))[1] as phone,
    nullif(c.integrations."Google Analytics"."clientId", '') as ga_client_id,
    case when platform = 'ios' then device_id end as ios_id,
    case when platform = 'ios' then advertising_id end as ios_idfa, -- if tracking is allowed
    case when platform = 'ios' then push_token end as ios_push_token,
    case when platform = 'android' then device_id end as android_id,
    case when platform = 'android' then advertising_id end as android_idfa, -- if tracking is allowed
    case when platform = 'android' then push_token end as android_push_token,
    coalesce(group_id, nullif(c."groupId", '')) as group_id, -- the company it was for
    previous_id, -- of an alias call: the name used before; it ties nobody together
    properties,
    traits, -- of the person in an identify call, of the company in a group call
    nullif(coalesce(c.page.url, v.url), '') as page_url,
    nullif(coalesce(c.page.path, v.path), '') as page_path,
    nullif(coalesce(c.page.referrer, v.referrer), '') as page_referrer,
    nullif(c.campaign.name, '') as campaign_name,
    nullif(c.campaign.source, '') as campaign_source,
    nullif(c.campaign.medium, '') as campaign_medium,
    platform as device_type,
    c.library.name as library_name,
    c.locale as locale,
    c.timezone as timezone,
from spoken
