-- One row per Salesforce opportunity, the ones in the recycle bin too.
-- key: opportunity_id
-- time: created_at
select
    id as opportunity_id,
    account_id as salesforce_account_id,
    contact_id as salesforce_contact_id, -- null where the opportunity names no contact of its own
    name as opportunity_name,
    stage_name as stage,
    cast(amount as decimal(18, 2)) as amount,
    cast(close_date as date) as close_on,
    coalesce(is_closed, false) as is_closed,
    coalesce(is_won, false) as is_won,
    owner ->> '$.Name' as owner_name,
    owner ->> '$.Email' as owner_email,
    coalesce(is_deleted, false) as is_deleted,
    cast(created_date as timestamptz) as created_at,
    cast(system_modstamp as timestamptz) as modified_at,
from salesforce.opportunities
