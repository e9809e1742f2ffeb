-- One row per identifier that somebody may mean by a name: written with its kind before it
-- (email:ada@example.com) or without, as it was first written or as the rules normalise it. A
-- profile id, an old one too, means the oldest identifier of the profile it is now.
create or replace macro identity.named(name) as table
with meant as (
    select
        type,
        value,
        profile_id,
        first_seen_at
    from identity.identifiers
    where
        value in (trim(name), lower(trim(name)))
        or seen_as = trim(name)
        or (type = 'phone' and value = regexp_replace(name, '[^0-9+]', '', 'g'))
        or (
            type = split_part(name, ':', 1)
            and value in (substr(name, strpos(name, ':') + 1), lower(substr(name, strpos(name, ':') + 1)))
        )
),
-- Looking through all ids takes a second: only for what may be one.
became as (
    select current_profile_id as profile_id
    from identity.profile_redirects
    where profile_redirects.profile_id = name and regexp_matches(name, '^[0-9a-f-]{16,36}$')
),
oldest as (
    select type, value, profile_id, seen_at
    from identity.evidence_of((select list(profile_id) from became))
    cross join became
    where profile_id is not null
    order by seen_at, type, value
    limit 1
)
select type, value, profile_id, first_seen_at
from meant
union all
select type, value, profile_id, seen_at
from oldest
