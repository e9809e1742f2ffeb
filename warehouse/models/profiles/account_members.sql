-- One row per person, company and table that says the person belongs to it.
-- key: account_member_id
with said as (
    select
        profile_id,
        'group' as kind,
        group_id as source_id,
        'events__events' as source,
        occurred_at as first_seen_at,
        occurred_at as last_seen_at
    from resolved.events__events
    where group_id is not null
    union all
    select
        profile_id,
        'salesforce' as kind,
        salesforce_account_id as source_id,
        'salesforce__contacts' as source,
        created_at as first_seen_at,
        modified_at as last_seen_at
    from resolved.salesforce__contacts
    where salesforce_account_id is not null and not is_deleted
    union all
    select
        profile_id,
        'domain' as kind,
        split_part(value, '@', 2) as source_id,
        source,
        first_seen_at,
        last_seen_at
    from identity.identifiers
    where type = 'email'
)
select
    said.profile_id || ':' || accounts.account_id || ':' || said.kind || ':' || said.source
        as account_member_id,
    said.profile_id,
    accounts.account_id,
    said.kind, -- group, salesforce or domain: by what the person belongs to the company
    said.source, -- the staging table that says so; of an address the first that bore it
    min(said.first_seen_at) as first_seen_at,
    max(said.last_seen_at) as last_seen_at
from said
join profiles.account_sources as accounts using (kind, source_id)
where said.profile_id is not null
group by said.profile_id, accounts.account_id, said.kind, said.source
