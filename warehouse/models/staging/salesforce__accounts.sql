-- One row per Salesforce account, the ones in the recycle bin too.
-- key: salesforce_account_id
select
    id as salesforce_account_id,
    name as account_name,
    nullif(
        regexp_replace(lower(trim(website)), '^(https?://)?(www[.])?|[/:?#].*$', '', 'g'), ''
    ) as domain, -- the host of the website, without www.
    industry,
    number_of_employees as employee_count,
    cast(annual_revenue as decimal(18, 2)) as annual_revenue,
    owner ->> '$.Name' as owner_name,
    owner ->> '$.Email' as owner_email,
    coalesce(is_deleted, false) as is_deleted,
    cast(created_date as timestamptz) as created_at,
    cast(system_modstamp as timestamptz) as modified_at,
from salesforce.accounts
