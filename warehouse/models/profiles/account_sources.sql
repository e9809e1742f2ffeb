-- One row per company as one source has it: a group of the product, an account of the CRM, a domain
-- of people's e-mail addresses; and the one company that it is for us. Two with one domain are one.
-- key: account_source_id
with told as (
    select
        group_id,
        arg_max(traits ->> '$.name', occurred_at)
            filter (where traits ->> '$.name' is not null) as account_name,
        arg_max(lower(traits ->> '$.domain'), occurred_at)
            filter (where traits ->> '$.domain' is not null) as domain,
        arg_max(traits ->> '$.plan', occurred_at)
            filter (where traits ->> '$.plan' is not null) as app_plan,
        min(occurred_at) as created_at
    from resolved.events__events
    where event_type = 'group' and group_id is not null
    group by group_id
),
addressed as (
    select split_part(value, '@', 2) as domain, min(first_seen_at) as created_at
    from identity.identifiers
    where type = 'email' and regexp_matches(value, '^[^@]+@[a-z0-9-]+([.][a-z0-9-]+)+$')
    group by 1
),
named as (
    select
        'group' as kind,
        group_id as source_id,
        account_name,
        domain,
        app_plan,
        created_at
    from told
    union all
    select
        'salesforce' as kind,
        salesforce_account_id as source_id,
        account_name,
        domain,
        cast(null as varchar) as app_plan,
        created_at
    from staging.salesforce__accounts
    where not is_deleted
    union all
    select
        'domain' as kind,
        domain as source_id,
        cast(null as varchar) as account_name,
        domain,
        cast(null as varchar) as app_plan,
        created_at
    from addressed
),
companies as (
    select named.* exclude (domain), case when free.domain is null then named.domain end as domain
    from named
    left join profiles.free_mail_domains as free on free.domain = named.domain
)
select
    kind || ':' || source_id as account_source_id,
    kind, -- group, salesforce or domain
    source_id, -- what the source calls it
    coalesce(domain, kind || ':' || source_id) as account_id,
    domain,
    account_name,
    app_plan,
    created_at -- when it was first heard of
from companies
where kind <> 'domain' or domain is not null
