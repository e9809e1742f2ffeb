-- One row per Salesforce lead, the converted ones and those in the recycle bin too.
-- key: salesforce_lead_id
-- time: created_at
select
    id as salesforce_lead_id,
    converted_contact_id as salesforce_contact_id, -- the contact it was converted to
    email,
    coalesce(nullif(trim(mobile_phone), ''), phone) as phone,
    first_name,
    last_name,
    company as company_name,
    title,
    status,
    lead_source,
    coalesce(is_converted, false) as is_converted,
    owner ->> '$.Name' as owner_name,
    owner ->> '$.Email' as owner_email,
    coalesce(is_deleted, false) as is_deleted,
    cast(created_date as timestamptz) as created_at,
    cast(system_modstamp as timestamptz) as modified_at,
from salesforce.leads
