-- One row per person who told us about themselves; of each fact the newest that was told. Where
-- only a whole name was told, its first word is taken for the first name.
-- key: profile_id
with told as (
    select
        profile_id,
        occurred_at,
        coalesce(
            traits ->> '$.firstName',
            traits ->> '$.first_name',
            nullif(split_part(traits ->> '$.name', ' ', 1), '')
        ) as first_name,
        coalesce(
            traits ->> '$.lastName',
            traits ->> '$.last_name',
            nullif(regexp_replace(traits ->> '$.name', '^[^ ]* *', ''), '')
        ) as last_name,
        traits ->> '$.name' as full_name,
        coalesce(traits ->> '$.title', traits ->> '$.job_title') as job_title,
        coalesce(traits ->> '$.company.name', traits ->> '$.company') as company_name,
        traits ->> '$.plan' as app_plan,
        coalesce(traits ->> '$.address.city', traits ->> '$.city') as city,
        coalesce(traits ->> '$.address.country', traits ->> '$.country') as country
    from resolved.events__events
    where event_type = 'identify' and profile_id is not null
)
select
    profile_id,
    arg_max(first_name, occurred_at) filter (where first_name is not null) as first_name,
    arg_max(last_name, occurred_at) filter (where last_name is not null) as last_name,
    arg_max(full_name, occurred_at) filter (where full_name is not null) as full_name,
    arg_max(job_title, occurred_at) filter (where job_title is not null) as job_title,
    arg_max(company_name, occurred_at) filter (where company_name is not null) as company_name,
    arg_max(app_plan, occurred_at) filter (where app_plan is not null) as app_plan, -- as the product says it; what is paid for stands in plan_name
    arg_max(city, occurred_at) filter (where city is not null) as city,
    arg_max(country, occurred_at) filter (where country is not null) as country
from told
group by profile_id
