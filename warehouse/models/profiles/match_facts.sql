-- One row per person of whom a name is known: by what `cdp matches` judges whether two are one.
-- key: profile_id
-- materialized: view
with told as (
    select
        profile_id,
        first_name,
        last_name,
        company_name,
        city,
        country,
        1 as trust -- the person's own word goes before that of others
    from traits.about
    union all
    select
        profile_id,
        split_part(full_name, ' ', 1) as first_name,
        nullif(regexp_replace(full_name, '^[^ ]* *', ''), '') as last_name,
        cast(null as varchar) as company_name,
        cast(null as varchar) as city,
        cast(null as varchar) as country,
        2 as trust
    from resolved.stripe__customers
    union all
    select
        contacts.profile_id,
        contacts.first_name,
        contacts.last_name,
        accounts.account_name as company_name,
        cast(null as varchar) as city,
        cast(null as varchar) as country,
        3 as trust
    from resolved.salesforce__contacts as contacts
    left join staging.salesforce__accounts as accounts using (salesforce_account_id)
    where not contacts.is_deleted
    union all
    select
        profile_id,
        first_name,
        last_name,
        company_name,
        cast(null as varchar) as city,
        cast(null as varchar) as country,
        4 as trust
    from resolved.salesforce__leads
    where not is_deleted
),
known as (
    select
        profile_id,
        arg_min(lower(trim(first_name)), trust) filter (where first_name is not null) as first_name,
        arg_min(lower(trim(last_name)), trust) filter (where last_name is not null) as last_name,
        arg_min(lower(trim(company_name)), trust)
            filter (where company_name is not null) as company_name,
        arg_min(lower(trim(city)), trust) filter (where city is not null) as city,
        arg_min(lower(trim(country)), trust) filter (where country is not null) as country
    from told
    where profile_id is not null
    group by profile_id
),
reached as (
    select
        profile_id,
        min(regexp_replace(split_part(value, '@', 1), '[+].*$', ''))
            filter (where type = 'email') as mailbox,
        min(value) filter (where type = 'phone') as phone
    from identity.identifiers
    group by profile_id
),
employed as (
    select profile_id, min(account_id) as account_id
    from profiles.account_members
    group by profile_id
)
select
    known.profile_id,
    known.first_name,
    known.last_name,
    reached.mailbox, -- an e-mail address without its domain
    reached.phone,
    coalesce(employed.account_id, known.company_name) as company, -- which account, else by name
    known.city,
    known.country
from known
left join reached using (profile_id)
left join employed using (profile_id)
where known.last_name is not null
