-- One row per Salesforce contact, the ones in the recycle bin too.
-- key: salesforce_contact_id
-- time: created_at
select
    id as salesforce_contact_id,
    email,
    coalesce(nullif(trim(mobile_phone), ''), phone) as phone,
    first_name,
    last_name,
    title,
    lead_source,
    account_id as salesforce_account_id,
    owner ->> '$.Name' as owner_name,
    owner ->> '$.Email' as owner_email,
    coalesce(is_deleted, false) as is_deleted,
    cast(created_date as timestamptz) as created_at,
    cast(system_modstamp as timestamptz) as modified_at,
from salesforce.contacts
